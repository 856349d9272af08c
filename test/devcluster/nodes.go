// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"trunkline.dev/trunkline/test/devcluster/component"
	"trunkline.dev/trunkline/test/devcluster/controlplane"
	"trunkline.dev/trunkline/test/devcluster/node"
	"trunkline.dev/trunkline/test/devcluster/node/container"
	"trunkline.dev/trunkline/test/devcluster/node/podnet"
	"trunkline.dev/trunkline/test/devcluster/process"
)

// The hidden commands of the nodes: one plays them in a process of its own, one tries whether that process may make
// containers with their own file system.
const (
	nodeComponent  = "node"
	checkComponent = "check-namespaces"
)

// startNodes starts the process that plays the nodes, in namespaces of its own where the system allows.
func startNodes(o upOptions, layout controlplane.Layout, env controlplane.NodeEnv, stderr io.Writer) (*process.Process, error) {
	spec := process.Spec{Name: nodeComponent, Dir: layout.Dir, LogPath: env.Log, Args: []string{
		"component", nodeComponent, "--mode=" + o.mode, "--count=" + strconv.Itoa(o.nodes),
		"--kubeconfig=" + env.Kubeconfig, "--ca=" + env.CA, "--cert=" + env.Cert, "--key=" + env.Key,
		"--pods=" + layout.Pods(), "--volumes=" + layout.Volumes(),
	}}
	if o.mode == string(node.Fake) {
		return process.Start(spec)
	}
	for _, mount := range o.mounts {
		spec.Args = append(spec.Args, "--mount="+mount)
	}
	for _, image := range o.images {
		spec.Args = append(spec.Args, "--image="+image)
	}
	if o.enforceMemory {
		spec.Args = append(spec.Args, "--enforce-memory")
	}
	check := []string{"component", checkComponent, layout.Pods()}
	if o.network == podNetwork {
		check = append(check, controlplane.ServiceRange)
	}
	attr, err := container.NamespaceAttr()
	if err == nil {
		err = process.Run(process.Spec{
			Name: checkComponent, Args: check,
			Dir: layout.Dir, LogPath: layout.Log(checkComponent), Attr: attr,
		})
	}
	if err != nil && o.network == podNetwork {
		return nil, fmt.Errorf("this system gives pods no network of their own; start with --network %s, or allow user and network namespaces "+
			"(on Ubuntu 24.04 and later, sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0): %w", hostNetwork, err)
	}
	if err != nil {
		fmt.Fprintf(stderr, "devcluster %s: this system gives no user and mount namespaces, so pods with volumes will fail (%v);\n"+
			"  on Ubuntu 24.04 and later, `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` allows them\n", o.name, err)
		return process.Start(spec)
	}
	spec.Attr = attr
	spec.Args = append(spec.Args, "--isolated")
	if o.network == podNetwork {
		spec.Args = append(spec.Args, "--services="+controlplane.ServiceRange)
	}
	return process.Start(spec)
}

// nodeOptions are the flags of the hidden command.
type nodeOptions struct {
	mode, kubeconfig string
	mounts, images   []string
	cfg              node.Config
}

// newComponents are the other side of startNodes.
func newComponents(stderr io.Writer) *cobra.Command {
	var o nodeOptions
	nodes := &cobra.Command{
		Use:  nodeComponent,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			process.ExitWithParent(cancel) // the pods are to end first
			o.cfg.Log = slog.New(slog.NewTextHandler(stderr, nil))
			return playNodes(ctx, o)
		},
	}
	f := nodes.Flags()
	f.StringVar(&o.mode, "mode", "", "")
	f.IntVar(&o.cfg.Count, "count", 1, "")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "")
	f.StringVar(&o.cfg.Server.CA, "ca", "", "")
	f.StringVar(&o.cfg.Server.Cert, "cert", "", "")
	f.StringVar(&o.cfg.Server.Key, "key", "", "")
	f.StringVar(&o.cfg.Exec.Dir, "pods", "", "")
	f.StringVar(&o.cfg.Exec.Volumes, "volumes", "", "")
	f.StringArrayVar(&o.mounts, "mount", nil, "")
	f.StringArrayVar(&o.images, "image", nil, "")
	f.BoolVar(&o.cfg.Exec.EnforceMemory, "enforce-memory", false, "")
	f.StringVar(&o.cfg.Exec.Services, "services", "", "")
	f.BoolVar(&o.cfg.Exec.Isolated, "isolated", false, "")

	check := &cobra.Command{
		Use:  checkComponent,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			process.ExitWithParent(nil)
			scratch, err := os.MkdirTemp(args[0], "check-")
			if err != nil {
				return fmt.Errorf("making a folder to try in: %w", err)
			}
			if err := container.Check(scratch); err != nil || len(args) == 1 {
				return err
			}
			return podnet.Check(args[1])
		},
	}
	parent := &cobra.Command{Use: "component", Hidden: true}
	parent.AddCommand(nodes, check)
	return parent
}

func playNodes(ctx context.Context, o nodeOptions) error {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return fmt.Errorf("reading the nodes' kubeconfig: %w", err)
	}
	config.QPS = -1 // the API server's own fairness is the limit
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	cfg := o.cfg
	cfg.Mode, cfg.Version = node.Mode(o.mode), component.KubernetesVersion
	if cfg.Client, err = kubernetes.NewForConfig(config); err != nil {
		return fmt.Errorf("making the nodes' client: %w", err)
	}
	server, err := url.Parse(config.Host)
	if err != nil {
		return fmt.Errorf("reading the API server's address: %w", err)
	}
	cfg.Exec.Env = containerEnv(os.Getenv("PATH"), server)
	cfg.Exec.APIServer, cfg.Exec.Upstream = server.Host, nameServer("/etc/resolv.conf")
	for _, mount := range o.mounts {
		path, host, _ := strings.Cut(mount, "=")
		host, readOnly := strings.CutSuffix(host, ":ro")
		cfg.Exec.Mounts = append(cfg.Exec.Mounts, container.Mount{Path: filepath.Clean(path), Source: host, ReadOnly: readOnly, Foreign: true})
	}
	cfg.Exec.Programs = map[string]string{}
	for _, one := range o.images {
		image, program, _ := strings.Cut(one, "=")
		cfg.Exec.Programs[image] = program
	}
	return node.Run(ctx, cfg)
}

// nameServer is the first DNS server that a file names, or empty.
func nameServer(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return "" // there is none, then
	}
	for line := range strings.Lines(string(content)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "nameserver" {
			return fields[1]
		}
	}
	return ""
}

// containerEnv is what every container has in its environment. As the "image" is this machine, its PATH is ours. The
// API server has no cluster address that would lead anywhere, so in-cluster clients get its real one.
func containerEnv(path string, server *url.URL) map[string]string {
	if path == "" {
		path = "/usr/local/bin:/usr/bin:/bin"
	}
	return map[string]string{
		"PATH":                          path,
		"KUBERNETES_SERVICE_HOST":       server.Hostname(),
		"KUBERNETES_SERVICE_PORT":       server.Port(),
		"KUBERNETES_SERVICE_PORT_HTTPS": server.Port(),
		"KUBERNETES_PORT":               "tcp://" + net.JoinHostPort(server.Hostname(), server.Port()),
	}
}
