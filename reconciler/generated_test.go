// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// generating is a project whose Secret s is made in the cluster, by the text of its fields.
func generating(name, secret string) tree {
	return tree{
		name + "/project.yaml":               manifests(name) + "  generatedSecrets: [" + secret + "]\n",
		name + "/objects/kustomization.yaml": kustomization, name + "/objects/all.yaml": configMap("c", "1"),
	}
}

// TestGeneratedSecretLives follows a Secret whose values are made in the cluster: they are made once, kept whatever happens, made
// again when that is declared, and told to nobody.
func TestGeneratedSecretLives(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d, log := startUnsealing(t, c.Kubeconfig)
	const name, ns = "made-a", "made-a-dev"
	var all []string
	values := func(keys ...string) map[string]string {
		t.Helper()
		out := map[string]string{}
		for _, key := range keys {
			out[key] = c.secret(ns, key)
			all = append(all, out[key])
		}
		return out
	}
	commit, version := "", ""
	accept := func(hash, secret string) {
		t.Helper()
		commit = hash
		d.mustAccept(hash, platform("made", generating(name, secret)))
		d.awaitFine(hash)
		version = c.get(secretsKind, ns, "s").GetResourceVersion()
	}
	accept("c1", `{name: s, keys: {password: {}, token: {length: 64, alphabet: "0123456789abcdef"}}}`)
	first := values("password", "token")
	for key, form := range map[string]string{"password": "^[A-Za-z0-9]{32}$", "token": "^[0-9a-f]{64}$"} {
		if !regexp.MustCompile(form).MatchString(first[key]) {
			t.Fatalf("%s is %q, want %s", key, first[key], form)
		}
	}

	// Someone has a reason to change a value: it is no drift, and stays when another key is declared.
	c.merge(secretsKind, ns, "s", "kubectl-edit", `{"stringData":{"password":"by-hand-and-kept"},"metadata":{"labels":{"trunkline.dev/project":"x"}}}`)
	for _, drift := range d.corrected(name, 1) {
		for _, field := range drift.Fields {
			if strings.HasPrefix(field, "data") {
				t.Errorf("a value that is not declared counts as drift: %v", drift.Fields)
			}
		}
	}
	accept("c2", `{name: s, keys: {password: {}, token: {length: 64, alphabet: "0123456789abcdef"}, extra: {}}}`)
	if got := values("password", "token", "extra"); got["password"] != "by-hand-and-kept" || got["token"] != first["token"] || len(got["extra"]) != 32 {
		t.Errorf("after a key was added the Secret holds %v", got)
	}

	// Raised, all are made again; and not once more by an older declaration.
	accept("c3", `{name: s, keys: {password: {}, token: {length: 64, alphabet: "0123456789abcdef"}, extra: {}}, revision: 1}`)
	rotated := values("password", "token", "extra")
	if rotated["password"] == "by-hand-and-kept" || rotated["token"] == first["token"] {
		t.Errorf("a raised revision left %v", rotated)
	}
	accept("c4", `{name: s, keys: {password: {}}}`)
	if got := values("password", "token"); got["password"] != rotated["password"] || got["token"] != rotated["token"] {
		t.Errorf("an older revision made %v of %v", got, rotated)
	}
	d.silentOf(log, all...)
	d.stop()

	// Another daemon finds it as it is declared.
	d, log = startUnsealing(t, c.Kubeconfig)
	files := platform("made", generating(name, `{name: s, keys: {password: {}}}`))
	d.mustAccept(commit, files)
	d.awaitFine(commit)
	if got := c.get(secretsKind, ns, "s").GetResourceVersion(); got != version {
		t.Errorf("a restart wrote the Secret: version %s became %s", version, got)
	}

	// It is kept when it is not declared any more, until it is declared that it is not.
	d.mustAccept("c5", platform("made", generating(name, "")))
	d.await("the Secret to be kept", func(p status.Platform) bool {
		return release(p, name).Commit == "c5" && len(release(p, name).Kept) > 0
	})
	if got := values("password"); got["password"] != rotated["password"] {
		t.Errorf("what is not declared any more holds %v", got)
	}
	d.mustAccept("c6", platform("made", generating(name, `{name: s, keys: {password: {}}, prune: true}`)))
	d.awaitFine("c6")
	if got := values("password"); got["password"] != rotated["password"] {
		t.Errorf("what is declared again holds %v", got)
	}
	d.mustAccept("c7", platform("made", generating(name, "")))
	if err := c.awaitGone(secretsKind, ns, "s"); err != nil {
		t.Error(err)
	}
	d.silentOf(log, all...)
}

