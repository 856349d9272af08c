// SPDX-License-Identifier: Apache-2.0

package workspaces

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/workspace"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/asking"
	plans "trunkline.dev/trunkline/plan/workspace"
)

const declared = `
apiVersion: trunkline.dev/v1alpha1
kind: Platform
metadata: {name: acme}
spec:
  workspaces:
    perPerson: 2
    bases:
      jupyter: {image: "r/jupyter@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}
      vscode: {image: "r/vscode@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", blueprint: ide}
---
apiVersion: trunkline.dev/v1alpha1
kind: Cluster
metadata: {name: one}
---
apiVersion: trunkline.dev/v1alpha1
kind: Cluster
metadata: {name: two}
---
apiVersion: trunkline.dev/v1alpha1
kind: Environment
metadata: {name: dev}
spec: {clusters: [one, two]}
---
apiVersion: trunkline.dev/v1alpha1
kind: Environment
metadata: {name: prod}
spec: {clusters: [one], reviewed: required}
---
apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: orders}
spec:
  owner: x
  environments: [dev, prod]
  workloads:
    - {name: lab, blueprint: notebook}
    - {name: kept, blueprint: notebook, params: {keepVolume: true, expireDays: 2}}
    - {name: editor, blueprint: ide}
`

// template is what a release has deployed of a workload.
func template(workload, kind, whenDeleted string) string {
	return `
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: ` + workload + `
  namespace: orders-dev
  labels: {trunkline.dev/project: orders, trunkline.dev/environment: dev, trunkline.dev/workload: ` + workload + `}
spec:
  replicas: 0
  selector: {matchLabels: {trunkline.dev/workload: ` + workload + `}}
  persistentVolumeClaimRetentionPolicy: {whenDeleted: ` + whenDeleted + `, whenScaled: Retain}
  template:
    metadata: {labels: {trunkline.dev/project: orders, trunkline.dev/environment: dev, trunkline.dev/workload: ` + workload + `}}
    spec: {containers: [{name: ` + kind + `, image: r/x}]}
  volumeClaimTemplates: [{metadata: {name: home}}]
`
}

// tb is what a test is, and one of many of a property.
type tb interface {
	Helper()
	Context() context.Context
	Cleanup(f func())
	Fatal(args ...any)
}

// bench is a keeper with a cluster that is played.
type bench struct {
	*Keeper
	*played

	second *played
	now    time.Time
	said   []string
}

func newBench(t tb) *bench {
	t.Helper()
	b := &bench{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	b.played, b.second = newPlayed(t, "one", b.now), newPlayed(t, "two", b.now)
	for _, p := range []*played{b.played, b.second} {
		for workload, text := range map[string]string{"lab": template("lab", "notebook", "Delete"), "kept": template("kept", "notebook", "Retain"), "editor": template("editor", "ide", "Delete")} {
			o := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
				t.Fatal(err)
			}
			p.put("statefulsets/orders-dev/"+workload, o)
		}
	}
	b.restart(t, declared)
	return b
}

// catalogs are those that were loaded, by their text: a model restarts the daemon thousands of times.
var catalogs sync.Map

func load(t tb, text string) *catalog.Catalog {
	t.Helper()
	if known, there := catalogs.Load(text); there {
		return known.(*catalog.Catalog)
	}
	c, problems, err := catalog.Load(fstest.MapFS{"trunkline.yaml": {Data: []byte(text)}}, blueprints.FS)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	catalogs.Store(text, c)
	return c
}

// restart begins the daemon again: it knows what is declared, and what is in the cluster.
func (b *bench) restart(t tb, text string) {
	t.Helper()
	c := load(t, text)
	b.left, b.lost = -1, false
	b.Keeper = New(Options{
		Accepted: func() *catalog.Catalog { return c }, Account: "deployer", Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return b.now },
		Cluster: func(name string) (Cluster, error) {
			if api, there := map[string]API{"one": b.played, "two": b.second}[name]; there {
				return Reached{api}, nil
			}
			return nil, errors.New("the cluster " + name + " is not reached from here")
		},
		Happened: func(h Happened) { b.said = append(b.said, h.Workspace.Workload+" of "+h.Workspace.By+" "+h.Said) },
	})
}

func (b *bench) pass(d time.Duration) {
	b.now = b.now.Add(d)
	b.played.now, b.second.now = b.now, b.now
}

// swept has the keeper look at all workspaces once, and the controllers do what came of it.
func (b *bench) swept(t tb) {
	t.Helper()
	if err := b.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.settle()
}

// ask is what someone asks for in a test.
func ask(person, workload string) Ask {
	return Ask{Environment: "dev", Project: "orders", Workload: workload, Person: person, By: asking.By{Name: person}}
}

func nameOf(person, workload string) string { return plans.Name("orders", "dev", workload, person) }

// whose is whose server a session of someone's leads to.
func whose(ctx context.Context, b *bench, kind, workload, owner, person string) (string, error) {
	s, err := b.Server(ctx, kind, "dev", "orders", nameOf(owner, workload), person)
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.Dial(ctx) }}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://pod"+Workspace{Kind: kind, Environment: "dev", Project: "orders", Name: nameOf(owner, workload)}.path()+"whose", nil)
	if err != nil {
		return "", err
	}
	s.Authorize(r)
	resp, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// TestAsk: what cannot be is refused before anything is asked of a cluster, in words for who asked, and with nothing secret in them.
