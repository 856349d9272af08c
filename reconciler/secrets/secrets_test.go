// SPDX-License-Identifier: Apache-2.0

package secrets_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/secrets/secrettest"
)

const canary = "c4n4ry-hunter2"

const plain = `apiVersion: v1
kind: Secret
metadata:
  name: s
type: Opaque
stringData:
  # a comment
  password: ` + canary + `
  empty: ""
data:
  token: YzRuNHJ5
`

var orders = secrets.Release{Project: "orders", Environment: "prod"}

func object(t *testing.T, document string) *unstructured.Unstructured {
	t.Helper()
	o := map[string]any{}
	if err := yaml.Unmarshal([]byte(document), &o); err != nil {
		t.Fatal(err)
	}
	return &unstructured.Unstructured{Object: o}
}

func withKey(scope secrets.Scope, ids ...age.Identity) *secrets.Decrypter {
	return &secrets.Decrypter{Age: []secrets.AgeKeys{{Scope: scope, Identities: ids}}}
}

// rendered does to an object what rendering does.
func rendered(o *unstructured.Unstructured) {
	o.SetNamespace("orders-prod")
	o.SetLabels(map[string]string{"app.kubernetes.io/managed-by": "trunkline"})
}

func TestOpen(t *testing.T) {
	key, other := secrettest.Key(t), secrettest.Key(t)
	for _, test := range []struct {
		reason, document string
	}{
		{"data and stringData are encrypted", secrettest.Encrypt(t, plain, secrettest.Fields, key)},
		{"one of several keys is enough", secrettest.Encrypt(t, plain, secrettest.Fields, other, key)},
		{"the mac covers what is encrypted only", secrettest.Encrypt(t, plain, secrettest.Options{EncryptedRegex: "^(data|stringData)$", MACOnlyEncrypted: true}, key)},
		{"all but what Trunkline has to read is encrypted", secrettest.Encrypt(t, plain, secrettest.Options{UnencryptedRegex: "^(apiVersion|kind|metadata)$"}, key)},
		{"it is in plain", plain},
	} {
		t.Run(test.reason, func(t *testing.T) {
			o := object(t, test.document)
			rendered(o)
			before := o.DeepCopy()
			got, err := withKey("", secrettest.Key(t), key).Open(t.Context(), orders, o)
			if err != nil {
				t.Fatal(err)
			}
			want := object(t, plain)
			rendered(want)
			if diff := cmp.Diff(want.Object, got.Object); diff != "" {
				t.Errorf("the object (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before.Object, o.Object); diff != "" {
				t.Errorf("what was given has changed (-before +after):\n%s", diff)
			}
		})
	}
}

// TestOpenRefuses holds every refusal to a clear message, which tells nothing of the values.
func TestOpenRefuses(t *testing.T) {
	key := secrettest.Key(t)
	set := func(v any, path ...string) func(o map[string]any) {
		return func(o map[string]any) {
			if err := unstructured.SetNestedField(o, v, path...); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		reason string
		opts   secrettest.Options
		change func(o map[string]any)
		with   *secrets.Decrypter
		want   string
	}{
		{"no keys", secrettest.Fields, nil, &secrets.Decrypter{}, "encrypted for age " + key.Recipient().String()},
		{"another's key", secrettest.Fields, nil, withKey("", secrettest.Key(t)), "has no key for it in orders/prod"},
		{"a key for another project", secrettest.Fields, nil, withKey("billing/*", key), "has no key for it in orders/prod"},
		{"a key for another environment", secrettest.Fields, nil, withKey("*/dev", key), "has no key for it in orders/prod"},
		{"a value was changed", secrettest.Fields, func(o map[string]any) {
			table := o["stringData"].(map[string]any)
			v := table["password"].(string)
			table["password"] = v[:20] + map[bool]string{true: "B", false: "A"}[v[20] == 'A'] + v[21:]
		}, nil, "stringData.password cannot be decrypted"},
		{"a value was moved", secrettest.Fields, func(o map[string]any) {
			table := o["stringData"].(map[string]any)
			table["moved"] = table["password"]
		}, nil, "stringData.moved cannot be decrypted"},
		{"a value in plain was put among them", secrettest.Fields, set(canary, "stringData", "more"), nil, "stringData.more is not encrypted"},
		{"a number was put among them", secrettest.Fields, set(int64(5), "stringData", "more"), nil, "stringData.more is not encrypted"},
		{"the time was changed", secrettest.Fields, set("2020-01-01T00:00:00Z", "sops", "lastmodified"), nil, "do not belong together"},
		{"the mac was emptied", secrettest.Fields, set("", "sops", "mac"), nil, "do not belong together"},
		{"the name is encrypted", secrettest.Options{EncryptedRegex: "^(name|stringData)$"}, nil, nil, "has an encrypted metadata.name"},
		{"all of it is encrypted", secrettest.Options{}, set("v1", "apiVersion"), nil, ""},
		{"it names no keys", secrettest.Fields, set([]any{}, "sops", "age"), nil, "names no key"},
		{"it has key groups", secrettest.Fields, set([]any{map[string]any{}}, "sops", "key_groups"), nil, "several key groups"},
		{"a field is of the wrong type", secrettest.Fields, set(canary, "sops", "age"), nil, "of the wrong type"},
		{"the pattern is none", secrettest.Fields, set("(", "sops", "encrypted_regex"), nil, "is not valid"},
		{"two rules", secrettest.Fields, set("_x", "sops", "encrypted_suffix"), nil, "more than one rule"},
		{"plain data is not in base64", secrettest.Options{EncryptedRegex: "^stringData$"}, set(canary, "data", "token"), nil, "data.token is not in base64"},
		{"a huge part", secrettest.Fields, set(strings.Repeat("x", 2<<20), "sops", "more"), nil, "more than 1024 KiB"},
		{"a huge value", secrettest.Fields, set("ENC[AES256_GCM,data:"+strings.Repeat("A", 3<<20), "data", "token"), nil, "more than 2000 encrypted values, or 2 MiB"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			o := object(t, secrettest.Encrypt(t, plain, test.opts, key))
			if test.change != nil {
				test.change(o.Object)
			}
			d := test.with
			if d == nil {
				d = withKey("orders/*", key)
			}
			got, err := d.Open(t.Context(), orders, o)
			if test.want == "" {
				// It is no Secret any more, and so is none of ours; rendering refuses it.
				if err != nil || got != o {
					t.Fatalf("got %v, %v; want the object as it is", got, err)
				}
				return
			}
			var e *secrets.Error
			if !errors.As(err, &e) || e.Transient || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v; want a terminal one with %q", err, test.want)
			}
			if strings.Contains(err.Error(), canary) || got != nil {
				t.Errorf("the error or the result tells of a value: %v, %v", err, got)
			}
		})
	}
}

