// SPDX-License-Identifier: Apache-2.0

package secrets_test

import (
	"context"
	"errors"
	"hash/crc32"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/flow/secrets"
)

func crcOf(text string) string {
	return strconv.FormatUint(uint64(crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli))), 10)
}

// options are those of a pod of the world. Nobody waits in it.
func (w *world) options() secrets.Options {
	return secrets.Options{
		Transport: &http.Transport{}, Env: func(name string) string { return w.env[name] }, Read: w.read, Now: time.Now,
		Token: func(string) string { return "/token" }, Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

// one reads one secret of a store.
func (w *world) one(s v1alpha1.SecretStore, ref v1alpha1.SecretRef) (string, error) {
	s.Resolve, ref.Store = v1alpha1.ByEntrypoint, "main"
	plan := secretref.Plan{Stores: map[string]v1alpha1.SecretStore{"main": s}, Secrets: map[string]v1alpha1.SecretRef{"PASSWORD": ref}}
	if _, err := secretref.Parse(plan.String()); err != nil {
		w.t.Fatal(err) // the test is of what declarations can say
	}
	got, err := secrets.Read(w.t.Context(), w.options(), plan)
	return got["PASSWORD"], err
}

type ref = v1alpha1.SecretRef

// TestRead: what each provider answers is the value, or the reason why there is none; no error has a value, nor what a server says of it.
func TestRead(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		// store makes the store in the world.
		store func(w *world) v1alpha1.SecretStore
		ref   ref
		want  string
		why   secretref.Reason
	}{
		"AWSKey":      {"A member of a JSON object.", onAWS("aws-secrets-manager"), ref{Name: "orders/db", Key: "password"}, value, ""},
		"AWSNumber":   {"A number is a text in an environment.", onAWS("aws-secrets-manager"), ref{Name: "orders/db", Key: "port"}, "5432", ""},
		"AWSVersion":  {"A stage.", onAWS("aws-secrets-manager"), ref{Name: "orders/db", Key: "password", Version: "AWSPREVIOUS"}, "the one before", ""},
		"AWSNoKey":    {"The object has no such member.", onAWS("aws-secrets-manager"), ref{Name: "orders/db", Key: "pasword"}, "", secretref.NoKey},
		"AWSNull":     {"Null is no value.", onAWS("aws-secrets-manager"), ref{Name: "orders/db", Key: "nothing"}, "", secretref.NoKey},
		"AWSMissing":  {"There is no such secret.", onAWS("aws-secrets-manager"), ref{Name: "orders/none"}, "", secretref.NotFound},
		"AWSDenied":   {"The role may not.", onAWS("aws-secrets-manager"), ref{Name: "orders/denied"}, "", secretref.Denied},
		"AWSThrottle": {"It does not come to its turn.", onAWS("aws-secrets-manager"), ref{Name: "orders/busy"}, "", secretref.Unreachable},
		"AWSOdd":      {"What nobody knows is a refusal.", onAWS("aws-secrets-manager"), ref{Name: "orders/odd"}, "", secretref.Refused},
		"AWSBinary":   {"No variable can have it.", onAWS("aws-secrets-manager"), ref{Name: "orders/binary"}, "", secretref.Unusable},
		"AWSNobody": {"The role of the machine is not that of the pod.", func(w *world) v1alpha1.SecretStore {
			s := onAWS("aws-secrets-manager")(w)
			w.env = map[string]string{}
			return s
		}, ref{Name: "orders/db"}, "", secretref.NoIdentity},
		"AWSOther": {"Someone whom AWS does not know.", func(w *world) v1alpha1.SecretStore {
			s := onAWS("aws-secrets-manager")(w)
			w.env["AWS_SECRET_ACCESS_KEY"] = "another"
			return s
		}, ref{Name: "orders/db"}, "", secretref.NoIdentity},
		"Parameter":        {"A parameter is a text.", onAWS("aws-parameter-store"), ref{Name: "/orders/password"}, value, ""},
		"ParameterVersion": {"Of a version.", onAWS("aws-parameter-store"), ref{Name: "/orders/password", Version: "3"}, "the third", ""},
		"ParameterMissing": {"There is none.", onAWS("aws-parameter-store"), ref{Name: "/orders/none"}, "", secretref.NotFound},
		"ParameterDenied":  {"The role may not.", onAWS("aws-parameter-store"), ref{Name: "/orders/denied"}, "", secretref.Denied},

		"Azure":        {"A secret of a vault.", onAzure("client-1"), ref{Name: "orders-db"}, value, ""},
		"AzureVersion": {"Of a version.", onAzure("client-1"), ref{Name: "orders-db", Version: strings.Repeat("a", 32)}, "an older one", ""},
		"AzureMissing": {"There is none.", onAzure("client-1"), ref{Name: "none"}, "", secretref.NotFound},
		"AzureDenied":  {"The identity may not.", onAzure("client-1"), ref{Name: "denied"}, "", secretref.Denied},
		"AzureOther":   {"An identity that does not trust the account.", onAzure("client-2"), ref{Name: "orders-db"}, "", secretref.NoIdentity},
		"AzureNobody":  {"The cluster gave the pod none.", onAzure(""), ref{Name: "orders-db"}, "", secretref.NoIdentity},

		"Google":         {"The newest version.", onGoogle(true), ref{Name: "orders-db"}, value, ""},
		"GoogleVersion":  {"One by its number.", onGoogle(true), ref{Name: "orders-db", Version: "3"}, "the third", ""},
		"GoogleMissing":  {"There is none.", onGoogle(true), ref{Name: "none"}, "", secretref.NotFound},
		"GoogleDisabled": {"A version that is switched off is not there.", onGoogle(true), ref{Name: "disabled"}, "", secretref.NotFound},
		"GoogleDenied":   {"The account may not.", onGoogle(true), ref{Name: "denied"}, "", secretref.Denied},
		"GoogleChanged":  {"What was changed on its way is not taken.", onGoogle(true), ref{Name: "changed"}, "", secretref.Unreachable},
		"GoogleNobody":   {"The account is nobody there.", onGoogle(false), ref{Name: "orders-db"}, "", secretref.NoIdentity},

		"Vault":        {"A key of a secret.", onVault(v1alpha1.SecretStore{}), ref{Name: "orders/db", Key: "password"}, value, ""},
		"VaultNumber":  {"A number.", onVault(v1alpha1.SecretStore{}), ref{Name: "orders/db", Key: "port"}, "5432", ""},
		"VaultVersion": {"Of a version.", onVault(v1alpha1.SecretStore{}), ref{Name: "orders/db", Key: "password", Version: "2"}, "the second", ""},
		"VaultV1":      {"The older engine.", onVault(v1alpha1.SecretStore{Mount: "old", Engine: v1alpha1.VaultV1}), ref{Name: "orders/db", Key: "password"}, value, ""},
		"VaultEngine":  {"An engine that is another one than declared.", onVault(v1alpha1.SecretStore{Mount: "old"}), ref{Name: "orders/db", Key: "password"}, "", secretref.Refused},
		"VaultNoKey":   {"It has no such key.", onVault(v1alpha1.SecretStore{}), ref{Name: "orders/db", Key: "pasword"}, "", secretref.NoKey},
		"VaultMissing": {"There is none.", onVault(v1alpha1.SecretStore{}), ref{Name: "orders/none", Key: "x"}, "", secretref.NotFound},
		"VaultGone":    {"The version was deleted.", onVault(v1alpha1.SecretStore{}), ref{Name: "orders/gone", Key: "x"}, "", secretref.NotFound},
		"VaultDenied":  {"The role may not.", onVault(v1alpha1.SecretStore{}), ref{Name: "denied", Key: "x"}, "", secretref.Denied},
		"VaultRole":    {"A role that the account does not have.", onVault(v1alpha1.SecretStore{Role: "nobody"}), ref{Name: "orders/db", Key: "password"}, "", secretref.NoIdentity},
		"VaultAway":    {"The token is shown to nobody else.", onVault(v1alpha1.SecretStore{}), ref{Name: "orders/away", Key: "x"}, "", secretref.Refused},
		"VaultStranger": {"A server with a certificate that nobody vouches for is not asked.", func(w *world) v1alpha1.SecretStore {
			s := onVault(v1alpha1.SecretStore{})(w)
			s.CA = ""
			return s
		}, ref{Name: "orders/db", Key: "password"}, "", secretref.Unreachable},
		"VaultNoToken": {"The pod has no token.", func(w *world) v1alpha1.SecretStore {
			w.files = nil
			return onVault(v1alpha1.SecretStore{})(w)
		}, ref{Name: "orders/db", Key: "password"}, "", secretref.NoIdentity},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got, err := w.one(tc.store(w), tc.ref)
			var why secretref.Reason
			if failed, ok := errors.AsType[*secrets.Error](err); ok {
				why = failed.Reason
			} else if err != nil {
				t.Fatal(err)
			}
			if got != tc.want || why != tc.why {
				t.Errorf("%s\ngot %q because of %q (%v), want %q because of %q", tc.reason, got, why, err, tc.want, tc.why)
			}
			if err != nil {
				tells(t, err.Error())
			}
		})
	}
}

