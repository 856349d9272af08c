package reconciler_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/status"
)

// TestSecretsDoNotBecomeText has the API server refuse a Secret with a message that repeats its value.
func TestSecretsDoNotBecomeText(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: {inner: hunter2}}\n"
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
