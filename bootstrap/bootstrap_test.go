// SPDX-License-Identifier: Apache-2.0

package bootstrap_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/bootstrap"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/scaffold"
)

const image = "ghcr.io/trunkline-dev/trunkline:v1.2.3"

// usual is what most platforms begin with.
func usual() bootstrap.Input {
	return bootstrap.Input{
		Platform: "acme", Cluster: "main", Projects: "dev", Owner: "team-platform", Image: image, Replicas: 2,
		Repository: bootstrap.Repository{URL: "git@github.com:acme/data.git", Branch: "main", Folder: ".", Access: bootstrap.DeployKey, Username: "git"},
		Recipients: []string{"age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq"},
	}
}

func with(change func(*bootstrap.Input)) bootstrap.Input {
	in := usual()
	change(&in)
	return in
}

// encrypted stands for the Secrets of an input; nothing decrypts them here.
func encrypted(in bootstrap.Input) (out []bootstrap.File) {
	for _, name := range slices.Sorted(maps.Keys(in.Secrets())) {
		out = append(out, bootstrap.File{Path: in.Secrets()[name], Data: []byte(fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata: {name: %s, annotations: {trunkline.dev/prune: disabled}}
stringData: {value: "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]"}
sops: {age: [{recipient: age1, enc: x}], lastmodified: "2026-01-01T00:00:00Z", mac: "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]", encrypted_regex: ^(data|stringData)$, version: 3.13.3}
`, name))})
	}
	return out
}

// written is the tree after a plan was carried out.
func written(tree fstest.MapFS, p bootstrap.Plan) fstest.MapFS {
	out := maps.Clone(tree)
	if out == nil {
		out = fstest.MapFS{}
	}
	for _, f := range slices.Concat(p.New, p.Changed) {
		out[f.Path] = &fstest.MapFile{Data: f.Data}
	}
	for _, name := range p.Gone {
		delete(out, name)
	}
	return out
}

// failing is what a test and a check of rapid have.
type failing interface {
	Helper()
	Fatal(...any)
}

func declared(t failing, tree fs.FS) *catalog.Catalog {
	t.Helper()
	if _, err := fs.Stat(tree, catalog.PlatformFile); err != nil {
		return nil
	}
	c, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatal(problems, err)
	}
	return c
}

// begun is a platform that was begun.
func begun(t *testing.T, in bootstrap.Input) fstest.MapFS {
	t.Helper()
	p, err := bootstrap.Compare(fstest.MapFS{}, nil, in, encrypted(in))
	if err != nil {
		t.Fatal(err)
	}
	return written(nil, p)
}

func objects(t *testing.T, tree fs.FS) (*catalog.Catalog, []*unstructured.Unstructured) {
	t.Helper()
	e, err := evaluate.Head(t.Context(), evaluate.Input{
		Tree: tree, Library: blueprints.FS, Renderer: render.New(blueprints.FS), Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Thorough: true, Runs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if problems := e.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
	rendered, ok := e.Rendered(usual().Release())
	if !ok || rendered.Err != nil {
		t.Fatal("the daemon is not rendered:", rendered.Err)
	}
	out, err := rendered.Objects.Unpack()
	if err != nil {
		t.Fatal(err)
	}
	return e.Catalog(), out
}

// TestBegun: whatever a platform begins with, it is valid without a warning; the daemon is a release of it, in a namespace of its own, with a configuration that it
// can read and without any rights; and what is read back is what it began with.
func TestBegun(t *testing.T) {
	for reason, tt := range map[string]struct {
		in      bootstrap.Input
		secrets []string
		config  func(*v1alpha1.DaemonConfiguration) any
		want    any
	}{
		"over ssh": {
			usual(),
			[]string{"trunkline-git", "trunkline-tokens"},
			func(d *v1alpha1.DaemonConfiguration) any {
				return []string{d.Spec.Repository.KeyFile, d.Spec.Repository.KnownHostsFile}
			},
			[]string{"/etc/trunkline/secrets/trunkline-git/identity", "/etc/trunkline/secrets/trunkline-git/known_hosts"},
		},
		"over https with a password": {
			with(func(in *bootstrap.Input) {
				in.Repository.URL, in.Repository.Access = "https://git.example.com/data.git", bootstrap.Password
			}),
			[]string{"trunkline-git", "trunkline-tokens"},
			func(d *v1alpha1.DaemonConfiguration) any {
				return []string{d.Spec.Repository.Username, d.Spec.Repository.PasswordFile}
			},
			[]string{"git", "/etc/trunkline/secrets/trunkline-git/password"},
		},
		"with an App of GitHub, in a folder": {
			with(func(in *bootstrap.Input) {
				in.Repository = bootstrap.Repository{URL: "https://github.com/acme/data.git", Branch: "trunk", Folder: "deploy/data", Access: bootstrap.Open}
				in.GitHub = &bootstrap.GitHub{Repository: "acme/data", AppID: 42, PublicURL: "https://trunkline.example.com", Hook: true}
			}),
			[]string{"trunkline-github", "trunkline-tokens"},
			func(d *v1alpha1.DaemonConfiguration) any {
				return []any{d.Spec.Repository.Folder, d.Spec.Repository.Branch, d.Spec.GitHub.AppID, d.Spec.GitHub.AppKeyFile, d.Spec.Serve.HookSecretFile}
			},
			[]any{"deploy/data", "trunk", 42, "/etc/trunkline/secrets/trunkline-github/app.pem", "/etc/trunkline/secrets/trunkline-github/hook"},
		},
		"a single replica without projects": {
			with(func(in *bootstrap.Input) {
				in.Replicas, in.Projects, in.Image = 1, "", "registry.example.com:5000/t@sha256:"+strings.Repeat("a1", 32)
			}),
			[]string{"trunkline-git", "trunkline-tokens"},
			func(d *v1alpha1.DaemonConfiguration) any {
				return []string{d.Spec.Replicas.Home, d.Spec.Replicas.Group, string(d.Spec.History.Store)}
			},
			[]string{"main", "acme", ""},
		},
		"with values of its own, that cannot take it out of its place": {
			with(func(in *bootstrap.Input) {
				in.Values = map[string]any{
					"namespace": "kube-system", "keep": false, "rbac": map[string]any{"create": true},
					"config": map[string]any{"repository": map[string]any{"poll": "5m"}},
				}
			}),
			[]string{"trunkline-git", "trunkline-tokens"},
			func(d *v1alpha1.DaemonConfiguration) any { return time.Duration(d.Spec.Repository.Poll) },
			5 * time.Minute,
		},
	} {
		t.Run(reason, func(t *testing.T) {
			if err := tt.in.Check(); err != nil {
				t.Fatal(err)
			}
			c, found := objects(t, begun(t, tt.in))
			var secrets []string
			for _, o := range found {
				if gvk := o.GroupVersionKind(); gvk.Group == "rbac.authorization.k8s.io" {
					t.Errorf("the release has the %s %s: the daemon would give itself rights", o.GetKind(), o.GetName())
				}
				if ns := o.GetNamespace(); ns != bootstrap.Namespace && o.GetKind() != "Namespace" {
					t.Errorf("the %s %s is in %q", o.GetKind(), o.GetName(), ns)
				}
				kept := slices.Contains([]string{"Secret", "ConfigMap", "StatefulSet"}, o.GetKind()) || o.GetKind() == "ServiceAccount" && o.GetName() == "trunkline"
				if kept != (o.GetAnnotations()["trunkline.dev/prune"] == "disabled") {
					t.Errorf("the %s %s has the annotations %v, is kept: %v", o.GetKind(), o.GetName(), o.GetAnnotations(), kept)
				}
				switch o.GetKind() {
				case "Secret":
					secrets = append(secrets, o.GetName())
				case "ConfigMap":
					text, _, _ := unstructured.NestedString(o.Object, "data", "daemon.yaml")
					doc, problems := v1alpha1.DecodeDaemonConfiguration("daemon.yaml", []byte(text))
					if len(problems) > 0 {
						t.Fatal(problems)
					}
					d := doc.Object.(*v1alpha1.DaemonConfiguration)
					if d.Spec.Repository.URL != tt.in.Repository.URL || len(d.Spec.SOPS.AgeKeyFiles) != 1 || !strings.HasPrefix(d.Spec.SOPS.AgeKeyFiles[0], "trunkline/platform=") {
						t.Errorf("the daemon is configured with %s", text)
					}
					if diff := cmp.Diff(tt.want, tt.config(d)); diff != "" {
						t.Errorf("the configuration (-want +got):\n%s", diff)
					}
				case "StatefulSet":
					containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
					if got := containers[0].(map[string]any)["image"]; got != tt.in.Image {
						t.Errorf("it runs %v", got)
					}
				}
			}
			slices.Sort(secrets)
			if diff := cmp.Diff(tt.secrets, secrets); diff != "" {
				t.Errorf("the Secrets (-want +got):\n%s", diff)
			}
			again, is, err := bootstrap.Declared(c)
			if err != nil || !is {
				t.Fatalf("it is not the daemon: %v", err)
			}
			if diff := cmp.Diff(tt.in, again, cmpopts.IgnoreFields(bootstrap.Input{}, "Projects", "Recipients", "Values"), cmpopts.IgnoreFields(bootstrap.Repository{}, "Username")); diff != "" {
				t.Errorf("read again (-began +is):\n%s", diff)
			}
		})
	}
}

// TestRights: the daemon's are made by the chart in the platform, by the values that the project has.
func TestRights(t *testing.T) {
	in := with(func(in *bootstrap.Input) {
		in.Values = map[string]any{"rbac": map[string]any{"extraRules": []any{map[string]any{"apiGroups": []any{"example.com"}, "resources": []any{"things"}, "verbs": []any{"list", "watch"}}}}}
	})
	tree := begun(t, in)
	rights, err := bootstrap.Rights(t.Context(), tree, declared(t, tree))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, o := range rights {
		who := ""
		if subjects, ok, _ := unstructured.NestedSlice(o.Object, "subjects"); ok {
			subject := subjects[0].(map[string]any)
			who = fmt.Sprint(subject["namespace"], "/", subject["name"])
		}
		if strings.Contains(fmt.Sprint(o.Object["rules"]), "example.com") {
			who += "with more"
		}
		got[o.GetKind()+" "+o.GetNamespace()+"/"+o.GetName()] = who
	}
	if diff := cmp.Diff(map[string]string{
		"ClusterRole /trunkline": "with more", "ClusterRole /trunkline-deployer": "", "ClusterRoleBinding /trunkline": "trunkline-platform/trunkline",
		"Role trunkline-system/trunkline": "", "RoleBinding trunkline-system/trunkline": "trunkline-platform/trunkline",
	}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestCompare decides what becomes of files.
func TestCompare(t *testing.T) {
	type change func(fstest.MapFS)
	set := func(path, text string) change {
		return func(tree fstest.MapFS) { tree[path] = &fstest.MapFile{Data: []byte(text)} }
	}
	remove := func(path string) change { return func(tree fstest.MapFS) { delete(tree, path) } }
	replace := func(path, old, now string) change {
		return func(tree fstest.MapFS) {
			text := string(tree[path].Data)
			if !strings.Contains(text, old) {
				panic(path + " has no " + old)
			}
			tree[path] = &fstest.MapFile{Data: []byte(strings.Replace(text, old, now, 1))}
		}
	}
	all := len(begun(t, usual()))
	newerImage := with(func(in *bootstrap.Input) { in.Image = "ghcr.io/trunkline-dev/trunkline:v1.3.0" })
	for _, tt := range []struct {
		reason string
		// empty is set if the platform is not begun before the changes.
		empty   bool
		changes []change
		in      bootstrap.Input
		// news counts files that are new.
		news          int
		changed, gone []string
		again         bool
		err           string
	}{
		{reason: "nothing is there", empty: true, in: usual(), news: all},
		{reason: "what a forge begins repositories with", empty: true, changes: []change{set("README.md", "# data"), set("LICENSE.txt", "MIT"), set(".gitignore", "*.swp"), set(".github/workflows/ci.yaml", "x")}, in: usual(), news: all - 1},
		{reason: "a program", empty: true, changes: []change{set("go.mod", "module x"), set("src/main.go", "package main")}, in: usual(), err: "the folder has other content (go.mod, src) and no trunkline.yaml"},
		{reason: "many things", empty: true, changes: []change{set("a", ""), set("b", ""), set("c", ""), set("d", ""), set("e", ""), set("f", "")}, in: usual(), err: "(a, b, c, d, e and 1 more)"},
		{reason: "all is there", in: usual(), again: true},
		{reason: "an attempt was interrupted", changes: []change{remove(bootstrap.ProjectFile), remove("environments/dev.yaml")}, in: usual(), news: 2},
		{reason: "a file that says something else", changes: []change{remove(bootstrap.ProjectFile), set("environments/dev.yaml", "other: true")}, in: usual(), err: "environments/dev.yaml is there already"},
		{reason: "a platform of people", empty: true, changes: []change{
			set("trunkline.yaml", "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: acme}\n---\napiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: main}\n"),
			set("src/main.go", "package main"),
		}, in: usual(), news: all - 2},
		{reason: "a platform of another name", empty: true, changes: []change{set("trunkline.yaml", "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: other}\n")}, in: usual(), err: `the platform there is "other", not "acme"`},
		{reason: "people changed what is theirs", changes: []change{replace("environments/dev.yaml", "rollback: true", "rollback: false"), remove(".sops.yaml"), remove("policies/beside-the-daemon.yaml")}, in: usual(), again: true},
		{
			reason: "the chart of another version", changes: []change{replace("blueprints/trunkline/chart/values.yaml", "replicas: 1", "replicas: 2"), set("blueprints/trunkline/chart/templates/old.yaml", "kind: x"), remove("blueprints/trunkline/chart/templates/NOTES.txt")}, in: usual(), again: true, news: 1,
			changed: []string{"blueprints/trunkline/chart/values.yaml"}, gone: []string{"blueprints/trunkline/chart/templates/old.yaml"},
		},
		{reason: "a newer program", in: newerImage, again: true, changed: []string{bootstrap.ProjectFile}},
		{reason: "an older program", changes: []change{replace(bootstrap.ProjectFile, ":v1.2.3", ":v1.10.0")}, in: newerImage, again: true},
		{reason: "an image of people", changes: []change{replace(bootstrap.ProjectFile, "ghcr.io/trunkline-dev/", "mirror.example.com/")}, in: newerImage, again: true},
		{reason: "an image with a digest", changes: []change{replace(bootstrap.ProjectFile, ":v1.2.3", "@sha256:"+strings.Repeat("0", 64))}, in: newerImage, again: true},
		{reason: "an image that is followed", changes: []change{replace(bootstrap.ProjectFile, `image: "`+image+`"`, `image: {repository: ghcr.io/trunkline-dev/trunkline, track: "^1", tag: 1.2.3}`)}, in: newerImage, again: true},
		{reason: "an image that is followed, and another one asked for", changes: []change{replace(bootstrap.ProjectFile, `image: "`+image+`"`, `image: {repository: ghcr.io/trunkline-dev/trunkline, track: "^1", tag: 1.2.3}`)}, in: with(func(in *bootstrap.Input) { in.Image, in.Pinned = "example.com/t:1", true }), err: "the image of the daemon is followed (^1)"},
		{reason: "an older one that was asked for", in: with(func(in *bootstrap.Input) { in.Image, in.Pinned = "ghcr.io/trunkline-dev/trunkline:v1.0.0", true }), again: true, changed: []string{bootstrap.ProjectFile}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			tree := fstest.MapFS{}
			if !tt.empty {
				tree = begun(t, usual())
			}
			for _, c := range tt.changes {
				c(tree)
			}
			var missing []bootstrap.File
			for _, f := range encrypted(usual()) {
				if tree[f.Path] == nil {
					missing = append(missing, f)
				}
			}
			p, err := bootstrap.Compare(tree, declared(t, tree), tt.in, missing)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("the error is %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var changed []string
			for _, f := range p.Changed {
				changed = append(changed, f.Path)
			}
			if len(p.New) != tt.news || p.Again != tt.again || !slices.Equal(changed, tt.changed) || !slices.Equal(p.Gone, tt.gone) {
				t.Errorf("%d new, want %d; again %v, want %v; changed %v, want %v; gone %v, want %v", len(p.New), tt.news, p.Again, tt.again, changed, tt.changed, p.Gone, tt.gone)
			}
			if len(p.New) > 0 && !p.Again && p.New[len(p.New)-1].Path != bootstrap.ProjectFile {
				t.Errorf("%s is written last: an attempt that is interrupted before would count as whole", p.New[len(p.New)-1].Path)
			}
			after := written(tree, p)
			objects(t, after)
			next, err := bootstrap.Compare(after, declared(t, after), tt.in, nil)
			if err != nil || !next.Empty() || !next.Again {
				t.Errorf("once more, it is %v: %v", next.Paths(), err)
			}
			whole := p.Tree(tree, func(tree fs.FS, files []bootstrap.File) fs.FS {
				var over []scaffold.File
				for _, f := range files {
					over = append(over, scaffold.File{Path: f.Path, Data: f.Data})
				}
				return scaffold.Overlay(tree, over)
			})
			for name := range after {
				if text, err := fs.ReadFile(whole, name); err != nil || string(text) != string(after[name].Data) {
					t.Errorf("%s would be %q: %v", name, text, err)
				}
			}
			for _, name := range p.Gone {
				if _, err := fs.ReadFile(whole, name); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s would be there: %v", name, err)
				}
			}
		})
	}
}

// TestNothingIsOverwritten: whatever is in a folder, what people have there is there afterwards as it was, or nothing was written.
func TestNothingIsOverwritten(t *testing.T) {
	in := usual()
	whole := begun(t, in)
	paths := append(slices.Sorted(maps.Keys(whole)), "src/main.go", "README.md", "docs/README.md", ".github/x", "environments/prod.yaml")
	rapid.Check(t, func(t *rapid.T) {
		tree := fstest.MapFS{}
		for _, path := range paths {
			switch rapid.SampledFrom([]string{"absent", "absent", "same", "other"}).Draw(t, path) {
			case "same":
				if f := whole[path]; f != nil {
					tree[path] = f
				}
			case "other":
				if !strings.HasSuffix(path, "trunkline.yaml") && !strings.HasPrefix(path, "blueprints/") {
					tree[path] = &fstest.MapFile{Data: []byte("# of people\n")}
				}
			}
		}
		var c *catalog.Catalog
		if tree[catalog.PlatformFile] != nil {
			var problems v1alpha1.Problems
			var err error
			if c, problems, err = catalog.Load(tree, blueprints.FS); err != nil || problems.Denied() {
				t.Skip("it is refused before")
			}
		}
		p, err := bootstrap.Compare(tree, c, in, nil)
		if err != nil {
			return
		}
		after := written(tree, p)
		for path, f := range tree {
			ours := strings.HasPrefix(path, "blueprints/trunkline/")
			if now := after[path]; !ours && (now == nil || string(now.Data) != string(f.Data)) {
				t.Fatalf("%s was %q", path, f.Data)
			}
		}
	})
}

// TestCheck: what cannot be meant is said, all at once.
func TestCheck(t *testing.T) {
	for reason, tt := range map[string]struct {
		in   bootstrap.Input
		want []string
	}{
		"the usual":               {usual(), nil},
		"names":                   {with(func(in *bootstrap.Input) { in.Platform, in.Cluster, in.Projects = "Acme", "a.b", "-" }), []string{`"Acme" is no name of a platform`, `"a.b" is no name of a cluster`, `"-" is no name of a environment`}},
		"the daemon's own":        {with(func(in *bootstrap.Input) { in.Projects = "platform" }), []string{`the environment "platform" is the daemon's own`}},
		"a preview":               {with(func(in *bootstrap.Input) { in.Projects = "pr-1" }), []string{"those of previews"}},
		"an owner with a quote":   {with(func(in *bootstrap.Input) { in.Owner = "a\"]" }), []string{"is no owner"}},
		"a folder above":          {with(func(in *bootstrap.Input) { in.Repository.Folder = "../x" }), []string{`"../x" is no folder`}},
		"a branch that is a flag": {with(func(in *bootstrap.Input) { in.Repository.Branch = "--force" }), []string{`"--force" is no name of a branch`}},
		"no image":                {with(func(in *bootstrap.Input) { in.Image = "" }), []string{`"" is not an image`}},
		"nobody":                  {with(func(in *bootstrap.Input) { in.Replicas, in.Recipients = 0, nil }), []string{"0 replicas", "no key of age"}},
	} {
		err := tt.in.Check()
		if (err == nil) != (tt.want == nil) {
			t.Errorf("%s: the error is %v", reason, err)
		}
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: the error is %v, want one with %q", reason, err, want)
			}
		}
	}
}