// tells wants a text to have neither a value, nor a token, nor what a server said in its own words.
func tells(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{value, jwt, "by the way", "-token"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q has %q", text, secret)
		}
	}
}

func onAWS(p v1alpha1.SecretProvider) func(w *world) v1alpha1.SecretStore {
	return func(w *world) v1alpha1.SecretStore {
		maps.Copy(w.env, map[string]string{"AWS_ACCESS_KEY_ID": "AKIAPOD", "AWS_SECRET_ACCESS_KEY": "key"})
		return v1alpha1.SecretStore{Provider: p, Region: "eu-west-1", Endpoint: w.playAWS()}
	}
}

func onAzure(client string) func(w *world) v1alpha1.SecretStore {
	return func(w *world) v1alpha1.SecretStore {
		at := w.playAzure()
		if client != "" {
			maps.Copy(w.env, map[string]string{
				"AZURE_CLIENT_ID": client, "AZURE_TENANT_ID": "tenant-1", "AZURE_FEDERATED_TOKEN_FILE": "/token", "AZURE_AUTHORITY_HOST": at + "/",
			})
		}
		return v1alpha1.SecretStore{Provider: v1alpha1.AzureKeyVault, URL: at}
	}
}

func onGoogle(known bool) func(w *world) v1alpha1.SecretStore {
	return func(w *world) v1alpha1.SecretStore {
		return v1alpha1.SecretStore{Provider: v1alpha1.GoogleSecretManager, Project: "acme-prod", Endpoint: w.playGoogle(known)}
	}
}

