// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/apply/applytest"
	"trunkline.dev/trunkline/reconciler/cluster"
)

var errBoom = errors.New("boom")

// sorted sorts what is applied at once, in no order: objects whose names have one letter here.
func sorted(log []string) []string {
	out := slices.Clone(log)
	slices.SortStableFunc(out, func(a, b string) int {
		if strings.HasPrefix(a, "apply ") && strings.HasPrefix(b, "apply ") && len(a) == len(b) {
			return strings.Compare(a, b)
		}
		return 0
	})
	return out
}

// TestRun: what is done to the cluster, in which order.
func TestRun(t *testing.T) {
	namespace, extra := object("v1", "Namespace", "", "orders-prod"), object("v1", "Namespace", "", "extra")
	a, c := configMap("a", "1"), configMap("c", "1")
	cases := map[string]struct {
		reason string
		before func(b *bench)
		do     func(b *bench) release.Ended
		want   []string
		// applied and pruned are what is reported.
		applied, pruned int
		err             string
	}{
		"New": {
			"The record comes before what it names, the namespace before what is in it.", nil,
			func(b *bench) release.Ended { return b.run(b.target("c1", namespace, a, c)) },
			[]string{"connect", "list inventories", "record c1", "free? orders-prod", "apply orders-prod", "apply a", "apply c"},
			3, 0, "",
		},
		"Same": {
			"What is as declared is not written, and its record neither.", func(b *bench) { b.run(b.target("c1", namespace, a, c)) },
			func(b *bench) release.Ended { return b.run(b.target("c1", namespace, a, c)) },
			[]string{"connect"},
			0, 0, "",
		},
		"Restart": {
			"Nor by a daemon that has not seen it being applied.", func(b *bench) { b.run(b.target("c1", a)); b.restart() },
			func(b *bench) release.Ended { return b.run(b.target("c1", a)) },
			[]string{"connect", "list inventories"},
			0, 0, "",
		},
		"Changed": {
			"What has changed is written, and nothing else.", func(b *bench) { b.run(b.target("c1", a, c)) },
			func(b *bench) release.Ended { return b.run(b.target("c2", configMap("a", "2"), c)) },
			[]string{"connect", "record c2", "apply a"},
			1, 0, "",
		},
		"Pruned": {
			"What is not declared any more is deleted, by the identity that was seen.", func(b *bench) { b.run(b.target("c1", a, c)) },
			func(b *bench) release.Ended { return b.run(b.target("c2", a)) },
			[]string{"connect", "record c2", "delete c uid-c"},
			0, 1, "",
		},
		"RecordFails": {
			"What cannot be recorded is not applied.", func(b *bench) { b.Fail["record c1"] = errBoom },
			func(b *bench) release.Ended { return b.run(b.target("c1", a)) },
			[]string{"connect", "list inventories", "record c1"},
			0, 0, "boom",
		},
		"OneFails": {
			"What was applied counts also when something else has failed.", func(b *bench) { b.Fail["apply a"] = errBoom },
			func(b *bench) release.Ended { return b.run(b.target("c1", a, c)) },
			[]string{"connect", "list inventories", "record c1", "apply a", "apply c"},
			1, 0, "boom",
		},
		"FailureStopsPruning": {
			"Nothing is pruned while what is new is not there.", func(b *bench) { b.run(b.target("c1", c)); b.Fail["apply a"] = errBoom },
			func(b *bench) release.Ended { return b.run(b.target("c2", a)) },
			[]string{"connect", "record c2", "apply a"},
			0, 0, "boom",
		},
		"Foreign": {
			"An object of another release is not taken over.", func(b *bench) {
				b.Objects[plan.RefOf(a)] = &applytest.Object{ApplySet: "applyset-other-v1", UID: "u", Version: "1"}
			},
			func(b *bench) release.Ended { return b.run(b.target("c1", a)) },
			[]string{"connect", "list inventories", "record c1"},
			0, 0, "it is a member of the ApplySet applyset-other-v1",
		},
		"Owned": {
			"Nor one of a release that is kept with it still.", func(b *bench) {
				b.Objects[plan.RefOf(a)] = &applytest.Object{ApplySet: "applyset-other-v1", UID: "u", Version: "1"}
				b.moves.owner = "rates/prod@eu"
			},
			func(b *bench) release.Ended { return b.run(b.target("c1", a)) },
			[]string{"connect", "list inventories", "record c1"},
			0, 0, "is part of the release rates/prod@eu",
		},
		"Taken": {
			"One that the other has let go of is taken over, as it is.", func(b *bench) {
				b.Objects[plan.RefOf(namespace)] = &applytest.Object{ApplySet: "applyset-other-v1", UID: "u", Version: "1"}
				b.moves.owner, b.moves.free = "rates/prod@eu", true
			},
			func(b *bench) release.Ended { return b.run(b.target("c1", namespace)) },
			[]string{"connect", "list inventories", "record c1", "apply orders-prod"},
			1, 0, "",
		},
		"Moves": {
			"What another release declares now is not deleted.", func(b *bench) { b.run(b.target("c1", a, c)); b.moves.taker = "rates/prod@eu" },
			func(b *bench) release.Ended { return b.run(b.target("c2", a)) },
			[]string{"connect", "record c2"},
			0, 0, "",
		},
		"Undecided": {
			"What another release may turn out to declare is not deleted.", func(b *bench) { b.run(b.target("c1", a, c)); b.moves.undecided = true },
			func(b *bench) release.Ended { return b.run(b.target("c2", a)) },
			[]string{"connect", "record c2"},
			0, 0, "",
		},
		"Decided": {
			"It is once nobody does.", func(b *bench) {
				b.run(b.target("c1", a, c))
				b.moves.undecided = true
				b.run(b.target("c2", a))
				b.moves.undecided = false
			},
			func(b *bench) release.Ended { return b.run(b.target("c2", a)) },
			[]string{"connect", "delete c uid-c"},
			0, 1, "",
		},
		"OwnedUntil": {
			"What another release may turn out to let go of is not taken yet, and the words do not blame anybody.", func(b *bench) {
				b.Objects[plan.RefOf(a)] = &applytest.Object{ApplySet: "applyset-other-v1", UID: "u", Version: "1"}
				b.moves.owner, b.moves.undecided = "rates/prod@eu", true
			},
			func(b *bench) release.Ended { return b.run(b.target("c1", a)) },
			[]string{"connect", "list inventories", "record c1"},
			0, 0, "rates/prod@eu, which the newest commit was not handed to yet",
		},
		"NotFree": {
			"Nor a namespace that is there already.", func(b *bench) { b.Fail["free? orders-prod"] = cluster.ErrForeign },
			func(b *bench) release.Ended { return b.run(b.target("c1", namespace, a)) },
			[]string{"connect", "list inventories", "record c1", "free? orders-prod"},
			0, 0, cluster.ErrForeign.Error(),
		},
		"InUse": {
			"A namespace in which others have something stays.", func(b *bench) {
				b.run(b.target("c1", extra, a))
				b.Used["extra"] = "PersistentVolumeClaim data"
			},
			func(b *bench) release.Ended { return b.run(b.target("c2", a)) },
			[]string{"connect", "record c2", "in use extra"},
			0, 0, "",
		},
		"NotInUse": {
			"One that is empty goes.", func(b *bench) { b.run(b.target("c1", extra, a)) },
			func(b *bench) release.Ended { return b.run(b.target("c2", a)) },
			[]string{"connect", "record c2", "in use extra", "delete extra uid-extra"},
			0, 1, "",
		},
		"Removed": {
			"A release that is not declared is deleted, and then its record.", func(b *bench) { b.run(b.target("c1", a)) },
			func(b *bench) release.Ended { return b.run(removal("c2")) },
			[]string{"connect", "delete a uid-a", "empty?", "forget"},
			0, 1, "",
		},
		"NotEmpty": {
			"The record stays while the API server holds what no watch has seen.", func(b *bench) { b.run(b.target("c1", a)); b.Unseen = true },
			func(b *bench) release.Ended { return b.run(removal("c2")) },
			[]string{"connect", "delete a uid-a", "empty?"},
			0, 1, "waiting to see",
		},
		"NeverThere": {
			"Of a release that has no record there is nothing to delete.", nil,
			func(b *bench) release.Ended { return b.run(removal("c2")) },
			[]string{"connect", "list inventories"},
			0, 0, "",
		},
		"Everything": {
			"Asked for everything, it writes what is there as well.", func(b *bench) { b.run(b.target("c1", a)) },
			func(b *bench) release.Ended {
				return b.exec.Run(b.t.Context(), b.t.Context(), release.Run{Target: b.target("c1", a), Settings: settings(), Everything: true})
			},
			[]string{"connect", "record c1", "apply a"},
			1, 0, "",
		},
		"Gone": {
			"An object that was deleted is created again.", func(b *bench) {
				b.run(b.target("c1", a))
				delete(b.Objects, plan.RefOf(a))
			},
			func(b *bench) release.Ended {
				return b.exec.Run(b.t.Context(), b.t.Context(), release.Run{Target: b.target("c1", a), Settings: settings(), Gone: map[plan.Ref]plan.Vanished{plan.RefOf(a): {}}})
			},
			[]string{"connect", "apply a"},
			1, 0, "",
		},
		"Memory": {
			"What has to be remembered is written with a run.", func(b *bench) { b.run(b.target("c1", a)) },
			func(b *bench) release.Ended {
				m := gate.Memory{Healthy: []gate.Mark{{Commit: "c1", Digest: "d"}}}
				return b.exec.Run(b.t.Context(), b.t.Context(), release.Run{Target: b.target("c1", a), Settings: settings(), Memory: m, Unsaved: true})
			},
			[]string{"connect", "record c1"},
			0, 0, "",
		},
		"MemoryThatNobodyAsksFor": {
			"What nobody asks for goes with the next write.", func(b *bench) { b.run(b.target("c1", a)) },
			func(b *bench) release.Ended {
				m := gate.Memory{Healthy: []gate.Mark{{Commit: "c1", Digest: "d"}}}
				return b.exec.Run(b.t.Context(), b.t.Context(), release.Run{Target: b.target("c1", a), Settings: settings(), Memory: m})
			},
			[]string{"connect"},
			0, 0, "",
		},
		"Account": {
			"What is the release's is written as its account, what is the platform's own as the daemon.", nil,
			func(b *bench) release.Ended {
				s := settings()
				s.Access.Account = "deployer"
				return b.runAs(b.target("c1", namespace, a), s)
			},
			[]string{"connect", "list inventories", "record c1", "free? orders-prod", "apply orders-prod", "account? as deployer", "apply a as deployer"},
			2, 0, "",
		},
		"NoAccount": {
			"Without its account nothing of the release is written.", func(b *bench) { b.Fail["account? as deployer"] = errBoom },
			func(b *bench) release.Ended {
				s := settings()
				s.Access.Account = "deployer"
				return b.runAs(b.target("c1", namespace, a), s)
			},
			[]string{"connect", "list inventories", "record c1", "free? orders-prod", "apply orders-prod", "account? as deployer"},
			1, 0, "boom",
		},
		"BadAccount": {
			"A name that is none is never the daemon.", nil,
			func(b *bench) release.Ended {
				s := settings()
				s.Access.Account = "Not A Name"
				return b.runAs(b.target("c1", namespace, a), s)
			},
			[]string{"connect", "list inventories", "record c1", "free? orders-prod", "apply orders-prod"},
			1, 0, "that is no account",
		},
		"AccountOfTheRecord": {
			"When the environment is gone, what its account has made is deleted as that account.", func(b *bench) {
				s := settings()
				s.Access.Account = "deployer"
				b.runAs(b.target("c1", a), s)
			},
			func(b *bench) release.Ended {
				s := settings()
				s.Access.Declared = false
				return b.runAs(removal("c2"), s)
			},
			[]string{"connect", "account? as deployer", "delete a uid-a as deployer", "empty?", "forget"},
			0, 1, "",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if tc.before != nil {
				tc.before(b)
			}
			b.Log()
			out := tc.do(b)
			if diff := cmp.Diff(tc.want, sorted(b.Log())); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if out.Applied != tc.applied || out.Pruned != tc.pruned {
				t.Errorf("%s applied %d and pruned %d, want %d and %d", tc.reason, out.Applied, out.Pruned, tc.applied, tc.pruned)
			}
			if (out.Err == nil) != (tc.err == "") || out.Err != nil && !strings.Contains(out.Err.Error(), tc.err) {
				t.Errorf("%s the error is %v, want %q", tc.reason, out.Err, tc.err)
			}
		})
	}
}

