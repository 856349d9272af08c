// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// TestSecretsDoNotBecomeText has the API server refuse a Secret with a message that repeats what is in it: a key that cannot be one.
func TestSecretsDoNotBecomeText(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {\"hunter2 !\": value}\n"
	files := platform("secret", tree{
		"a/project.yaml": manifests("secret-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": secret,
	})
	d.mustAccept("c1", files)
	p := d.await("the refusal", func(p status.Platform) bool { return release(p, "secret-a").Result == status.Failed })
	got := release(p, "secret-a").Message
	if strings.Contains(got, "hunter2") || !strings.Contains(got, "Secret secret-a-dev/s") || !strings.Contains(got, "withheld") {
		t.Errorf("the message is %q; want the Secret named, and nothing of what is in it", got)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, run := range d.runs {
		if run.Err != nil && strings.Contains(run.Err.Error(), "hunter2") {
			t.Errorf("a run tells of the value: %v", run.Err)
		}
	}
}

// TestValuesOfSecretsAreNotAskedFor: the daemon asks for no more of Secrets than their metadata, and sees by that what
// others have changed.
func TestValuesOfSecretsAreNotAskedFor(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	faults := pkg.Cluster(t).Faults(t)
	var asked atomic.Int64
	faults.Set(func(r *http.Request, _ int) clustertest.Fault {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/secrets") {
			asked.Add(1)
			if accept := r.Header.Get("Accept"); !strings.Contains(accept, "as=PartialObjectMetadata") {
				t.Errorf("%s %s asks for whole Secrets: %s", r.Method, r.URL, accept)
			}
		}
		return clustertest.Fault{}
	})
	d := start(t, faults.Kubeconfig)
	files := platform("metadata", tree{
		"a/project.yaml": manifests("metadata-a"), "a/objects/kustomization.yaml": kustomization,
		"a/objects/all.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {key: declared}\n",
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	c.merge(secretsKind, "metadata-a-dev", "s", "kubectl-edit", `{"stringData":{"key":"by hand"}}`)
	d.await("the change to be taken back", func(p status.Platform) bool {
		return len(release(p, "metadata-a").Drifts) == 1 && release(p, "metadata-a").Drifts[0].Corrected
	})
	if asked.Load() == 0 {
		t.Error("the daemon does not watch Secrets: this test holds nobody to anything")
	}
}