func onVault(s v1alpha1.SecretStore) func(w *world) v1alpha1.SecretStore {
	return func(w *world) v1alpha1.SecretStore {
		s.Provider, s.Auth, s.VaultNamespace = v1alpha1.Vault, "clusters/prod", "acme"
		if s.Role == "" {
			s.Role = "orders"
		}
		s.URL, s.CA = w.playVault()
		return s
	}
}

// TestAskedAgain: a store that does not answer is asked some times, and then it is why; one that refuses is asked once.
func TestAskedAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		busy   int32
		name   string
		why    secretref.Reason
		asked  int32
	}{
		"Twice":   {"It answers at the third attempt.", 2, "orders/db", "", 3},
		"Never":   {"It does not answer.", 100, "orders/db", secretref.Unreachable, 4},
		"Refused": {"Asking again would not help.", 0, "orders/denied", secretref.Denied, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			store := onAWS(v1alpha1.AWSSecretsManager)(w)
			w.busy.Store(tc.busy)
			_, err := w.one(store, ref{Name: tc.name})
			failed, _ := errors.AsType[*secrets.Error](err)
			if got := w.asked.Load(); got != tc.asked || tc.why == "" != (err == nil) || failed != nil && failed.Reason != tc.why {
				t.Errorf("%s\nit was asked %d times, and %v; want %d times, and %q", tc.reason, got, err, tc.asked, tc.why)
			}
		})
	}
}

// TestNobodyThere: a server that is not there is unreachable, and the error says which.
func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	_, err = w.one(v1alpha1.SecretStore{Provider: v1alpha1.Vault, URL: "http://" + at, Role: "orders"}, ref{Name: "orders/db", Key: "password"})
	failed, ok := errors.AsType[*secrets.Error](err)
	if !ok || failed.Reason != secretref.Unreachable || !strings.Contains(err.Error(), at) {
		t.Errorf("got %v", err)
	}
}

// TestSecretsAreReadOnce: a secret of several variables is asked for once, and Vault is told when its token is not needed any more.
func TestSecretsAreReadOnce(t *testing.T) {
	w := newWorld(t)
	store := onVault(v1alpha1.SecretStore{})(w)
	store.Resolve = v1alpha1.ByEntrypoint
	got, err := secrets.Read(t.Context(), w.options(), secretref.Plan{
		Stores: map[string]v1alpha1.SecretStore{"main": store},
		Secrets: map[string]v1alpha1.SecretRef{
			"PASSWORD": {Store: "main", Name: "orders/db", Key: "password"}, "PORT": {Store: "main", Name: "orders/db", Key: "port"},
		},
	})
	if diff := cmp.Diff(map[string]string{"PASSWORD": value, "PORT": "5432"}, got); err != nil || diff != "" {
		t.Errorf("%v; -want +got:\n%s", err, diff)
	}
	if asked := w.asked.Load(); asked != 3 || !w.left.Load() {
		t.Errorf("it was asked %d times, want 3: to sign on, to read and to leave; it was left: %v", asked, w.left.Load())
	}
}