// TestEnded: what a run reports.
func TestEnded(t *testing.T) {
	a, ref := configMap("a", "1"), plan.RefOf(configMap("a", "1"))
	t.Run("Recorded", func(t *testing.T) {
		b := newBench(t)
		b.Fail["apply a"] = errBoom
		out := b.run(b.target("c1", a))
		if out.Recorded == nil || out.Recorded.Commit != "c1" || out.Epoch != 7 || out.Terminal {
			t.Errorf("%+v, want that c1 is recorded although applying failed", out)
		}
	})
	t.Run("UnchangedKeepsItsCommit", func(t *testing.T) {
		b := newBench(t)
		b.run(b.target("c1", a))
		if out := b.run(b.target("c2", a)); out.Recorded.Commit != "c1" {
			t.Errorf("recorded at %s, want the commit that changed it last", out.Recorded.Commit)
		}
	})
	t.Run("Drift", func(t *testing.T) {
		b := newBench(t)
		b.run(b.target("c1", a))
		o := b.Objects[ref]
		o.Version = b.Next()
		o.Owners.Ours = strings.Replace(o.Owners.Ours, `"f:data":{"f:key":{}},`, "", 1)
		out := b.run(b.target("c1", a))
		if len(out.Corrected) != 1 || out.Corrected[0].Ref != ref || len(out.Corrected[0].Fields) != 1 {
			t.Errorf("corrected is %+v", out.Corrected)
		}
		o.Version = b.Next()
		o.Owners.Ours = strings.Replace(o.Owners.Ours, `"f:data":{"f:key":{}},`, "", 1)
		s := settings()
		s.Drift.Correct = false
		out = b.runAs(b.target("c1", a), s)
		if len(out.Corrected) != 0 || len(out.Open) != 1 {
			t.Errorf("reported only: corrected %+v, open %+v", out.Corrected, out.Open)
		}
	})
	t.Run("Sights", func(t *testing.T) {
		b := newBench(t)
		out := b.run(b.target("c1", a))
		o := b.Objects[ref]
		if out.Sights[ref] != apply.SightOf(o.Digest, o.Owners) {
			t.Error("what was written is not as it will be seen")
		}
	})
	t.Run("Kept", func(t *testing.T) {
		b := newBench(t)
		b.run(b.target("c1", a, configMap("b", "1", plan.PruneAnnotation, "disabled")))
		out := b.run(b.target("c2", a))
		if diff := cmp.Diff([]string{"ConfigMap orders-prod/b"}, out.Kept); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
		if out = b.run(removal("c3")); out.Left != 0 || out.Finished {
			t.Errorf("left %d, finished %t, want that what must stay does not count and keeps the record", out.Left, out.Finished)
		}
	})
	t.Run("Waiting", func(t *testing.T) {
		b := newBench(t)
		b.Sick["a"] = health.Progressing
		b.run(b.target("c1", a, configMap("b", "1", plan.WaveAnnotation, "1")))
		out := b.run(b.target("c1", a, configMap("b", "1", plan.WaveAnnotation, "1")))
		if out.Waiting != "waiting for ConfigMap orders-prod/a to be ready before ConfigMap orders-prod/b" {
			t.Errorf("waiting is %q", out.Waiting)
		}
	})
	t.Run("Started", func(t *testing.T) {
		job := object("batch/v1", "Job", "orders-prod", "j")
		b := newBench(t)
		b.run(b.target("c1", a, job))
		b.Objects[plan.RefOf(job)].Ending = plan.Started
		b.Sick["j"] = health.Progressing
		memory := gate.Memory{Finished: b.run(b.target("c1", a, job)).Endings}
		if len(memory.Finished) != 1 || !memory.Finished[0].Started {
			t.Fatalf("remembered of a job that was begun: %+v", memory.Finished)
		}
		again := func() release.Ended {
			return b.exec.Run(t.Context(), t.Context(), release.Run{Target: b.target("c1", a, job), Settings: settings(), Memory: memory})
		}
		delete(b.Objects, plan.RefOf(job))
		b.restart()
		b.Log()
		if out := again(); out.Applied != 0 || out.Err != nil {
			t.Errorf("the next daemon runs it again: %v, %+v", b.Log(), out)
		}
		memory.Finished = nil
		again() // which creates it
		b.Objects[plan.RefOf(job)].Ending = plan.Started
		out := b.run(b.target("c2", a))
		if memory.Finished = out.Endings; out.Pruned != 1 || len(memory.Finished) != 1 || !memory.Finished[0].Pruned {
			t.Fatalf("a job that is pruned before its end: %+v", out)
		}
		if out := again(); out.Applied != 1 {
			t.Errorf("declared again, it is not run: %+v", out)
		}
	})
	t.Run("Canceled", func(t *testing.T) {
		b := newBench(t)
		ctx, cancel := context.WithCancel(t.Context())
		b.Hook = func(line string) {
			if line == "record c1" {
				cancel()
			}
		}
		out := b.exec.Run(t.Context(), ctx, release.Run{Target: b.target("c1", a), Settings: settings()})
		if !out.Canceled || out.Err != nil || out.Recorded == nil || out.Applied != 0 {
			t.Errorf("%+v, want that it is canceled after the record", out)
		}
	})
	t.Run("UnknownCluster", func(t *testing.T) {
		x := apply.New(apply.Options{ID: id, Cluster: func() *apply.Cluster { return nil }})
		if out := x.Run(t.Context(), t.Context(), release.Run{}); !out.Terminal || !strings.Contains(out.Err.Error(), "--cluster eu=KUBECONFIG") {
			t.Errorf("%+v", out)
		}
		if out := x.Run(t.Context(), t.Context(), release.Run{Target: removal("c1")}); !out.Finished {
			t.Errorf("%+v, want that there is nothing to remove", out)
		}
		if out := x.Look(t.Context(), t.Context(), false); out.Err != nil || out.Digest != "" {
			t.Errorf("%+v, want that nothing is in place", out)
		}
		if err := x.Save(t.Context(), t.Context(), release.Save{}); err == nil {
			t.Error("saved nowhere")
		}
	})
}

