// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
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
	// Managed reaches a cluster that a cloud runs; nil: it is reached by the kubeconfig, or from inside.
	Managed Managed
	// AllowExec accepts a kubeconfig that names a program for credentials, which the daemon then runs; default: such a
	// kubeconfig is refused.
	AllowExec bool
	// Agent is set if the daemon does not reach the cluster, and an agent in it comes to the daemon.
	Agent bool
	// ReadOnly refuses, in this process, every request that could change something: all but reading, and server-side
	// apply as a dry run.
	ReadOnly bool
}

// Managed is a cluster that a cloud runs, as it says itself where it is, and as it is signed on to with the identity of this process. Two that
// are equal are the same cluster, reached as the same identity.
type Managed interface {
	// REST is bounded in time by itself.
	REST() (*rest.Config, error)
	// String is the address of the cluster at its cloud.
	String() string
}

// The words for the account of the daemon's own pod, and for a cluster whose agent comes to the daemon.
const (
	inCluster = "in-cluster"
	byAgent   = "agent"
)

// ParseConfig reads "NAME=KUBECONFIG", "NAME=KUBECONFIG#CONTEXT", "NAME=in-cluster" or "NAME=agent".
func ParseConfig(s string) (Config, error) {
	name, where, ok := strings.Cut(s, "=")
	if !ok || name == "" || where == "" {
		return Config{}, fmt.Errorf("cannot read the cluster %q: write NAME=KUBECONFIG, NAME=KUBECONFIG#CONTEXT, NAME=%s, NAME=%s or the address of a cluster of a cloud, NAME=eks://…", s, inCluster, byAgent)
	}
	switch where {
	case inCluster:
		return Config{Name: name}, nil
	case byAgent:
		return Config{Name: name, Agent: true}, nil
	}
	file, context, _ := strings.Cut(where, "#")
	return Config{Name: name, Kubeconfig: file, Context: context}, nil
}

// REST reads the configuration from its files. Certificates and authorities are read into it, so that two that are equal
// lead to the same API server with the same credentials, whatever became of the files meanwhile; tokens in files are left
// to the client, which reads them again once a minute.
func (c Config) REST() (*rest.Config, error) {
	var cfg *rest.Config
	var err error
	switch {
	case c.Agent:
		return nil, fmt.Errorf("cluster %q is kept by an agent: the daemon does not reach its API server", c.Name)
	case c.Managed != nil:
		cfg, err = c.Managed.REST()
	case c.Kubeconfig == "":
		cfg, err = rest.InClusterConfig()
	default:
		cfg, err = c.fromFile()
	}
	if err == nil {
		err = rest.LoadTLSFiles(cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of cluster %q: %w", c.Name, err)
	}
	cfg.CAFile, cfg.CertFile, cfg.KeyFile = "", "", ""
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

// fromFile reads the kubeconfig and nothing else: client-go's usual loader takes an empty file, such as one that is being
// written, for "use the account of the pod", and would apply what is for one cluster to another.
func (c Config) fromFile() (*rest.Config, error) {
	file, err := clientcmd.LoadFromFile(c.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("error loading config file %q: %w", c.Kubeconfig, err)
	}
	if err := clientcmd.ResolveLocalPaths(file); err != nil {
		return nil, err
	}
	// The user comes last in a file: one that is half written would lead to the API server as nobody, who may ask for its version.
	name := cmp.Or(c.Context, file.CurrentContext)
	if context := file.Contexts[name]; context != nil && context.AuthInfo != "" && file.AuthInfos[context.AuthInfo] == nil {
		return nil, fmt.Errorf("kubeconfig %q: its context %q names the user %q, and there is none", c.Kubeconfig, name, context.AuthInfo)
	}
	return clientcmd.NewNonInteractiveClientConfig(*file, c.Context, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
}

// sameServer reports whether two configurations, as read by [Config.REST], lead to the same API server as the same user. A token
// in a file is not compared: the client follows it without a new connection.
func sameServer(a, b *rest.Config) bool {
	return proxyOf(a) == proxyOf(b) && reflect.DeepEqual(values(a), values(b))
}

// sameCredentials also compares what tokens in files were when they were read.
func sameCredentials(a, b *rest.Config) bool {
	return sameServer(a, b) && a.BearerToken == b.BearerToken
}

// values returns the part of a configuration that can be compared: functions cannot.
func values(c *rest.Config) *rest.Config {
	v := rest.CopyConfig(c)
	v.WrapTransport, v.Proxy, v.Dial, v.AuthConfigPersister = nil, nil, nil, nil
	if v.BearerTokenFile != "" {
		v.BearerToken = ""
	}
	return v
}

// proxyOf returns the proxy by which the API server is reached; empty if there is none of its own.
func proxyOf(c *rest.Config) string {
	u, err := url.Parse(c.Host)
	if c.Proxy == nil || err != nil {
		return ""
	}
	proxy, err := c.Proxy(&http.Request{URL: u})
	if err != nil || proxy == nil {
		return ""
	}
	return proxy.String()
}
