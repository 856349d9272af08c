// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// registered assembles a daemon, and returns the labels of each metric of it.
func registered(t *testing.T) map[string][]string {
	t.Helper()
	dir := t.TempDir()
	kubeconfig := dir + "/kubeconfig"
	const nowhere = `{apiVersion: v1, kind: Config, current-context: x, contexts: [{name: x, context: {cluster: x, user: x}}],
clusters: [{name: x, cluster: {server: "https://127.0.0.1:1"}}], users: [{name: x, user: {token: x}}]}`
	if err := os.WriteFile(kubeconfig, []byte(nowhere), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, s := serveCommand()
	if err := cmd.ParseFlags([]string{"--repo", gittest.New(t).URL(), "--cluster", "test=" + kubeconfig, "--listen", "127.0.0.1:0", "--data", dir + "/data", "--usage"}); err != nil {
		t.Fatal(err)
	}
	configs, err := s.check()
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.assemble(t.Context(), configs, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	all := make(chan *prometheus.Desc)
	go func() {
		d.metrics.registry.Describe(all)
		close(all)
	}()
	out := map[string][]string{}
	described := regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)
	for desc := range all {
		found := described.FindStringSubmatch(desc.String())
		if found == nil {
			t.Fatalf("%s is written otherwise than this test expects", desc)
		}
		out[found[1]] = strings.FieldsFunc(found[2], func(r rune) bool { return r == ',' })
	}
	return out
}

// scraped are labels that Prometheus adds to what it reads.
var scraped = []string{"namespace", "pod", "le"}

// TestDeployedMetrics: the dashboard, the alerts and their tests name no metric and no label that the daemon does not give.
func TestDeployedMetrics(t *testing.T) {
	metrics := registered(t)
	for _, file := range []string{"charts/trunkline/files/alerts.yaml", "charts/trunkline/files/dashboard.json", "alerts_test.yaml"} {
		text, err := os.ReadFile("../../deploy/" + file)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, use := range regexp.MustCompile(`\b((?:trunkline|process|go)_[a-z_]+)(?:\{([^}]*)\})?`).FindAllStringSubmatch(string(text), -1) {
			labels, err := given(metrics, use[1])
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			found++
			for _, matcher := range regexp.MustCompile(`(\w+)(?:=~|!=|=)\\?"`).FindAllStringSubmatch(use[2], -1) {
				if !slices.Contains(labels, matcher[1]) {
					t.Errorf("%s: %s has no label %q; it has %q", file, use[1], matcher[1], labels)
				}
			}
		}
		if found < 20 {
			t.Errorf("%s names %d metrics only: this test does not find them", file, found)
		}
		for _, use := range regexp.MustCompile(`by \(([a-z, ]+)\)[\s(]*(?:[a-z_]+\()*((?:trunkline|process|go)_[a-z_]+)`).FindAllStringSubmatch(string(text), -1) {
			labels, err := given(metrics, use[2])
			if err != nil {
				continue // it is said above
			}
			for by := range strings.SplitSeq(use[1], ", ") {
				if !slices.Contains(labels, by) {
					t.Errorf("%s: %s cannot be summed by %q; its labels are %q", file, use[2], by, labels)
				}
			}
		}
	}
}

// given returns the labels of a metric, by the name of one of its series.
func given(metrics map[string][]string, series string) ([]string, error) {
	for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
		if name, ok := strings.CutSuffix(series, suffix); ok {
			if labels, ok := metrics[name]; ok {
				return append(slices.Clone(labels), scraped...), nil
			}
		}
	}
	return nil, fmt.Errorf("the daemon gives no metric %s", series)
}
