// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// variable is one of a container's environment.
type variable struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
	From  *from  `json:"valueFrom,omitempty"`
}

type from struct {
	Secret v1alpha1.SecretRef `json:"secretKeyRef"`
}

// renderEnv renders a chart that writes down the environment it is given.
func renderEnv(ctx context.Context, t rapid.TB, w catalog.Workload) ([]variable, error) {
	t.Helper()
	tree := charts(map[string]string{"a": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n" +
		"data: {env: {{ toJson .Values.global.trunkline.workload.env | quote }}}\n"})
	w.Name, w.Blueprint = "a", helmBlueprint("a")
	result, err := render.New(blueprints.FS).Render(ctx, tree, releaseOf(w))
	if err != nil {
		return nil, err
	}
	var env []variable
	if err := json.Unmarshal([]byte(data(t, result.Objects, "c")["env"]), &env); err != nil {
		t.Fatal(err)
	}
	return env, nil
}

// data returns what a ConfigMap holds.
func data(t rapid.TB, objects []*unstructured.Unstructured, name string) map[string]string {
	t.Helper()
	for _, o := range objects {
		if o.GetKind() == "ConfigMap" && o.GetName() == name {
			values, _, err := unstructured.NestedStringMap(o.Object, "data")
			if err != nil {
				t.Fatal(err)
			}
			return values
		}
	}
	t.Fatalf("no ConfigMap %q was rendered", name)
	return nil
}

// given are the variables that a workload without any of its own has.
var given = []variable{
	{Name: "TRUNKLINE_CLUSTER", Value: "prod-eu"},
	{Name: "TRUNKLINE_ENVIRONMENT", Value: "prod"},
	{Name: "TRUNKLINE_PLATFORM", Value: "acme"},
	{Name: "TRUNKLINE_PROJECT", Value: "orders"},
	{Name: "TRUNKLINE_WORKLOAD", Value: "a"},
}