// TestKeysAreReplaced: what a configuration says later counts with the next Secret, and what it does not say any more does not.
func TestKeysAreReplaced(t *testing.T) {
	key, next := secrettest.Key(t), secrettest.Key(t)
	d := withKey("", key)
	opens := func(by *age.X25519Identity) bool {
		o := object(t, secrettest.Encrypt(t, plain, secrettest.Fields, by))
		rendered(o)
		_, err := d.Open(t.Context(), orders, o)
		return err == nil
	}
	if !opens(key) || opens(next) {
		t.Fatal("the keys are not those that it was given")
	}
	d.Replace(withKey("", next))
	if opens(key) || !opens(next) {
		t.Error("the keys are not those that replaced them")
	}
}

// TestTypes has values that are no texts: numbers cannot be in a Secret, and the library's error would repeat them.
func TestTypes(t *testing.T) {
	key := secrettest.Key(t)
	number := "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {port: 5432123}\n"
	_, err := withKey("", key).Open(t.Context(), orders, object(t, secrettest.Encrypt(t, number, secrettest.Fields, key)))
	if err == nil || !strings.Contains(err.Error(), "stringData.port is neither") || strings.Contains(err.Error(), "5432123") {
		t.Errorf("error %v; want the field named and not its value", err)
	}
}

// TestEnvironmentIsNotRead has keys where the library would look for them.
func TestEnvironmentIsNotRead(t *testing.T) {
	key := secrettest.Key(t)
	t.Setenv("SOPS_AGE_KEY", key.String())
	t.Setenv("SOPS_AGE_KEY_CMD", "echo "+key.String())
	o := object(t, secrettest.Encrypt(t, plain, secrettest.Fields, key))
	if _, err := new(secrets.Decrypter).Open(t.Context(), orders, o); err == nil {
		t.Error("a key was taken from the environment")
	}
}

func TestParseAgeKeys(t *testing.T) {
	key := secrettest.Key(t)
	for _, test := range []struct{ reason, file, want string }{
		{"as age-keygen writes it", "# created: now\n# public key: x\n" + key.String() + "\n", ""},
		{"nothing", "# nothing\n", "contains no private key"},
		{"a plugin's", "AGE-PLUGIN-YUBIKEY-1QQQQQQQQQQQQ\n", "line 1 is not a private key"},
		{"a typo", key.String() + "\n" + key.String()[:30] + "\n", "line 2 is not a private key"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			ids, err := secrets.ParseAgeKeys(test.file)
			if test.want == "" {
				if err != nil || len(ids) != 1 {
					t.Fatalf("%d keys, error %v; want one", len(ids), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), key.String()[:30]) {
				t.Errorf("error %v; want %q and nothing of the file", err, test.want)
			}
		})
	}
}

// FuzzOpen returns objects that anybody may have written. Nothing panics, and no error repeats what was in plain.
func FuzzOpen(f *testing.F) {
	key := secrettest.Key(f)
	seed := secrettest.Encrypt(f, plain, secrettest.Fields, key)
	data, err := yaml.YAMLToJSON([]byte(seed))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"a":"ENC[AES256_GCM,data:,iv:,tag:,type:]"},"sops":{"mac":"","lastmodified":""}}`))
	d := withKey("", key)
	f.Fuzz(func(t *testing.T, data []byte) {
		var o unstructured.Unstructured
		if json.Unmarshal(data, &o) != nil || o.Object == nil {
			return
		}
		o.Object = runtime.DeepCopyJSON(o.Object)
		got, err := d.Open(t.Context(), orders, &o)
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("the error tells of a value: %v", err)
		}
		if (got == nil) == (err == nil) {
			t.Errorf("got %v and error %v", got, err)
		}
	})
}
