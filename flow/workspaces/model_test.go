// SPDX-License-Identifier: Apache-2.0

package workspaces

import (
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/person"
	"trunkline.dev/trunkline/api/workspace"
	"trunkline.dev/trunkline/flow/asking"
	plans "trunkline.dev/trunkline/plan/workspace"
)

// expected is what a model has of one workspace.
type expected struct {
	wanted         bool
	used, stopped  time.Time
	volume, exists bool
}

// model is what there is to be, by person and workload.
type model struct {
	*bench

	want map[[2]string]*expected
}

var (
	people    = []string{"ada", "bob", "ada.x"}
	workloads = []string{"lab", "kept", "editor"}
)

func kindOf(workload string) string {
	if workload == "editor" {
		return workspace.IDE
	}
	return workspace.Notebook
}

func (m *model) of(person, workload string) *expected {
	at := [2]string{person, workload}
	if m.want[at] == nil {
		m.want[at] = &expected{}
	}
	return m.want[at]
}

func (m *model) count(person string) (n int) {
	for _, workload := range workloads {
		if m.of(person, workload).exists {
			n++
		}
	}
	return n
}

func (m *model) pod(person, workload string) *server {
	return m.pods["orders-dev/"+nameOf(person, workload)+"-0"]
}

// learn takes over what there is: a daemon was killed in the midst of something.
func (m *model) learn(who, workload string) {
	set := m.kept("statefulsets")[nameOf(who, workload)]
	e := m.of(who, workload)
	if e.exists = set != nil; set == nil {
		e.wanted = false
		return
	}
	f, _ := readSet(Reached{m.played}, set)
	if e.wanted, e.stopped = f.wanted, f.stopped; f.woken.After(e.used) {
		e.used = f.woken
	}
	e.volume = e.volume || e.wanted
}

// TestModel: whatever people, controllers and the times do, and whenever the daemon is killed, nobody has more workspaces than may be, or comes to
// another person's; one that nobody uses is stopped, and no other; one is removed only once it has been stopped for as long as is declared; and a
// volume stays or goes as is declared.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{newBench(t), map[[2]string]*expected{}}
		who := func(what string) string { return rapid.SampledFrom(people).Draw(t, what) }
		which := func() string { return rapid.SampledFrom(workloads).Draw(t, "workload") }
		open := func(p, w string) {
			_, err := m.Open(t.Context(), ask(p, w))
			e := m.of(p, w)
			switch {
			case !e.exists && m.count(p) >= 2:
				if !errors.Is(err, asking.ErrCannot) {
					t.Fatalf("%s has 2, and one more: %v", p, err)
				}
				return
			case err != nil:
				t.Fatalf("%s opens %s: %v", p, w, err)
			}
			if !e.exists {
				e.stopped = time.Time{}
			}
			if !e.wanted {
				e.used = m.now
			}
			e.exists, e.wanted, e.volume = true, true, true
		}
		foreign := func(err error, p, owner, w string) bool {
			if p == owner && m.of(owner, w).exists {
				if err != nil {
					t.Fatalf("%s and their %s: %v", p, w, err)
				}
				return false
			}
			if !errors.Is(err, asking.ErrNotFound) {
				t.Fatalf("%s and the %s of %s: %v", p, w, owner, err)
			}
			return true
		}
		t.Repeat(map[string]func(*rapid.T){
			"open": func(*rapid.T) { open(who("person"), which()); m.settle() },
			"kill": func(t *rapid.T) {
				p, w := who("person"), which()
				m.left, m.lost = rapid.IntRange(1, 7).Draw(t, "request"), rapid.Bool().Draw(t, "in effect")
				_, _ = m.Open(t.Context(), ask(p, w))
				m.restart(t, declared)
				m.settle()
				m.learn(p, w)
			},
			"restart": func(t *rapid.T) { m.restart(t, declared) },
			"stop": func(t *rapid.T) {
				p, owner, w := who("person"), who("owner"), which()
				_, err := m.Stop(t.Context(), "dev", "orders", nameOf(owner, w), p, asking.By{})
				if foreign(err, p, owner, w) {
					return
				}
				if e := m.of(owner, w); e.wanted {
					e.wanted, e.stopped = false, m.now
				}
				m.settle()
			},
			"delete": func(t *rapid.T) {
				p, owner, w := who("person"), who("owner"), which()
				_, err := m.Delete(t.Context(), "dev", "orders", nameOf(owner, w), p, asking.By{})
				if foreign(err, p, owner, w) {
					return
				}
				e := m.of(owner, w)
				e.exists, e.wanted, e.volume = false, false, e.volume && w == "kept"
				if rapid.Bool().Draw(t, "at once") {
					open(owner, w)
				}
				m.settle()
			},
			"enter": func(t *rapid.T) {
				p, owner, w := who("person"), who("owner"), which()
				got, err := whose(t.Context(), m.bench, kindOf(w), w, owner, p)
				if e := m.of(owner, w); p == owner && e.exists && !e.wanted {
					if !errors.Is(err, asking.ErrCannot) {
						t.Fatalf("what is stopped is entered: %q, %v", got, err)
					}
				} else if !foreign(err, p, owner, w) && got != person.Slug(owner) {
					t.Fatalf("%s enters the server of %q", p, got)
				}
			},
			"use": func(*rapid.T) {
				p, w := who("person"), which()
				if s := m.pod(p, w); s != nil {
					s.last, m.of(p, w).used = m.now, m.now
				}
			},
			"scale": func(t *rapid.T) { // others stop it
				p, w := who("person"), which()
				if set := m.kept("statefulsets")[nameOf(p, w)]; set != nil {
					_ = unstructured.SetNestedField(set.Object, int64(0), "spec", "replicas")
					m.of(p, w).wanted = false
				}
				m.settle()
				m.pass(known + time.Second) // so long counts what was found for a request
			},
			"pass": func(t *rapid.T) { m.pass(time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute) },
			"days": func(t *rapid.T) { m.pass(time.Duration(rapid.IntRange(20, 50).Draw(t, "hours")) * time.Hour) },
			"sweep": func(t *rapid.T) {
				m.swept(t)
				for _, p := range people {
					for _, w := range workloads {
						e := m.of(p, w)
						over := time.Hour
						if s := m.pod(p, w); w == "editor" && s != nil && s.last.Equal(e.used) {
							over += beatEvery // as exact as its server is
						}
						last := e.used
						if e.stopped.After(last) {
							last = e.stopped
						}
						switch {
						case !e.exists:
						case e.wanted && m.now.Sub(e.used) >= over:
							e.wanted, e.stopped = false, m.now
						case !e.wanted && w == "kept" && !e.stopped.IsZero() && m.now.Sub(last) >= 48*time.Hour:
							e.exists = false
						}
					}
				}
			},
			"": func(t *rapid.T) { m.check(t) },
		})
	})
}