// TestReplace: what cannot be changed is deleted and created again, if it says so.
func TestReplace(t *testing.T) {
	immutable := apierrors.NewInvalid(object("v1", "ConfigMap", "", "").GroupVersionKind().GroupKind(), "a", nil)
	immutable.ErrStatus.Message = "data: field is immutable when `immutable` is set"
	for name, annotations := range map[string][]string{"Asked": {plan.ReplaceAnnotation, "enabled"}, "NotAsked": nil} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.run(b.target("c1", configMap("a", "1", annotations...)))
			b.Fail["apply a"] = immutable
			b.Log()
			out := b.run(b.target("c2", configMap("a", "2", annotations...)))
			deleted := slices.Contains(b.Log(), "delete a uid-a")
			if deleted != (annotations != nil) || out.Terminal == deleted {
				t.Errorf("deleted %t, %+v", deleted, out)
			}
		})
	}
}

// TestDefinitions: what is of a kind that the release defines waits until that is served.
func TestDefinitions(t *testing.T) {
	b := newBench(t)
	definition := object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "tables.acme.io")
	b.Sick["tables.acme.io"] = health.Progressing
	b.Hook = func(line string) {
		if line == "apply tables.acme.io" {
			go func() {
				b.Heal("tables.acme.io")
				b.exec.Changed()
			}()
		}
	}
	out := b.run(b.target("c1", definition, object("acme.io/v1", "Table", "orders-prod", "t")))
	log := b.Log()
	if out.Err != nil || slices.Index(log, "apply t") < slices.Index(log, "apply tables.acme.io") {
		t.Errorf("%v, %+v", log, out)
	}
}

