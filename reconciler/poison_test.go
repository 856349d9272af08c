// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/status"
)

// TestPoisonedObjects writes nonsense where the daemon reads back what it remembers: on members of a release and on its
// inventory. Neither the daemon that sees it happen nor the one that starts with it ends; other releases go on, and the
// poisoned one is put right again or says what is wrong with it.
func TestPoisonedObjects(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	annotations := func(of map[string]any) string {
		data, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": of}})
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	const inventory, member = "inventory", "member"
	cases := map[string]struct {
		reason, of, patch string
		// live is how the poisoned release ends in a daemon that sees it happen, started in one that starts with it.
		live, started status.Result
	}{
		"digest":        {"A digest that is none is another digest: the object is applied again.", member, annotations(map[string]any{"trunkline.dev/digest": "\x00\u202e" + strings.Repeat("x", 1000)}), status.Applied, status.Applied},
		"digest-empty":  {"And so is an empty one.", member, annotations(map[string]any{"trunkline.dev/digest": ""}), status.Applied, status.Applied},
		"prune":         {"A word that is none.", member, annotations(map[string]any{"trunkline.dev/prune": "maybe", "trunkline.dev/replace": "[]"}), status.Applied, status.Applied},
		"wave":          {"A wave out of range.", member, annotations(map[string]any{"trunkline.dev/wave": "99999999999999999999"}), status.Applied, status.Applied},
		"labels":        {"A member that someone has made another's is not fought over: people are told.", member, `{"metadata":{"labels":{"applyset.kubernetes.io/part-of":"applyset--v1","trunkline.dev/project":"nobody"}}}`, status.Failed, status.Failed},
		"managers":      {"An object whose managers someone has wiped out.", member, `{"metadata":{"managedFields":[{}]}}`, status.Applied, status.Applied},
		"memory":        {"What cannot be read of the memory might have been a suspension.", inventory, annotations(map[string]any{"trunkline.dev/memory": `{"healthy":[{"since":"yesterday"}]`}), status.Applied, status.Failed},
		"memory-type":   {"Nor JSON of another form.", inventory, annotations(map[string]any{"trunkline.dev/memory": `[[[[{"healthy":"x"}]]]]`}), status.Applied, status.Failed},
		"memory-marks":  {"Marks of commits that there are not.", inventory, annotations(map[string]any{"trunkline.dev/memory": `{"healthy":[{"commit":"\u0000","digest":"","since":"9999-12-31T23:59:59Z"},{},{},{},{}],"failed":{}}`}), status.Applied, status.Applied},
		"kinds":         {"Kinds that there are not.", inventory, annotations(map[string]any{"applyset.kubernetes.io/contains-group-kinds": ",,.,Pod.,\u0000.x," + strings.Repeat("a.", 500)}), status.Applied, status.Applied},
		"kinds-missing": {"No kinds at all.", inventory, annotations(map[string]any{"applyset.kubernetes.io/contains-group-kinds": nil, "applyset.kubernetes.io/tooling": nil}), status.Applied, status.Applied},
		"commit":        {"A commit that is none.", inventory, annotations(map[string]any{"trunkline.dev/commit": "é", "trunkline.dev/digest": "\u0000"}), status.Applied, status.Applied},
		"namespaces":    {"Another namespace.", inventory, annotations(map[string]any{"applyset.kubernetes.io/additional-namespaces": "kube-system,../x"}), status.Applied, status.Applied},
		"release":       {"An inventory that says it is another release's.", inventory, `{"metadata":{"labels":{"trunkline.dev/project":"nobody","trunkline.dev/environment":"","trunkline.dev/cluster":"test"}}}`, status.Applied, status.Applied},
		"owners":        {"An inventory without managers.", inventory, `{"metadata":{"managedFields":[{}]}}`, status.Applied, status.Applied},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			id := "poison-" + name
			files := platform(id, tree{
				"a/project.yaml": manifests(id + "-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
				"b/project.yaml": manifests(id + "-b"), "b/objects/kustomization.yaml": kustomization, "b/objects/all.yaml": configMap("b", "1"),
			})
			d := start(t, c.Kubeconfig)
			d.mustAccept("c1", files)
			d.awaitFine("c1")
			where := [2]string{id + "-a-dev", "a"}
			if tc.of == inventory {
				where = [2]string{"trunkline-system", fmt.Sprintf("%s.dev.%s-a", id, id)}
			}
			// The first time a daemon sees it happen, the second time one starts with it.
			for round, want := range []status.Result{tc.live, tc.started} {
				commit := fmt.Sprintf("c%d", round+2)
				if round == 1 {
					d.stop()
				}
				c.merge(configMaps, where[0], where[1], "poisoner", tc.patch)
				if round == 1 {
					d = start(t, c.Kubeconfig)
				}
				value := fmt.Sprint(round + 2)
				files = files.with(tree{"a/objects/all.yaml": configMap("a", value), "b/objects/all.yaml": configMap("b", value)})
				d.mustAccept(commit, files)
				p := d.await("the healthy release to go on and the poisoned one to come to an end", func(p status.Platform) bool {
					a, b := release(p, id+"-a"), release(p, id+"-b")
					return b.Fine() && b.Commit == commit && (a.Fine() && a.Commit == commit || a.Result == want && want != status.Applied)
				})
				a := release(p, id+"-a")
				if a.Result != want || want != status.Applied && a.Message == "" {
					t.Errorf("%s\nIn round %d it ends as %s with the message %q, want %s", tc.reason, round, a.Result, a.Message, want)
				}
				if got := c.value(id+"-a-dev", "a"); want == status.Applied && got != value {
					t.Errorf("%s\nIn round %d the cluster holds %q, want %q", tc.reason, round, got, value)
				}
			}
		})
	}
}
