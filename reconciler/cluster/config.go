package cluster

import (
	"fmt"
	"net/http"
	"os"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Config says how the daemon reaches a cluster. It is the operator's and never comes from the repository.
type Config struct {
	// Name is that of the Cluster declaration.
	Name string
	// Kubeconfig is a file; empty for the account of the pod that the daemon runs in.
	Kubeconfig string
	// Context of the kubeconfig; default: its current one.
	Context string
	// AllowExec lets the kubeconfig name a program that gives credentials, which the daemon then runs; default: such a
	// kubeconfig is refused.
	AllowExec bool
	// ReadOnly refuses, in this process, every request that could change something: all but reading, and server-side
	// apply as a dry run.
	ReadOnly bool
}

// inCluster is the word for the account of the daemon's own pod.
const inCluster = "in-cluster"

// ParseConfig reads "NAME=KUBECONFIG", "NAME=KUBECONFIG#CONTEXT" or "NAME=in-cluster".
func ParseConfig(s string) (Config, error) {
	name, where, ok := strings.Cut(s, "=")
	if !ok || name == "" || where == "" {
		return Config{}, fmt.Errorf("cannot read the cluster %q: write NAME=KUBECONFIG, NAME=KUBECONFIG#CONTEXT or NAME=%s", s, inCluster)
	}
	if where == inCluster {
		return Config{Name: name}, nil
	}
	file, context, _ := strings.Cut(where, "#")
	return Config{Name: name, Kubeconfig: file, Context: context}, nil
}

// REST reads the configuration anew, so that a rotated or mended kubeconfig is taken in without a restart.
func (c Config) REST() (*rest.Config, error) {
	var cfg *rest.Config
	var err error
	if c.Kubeconfig == "" {
		cfg, err = rest.InClusterConfig()
	} else {
		if _, err := os.Stat(c.Kubeconfig); err != nil {
			return nil, fmt.Errorf("reading the kubeconfig of cluster %q: %w", c.Name, err)
		}
		cfg, err = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
			&clientcmd.ClientConfigLoadingRules{ExplicitPath: c.Kubeconfig},
			&clientcmd.ConfigOverrides{CurrentContext: c.Context},
		).ClientConfig()
	}
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of cluster %q: %w", c.Name, err)
	}
	if cfg.ExecProvider != nil && !c.AllowExec {
		return nil, fmt.Errorf("reading the configuration of cluster %q: its credentials come from a program (%q), which is not run unless the daemon is "+
			"started with --allow-exec-credentials", c.Name, cfg.ExecProvider.Command)
	}
	// The API server's own fairness decides how much is too much, and client-go waits as long as it asks to.
	cfg.QPS = -1
	cfg.UserAgent = FieldManager
	if c.ReadOnly {
		cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return &readOnly{next: next} })
	}
	return cfg, nil
}