// check holds what there is to the model.
func (m *model) check(t *rapid.T) {
	claims, secrets := m.kept("persistentvolumeclaims"), m.kept("secrets")
	for _, p := range people {
		mine, err := m.List(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]Workspace{}
		for _, one := range mine {
			have[one.Workload] = one
			if one.By != p {
				t.Fatalf("%s sees the %s of %s", p, one.Workload, one.By)
			}
		}
		if len(mine) > 2 {
			t.Fatalf("%s has %d workspaces", p, len(mine))
		}
		for _, w := range workloads {
			e, name := m.of(p, w), nameOf(p, w)
			got, exists := have[w]
			if exists != e.exists || exists && (got.Phase == plans.Stopped || got.Phase == plans.Expired) == e.wanted {
				t.Fatalf("the %s of %s is %+v, there is to be %+v", w, p, got, *e)
			}
			if (m.pod(p, w) != nil) != e.wanted || (claims["home-"+name+"-0"] != nil) != e.volume || secrets[name] != nil && !e.exists {
				t.Fatalf("the %s of %s has a pod: %t, a volume: %t, a Secret: %t; there is to be %+v", w, p, m.pod(p, w) != nil, claims["home-"+name+"-0"] != nil, secrets[name] != nil, *e)
			}
		}
	}
}

// TestKeepVolume: what is declared of volumes holds for workspaces that were opened before, from the next look on; also as one is removed.
func TestKeepVolume(t *testing.T) {
	b := newBench(t)
	for _, workload := range []string{"lab", "kept"} {
		if _, err := b.Open(t.Context(), ask("ada", workload)); err != nil {
			t.Fatal(err)
		}
	}
	b.settle()
	b.restart(t, strings.NewReplacer("keepVolume: true, ", "", "{name: lab, blueprint: notebook}", "{name: lab, blueprint: notebook, params: {keepVolume: true}}").Replace(declared))
	b.swept(t)
	for _, workload := range []string{"lab", "kept"} {
		if _, err := b.Delete(t.Context(), "dev", "orders", nameOf("ada", workload), "ada", asking.By{}); err != nil {
			t.Fatal(err)
		}
	}
	b.settle()
	claims := b.kept("persistentvolumeclaims")
	if claims["home-"+nameOf("ada", "lab")+"-0"] == nil || claims["home-"+nameOf("ada", "kept")+"-0"] != nil {
		t.Errorf("there are the volumes %v", claims)
	}

	// What is not declared any more is left as it was: its volume is what its last declaration said.
	if _, err := b.Open(t.Context(), ask("bob", "lab")); err != nil {
		t.Fatal(err)
	}
	b.swept(t)
	b.restart(t, strings.Replace(declared, "    - {name: lab, blueprint: notebook}\n", "", 1))
	b.swept(t)
	delete(b.objects, "statefulsets/orders-dev/lab")
	b.settle()
	if b.kept("statefulsets")[nameOf("bob", "lab")] != nil || b.kept("persistentvolumeclaims")["home-"+nameOf("bob", "lab")+"-0"] == nil {
		t.Error("with its workload, a workspace goes and its volume that is kept does not")
	}
}
