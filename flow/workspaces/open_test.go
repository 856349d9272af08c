// SPDX-License-Identifier: Apache-2.0

package workspaces

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/workspace"
	"trunkline.dev/trunkline/flow/asking"
	plans "trunkline.dev/trunkline/plan/workspace"
)

// state is what a cluster has of workspaces, without what is another one each time.
func state(p *played) (out []string) {
	for name, o := range p.kept("statefulsets") {
		replicas, _, _ := unstructured.NestedInt64(o.Object, "spec", "replicas")
		env, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		volumes, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "volumes")
		notes := maps.Clone(o.GetAnnotations())
		delete(notes, plans.AnnotationStopped)
		out = append(out, fmt.Sprint("set ", name, " ", replicas, " ", notes, " ", env, " ", volumes))
	}
	for name, o := range p.kept("secrets") {
		out = append(out, fmt.Sprint("secret ", name, " token of ", len(decoded(o, plans.KeyToken)), ", ", decoded(o, plans.KeyGitUsername), " ", decoded(o, plans.KeyGitPassword)))
	}
	for _, resource := range []string{"pods", "persistentvolumeclaims"} {
		for name := range p.kept(resource) {
			out = append(out, resource+" "+name)
		}
	}
	slices.Sort(out)
	return out
}

// TestKilledWhileOpening: a daemon that is killed at any step of opening or waking, and is asked for the same again, comes to the same.
func TestKilledWhileOpening(t *testing.T) {
	public, private := ask("ada", "lab"), ask("ada", "lab")
	public.Repository, public.Branch = "https://git.example/data.git", "main"
	private.Repository, private.Branch, private.GitUsername, private.GitPassword = public.Repository, public.Branch, "ada", "s3cret"
	for name, tc := range map[string]struct {
		ask    Ask
		before func(t *testing.T, b *bench)
	}{
		"nothing cloned": {ask("ada", "lab"), nil},
		"public":         {public, nil},
		"private":        {private, nil},
		"after another of its name": {private, func(t *testing.T, b *bench) {
			other := private
			other.GitPassword = "an0ther"
			if _, err := b.Open(t.Context(), other); err != nil {
				t.Fatal(err)
			}
			b.settle()
			// What it had is not collected yet.
			if _, err := b.Delete(t.Context(), "dev", "orders", nameOf("ada", "lab"), "ada", asking.By{}); err != nil {
				t.Fatal(err)
			}
		}},
		"waking": {private, func(t *testing.T, b *bench) {
			if _, err := b.Open(t.Context(), private); err != nil {
				t.Fatal(err)
			}
			b.settle()
			if _, err := b.Stop(t.Context(), "dev", "orders", nameOf("ada", "lab"), "ada", asking.By{}); err != nil {
				t.Fatal(err)
			}
			b.settle()
			b.pass(time.Hour)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			fresh := func() *bench {
				b := newBench(t)
				if tc.before != nil {
					tc.before(t, b)
				}
				return b
			}
			b := fresh()
			b.asked = nil
			if _, err := b.Open(t.Context(), tc.ask); err != nil {
				t.Fatal(err)
			}
			requests := len(b.asked)
			b.settle()
			want := state(b.played)
			for cut := 1; cut <= requests; cut++ {
				for _, lost := range []bool{false, true} {
					b := fresh()
					b.left, b.lost = cut, lost
					if _, err := b.Open(t.Context(), tc.ask); err == nil {
						t.Fatalf("cut off at request %d, it says that all is well", cut)
					}
					b.settle()
					b.restart(t, declared)
					if _, err := b.Open(t.Context(), tc.ask); err != nil {
						t.Fatalf("after it was killed at request %d (in effect: %t): %v", cut, lost, err)
					}
					b.settle()
					if diff := cmp.Diff(want, state(b.played)); diff != "" {
						t.Errorf("after it was killed at request %d (in effect: %t) (-want +got):\n%s", cut, lost, diff)
					}
					if owner, err := whose(t.Context(), b, workspace.Notebook, "lab", "ada", "ada"); err != nil || !strings.HasPrefix(owner, "ada-") {
						t.Errorf("after it was killed at request %d (in effect: %t), its server is %q: %v", cut, lost, owner, err)
					}
				}
			}
		})
	}
}

