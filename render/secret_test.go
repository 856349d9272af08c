// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/render/kinds"
	"trunkline.dev/trunkline/test/cached"
)

var updateSecrets = flag.Bool("update-secrets", false, "write the objects of stores of secrets again")

// stores are one of each provider, for a way to read them.
func stores(by v1alpha1.SecretResolver) map[string]v1alpha1.SecretStore {
	out := map[string]v1alpha1.SecretStore{
		"aws":    {Provider: v1alpha1.AWSSecretsManager, Region: "eu-west-1"},
		"params": {Provider: v1alpha1.AWSParameterStore, Region: "eu-west-1"},
		"azure":  {Provider: v1alpha1.AzureKeyVault, URL: "https://acme.vault.azure.net"},
		"china":  {Provider: v1alpha1.AzureKeyVault, URL: "https://acme.vault.azure.cn"},
		"google": {Provider: v1alpha1.GoogleSecretManager, Project: "acme-prod"},
		"vault":  {Provider: v1alpha1.Vault, URL: "https://vault.acme.example:8200", Role: "orders-prod"},
		"old": {
			Provider: v1alpha1.Vault, URL: "https://old.acme.example", Role: "orders", Mount: "teams/kv", Engine: v1alpha1.VaultV1, Auth: "clusters/prod",
			Audience: "https://old.acme.example", VaultNamespace: "acme", CA: "-----BEGIN CERTIFICATE-----\n…",
		},
	}
	for name, s := range out {
		if s.Resolve = by; by == v1alpha1.ByCSI {
			s.CA = "" // it is the driver's to have
			if s.Provider == v1alpha1.AzureKeyVault {
				s.Tenant = "01234567-89ab-cdef-0123-456789abcdef"
			}
		}
		out[name] = s
	}
	delete(out, map[bool]string{true: "old"}[by == v1alpha1.ByEntrypoint]) // its certificates are none, which a pod would refuse
	return out
}

// references are secrets of each store.
func references() map[string]v1alpha1.SecretRef {
	return map[string]v1alpha1.SecretRef{
		"AWS": {Store: "aws", Name: "orders/db", Key: "password"}, "AWS_WHOLE": {Store: "aws", Name: "orders/db", Version: "AWSPREVIOUS"},
		"AWS_ID": {Store: "aws", Name: "orders/db", Version: "01234567-89ab-cdef-0123-456789abcdef"}, "PARAM": {Store: "params", Name: "/orders/password", Version: "3"},
		"AZURE": {Store: "azure", Name: "orders-db"}, "CHINA": {Store: "china", Name: "orders-db"}, "GOOGLE": {Store: "google", Name: "orders-db", Version: "7"},
		"VAULT": {Store: "vault", Name: "orders/db", Key: "password", Version: "2"}, "OLD": {Store: "old", Name: "orders/db", Key: "password"},
		"CLUSTER": {Name: "db", Key: "password"},
	}
}

// withSecrets is a release with a workload that has secrets.
func withSecrets(t *testing.T, by v1alpha1.SecretResolver, change func(w *catalog.Workload)) catalog.Release {
	t.Helper()
	w := catalog.Workload{
		Name: "load", Blueprint: embedded(t, "container-job"), Image: "orders:1", Command: []string{"./load", "--all"}, Identity: "orders", Secrets: references(),
		SecretStores: stores(by), LotImage: "lot:1", Size: v1alpha1.Size{CPU: "1", Memory: "1Gi"},
	}
	for variable, ref := range w.Secrets {
		if _, has := w.SecretStores[ref.Store]; ref.Store != "" && !has {
			delete(w.Secrets, variable)
		}
	}
	if change != nil {
		change(&w)
	}
	return catalog.Release{
		ID: catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "one"}, Platform: "acme", Namespace: "orders-prod",
		Accounts: []catalog.Account{{Name: "orders", Annotations: map[string]string{v1alpha1.AnnotationAzure: "fedcba98-7654-3210-fedc-ba9876543210"}}, {Name: "plain"}}, Workloads: []catalog.Workload{w},
	}
}

// embedded is a blueprint of the library.
func embedded(t *testing.T, name string) *catalog.Blueprint {
	t.Helper()
	c, problems, err := catalog.Load(os.DirFS("testdata/secrets/platform"), blueprints.FS)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	return c.Blueprints[name]
}

// TestObjectsOfStores: what the cluster is told, by goldens. No value is known, so that none can be in them.
func TestObjectsOfStores(t *testing.T) {
	for _, by := range []v1alpha1.SecretResolver{v1alpha1.ByExternalSecrets, v1alpha1.ByCSI, v1alpha1.ByEntrypoint} {
		out, err := render.New(blueprints.FS).Render(t.Context(), os.DirFS(t.TempDir()), withSecrets(t, by, nil))
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		for _, o := range out.Objects {
			if o.GetKind() == "Namespace" || o.GetKind() == "ServiceAccount" {
				continue
			}
			data, err := yaml.Marshal(o.Object)
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString("---\n")
			got.Write(data)
		}
		golden := filepath.Join("testdata", "secrets", string(by)+".yaml")
		if *updateSecrets {
			if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", by, diff)
		}
	}
}

