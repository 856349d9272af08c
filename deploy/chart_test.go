// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"regexp"
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/test/cached"
)

// cases are the values of charts/trunkline/ci.
var cases = []string{"minimal", "replicas", "github"}

func valuesOf(name string) string { return chart + "/ci/" + name + "-values.yaml" }

// TestChart: Helm finds nothing to complain of, and makes what it is known to make; the daemon can read the configuration in it.
func TestChart(t *testing.T) {
	for _, name := range cases {
		t.Run(name, func(t *testing.T) {
			if out, err := run(t.Context(), cached.Helm(t), "lint", "--strict", chart, "--namespace", system, "--values", valuesOf(name)); err != nil {
				t.Errorf("%v%s", err, out)
			}
			got := rendered(t, "--values", valuesOf(name))
			golden(t, "testdata/"+name+".yaml", got)
			if _, problems := v1alpha1.DecodeDaemonConfiguration("daemon.yaml", []byte(configuration(t, got))); problems.Denied() {
				t.Error(problems)
			}
		})
	}
}

// configuration is the daemon's in what was rendered.
func configuration(t *testing.T, text string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "  daemon.yaml: |\n")
	if !found {
		t.Fatal("there is no configuration")
	}
	config, _, _ := strings.Cut(rest, "\n---\n")
	return regexp.MustCompile(`(?m)^    `).ReplaceAllString(config, "")
}

// TestNothingIsSecret: what is secret is named, and never a value.
func TestNothingIsSecret(t *testing.T) {
	for _, name := range cases {
		if strings.Contains(rendered(t, "--values", valuesOf(name)), "\nkind: Secret\n") {
			t.Errorf("the chart makes a Secret with the values %s", name)
		}
	}
}

// TestRefused: values that cannot be meant are refused, with what is wrong and what to do.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		reason, values string
		args           []string
		want           string
	}{
		{reason: "nothing says what to follow", values: "", want: "at '/config': missing properties 'repository', 'clusters'"},
		{reason: "a field that there is not", args: set("replica=3"), values: "minimal", want: "additional properties 'replica' not allowed"},
		{reason: "a field of the configuration that there is not", args: set("config.repository.ur=x"), values: "minimal", want: "at '/config/repository': additional properties 'ur' not allowed"},
		{reason: "a wrong type", args: set("replicas=many"), values: "minimal", want: "at '/replicas': got string, want integer"},
		{reason: "a digest that is none", args: set("image.digest=sha256:abc"), values: "minimal", want: "at '/image/digest': 'sha256:abc' does not match pattern"},
		{reason: "no replica", args: set("replicas=0"), values: "minimal", want: "at '/replicas': minimum: got 0, want 1"},
		{reason: "another namespace", args: []string{"--namespace", "default"}, values: "minimal", want: `the namespace is "default": install with --namespace trunkline-system`},
		{reason: "nobody may call it", args: set("tokens.secret="), values: "minimal", want: "tokens.secret is missing: name a Secret"},
		{reason: "replicas that do not meet", args: set("replicas=2"), values: "minimal", want: "config.replicas.home is missing: 2 replicas meet in one of the clusters (here)"},
		{
			reason: "replicas that meet nowhere", args: set("config.replicas.home=there"), values: "minimal",
			want: `config.replicas.home: "there" is none of config.clusters (here)`,
		},
		{
			reason: "a history for each replica", args: set("replicas=2,config.replicas.home=here"), values: "minimal",
			want: "config.history.store is sqlite, a file that each replica would have for itself",
		},
		{
			reason: "pull requests in pieces", args: set("config.replicas.home=here,config.replicas.shards=true"), values: "github",
			want: "config.github with config.replicas.shards",
		},
		{
			reason: "a file that is not mounted", args: set("config.repository.keyFile=/etc/trunkline/secrets/git/key"), values: "minimal",
			want: `config names a file in /etc/trunkline/secrets/git, but secrets does not list "git" (it lists: trunkline-tokens)`,
		},
		{reason: "metrics for nobody", args: set("monitoring.serviceMonitor.enabled=true"), values: "minimal", want: "monitoring.serviceMonitor.tokenSecret is missing"},
		{reason: "a way in to nowhere", args: set("ingress.enabled=true"), values: "minimal", want: "ingress.host is missing"},
		{reason: "a flag that is none", args: set("extraArgs={serve}"), values: "minimal", want: "at '/extraArgs/0': 'serve' does not match pattern"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			args := tt.args
			if tt.values != "" {
				args = append([]string{"--values", valuesOf(tt.values)}, args...)
			}
			if _, err := render(t, args...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want one with %q", err, tt.want)
			}
		})
	}
}

func set(values string) []string { return []string{"--set", values} }
