// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"trunkline.dev/trunkline/api/number"
)

// call is what a request to an API server asks for.
type call struct {
	// verb is that of the API server's own metrics, such as APPLY, WATCH or LIST, or OTHER for what is about no
	// resource: its version and its kinds.
	verb     string
	resource string // with the subresource; empty for OTHER
}

// counter is a proxy before an API server that counts what is asked of it. It speaks plain HTTP on loopback, with
// the rights of its own configuration.
type counter struct {
	kubeconfig string
	server     *http.Server

	mu    sync.Mutex
	calls map[call]int
	last  time.Time
	// watches under way.
	watches int
}

// startCounter starts the proxy, and writes the kubeconfig that leads through it.
func startCounter(ctx context.Context, cfg *rest.Config, kubeconfig string) (*counter, error) {
	target, err := url.Parse(cfg.Host)
	if err != nil {
		return nil, fmt.Errorf("counting requests: %w", err)
	}
	transport, err := rest.TransportFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("counting requests: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("counting requests: %w", err)
	}
	c := &counter{kubeconfig: kubeconfig, calls: map[call]int{}}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1, // a watch tells of things as they happen
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	c.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer c.count(callOf(r))()
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = c.server.Serve(listener) }() // until it is closed
	if err := writeKubeconfig(kubeconfig, "http://"+listener.Addr().String()); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// writeKubeconfig writes one that names a server and no credentials.
func writeKubeconfig(file, server string) error {
	const name = "bench"
	cfg := clientcmdapi.NewConfig()
	cfg.Clusters[name] = &clientcmdapi.Cluster{Server: server}
	cfg.AuthInfos[name] = &clientcmdapi.AuthInfo{}
	cfg.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	cfg.CurrentContext = name
	if err := clientcmd.WriteToFile(*cfg, file); err != nil {
		return fmt.Errorf("writing a kubeconfig: %w", err)
	}
	return nil
}

func (c *counter) close() error { return c.server.Close() }

// count records that a request begins; the result, that it ended.
func (c *counter) count(asked call) (ended func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[asked]++
	c.last = time.Now()
	if asked.verb != "WATCH" {
		return func() {}
	}
	c.watches++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.watches--
	}
}

// settleTime is how long nothing must have been asked for what was under way to count as done.
const settleTime = time.Second

// settle waits until nothing is asked any more, but not for long: what is asked all the time shows in the counts.
func (c *counter) settle(ctx context.Context) error {
	for range 20 {
		c.mu.Lock()
		quiet := time.Since(c.last)
		c.mu.Unlock()
		if quiet >= settleTime {
			return nil
		}
		select {
		case <-time.After(settleTime - quiet):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// take returns the counts since it was last called.
func (c *counter) take() map[call]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = map[call]int{}
	return calls
}

func (c *counter) openWatches() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.watches
}

// callOf reads what a request asks for, as the API server does.
func callOf(r *http.Request) call {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case parts[0] == "api" && len(parts) > 2:
		parts = parts[2:]
	case parts[0] == "apis" && len(parts) > 3:
		parts = parts[3:]
	default:
		return call{verb: "OTHER"}
	}
	if parts[0] == "namespaces" && len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize" {
		parts = parts[2:]
	}
	c := call{resource: parts[0]}
	if len(parts) > 2 {
		c.resource += "/" + parts[2]
	}
	named := len(parts) > 1
	switch r.Method {
	case http.MethodGet:
		watch := r.URL.Query().Get("watch")
		switch {
		case watch == "true" || watch == "1":
			c.verb = "WATCH"
		case named:
			c.verb = "GET"
		default:
			c.verb = "LIST"
		}
	case http.MethodPatch:
		c.verb = "PATCH"
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/apply-patch+") {
			c.verb = "APPLY"
			if r.URL.Query().Get("dryRun") != "" {
				c.verb = "APPLY (dry run)"
			}
		}
	default:
		c.verb = r.Method
	}
	return c
}

// verbs writes counts by verb, the resources behind each; each is divided by per.
func verbs(calls map[call]int, per int) string {
	byVerb := map[string][]string{}
	sums := map[string]int{}
	for _, c := range slices.SortedFunc(maps.Keys(calls), func(a, b call) int {
		return cmp.Or(cmp.Compare(a.verb, b.verb), cmp.Compare(a.resource, b.resource))
	}) {
		sums[c.verb] += calls[c]
		if c.resource != "" && !slices.Contains(byVerb[c.verb], c.resource) {
			byVerb[c.verb] = append(byVerb[c.verb], c.resource)
		}
	}
	var out []string
	for _, verb := range slices.Sorted(maps.Keys(sums)) {
		text := fmt.Sprintf("%s %s", count(sums[verb], per), verb)
		if len(byVerb[verb]) > 0 {
			text += " (" + strings.Join(byVerb[verb], ", ") + ")"
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// count writes a number, or the average of it.
func count(n, per int) string {
	if n%per == 0 {
		return number.Of(n / per)
	}
	return fmt.Sprintf("%.1f", float64(n)/float64(per))
}

// total of all calls.
func total(calls map[call]int) int {
	sum := 0
	for _, n := range calls {
		sum += n
	}
	return sum
}