func TestAsk(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		edit   func(a *Ask)
		kind   error
		want   string
	}{
		"nobody":        {"whose it is has to be known", func(a *Ask) { a.Person = "" }, asking.ErrCannot, "not known who asks"},
		"long":          {"what is kept in annotations is bounded", func(a *Ask) { a.Branch = strings.Repeat("x", maxText+1) }, asking.ErrCannot, "too long"},
		"long password": {"and so is a Secret", func(a *Ask) { a.GitPassword = strings.Repeat("x", maxSecret+1) }, asking.ErrCannot, "too long"},
		"no repository": {"a branch of what?", func(a *Ask) { a.Repository = "" }, asking.ErrCannot, "say which repository"},
		"for nothing":   {"credentials for what?", func(a *Ask) { a.Repository, a.Branch, a.GitUsername, a.GitPassword = "", "", "ada", "s3cret" }, asking.ErrCannot, "say which repository"},
		"option":        {"a branch is no option of git's", func(a *Ask) { a.Branch = "--upload-pack=x" }, asking.ErrCannot, "no name of a branch"},
		"half":          {"a password without a name", func(a *Ask) { a.GitUsername, a.GitPassword = "", "s3cret" }, asking.ErrCannot, "a name and a password"},
		"other half":    {"a name without a password", func(a *Ask) { a.GitUsername = "ada" }, asking.ErrCannot, "a name and a password"},
		"ssh":           {"what git would run or read", func(a *Ask) { a.Repository = "ssh://git@x/y" }, asking.ErrCannot, "https address"},
		"helper":        {"a transport that runs a program", func(a *Ask) { a.Repository = "ext::sh -c x" }, asking.ErrCannot, "https address"},
		"file":          {"a file of the pod's", func(a *Ask) { a.Repository = "file:///etc" }, asking.ErrCannot, "https address"},
		"inside":        {"credentials in the address would be seen", func(a *Ask) { a.Repository = "https://ada:s3cret@x/y" }, asking.ErrCannot, "without credentials"},
		"quoted":        {"what a shell or a configuration reads otherwise", func(a *Ask) { a.Repository = "https://x/y' z" }, asking.ErrCannot, "https address"},
		"in the clear":  {"credentials are not sent in the clear", func(a *Ask) { a.Repository, a.GitUsername, a.GitPassword = "http://x/y", "ada", "s3cret" }, asking.ErrCannot, "https only"},
		"project":       {"one that there is not", func(a *Ask) { a.Project = "nothing" }, asking.ErrNotFound, "no project"},
		"cluster":       {"one that it is not in", func(a *Ask) { a.Cluster = "three" }, asking.ErrNotFound, "not deployed in the cluster"},
		"reviewed":      {"nothing unreviewed runs where that is required", func(a *Ask) { a.Environment = "prod" }, asking.ErrCannot, "has to be reviewed"},
		"several":       {"of several, one is named", func(a *Ask) { a.Workload = "" }, asking.ErrCannot, "(lab, kept, editor)"},
		"kind":          {"what is no notebook", func(a *Ask) { a.Workload, a.Kind = "editor", workspace.Notebook }, asking.ErrNotFound, "declares no editor"},
		"size":          {"a size that there is not", func(a *Ask) { a.Size = "vast" }, asking.ErrCannot, "no size class"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			a := ask("ada", "lab")
			a.Repository, a.Branch = "https://git.example/data.git", "main"
			tc.edit(&a)
			_, err := b.Open(t.Context(), a)
			if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "s3cret") || len(b.asked) > 0 {
				t.Errorf("%s: got %v, after %v", tc.reason, err, b.asked)
			}
		})
	}
}

// TestAsWhom: what a workspace is made of is made as the account of its release, which may not do more in the cluster than that.
func TestAsWhom(t *testing.T) {
	b := newBench(t)
	if _, err := b.Open(t.Context(), ask("ada", "lab")); err != nil {
		t.Fatal(err)
	}
	b.settle()
	if _, err := b.Stop(t.Context(), "dev", "orders", nameOf("ada", "lab"), "ada", asking.By{Name: "ada"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Delete(t.Context(), "dev", "orders", nameOf("ada", "lab"), "ada", asking.By{Name: "ada"}); err != nil {
		t.Fatal(err)
	}
	var changes []string
	for _, request := range b.asked {
		if method, _, _ := strings.Cut(request, " "); method != http.MethodGet {
			changes = append(changes, strings.ReplaceAll(request, nameOf("ada", "lab"), "ada's"))
		}
	}
	want := []string{
		"POST statefulsets orders-dev/deployer", "POST secrets orders-dev/deployer", "PATCH statefulsets/ada's orders-dev/deployer",
		"PATCH statefulsets/ada's orders-dev/deployer", "DELETE statefulsets/ada's orders-dev/deployer",
	}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if said := []string{"lab of ada opened", "lab of ada stopped by ada", "lab of ada deleted by ada"}; !slices.Equal(b.said, said) {
		t.Errorf("the history has %q", b.said)
	}
}