func TestEnvironment(t *testing.T) {
	secret := func(variable, name, key string) map[string]v1alpha1.SecretRef {
		return map[string]v1alpha1.SecretRef{variable: {Name: name, Key: key}}
	}
	refs := func(roles ...string) map[string]catalog.DatasetRef {
		out := map[string]catalog.DatasetRef{}
		for _, role := range roles {
			out[role] = catalog.DatasetRef{ID: "orders/raw@1", URI: "s3://lake/" + role}
		}
		return out
	}
	cases := map[string]struct {
		reason string
		w      catalog.Workload
		want   []variable
		errors []string
	}{
		"Given": {reason: "a program finds out where it is", want: given},
		"Order": {
			reason: "secrets come first, so that a value can be made of them; both are by name",
			w: catalog.Workload{
				Env:     map[string]string{"DB": "postgres://app:$(PASSWORD)@db", "A": ""},
				Secrets: map[string]v1alpha1.SecretRef{"PASSWORD": {Name: "db", Key: "password"}, "KEY": {Name: "api.v2", Key: "_k"}},
			},
			want: slices.Concat([]variable{
				{Name: "KEY", From: &from{v1alpha1.SecretRef{Name: "api.v2", Key: "_k"}}},
				{Name: "PASSWORD", From: &from{v1alpha1.SecretRef{Name: "db", Key: "password"}}},
				{Name: "A"},
				{Name: "DB", Value: "postgres://app:$(PASSWORD)@db"},
			}, given),
		},
		"Both": {
			reason: "one of two values would be lost",
			w:      catalog.Workload{Env: map[string]string{"TOKEN": "x", "A": "b"}, Secrets: secret("TOKEN", "api", "token")},
			errors: []string{`the variable "TOKEN" is in env and in secrets; keep it in one of them`},
		},
		"PrefixOfEnv": {
			reason: "the prefix is Trunkline's, also where it sets nothing yet",
			w:      catalog.Workload{Env: map[string]string{"TRUNKLINE_LOT": "x"}},
			errors: []string{`env: the variable "TRUNKLINE_LOT" begins with TRUNKLINE_, and those are set by Trunkline: give it another name`},
		},
		"PrefixOfSecret": {
			reason: "a secret is no way around",
			w:      catalog.Workload{Secrets: secret("TRUNKLINE_PROJECT", "api", "token")},
			errors: []string{`secrets: the variable "TRUNKLINE_PROJECT" begins with TRUNKLINE_, and those are set by Trunkline: give it another name`},
		},
		"Names": {
			reason: "what the API server would refuse after the merge is refused before, all at once",
			w: catalog.Workload{
				Env: map[string]string{"1\n": "x"},
				Secrets: map[string]v1alpha1.SecretRef{
					"": {Name: "s", Key: "k"}, "KEY": {Name: "s", Key: "../k"}, "NAME": {Name: "other/Secret", Key: "k"},
				},
			},
			errors: []string{
				`env: "1\n" is not a valid variable name: it has letters, digits, '_', '-' and '.', and does not begin with a digit`,
				`secrets: "" is not a valid variable name: it has letters, digits, '_', '-' and '.', and does not begin with a digit`,
				`secrets: the variable "KEY" refers to the key "../k" of the Secret "s": a key has letters, digits, '-', '_' and '.'`,
				`secrets: the variable "NAME" refers to the Secret "other/Secret": a Secret's name has lower-case letters, digits, ` +
					`'-' and '.', and begins and ends with a letter or digit`,
			},
		},
		"Roles": {
			reason: "two roles that give one variable are refused, of all that is read and written",
			w:      catalog.Workload{Reads: refs("a-b", "a.b", "c"), Writes: refs("c", "m.n", "m_n")},
			errors: []string{
				`reads: the roles "a-b" and "a.b" both become the variable TRUNKLINE_READ_A_B: rename one`,
				`writes: the roles "m.n" and "m_n" both become the variable TRUNKLINE_WRITE_M_N: rename one`,
			},
		},
		"ReadAndWrite": {
			reason: "the same role may be read and written",
			w:      catalog.Workload{Reads: refs("main"), Writes: refs("main")},
			want: slices.Concat(given[:4], []variable{
				{Name: "TRUNKLINE_READ_MAIN", Value: "s3://lake/main"}, given[4], {Name: "TRUNKLINE_WRITE_MAIN", Value: "s3://lake/main"},
			}),
		},
		"Identity": {
			reason: "without its service account a pod would run as the namespace's default one",
			w:      catalog.Workload{Identity: "orders-etl"},
			errors: []string{`identity: the release has no service account "orders-etl"`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := renderEnv(t.Context(), t, tc.w)
			wrong := ""
			if len(tc.errors) > 0 {
				wrong = `rendering orders/prod@prod-eu: workload "a" (blueprint a): ` + strings.Join(tc.errors, "; ")
			}
			if diff := cmp.Diff(wrong, text(err)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestEveryVariableOnce: whatever is declared, a process has each variable once and with the value declared, or
// nothing is rendered.
func TestEveryVariableOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(
			rapid.SampledFrom([]string{"A", "B", "TOKEN", "TRUNKLINE_", "TRUNKLINE_READ_RAW", "a b", "true", "null", "1e3", "a=b"}),
			rapid.StringN(0, 8, -1),
		)
		w := catalog.Workload{
			Env:     rapid.MapOfN(name, rapid.String(), 0, 4).Draw(t, "env"),
			Secrets: map[string]v1alpha1.SecretRef{},
			Reads:   map[string]catalog.DatasetRef{"raw": {URI: "s3://lake/raw"}},
		}
		for _, variable := range rapid.SliceOfN(name, 0, 4).Draw(t, "secrets") {
			w.Secrets[variable] = v1alpha1.SecretRef{
				Name: rapid.OneOf(rapid.SampledFrom([]string{"db", "on", "1.0"}), name).Draw(t, "secret"),
				Key:  rapid.OneOf(rapid.SampledFrom([]string{"k", "no", "0x1"}), name).Draw(t, "key"),
			}
		}
		env, err := renderEnv(t.Context(), t, w)
		if err != nil {
			return
		}
		got := map[string]variable{}
		for _, v := range env {
			if _, twice := got[v.Name]; twice {
				t.Fatalf("the variable %q is declared twice", v.Name)
			}
			got[v.Name] = v
		}
		want := map[string]variable{"TRUNKLINE_READ_RAW": {Name: "TRUNKLINE_READ_RAW", Value: "s3://lake/raw"}}
		for _, v := range given {
			want[v.Name] = v
		}
		for name, value := range w.Env {
			want[name] = variable{Name: name, Value: strings.ToValidUTF8(value, "\ufffd")}
		}
		for name, ref := range w.Secrets {
			want[name] = variable{Name: name, From: &from{ref}}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("variables (-want +got):\n%s", diff)
		}
	})
}

// TestKustomizeContext is what a component can take values from.
func TestKustomizeContext(t *testing.T) {
	bp := &catalog.Blueprint{Name: "a", Source: "app", Spec: v1alpha1.BlueprintSpec{Engine: v1alpha1.Kustomize, Parameters: anything}}
	fields := []string{
		"data.serviceAccount", "data.[env.MODE]", "data.[secret.TOKEN]", "data.[env.TRUNKLINE_WORKLOAD]",
	}
	component := "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [c.yaml, cron.yaml]\nreplacements:\n" +
		"- source: {kind: ConfigMap, name: trunkline, fieldPath: data.suspend}\n" +
		"  targets: [{select: {kind: CronJob}, fieldPaths: [spec.suspend]}]\n"
	for _, field := range fields {
		component += "- source: {kind: ConfigMap, name: trunkline, fieldPath: '" + field + "'}\n" +
			"  targets: [{select: {kind: ConfigMap, name: c}, fieldPaths: ['" + field + "'], options: {create: true}}]\n"
	}
	tree := fstest.MapFS{
		"app/kustomization.yaml": {Data: []byte(component)},
		"app/c.yaml":             {Data: []byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {}\n")},
		"app/cron.yaml":          {Data: []byte("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: j}\nspec: {suspend: false}\n")},
	}
	rel := releaseOf(catalog.Workload{
		Name: "a", Blueprint: bp, Identity: "orders-etl", Suspend: true, Env: map[string]string{"MODE": "fast"},
		Secrets: map[string]v1alpha1.SecretRef{"TOKEN": {Name: "api", Key: "token"}},
	})
	rel.Accounts = append(rel.Accounts, catalog.Account{Name: "orders-etl"})
	result, err := render.New(blueprints.FS).Render(t.Context(), tree, rel)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"serviceAccount": "orders-etl", "env.MODE": "fast", "secret.TOKEN": "api/token", "env.TRUNKLINE_WORKLOAD": "a",
	}
	if diff := cmp.Diff(want, data(t, result.Objects, "c")); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	last := result.Objects[len(result.Objects)-1]
	if diff := cmp.Diff(map[string]any{"suspend": true}, last.Object["spec"]); last.GetKind() != "CronJob" || diff != "" {
		t.Errorf("the spec of the %s (-want +got):\n%s", last.GetKind(), diff)
	}
}

// TestAccounts: each identity is a service account of its own, whom the environment says it is.
func TestAccounts(t *testing.T) {
	rel := releaseOf()
	rel.Accounts = []catalog.Account{
		{Name: "orders"}, {Name: "orders-etl", Annotations: map[string]string{"example.com/role": "etl-prod"}},
	}
	result, err := render.New(blueprints.FS).Render(t.Context(), fstest.MapFS{}, rel)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]string{}
	for _, o := range result.Objects {
		if o.GetKind() != "ServiceAccount" {
			continue
		}
		got[o.GetName()] = o.GetAnnotations()
		if o.Object["automountServiceAccountToken"] != false || o.GetNamespace() != rel.Namespace || o.GetLabels()[render.LabelProject] != "orders" {
			t.Errorf("%s: got %v, want one of the release's namespace and labels, without a token", o.GetName(), o.Object)
		}
	}
	want := map[string]map[string]string{"orders": nil, "orders-etl": {"example.com/role": "etl-prod"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("service accounts (-want +got):\n%s", diff)
	}
}