// TestLook: what the inventory remembers is read once a connection, and from the API server if another replica may have written it.
func TestLook(t *testing.T) {
	b := newBench(t)
	b.run(b.target("c1", object("v1", "Namespace", "", "orders-prod"), configMap("a", "1")))
	b.restart()
	b.Log()
	out := b.exec.Look(t.Context(), t.Context(), false)
	if diff := cmp.Diff([]string{"connect", "list inventories"}, b.Log()); diff != "" {
		t.Errorf("a look (-want +got):\n%s", diff)
	}
	if out.Commit != "c1" || out.Objects.Sum() != 2 || out.Err != nil {
		t.Errorf("%+v", out)
	}
	i := b.Stored[id]
	i.Memory.Suspended = &gate.ByHand{By: "ann"}
	b.Stored[id] = i
	if out = b.exec.Look(t.Context(), t.Context(), true); out.Memory.Suspended == nil {
		t.Error("what another replica has written is not read")
	}
	delete(b.Stored, id)
	if out = b.exec.Look(t.Context(), t.Context(), true); out.Digest != "" {
		t.Error("what another replica has removed is there still")
	}
	b.Fail["read inventory"] = errBoom
	if out = b.exec.Look(t.Context(), t.Context(), true); !errors.Is(out.Err, errBoom) {
		t.Errorf("%+v", out)
	}
}

