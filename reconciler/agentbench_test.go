// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"

	"trunkline.dev/trunkline/reconciler/agent/agenttest"
)

// BenchmarkAfar measures, for a cluster that is reached and for one that an agent keeps, both over a line on which a message takes
// nothing and 50 ms in each direction: the time from a commit to when it is applied, and from when drift is made to when it is
// corrected. Look at the ratios.
func BenchmarkAfar(b *testing.B) {
	c := look(b, pkg.Cluster(b))
	for _, way := range []struct {
		name  string
		delay time.Duration
		agent bool
	}{{"reached", 0, false}, {"reached-100ms", 50 * time.Millisecond, false}, {"agent", 0, true}, {"agent-100ms", 50 * time.Millisecond, true}} {
		b.Run(way.name, func(b *testing.B) {
			id := "bench-" + way.name
			var d *daemon
			var line *agenttest.Line
			if way.agent {
				a := startAfar(b, c.Kubeconfig)
				d, line = a.daemon, a.line
			} else {
				line = agenttest.NewLine(b, hostOf(b, c))
				d = start(b, kubeconfigBy(b, c, line))
			}
			d.mustAccept("c0", two(id, configMap("a", "0"), configMap("b", "0")))
			d.awaitFine("c0")
			line.Delay(way.delay)
			var applied, shown, corrected time.Duration
			n := 0
			for b.Loop() {
				n++
				value := fmt.Sprintf("c%d", n)
				name := "x" + value // what drifts again and again is corrected more and more rarely
				began := time.Now()
				seen := c.watchValue(b, id+"-a-dev", name, value)
				d.mustAccept(value, two(id, configMap(name, value), configMap("b", "0")), "a/objects/all.yaml")
				applied += (<-seen).Sub(began)
				d.awaitFine(value)
				shown += time.Since(began)

				began = time.Now()
				c.tamper(id+"-a-dev", name, "mine")
				seen = c.watchValue(b, id+"-a-dev", name, value)
				corrected += (<-seen).Sub(began)
			}
			b.ReportMetric(float64(applied.Milliseconds())/float64(n), "ms/applied")
			b.ReportMetric(float64(shown.Milliseconds())/float64(n), "ms/shown")
			b.ReportMetric(float64(corrected.Milliseconds())/float64(n), "ms/corrected")
			b.ReportMetric(0, "ns/op") // it is the sum of these
		})
	}
}

// watchValue tells when a ConfigMap has a value.
func (c cell) watchValue(b *testing.B, namespace, name, want string) <-chan time.Time {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	events, err := c.client.Resource(configMaps).Namespace(namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		b.Fatal(err)
	}
	out := make(chan time.Time, 1)
	go func() {
		defer cancel()
		defer events.Stop()
		for e := range events.ResultChan() {
			if o, ok := e.Object.(*unstructured.Unstructured); ok {
				if got, _, _ := unstructured.NestedString(o.Object, "data", "key"); got == want {
					out <- time.Now()
					return
				}
			}
		}
		b.Errorf("%s was not seen", want)
		out <- time.Now()
	}()
	return out
}

func hostOf(b *testing.B, c cell) string {
	b.Helper()
	u, err := url.Parse(c.Config.Host)
	if err != nil {
		b.Fatal(err)
	}
	return u.Host
}

// kubeconfigBy is that of a cluster by way of a line.
func kubeconfigBy(b *testing.B, c cell, line *agenttest.Line) string {
	b.Helper()
	config, err := clientcmd.LoadFromFile(c.Kubeconfig)
	if err != nil {
		b.Fatal(err)
	}
	for _, cluster := range config.Clusters {
		u, err := url.Parse(cluster.Server)
		if err != nil {
			b.Fatal(err)
		}
		u.Host = line.Addr()
		cluster.Server = u.String()
	}
	file := b.TempDir() + "/kubeconfig"
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		b.Fatal(err)
	}
	return file
}