// TestOpenAgain: what there is of a person's is woken as it is, and what would not come to what they ask for is refused, in words that say what to do.
func TestOpenAgain(t *testing.T) {
	opened := ask("ada", "lab")
	opened.Repository, opened.Branch, opened.GitUsername, opened.GitPassword, opened.Size = "https://git.example/data.git", "main", "ada", "s3cret", "mx.large"
	bare := ask("ada", "lab")
	stop := func(t *testing.T, b *bench) {
		if _, err := b.Stop(t.Context(), "dev", "orders", nameOf("ada", "lab"), "ada", asking.By{}); err != nil {
			t.Fatal(err)
		}
		b.settle()
	}
	forget := func(_ *testing.T, b *bench) { delete(b.objects, "secrets/orders-dev/"+nameOf("ada", "lab")) }
	both := func(all ...func(*testing.T, *bench)) func(*testing.T, *bench) {
		return func(t *testing.T, b *bench) {
			for _, one := range all {
				one(t, b)
			}
		}
	}
	with := func(edit func(a *Ask)) Ask {
		a := opened
		edit(&a)
		return a
	}
	for name, tc := range map[string]struct {
		reason string
		before func(t *testing.T, b *bench)
		ask    Ask
		want   string
		size   string
	}{
		"same":            {"the same once more is no mistake", nil, opened, "", "mx.large"},
		"runs":            {"nor is less", nil, bare, "", "mx.large"},
		"woken":           {"a stopped one is woken with what it had", stop, bare, "", "mx.large"},
		"the same, woken": {"also by the request that made it", stop, opened, "", "mx.large"},
		"branch":          {"a clone is not changed", stop, with(func(a *Ask) { a.Branch = "other" }), "with https://git.example/data.git main: change the branch in it", ""},
		"repository":      {"nor made twice", stop, with(func(a *Ask) { a.Repository = "https://git.example/other.git" }), "change the branch in it", ""},
		"credentials":     {"a Secret does not change", stop, with(func(a *Ask) { a.GitPassword = "other-s3cret" }), "other credentials for Git", ""},
		"size":            {"a size takes a start", nil, with(func(a *Ask) { a.Size = "mx.small" }), "stop it first", ""},
		"size, woken":     {"which a stopped one has", stop, with(func(a *Ask) { a.Size = "mx.small" }), "", "mx.small"},
		"without":         {"a Secret that is gone takes what was in it", both(stop, forget), bare, "open it with them again", ""},
		"with":            {"and has it again", both(stop, forget), opened, "", "mx.large"},
		"while it runs":   {"a pod does not read it again", forget, opened, "stop it, and open it again", ""},
		"elsewhere":       {"one of its name is in one cluster", stop, with(func(a *Ask) { a.Cluster = "two" }), "in the cluster one", ""},
		"foreign": {"something else of its name is left alone", func(_ *testing.T, b *bench) {
			b.objects["statefulsets/orders-dev/"+nameOf("ada", "lab")].SetLabels(map[string]string{"app": "x"})
		}, opened, "something else of the name", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if _, err := b.Open(t.Context(), opened); err != nil {
				t.Fatal(err)
			}
			b.settle()
			if tc.before != nil {
				tc.before(t, b)
			}
			before := state(b.played)
			_, err := b.Open(t.Context(), tc.ask)
			b.settle()
			if tc.want != "" {
				if !errors.Is(err, asking.ErrCannot) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "s3cret") {
					t.Errorf("%s: got %v", tc.reason, err)
				}
				if diff := cmp.Diff(before, state(b.played)); diff != "" {
					t.Errorf("%s: it was refused, and something changed (-before +after):\n%s", tc.reason, diff)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			got, err := b.Get(t.Context(), "dev", "orders", nameOf("ada", "lab"), "ada")
			if err != nil || got.Phase != plans.Running || got.Size != tc.size {
				t.Errorf("%s: it is %+v, %v", tc.reason, got, err)
			}
		})
	}
}

