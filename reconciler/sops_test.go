// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/secrets/secrettest"
	"trunkline.dev/trunkline/reconciler/status"
)

var secretsKind = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}

// canary is what must not be seen anywhere but in the cluster's Secret.
const canary = "c4n4ry-of-the-mine"

// buffer is a log that may be written to by many.
type buffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *buffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

// startUnsealing runs a reconciler that has keys, and whose log has everything.
func startUnsealing(t *testing.T, kubeconfig string, keys ...age.Identity) (*daemon, *buffer) {
	t.Helper()
	log := &buffer{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	clientLog.to(log)
	t.Cleanup(func() { clientLog.to(io.Discard) })
	d := startWith(t, kubeconfig, func(o *reconciler.Options) {
		o.Log = logger
		if len(keys) > 0 {
			o.Secrets = &secrets.Decrypter{Age: []secrets.AgeKeys{{Identities: keys}}}
		}
	})
	return d, log
}

// silent holds everything that a daemon tells to not knowing the canary, nor its base64.
func (d *daemon) silent(log *buffer) {
	d.t.Helper()
	d.silentOf(log, canary)
}

// silentOf does so for values.
func (d *daemon) silentOf(log *buffer, values ...string) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	events, err := json.Marshal(d.events)
	if err != nil {
		d.t.Fatal(err)
	}
	board, err := json.Marshal(d.board.Snapshot())
	if err != nil {
		d.t.Fatal(err)
	}
	for where, text := range map[string]string{
		"log": log.text(), "events": string(events), "status": string(board), "runs": fmt.Sprintf("%+v", d.runs),
	} {
		if text == "" {
			d.t.Errorf("there is nothing in the %s: this test holds nobody to anything", where)
		}
		for _, value := range values {
			for _, secret := range []string{value, base64.StdEncoding.EncodeToString([]byte(value))} {
				if strings.Contains(text, secret) {
					d.t.Errorf("the %s tells of a value:\n%s", where, text)
				}
			}
		}
	}
}

func secretDocument(fields string) string {
	return "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n" + fields
}

func sealedProject(name, document string) tree {
	return tree{
		name + "/project.yaml": manifests(name), name + "/objects/kustomization.yaml": kustomization, name + "/objects/all.yaml": document,
	}
}

// secret returns a value of the Secret s in plain.
func (c cell) secret(namespace, key string) string {
	c.t.Helper()
	value, err := base64.StdEncoding.DecodeString(at(c.get(secretsKind, namespace, "s"), "data", key))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(value)
}

// TestSealedSecretLives follows an encrypted Secret from its creation to its removal.
func TestSealedSecretLives(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	old, key := secrettest.Key(t), secrettest.Key(t)
	d, log := startUnsealing(t, c.Kubeconfig, old, key)
	const ns = "sealed-a-dev"
	fields := "stringData:\n  password: " + canary + "\n  user: u\ndata:\n  token: " + base64.StdEncoding.EncodeToString([]byte(canary)) + "\n"
	files := platform("sealed", sealedProject("sealed-a", secrettest.Encrypt(t, secretDocument(fields), secrettest.Fields, old)))
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	for _, field := range []string{"password", "token"} {
		if got := c.secret(ns, field); got != canary {
			t.Fatalf("%s is %q in the cluster", field, got)
		}
	}
	if o := c.get(secretsKind, ns, "s"); o.Object["sops"] != nil || strings.Contains(fmt.Sprint(o.Object), "ENC[") {
		t.Errorf("the cluster holds what SOPS wrote: %v", o.Object)
	}

	// Someone changes a value that is declared in stringData, and one that is declared in data.
	for i, field := range []string{"password", "token"} {
		c.merge(secretsKind, ns, "s", "someone", `{"data":{"`+field+`":"Zm9v"}}`)
		drifts := d.corrected("sealed-a", i+1)
		if got := c.secret(ns, field); got != canary {
			t.Errorf("%s is %q after the correction", field, got)
		}
		want := map[string]string{"password": "stringData.password", "token": "data.token"}[field]
		if !strings.Contains(fmt.Sprint(drifts), want) {
			t.Errorf("the drifts are %v; want %s among them", drifts, want)
		}
	}

	// Encrypted again for another key, without the old value user and with another password.
	fields = "stringData:\n  password: " + canary + "-2\n"
	rotated := files.with(tree{"sealed-a/objects/all.yaml": secrettest.Encrypt(t, secretDocument(fields), secrettest.Fields, key)})
	d.mustAccept("c2", rotated)
	d.awaitFine("c2")
	if got := c.secret(ns, "password"); got != canary+"-2" {
		t.Errorf("password is %q after the rotation", got)
	}
	if o := c.get(secretsKind, ns, "s"); at(o, "data", "user") != "<nil>" || at(o, "data", "token") != "<nil>" {
		t.Errorf("what is not declared any more is there still: %v", o.Object["data"])
	}
	version := c.get(secretsKind, ns, "s").GetResourceVersion()
	d.silent(log)
	d.stop()

	// Another daemon finds it as it is declared.
	again, log := startUnsealing(t, c.Kubeconfig, key)
	again.mustAccept("c2", rotated)
	again.awaitFine("c2")
	if got := c.get(secretsKind, ns, "s").GetResourceVersion(); got != version {
		t.Errorf("a restart wrote the Secret: version %s became %s", version, got)
	}
	again.mu.Lock()
	for _, r := range again.runs {
		if r.Applied > 0 {
			t.Errorf("a restart applied something: %+v", r)
		}
	}
	again.mu.Unlock()
	again.silent(log)
}

