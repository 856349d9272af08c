// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"trunkline.dev/trunkline/reconciler/artifact/artifacttest"
	"trunkline.dev/trunkline/reconciler/status"
)

// TestBlueprintUpdate: a blueprint from a registry is rolled out, a newer version comes by a pull request, and neither a registry that
// does not answer nor a missing signature changes what runs; both are got over without another commit.
func TestBlueprintUpdate(t *testing.T) {
	var away atomic.Bool
	host := artifacttest.Registry(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if away.Load() && r.Method == http.MethodGet {
				http.Error(w, "away", http.StatusBadGateway)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	key, repository, files := artifacttest.NewKey(t), host+"/acme/note", shop("one")
	push := func(version string, signed bool) string {
		of := artifacttest.Push(t, repository, version, artifacttest.ChartLayer, artifacttest.Pack(t, map[string]string{
			"note/Chart.yaml": files["note/chart/Chart.yaml"], "note/values.yaml": files["note/chart/values.yaml"],
			"note/templates/all.yaml": strings.Replace(files["note/chart/templates/all.yaml"], "\ndata: {", "\ndata: {chart: '"+version+"', ", 1),
		}))
		if signed {
			artifacttest.Sign(t, repository, key, of, of)
		}
		return of
	}
	const file = "note/blueprint.yaml"
	declared := shop("one")
	blueprint := func(version, of string) string {
		return strings.Replace(files[file], "  source: chart\n", "  source: oci://"+repository+"\n  artifact: {track: ^1, tag: "+version+", digest: '"+of+"'} # follows\n", 1)
	}
	declared[file] = blueprint("1.0.0", push("1.0.0", true))
	if declared[file] == files[file] {
		t.Fatal(files[file])
	}
	for name := range files {
		if strings.HasPrefix(name, "note/chart/") {
			delete(declared, name)
		}
	}
	declared["trunkline.yaml"] += "spec:\n  signatures:\n    - sources: oci://*\n      signers:\n        - name: the platform team\n          cosignKey: |\n            " +
		strings.ReplaceAll(strings.TrimSpace(key.Public), "\n", "\n            ") + "\n"
	declared["CODEOWNERS"] += "/note @olga\n"
	f := newForgeOf(t, pkg.Cluster(t), declared)
	f.args = append(f.args, "--artifact-host", host)
	second := blueprint("1.1.0", push("1.1.0", true))
	f.start()
	chart := func() string { text, _ := f.note()["chart"].(string); return text }
	if got := chart(); got != "1.0.0" {
		t.Errorf("the cluster has the chart %q", got)
	}
	const branch = "trunkline/images/blueprint/note"
	f.await("the newer version to be proposed", func() string { return f.repo.File(branch, file) }, second)
	f.awaitCheck(f.repo.Head(branch), "failure") // no owner has approved it
	const number = 1                             // there is one pull request
	if err := f.repo.Review(number, "APPROVED", "olga"); err != nil {
		t.Fatal(err)
	}
	f.awaitCheck(f.repo.Head(branch), "success")
	if err := f.repo.Merge(number, "olga"); err != nil {
		t.Fatal(err)
	}
	f.await("the newer version", chart, "1.1.0")

	fails := func(what, why string, of string) {
		t.Helper()
		f.push("main", what, map[string]string{file: blueprint(what, of)}, "olga")
		f.daemon.await(what+" to fail", func(p status.Platform) bool {
			for _, r := range p.Releases {
				if strings.Contains(r.Message, why) {
					return true
				}
			}
			return false
		})
		if got := chart(); got == what {
			t.Errorf("the cluster has the chart %q", got)
		}
	}
	of := push("1.2.0", true)
	away.Store(true)
	fails("1.2.0", "the server answers with HTTP 502", of)
	away.Store(false)
	f.await("the registry that is back", chart, "1.2.0")
	of = push("1.3.0", false)
	fails("1.3.0", "it is not signed, and has to be by the platform team", of)
	artifacttest.Sign(t, repository, key, of, of)
	f.await("the chart that is signed", chart, "1.3.0")
	f.daemon.await("the shop to run", status.Platform.Fine)
}
