package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"trunkline.dev/trunkline/deploy/devcluster/component"
	"trunkline.dev/trunkline/deploy/devcluster/controlplane"
	"trunkline.dev/trunkline/deploy/devcluster/node"
	"trunkline.dev/trunkline/deploy/devcluster/process"
)

// nodeComponent is the hidden command that plays the nodes, in a process of its own.
const nodeComponent = "node"

// startNodes starts the process that plays the nodes.
func startNodes(o upOptions, layout controlplane.Layout, env controlplane.NodeEnv) (*process.Process, error) {
	args := []string{
		"component", nodeComponent, "--mode=" + o.mode, "--count=" + strconv.Itoa(o.nodes),
		"--kubeconfig=" + env.Kubeconfig, "--ca=" + env.CA, "--cert=" + env.Cert, "--key=" + env.Key,
	}
	return process.Start(process.Spec{Name: nodeComponent, Args: args, Dir: layout.Dir, LogPath: env.Log})
}

// newNodes is the other side of startNodes.
func newNodes(stderr io.Writer) *cobra.Command {
	var (
		cfg        node.Config
		mode       string
		kubeconfig string
	)
	parent := &cobra.Command{Use: "component", Hidden: true}
	cmd := &cobra.Command{
		Use:  nodeComponent,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			process.ExitWithParent()
			cfg.Mode = node.Mode(mode)
			cfg.Log = slog.New(slog.NewTextHandler(stderr, nil))
			return playNodes(cmd.Context(), cfg, kubeconfig)
		},
	}
	f := cmd.Flags()
	f.StringVar(&mode, "mode", "", "")
	f.IntVar(&cfg.Count, "count", 1, "")
	f.StringVar(&kubeconfig, "kubeconfig", "", "")
	f.StringVar(&cfg.Server.CA, "ca", "", "")
	f.StringVar(&cfg.Server.Cert, "cert", "", "")
	f.StringVar(&cfg.Server.Key, "key", "", "")
	parent.AddCommand(cmd)
	return parent
}

func playNodes(ctx context.Context, cfg node.Config, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("reading the nodes' kubeconfig: %w", err)
	}
	config.QPS = -1 // the API server's own fairness is the limit
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	cfg.Client, err = kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making the nodes' client: %w", err)
	}
	cfg.Version = component.KubernetesVersion
	return node.Run(ctx, cfg)
}
