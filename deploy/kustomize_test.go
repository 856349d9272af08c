// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"regexp"
	"strings"
	"testing"

	"trunkline.dev/trunkline/test/cached"
)

// kustomizeVersion is that of hack/kustomize/install.sh.
const kustomizeVersion = "v5.8.2"

const namespace = `apiVersion: v1
kind: Namespace
metadata: {name: trunkline-system, labels: {app.kubernetes.io/managed-by: trunkline}}
---
`

const made = "# Made from the chart by deploy/kustomize_test.go.\n"

// ofHelm is what says that Helm manages an object, and what a new name of the ConfigMap does without Helm.
var ofHelm = regexp.MustCompile(`(?m)^ +(app\.kubernetes\.io/managed-by: Helm|helm\.sh/chart: .*)\n|^# Source: .*\n|^ +annotations:\n.*\n +checksum/config: .*\n`)

// TestKustomizeIsOfTheChart: what Kustomize takes is what the chart makes, without what is Helm's.
func TestKustomizeIsOfTheChart(t *testing.T) {
	objects := map[string]string{}
	for doc := range strings.SplitSeq(rendered(t, "--values", "kustomize/values.yaml"), "---\n") {
		source := regexp.MustCompile(`(?m)^# Source: trunkline/templates/(.*)$`).FindStringSubmatch(doc)
		if source == nil {
			continue
		}
		file := source[1]
		if file == "monitoring.yaml" && strings.Contains(doc, "\nkind: ConfigMap\n") {
			file = "dashboard" // its generator makes it
		}
		if objects[file] != "" {
			objects[file] += "---\n"
		}
		objects[file] += ofHelm.ReplaceAllString(doc, "")
	}
	golden(t, "kustomize/rbac/daemon.yaml", made+`# The least that the daemon needs on a cluster where every environment names a serviceAccount with the clusterRole
# trunkline-deployer. Nothing that a project declares is changed or looked into with these rights; that is the account's.
`+namespace+objects["daemon-rbac.yaml"])
	golden(t, "kustomize/rbac/deployer.yaml", made+objects["deployer-rbac.yaml"])
	golden(t, "kustomize/daemon/network.yaml", made+objects["network.yaml"])
	golden(t, "kustomize/daemon/statefulset.yaml", made+objects["statefulset.yaml"])
	golden(t, "kustomize/monitoring/monitoring.yaml", made+objects["monitoring.yaml"])
	golden(t, "kustomize/monitoring/dashboard.json", read(t, chart+"/files/dashboard.json"))
}

// TestKustomizeBuilds: the example that users start from can be built.
func TestKustomizeBuilds(t *testing.T) {
	golden(t, "testdata/kustomize.yaml", built(t))
}

func built(t *testing.T) string {
	t.Helper()
	out, err := run(t.Context(), cached.Kustomize(t, kustomizeVersion), "build", "kustomize/example")
	if err != nil {
		t.Fatal(err)
	}
	return out
}