// TestSave: what has to be remembered is written without changing what else is recorded.
func TestSave(t *testing.T) {
	b := newBench(t)
	m := gate.Memory{Suspended: &gate.ByHand{By: "ann"}}
	if err := b.exec.Save(t.Context(), t.Context(), release.Save{Memory: m, Namespace: "orders-prod"}); err != nil {
		t.Fatal(err)
	}
	if i := b.Stored[id]; i.Memory.Suspended == nil || i.Namespace != "orders-prod" || i.Platform != "acme" {
		t.Errorf("of a release that has no record: %+v", i)
	}
	b.run(b.target("c1", configMap("a", "1")))
	if err := b.exec.Save(t.Context(), t.Context(), release.Save{Memory: m}); err != nil {
		t.Fatal(err)
	}
	if i := b.Stored[id]; i.Memory.Suspended == nil || i.Commit != "c1" || len(i.Kinds) == 0 {
		t.Errorf("of one that has: %+v", i)
	}
	b.Fail["record c1"] = errBoom
	if err := b.exec.Save(t.Context(), t.Context(), release.Save{Memory: m}); !errors.Is(err, errBoom) {
		t.Errorf("a failure is %v", err)
	}
}

// TestObserve: the health of a release is that of the object that is worst off.
func TestObserve(t *testing.T) {
	cases := map[string]struct {
		reason string
		sick   map[string]health.State
		want   health.State
		worst  string
	}{
		"Healthy":     {"All are.", nil, health.Healthy, ""},
		"Progressing": {"One that is on its way.", map[string]health.State{"b": health.Progressing}, health.Progressing, "b"},
		"Stalled":     {"One that is stalled is worse.", map[string]health.State{"a": health.Progressing, "b": health.Stalled}, health.Stalled, "b"},
		"Failed":      {"One that has failed is worst.", map[string]health.State{"a": health.Failed, "b": health.Stalled}, health.Failed, "a"},
		"First":       {"Of those that are alike, the first.", map[string]health.State{"a": health.Stalled, "b": health.Stalled}, health.Stalled, "a"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			target := b.target("c1", configMap("a", "1"), configMap("b", "1"))
			if _, ok := b.exec.Observe(&target, start); ok {
				t.Error("something is observed before the first run")
			}
			b.run(target)
			if tc.sick != nil {
				b.Sick = tc.sick
			}
			got, ok := b.exec.Observe(&target, start)
			if !ok || got.Health != tc.want || got.Worst.Name != tc.worst {
				t.Errorf("%s %+v", tc.reason, got)
			}
		})
	}
	t.Run("NotSeenYet", func(t *testing.T) {
		b := newBench(t)
		target := b.target("c1", configMap("a", "1"))
		b.run(target)
		b.Objects[plan.RefOf(configMap("a", "1"))].Version = "0" // an older one than was written
		if got, _ := b.exec.Observe(&target, start); got.Health != health.Progressing {
			t.Errorf("what was not seen as it was applied is %s", got.Health)
		}
		clear(b.Objects)
		if got, _ := b.exec.Observe(&target, start); got.Health != health.Progressing {
			t.Errorf("what is not there is %s", got.Health)
		}
	})
}