// TestAnotherReferenceIsAnotherSecret: a pod whose reference changes does not start with the value that it had before.
func TestAnotherReferenceIsAnotherSecret(t *testing.T) {
	of := func(change func(w *catalog.Workload)) map[string]bool {
		out, err := render.New(blueprints.FS).Render(t.Context(), os.DirFS(t.TempDir()), withSecrets(t, v1alpha1.ByExternalSecrets, change))
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, o := range out.Objects {
			if o.GetKind() == "ExternalSecret" || o.GetKind() == "Job" {
				names[o.GetKind()+" "+o.GetName()] = true
			}
		}
		return names
	}
	before := of(nil)
	after := of(func(w *catalog.Workload) {
		w.Secrets["VAULT"] = v1alpha1.SecretRef{Store: "vault", Name: "orders/db", Key: "password", Version: "3"}
	})
	var changed []string
	for name := range before {
		if !after[name] {
			kind, _, _ := strings.Cut(name, "-")
			changed = append(changed, kind)
		}
	}
	slices.Sort(changed)
	if diff := cmp.Diff([]string{"ExternalSecret load.vault", "Job load"}, changed); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestOperatorAccepts holds the objects for the External Secrets Operator to its own definitions, as an API server would.
func TestOperatorAccepts(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the definitions of the External Secrets Operator; left out by -short")
	}
	folder, err := cached.Path("deploy/github.com/external-secrets/external-secrets/config/crds/bases", "prometheus-operator")
	if err != nil {
		t.Fatal(err)
	}
	var on kinds.Cluster
	for _, file := range []string{"external-secrets.io_externalsecrets.yaml", "external-secrets.io_secretstores.yaml"} {
		data, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		data, err = yaml.YAMLToJSON(data)
		if err != nil {
			t.Fatal(err)
		}
		o := &unstructured.Unstructured{}
		if err := o.UnmarshalJSON(data); err != nil {
			t.Fatal(err)
		}
		on.Definitions.Add(o.Object)
	}
	out, err := render.New(blueprints.FS).Render(t.Context(), os.DirFS(t.TempDir()), withSecrets(t, v1alpha1.ByExternalSecrets, nil))
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]int{}
	for _, o := range out.Objects {
		if o.GroupVersionKind().Group != "external-secrets.io" {
			continue
		}
		held[o.GetKind()]++
		for _, fault := range kinds.Check(o.Object, on) {
			t.Errorf("%s %s: %v: %s", o.GetKind(), o.GetName(), fault.Path, fault.Message)
		}
		broken := o.DeepCopy()
		spec, _ := broken.Object["spec"].(map[string]any)
		spec["unheardOf"] = true
		if len(kinds.Check(broken.Object, on)) == 0 {
			t.Errorf("%s is held to nothing", o.GetKind())
		}
	}
	if held["ExternalSecret"] != 7 || held["SecretStore"] != 7 {
		t.Errorf("there are %v", held)
	}
}

// TestEntryPoint: a pod gets the program, the references and a token for Vault, and starts its program by them.
func TestEntryPoint(t *testing.T) {
	out, err := render.New(blueprints.FS).Render(t.Context(), os.DirFS(t.TempDir()), withSecrets(t, v1alpha1.ByEntrypoint, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range out.Objects {
		if o.GetKind() != "Job" {
			continue
		}
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		c, _ := containers[0].(map[string]any)
		if diff := cmp.Diff([]any{secretref.Program, "secrets", "exec", "--", "./load", "--all"}, c["command"]); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		env, _ := c["env"].([]any)
		for _, v := range env {
			entry, _ := v.(map[string]any)
			if entry["name"] != any(secretref.Variable) {
				continue
			}
			text, _ := entry["value"].(string)
			plan, err := secretref.Parse(text)
			if err != nil || len(plan.Secrets) != 8 || plan.Secrets["VAULT"].Name != "orders/db" {
				t.Errorf("the pod is told %s, %v", text, err)
			}
			return
		}
	}
	t.Error("no pod is told anything")
}

// TestSecretsThatCannotBe: what would fail in the pod is refused before.
func TestSecretsThatCannotBe(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		change func(w *catalog.Workload)
		want   string
		by     v1alpha1.SecretResolver
	}{
		"NoCommand": {"What is started after is not known.", func(w *catalog.Workload) { w.Command = nil }, "the workload has no command", ""},
		"MadeOf":    {"Kubernetes puts values together before there is a pod.", func(w *catalog.Workload) { w.Env = map[string]string{"URL": "db://$(VAULT)@db"} }, `the variable "URL" is made of $(VAULT)`, ""},
		"Argument":  {"Also arguments.", func(w *catalog.Workload) { w.Command = []string{"load", "$(AZURE)"} }, "an argument is made of $(AZURE)", ""},
		"NoStore":   {"A store that is not there.", func(w *catalog.Workload) { delete(w.SecretStores, "vault") }, `refers to the store "vault", which the environment does not have`, ""},
		"NoPod": {"A blueprint whose pods know nothing of it.", func(w *catalog.Workload) {
			w.Blueprint = &catalog.Blueprint{Name: "own", Spec: v1alpha1.BlueprintSpec{Engine: v1alpha1.Helm}, Source: "own"}
		}, `the blueprint makes none that does`, ""},
		"NoVolume": {"A blueprint whose pods mount nothing, of which the driver hears nothing.", func(w *catalog.Workload) {
			w.Blueprint = &catalog.Blueprint{Name: "own", Spec: v1alpha1.BlueprintSpec{Engine: v1alpha1.Helm}, Source: "own"}
		}, `are read when a pod mounts them`, v1alpha1.ByCSI},
		"NoIdentity": {"An account that is nobody for Azure: the driver would ask as something else.", func(w *catalog.Workload) { w.Identity = "plain" }, `as the identity of Azure of the account "plain", which has none`, v1alpha1.ByCSI},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{"own/Chart.yaml": "apiVersion: v2\nname: own\nversion: 1.0.0\n", "own/templates/pod.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"} {
				if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			by := tc.by
			if by == "" {
				by = v1alpha1.ByEntrypoint
			}
			_, err := render.New(blueprints.FS).Render(t.Context(), os.DirFS(dir), withSecrets(t, by, tc.change))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\ngot %v, want %q", tc.reason, err, tc.want)
			}
		})
	}
}