// TestNotDeployed: nothing is made of what is declared and not there yet.
func TestNotDeployed(t *testing.T) {
	b := newBench(t)
	delete(b.objects, "statefulsets/orders-dev/lab")
	if _, err := b.Open(t.Context(), ask("ada", "lab")); !errors.Is(err, asking.ErrCannot) || !strings.Contains(err.Error(), "not deployed in dev yet") || len(b.kept("secrets")) > 0 {
		t.Error(err)
	}
}

// TestMost: nobody has more than the platform says, and a cluster that does not answer is no reason that nobody has any.
func TestMost(t *testing.T) {
	b := newBench(t)
	for _, workload := range []string{"lab", "kept"} {
		if _, err := b.Open(t.Context(), ask("ada", workload)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Open(t.Context(), ask("ada", "editor")); !errors.Is(err, asking.ErrCannot) || !strings.Contains(err.Error(), "nobody has more than 2") {
		t.Errorf("a third one: %v", err)
	}
	if _, err := b.Open(t.Context(), ask("bob", "lab")); err != nil {
		t.Errorf("another person has none: %v", err)
	}
	b.second.away = true
	if _, err := b.Open(t.Context(), ask("cy", "lab")); err != nil {
		t.Errorf("a cluster that is away keeps others from opening theirs: %v", err)
	}
	if _, err := b.Stop(t.Context(), "dev", "orders", nameOf("cy", "lab"), "cy", asking.By{}); err != nil {
		t.Errorf("or from stopping them: %v", err)
	}
	b.second.away, b.away = false, true
	if _, err := b.Get(t.Context(), "dev", "orders", nameOf("cy", "lab"), "cy"); err == nil || errors.Is(err, asking.ErrNotFound) {
		t.Errorf("of what is in a cluster that is away it is said: %v", err)
	}
}

// TestAtOnce: however many requests come at once, a person has one workspace of a workload, and no more in all than the platform says.
func TestAtOnce(t *testing.T) {
	b := newBench(t)
	const each = 4
	var making atomic.Int32
	b.before = func(method, path string) {
		if method != http.MethodPost || !strings.HasSuffix(path, "/statefulsets") {
			return
		}
		making.Add(1)
		for n := 0; n < 10_000 && making.Load() < 3; n++ { // whoever does not wait for others is here before they are counted
			runtime.Gosched()
		}
	}
	errs := make(chan error)
	for _, workload := range []string{"lab", "kept", "editor"} {
		for range each {
			go func() {
				_, err := b.Open(t.Context(), ask("ada", workload))
				errs <- err
			}()
		}
	}
	refused := 0
	for range 3 * each {
		if err := <-errs; errors.Is(err, asking.ErrCannot) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	mine, err := b.List(t.Context(), "ada")
	if err != nil || len(mine) != 2 || refused != each {
		t.Errorf("there are %d, and %d requests were refused: %v", len(mine), refused, err)
	}
}

// TestWokenMeanwhile: one that has expired and is woken just then is not deleted.
func TestWokenMeanwhile(t *testing.T) {
	b := newBench(t)
	if _, err := b.Open(t.Context(), ask("ada", "kept")); err != nil {
		t.Fatal(err)
	}
	b.settle()
	if _, err := b.Stop(t.Context(), "dev", "orders", nameOf("ada", "kept"), "ada", asking.By{}); err != nil {
		t.Fatal(err)
	}
	b.settle()
	b.pass(49 * time.Hour)
	b.before = func(method, _ string) {
		if method == http.MethodDelete {
			b.before = nil
			if _, err := b.Open(t.Context(), ask("ada", "kept")); err != nil {
				t.Error(err)
			}
		}
	}
	if err := b.sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if mine, err := b.List(t.Context(), "ada"); err != nil || len(mine) != 1 {
		t.Errorf("there are %d: %v", len(mine), err)
	}
}