// TestGeneratedSecretIsAdopted: a Secret that is there already keeps its values, whoever has made it.
func TestGeneratedSecretIsAdopted(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	const secret = "{name: s, keys: {password: {}, token: {}}}"
	for name, tc := range map[string]struct{ reason, project string }{
		"Created":  {"Someone has made it by kubectl.", "taken-a"},
		"Declared": {"The project has declared it.", "taken-b"},
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			d, log := startUnsealing(t, c.Kubeconfig)
			ns := tc.project + "-dev"
			before := generating(tc.project, "")
			declared := secretDocument("stringData: {password: " + canary + ", user: u-" + canary + "}\n")
			if name == "Declared" {
				before = before.with(tree{tc.project + "/objects/all.yaml": declared})
			}
			d.mustAccept("c1", platform(tc.project, before))
			d.awaitFine("c1")
			if name == "Created" {
				c.create(secretsKind, ns, "kubectl-create", declared)
			}
			d.mustAccept("c2", platform(tc.project, generating(tc.project, secret)))
			d.awaitFine("c2")
			if got := c.secret(ns, "password"); got != canary {
				t.Errorf("%s The password became %q", tc.reason, got)
			}
			if got := c.secret(ns, "user"); got != "u-"+canary {
				t.Errorf("%s What is not declared became %q", tc.reason, got)
			}
			if got := c.secret(ns, "token"); len(got) != 32 {
				t.Errorf("%s The token is %q", tc.reason, got)
			}
			d.mustAccept("c3", platform(tc.project, generating(tc.project, "{name: s, keys: {password: {}, token: {}}, revision: 1}")))
			d.awaitFine("c3")
			if got := c.secret(ns, "password"); got == canary {
				t.Errorf("%s It is not made again when that is declared", tc.reason)
			}
			if got := c.secret(ns, "user"); got != "u-"+canary {
				t.Errorf("%s What is not declared became %q", tc.reason, got)
			}
			d.silentOf(log, canary)
		})
	}
}

// TestGeneratedSecretIsMadeOnce: what was made before something went wrong is what stays.
func TestGeneratedSecretIsMadeOnce(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	faults := pkg.Cluster(t).Faults(t)
	var refused atomic.Int64
	faults.Set(func(r *http.Request, _ int) clustertest.Fault {
		applied := r.Method == http.MethodPatch && strings.HasPrefix(r.Header.Get("Content-Type"), "application/apply-patch")
		if applied && strings.HasSuffix(r.URL.Path, "/namespaces/once-a-dev/secrets/s") && refused.Add(1) <= 2 {
			return clustertest.Fault{Status: http.StatusInternalServerError}
		}
		return clustertest.Fault{}
	})
	d := start(t, faults.Kubeconfig)
	d.mustAccept("c1", platform("once", generating("once-a", "{name: s, keys: {password: {}}}")))
	d.await("the values to be made and not declared yet", func(status.Platform) bool { return refused.Load() >= 1 })
	first := c.secret("once-a-dev", "password")
	d.awaitFine("c1")
	if got := c.secret("once-a-dev", "password"); got != first || len(first) != 32 {
		t.Errorf("the password was %q and is %q", first, got)
	}
	if refused.Load() < 3 {
		t.Error("nothing went wrong: this test holds nobody to anything")
	}
}