// TestSealedSecretWithoutKey: it is said for whom the Secret is encrypted, and others go on.
func TestSealedSecretWithoutKey(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	key := secrettest.Key(t)
	d, log := startUnsealing(t, c.Kubeconfig)
	files := platform("keyless", sealedProject("keyless-a", secrettest.Encrypt(t, secretDocument("stringData:\n  password: "+canary+"\n"), secrettest.Fields, key)))
	files = files.with(sealedProject("keyless-b", configMap("b", "1")))
	d.mustAccept("c1", files)
	p := d.await("the one without a key to fail and the other to be fine", func(p status.Platform) bool {
		return release(p, "keyless-a").Result == status.Failed && release(p, "keyless-b").Fine()
	})
	if m := release(p, "keyless-a").Message; !strings.Contains(m, key.Recipient().String()) || !strings.Contains(m, "keyless-a-dev/s") {
		t.Errorf("the message is %q; want the Secret and its recipient named", m)
	}
	d.silent(log)
}

// TestSealedSecretIsRefusedByTheServer has the API server refuse what was decrypted, with the value in its message.
func TestSealedSecretIsRefusedByTheServer(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	key := secrettest.Key(t)
	for name, fields := range map[string]string{
		"nobase-a": "data:\n  password: " + canary + "\n",
		"wrong-a":  "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: " + canary + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			d, log := startUnsealing(t, c.Kubeconfig, key)
			d.mustAccept("c1", platform(name, sealedProject(name, secrettest.Encrypt(t, secretDocument(fields), secrettest.Fields, key))))
			d.await("the refusal", func(p status.Platform) bool { return release(p, name).Result == status.Failed })
			d.silent(log)
		})
	}
}

// TestPlainSecretTexts: a Secret in plain is kept as declared also where it is declared as texts.
func TestPlainSecretTexts(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	files := platform("texts", sealedProject("texts-a", secretDocument("stringData: {password: one, user: u}\n")))
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	c.merge(secretsKind, "texts-a-dev", "s", "someone", `{"data":{"password":"Zm9v"}}`)
	d.corrected("texts-a", 1)
	if got := c.secret("texts-a-dev", "password"); got != "one" {
		t.Errorf("password is %q after the correction", got)
	}
	d.mustAccept("c2", files.with(tree{"texts-a/objects/all.yaml": secretDocument("stringData: {password: two}\n")}))
	d.awaitFine("c2")
	if o := c.get(secretsKind, "texts-a-dev", "s"); c.secret("texts-a-dev", "password") != "two" || at(o, "data", "user") != "<nil>" {
		t.Errorf("the Secret has %v; want what is declared", o.Object["data"])
	}
}