// TestStuck: an object whose deletion does not end is named with what it waits for, whether it is declared or not. Of several, one
// is told and the others are counted, and it is the same one at each look.
func TestStuck(t *testing.T) {
	late := start.Add(health.StuckAfter)
	going := func(since time.Time, waits string) *health.Deletion {
		return &health.Deletion{Since: since, Waits: waits}
	}
	long, now := start.Add(-time.Hour), start
	cases := map[string]struct {
		reason   string
		deleting map[string]*health.Deletion
		keeps    []string // are declared still
		at       time.Time
		want     health.State
		worst    string
		message  string
		until    time.Time
	}{
		"OnItsWay": {"A deletion takes a moment.", map[string]*health.Deletion{"b": going(now, "the finalizer acme.io/keep")}, nil, start, health.Healthy, "", "", late},
		"Stuck": {
			"Nobody removes the finalizer.",
			map[string]*health.Deletion{"b": going(now, "the finalizer acme.io/keep")},
			nil, late, health.Stalled, "b",
			"ConfigMap orders-prod/b: its deletion does not end, since 2026-12-16T10:00:00Z: the finalizer acme.io/keep",
			time.Time{},
		},
		"Several": {
			"Each waits for another finalizer; one of them is told.",
			map[string]*health.Deletion{"d": going(long, "acme.io/d"), "b": going(long, "acme.io/b"), "c": going(long, "acme.io/c")},
			nil, start, health.Stalled, "b",
			"ConfigMap orders-prod/b: its deletion does not end, since 2026-12-16T09:00:00Z: acme.io/b (and 2 more)",
			time.Time{},
		},
		"OneOfThem": {
			"The one that is stuck is told, and the other will be looked at.",
			map[string]*health.Deletion{"b": going(now, "acme.io/b"), "c": going(long, "acme.io/c")},
			nil, start, health.Stalled, "c",
			"ConfigMap orders-prod/c: its deletion does not end, since 2026-12-16T09:00:00Z: acme.io/c", late,
		},
		"Declared": {
			"Someone has deleted what is declared, and it cannot be made again until it is gone.",
			map[string]*health.Deletion{"b": going(long, "acme.io/b")},
			[]string{"b"},
			start, health.Stalled, "b",
			"ConfigMap orders-prod/b: its deletion does not end, since 2026-12-16T09:00:00Z: acme.io/b",
			time.Time{},
		},
		"Unnamed": {
			"A node that is away lets no pod go, and there is no finalizer.",
			map[string]*health.Deletion{"b": going(long, "")},
			nil, start, health.Stalled, "b",
			"ConfigMap orders-prod/b: its deletion does not end, since 2026-12-16T09:00:00Z",
			time.Time{},
		},
		"NobodyKnowsSince": {"What has no time is never late.", map[string]*health.Deletion{"b": going(time.Time{}, "acme.io/b")}, nil, late, health.Healthy, "", "", time.Time{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			names := []string{"a", "b", "c", "d"}
			var all, kept []*unstructured.Unstructured
			for _, n := range names {
				o := configMap(n, "1")
				all = append(all, o)
				if n == "a" || slices.Contains(tc.keeps, n) {
					kept = append(kept, o)
				}
			}
			b.run(b.target("c1", all...))
			for n, d := range tc.deleting {
				b.Objects[plan.RefOf(configMap(n, "1"))].Deletion = d
				b.Sick[n] = health.Progressing
			}
			target := b.target("c2", kept...)
			b.run(target)
			for range 10 { // a map has another order each time
				got, _ := b.exec.Observe(&target, tc.at)
				if got.Health != tc.want || got.Worst.Name != tc.worst || got.Message != tc.message || !got.Until.Equal(tc.until) {
					t.Fatalf("%s\n%+v", tc.reason, got)
				}
			}
		})
	}
	t.Run("Removal", func(t *testing.T) { // the whole release goes, and says what keeps it
		b := newBench(t)
		b.run(b.target("c1", configMap("a", "1"), configMap("b", "1"), configMap("c", "1")))
		b.Objects[plan.RefOf(configMap("b", "1"))].Deletion = going(now, "acme.io/b")
		b.Objects[plan.RefOf(configMap("c", "1"))].Deletion = going(long, "acme.io/c")
		out := b.run(removal("c3"))
		if out.Left != 2 || out.Leaving != "ConfigMap orders-prod/c: its deletion does not end, since 2026-12-16T09:00:00Z: acme.io/c" || !out.Until.Equal(late) {
			t.Errorf("of a removal: %+v", out)
		}
	})
}

