// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/test/devcluster/component"
	"trunkline.dev/trunkline/test/devcluster/controlplane"
	"trunkline.dev/trunkline/test/devcluster/node"
	"trunkline.dev/trunkline/test/devcluster/node/gateway"
	"trunkline.dev/trunkline/test/devcluster/process"
)

// upOptions are the flags of `devcluster up`.
type upOptions struct {
	name, dir, mode, network string
	nodes                    int
	mounts, images           []string
	lifeline, enforceMemory  bool
}

// The networks of pods.
const (
	hostNetwork = "host"
	podNetwork  = "pods"
)

func newUp(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use:   "up --name NAME --dir DIR",
		Short: "Start a cluster and keep it until SIGTERM or Ctrl-C",
		Long: "Starts a cluster on free ports of 127.0.0.1, with fresh certificates. When everything is ready it prints one line to\n" +
			"stdout, the path of the kubeconfig, and stays in the foreground until SIGTERM or Ctrl-C.\n" +
			"Any number of clusters can run side by side, each in a folder of its own.\n\n" +
			"DIR gets kubeconfig, logs/ (one file per component) and pods/ (scratch and logs of pods). It must be empty, new, or\n" +
			"of an earlier devcluster. At the end everything in it but the logs is removed.\n\n" +
			"Modes:\n" +
			"  exec  pods of the image trunkline.local/host run as processes of this machine, on Linux in their own mount\n" +
			"        namespace; other images stay in ImagePullBackOff, unless --image says what they run\n" +
			"  fake  nothing runs: pods are Running and Ready at once, Jobs' pods Succeeded; the annotation\n" +
			"        " + node.FailAnnotation + `: "true" makes a pod fail` + "\n\n" +
			"Networks of mode exec:\n" +
			"  host  that of this machine; each pod has an address in 127.0.0.0/8, and Services lead nowhere\n" +
			"  pods  one of the cluster's own: each pod has an address, Services and their names lead to pods, and\n" +
			"        " + gateway.HostName + " is this machine's 127.0.0.1; it takes Linux with user namespaces\n\n" + purpose,
		Example: "  devcluster up --name dev --dir /tmp/dev --mount /lake=$PWD/lake\n" +
			"  devcluster up --name scale --dir /tmp/scale --mode fake --nodes 50",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return up(cmd.Context(), o, stdin, stdout, stderr)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "dev", "name of the cluster and of the kubeconfig's context")
	f.StringVar(&o.dir, "dir", "", "folder for everything the cluster writes (required)")
	f.IntVar(&o.nodes, "nodes", 1, "number of nodes")
	f.StringVar(&o.mode, "mode", string(node.Exec), "what becomes of pods: exec or fake")
	f.StringVar(&o.network, "network", hostNetwork, "which network pods have: host, the machine's, or pods, one of their own (mode exec on Linux)")
	f.StringArrayVar(&o.mounts, "mount", nil, "PATH=HOSTDIR[:ro]: show HOSTDIR at PATH in every container, writable or not (mode exec; repeatable)")
	f.StringArrayVar(&o.images, "image", nil, "IMAGE=PROGRAM: containers of this image run on this machine, too, with PROGRAM as their entry point (mode exec; repeatable)")
	f.BoolVar(&o.enforceMemory, "enforce-memory", false, "kill a container that is seen to use more memory than its limit, which is looked at twice a second (mode exec on Linux)")
	f.BoolVar(&o.lifeline, "lifeline", false, "also stop when stdin reaches its end, so that the cluster never outlives the program that started it")
	return cmd
}

func up(ctx context.Context, o upOptions, stdin io.Reader, stdout, stderr io.Writer) error {
	if err := o.check(); err != nil {
		return usageError{err}
	}
	layout, err := controlplane.Abs(o.dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if o.lifeline {
		go func() {
			_, _ = io.Copy(io.Discard, stdin) // an error ends the lifeline as well
			cancel()
		}()
	}
	fmt.Fprintf(stderr, "devcluster %s starts Kubernetes %s in mode %s, for development and tests only\n", o.name, component.KubernetesVersion, o.mode)
	return controlplane.Run(ctx, controlplane.Config{
		Name: o.name, Layout: layout, Nodes: o.nodes, Metrics: o.mode == string(node.Exec), EtcdServers: component.EtcdServers, Stderr: stderr,
		StartNodes: func(env controlplane.NodeEnv) (*process.Process, error) { return startNodes(o, layout, env, stderr) },
		Ready: func(kubeconfig string) error {
			_, err := fmt.Fprintln(stdout, kubeconfig)
			return err
		},
	})
}

// check refuses what cannot work, and makes the mounts' host folders absolute.
func (o *upOptions) check() error {
	if o.dir == "" {
		return fmt.Errorf("--dir is missing: give the folder the cluster may write to, such as --dir /tmp/%s", o.name)
	}
	if problems := validation.IsDNS1123Label(o.name); len(problems) > 0 {
		return fmt.Errorf("--name %q: %s", o.name, strings.Join(problems, "; "))
	}
	if o.nodes < 1 {
		return fmt.Errorf("--nodes %s: there must be at least one", strconv.Itoa(o.nodes))
	}
	if o.mode != string(node.Fake) && o.mode != string(node.Exec) {
		return fmt.Errorf("--mode %q: the modes are %s and %s", o.mode, node.Exec, node.Fake)
	}
	if o.network != hostNetwork && o.network != podNetwork {
		return fmt.Errorf("--network %q: there are %s and %s", o.network, hostNetwork, podNetwork)
	}
	if o.network == podNetwork && o.mode != string(node.Exec) {
		return fmt.Errorf("--network %s: in mode %s nothing runs that could have a network", o.network, o.mode)
	}
	for i, mount := range o.mounts {
		path, host, ok := strings.Cut(mount, "=")
		if !ok || !filepath.IsAbs(path) || host == "" {
			return fmt.Errorf("--mount %q: write PATH=HOSTDIR with an absolute PATH, such as /lake=./lake", mount)
		}
		abs, err := filepath.Abs(host)
		if err != nil {
			return fmt.Errorf("--mount %q: %w", mount, err)
		}
		o.mounts[i] = path + "=" + abs // with what follows the folder
	}
	for _, image := range o.images {
		if name, program, ok := strings.Cut(image, "="); !ok || name == "" || !filepath.IsAbs(program) {
			return fmt.Errorf("--image %q: write IMAGE=PROGRAM with the absolute path of a program, such as postgres:17=/opt/postgres.sh", image)
		}
	}
	return nil
}