// TestReader: namespaces are looked into by the daemon, everything else by the account.
func TestReader(t *testing.T) {
	b := newBench(t)
	if b.exec.Reader(plan.Ref{}) != nil {
		t.Error("someone looks before anybody is known")
	}
	s := settings()
	s.Access.Account = "deployer"
	b.runAs(b.target("c1", configMap("a", "1")), s)
	for _, o := range []*unstructured.Unstructured{object("v1", "Namespace", "", "n"), configMap("a", "1")} {
		r, err := b.exec.Reader(plan.RefOf(o)).Diagnose(t.Context(), plan.RefOf(o), nil)
		if daemon := r.Summary == cluster.Daemon().String(); err != nil || daemon != (o.GetKind() == "Namespace") {
			t.Errorf("%s is looked into by %s", o.GetKind(), r.Summary)
		}
	}
}

// TestEvents: events about members are handed to the release that they are of, until it is gone.
func TestEvents(t *testing.T) {
	b := newBench(t)
	b.run(b.target("c1", configMap("a", "1")))
	mine := cluster.Event{ApplySet: b.Stored[id].ApplySet()}
	b.site.Happened(mine)
	b.site.Happened(cluster.Event{ApplySet: "another"})
	if len(b.heard) != 1 {
		t.Errorf("heard of %d events, want 1", len(b.heard))
	}
	b.run(removal("c2"))
	b.site.Happened(mine)
	if len(b.heard) != 1 {
		t.Error("heard of an event after the release was gone")
	}
}

// TestInventories: they are listed once a connection, and again when they may be outdated.
func TestInventories(t *testing.T) {
	b := newBench(t)
	b.Stored[id] = cluster.Inventory{Release: id, Kinds: cluster.KindsOf(configMap("a", "").GroupVersionKind().GroupKind())}
	load := func() []string {
		if _, err := b.site.Load(t.Context(), t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
		return b.Log()
	}
	if diff := cmp.Diff([]string{"connect", "list inventories"}, load()); diff != "" {
		t.Errorf("first (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"connect"}, load()); diff != "" {
		t.Errorf("again (-want +got):\n%s", diff)
	}
	if got := b.site.Inventories(); len(got) != 1 || len(b.site.Kinds()) != 1 {
		t.Errorf("inventories %v, kinds %v", got, b.site.Kinds())
	}
	b.site.Outdated()
	if diff := cmp.Diff([]string{"connect", "list inventories"}, load()); diff != "" {
		t.Errorf("outdated (-want +got):\n%s", diff)
	}
	b.site.Outdated()
	b.Fail["list inventories"] = errBoom
	if _, err := b.site.Load(t.Context(), t.Context(), "acme"); !errors.Is(err, errBoom) {
		t.Errorf("a failure is %v", err)
	}
	if _, err := b.site.Load(t.Context(), t.Context(), ""); err != nil {
		t.Errorf("without a platform nothing is listed: %v", err)
	}
}
