// SPDX-License-Identifier: Apache-2.0

package resources_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/resource"
	"trunkline.dev/trunkline/reconciler/resources"
)

// memory is a cloud in memory.
type memory struct {
	mu   sync.Mutex
	has  map[string]thing
	fail map[string]error
	// asked counts what it was asked to ensure, by id.
	asked map[string]int
}

// thing is a resource that is there.
type thing struct {
	catalog.Resource

	mark, removal string
	full          bool
}

func (m *memory) Ensure(_ context.Context, r catalog.Resource, owner resource.Owner, may func(mark string) error) (done resources.Done, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked[r.ID()]++
	if err := m.fail[r.ID()]; err != nil {
		return done, err
	}
	if r.Kind == catalog.TableResource {
		if _, there := m.has["database "+r.Database]; !there {
			return done, errors.New("there is no database yet")
		}
	}
	was, there := m.has[r.ID()]
	if there {
		if err := may(was.mark); err != nil {
			return done, err
		}
	}
	is := thing{Resource: r, mark: owner.String(), removal: resource.RemovalKeep, full: was.full}
	if r.Remove {
		is.removal = resource.RemovalRemove
	}
	m.has[r.ID()] = is
	done.Made = !there || was.mark != is.mark
	if !done.Made && (was.Versioned != r.Versioned) {
		done.Changed = []string{"versioned"}
	}
	return done, nil
}

func (m *memory) Left(_ context.Context, platform, environment string) (out []resource.Left, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(m.has))) {
		if owner, ok := resource.ParseOwner(m.has[id].mark); ok && owner.Platform == platform && owner.Environment == environment {
			out = append(out, resource.Left{ID: id, Owner: owner, Removal: m.has[id].removal})
		}
	}
	return out, m.fail["left"]
}

func (m *memory) Remove(_ context.Context, l resource.Left) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.has[l.ID].full {
		return errors.New("it is not empty")
	}
	delete(m.has, l.ID)
	return nil
}

// do changes the cloud.
func (m *memory) do(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// keeping is a keeper with what it said.
type keeping struct {
	t      *testing.T
	cloud  *memory
	accept atomic.Pointer[catalog.Catalog]

	mu     sync.Mutex
	events []string
	told   []resources.State
}

// keep starts a keeper in a bubble of time.
func keep(t *testing.T, check func(*keeping)) {
	synctest.Test(t, func(t *testing.T) {
		k := &keeping{t: t, cloud: &memory{has: map[string]thing{}, fail: map[string]error{}, asked: map[string]int{}}}
		keeper := resources.New(resources.Options{
			Accepted: k.accept.Load, Interval: resources.DefaultInterval, Log: slog.New(slog.DiscardHandler), Now: time.Now,
			Clouds: func(context.Context, v1alpha1.EnvironmentResources) (resources.Cloud, error) { return k.cloud, nil },
			Happened: func(e resources.Event) {
				k.mu.Lock()
				defer k.mu.Unlock()
				k.events = append(k.events, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", e.Release, e.Act, e.ID, strings.Join(e.Fields, ","))))
			},
			Told: func(all []resources.State) {
				k.mu.Lock()
				defer k.mu.Unlock()
				k.told = all
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { keeper.Run(ctx) })
		check(k)
		cancel()
		running.Wait()
		if k.told != nil {
			t.Errorf("nobody keeps them any more, and told is %v", k.told)
		}
	})
}

// files are those of a platform with an environment and the resources of a project.
func files(environment, spec string) fstest.MapFS {
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	return fstest.MapFS{
		"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\n---\n" + head + "kind: Cluster\nmetadata: {name: main}\n")},
		"prod.yaml":      {Data: []byte(head + "kind: Environment\nmetadata: {name: prod}\nspec:\n  clusters: [main]\n" + environment)},
		"orders.yaml":    {Data: []byte(head + "kind: Project\nmetadata: {name: orders}\nspec:\n  owner: ann\n  environments: [prod]\n" + spec)},
	}
}

// declare has the keeper see a catalog, and returns what it has done after some time.
func (k *keeping) declare(environment, spec string, wait time.Duration) []string {
	k.t.Helper()
	c, problems, err := catalog.Load(files(environment, spec), blueprints.FS)
	if err != nil || problems.Denied() {
		k.t.Fatal(err, problems)
	}
	k.accept.Store(c)
	return k.wait(wait)
}

// wait returns what is done in some time.
func (k *keeping) wait(d time.Duration) []string {
	time.Sleep(d) // of the bubble
	synctest.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	out := k.events
	k.events = nil
	slices.Sort(out)
	return out
}

// states are how all resources are doing.
func (k *keeping) states() map[string]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := map[string]string{}
	for _, s := range k.told {
		out[s.ID] = map[bool]string{true: "made"}[s.Made] + s.Err
	}
	return out
}

const (
	viaAPI = "  resources: {via: api}\n"
	// all has one of each kind.
	all = `
  resources:
    buckets: [{name: "acme-<environment>-orders"}]
    databases: [{name: orders}]
    tables: [{database: orders, name: clean, location: "s3://acme-prod-orders/clean/", format: csv, columns: [{name: a, type: string}]}]
`
)

func wantEqual[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: -want +got:\n%s", what, diff)
	}
}

// TestMade: what is declared is made once, tables after their databases, and put right when others change it.
func TestMade(t *testing.T) {
	keep(t, func(k *keeping) {
		wantEqual(t, "done", []string{
			"orders/prod@main made bucket acme-prod-orders", "orders/prod@main made database orders", "orders/prod@main made table orders.clean",
		}, k.declare(viaAPI, all, 3*time.Second))
		wantEqual(t, "states", map[string]string{"bucket acme-prod-orders": "made", "database orders": "made", "table orders.clean": "made"}, k.states())
		wantEqual(t, "done later", nil, k.wait(time.Hour))
		k.cloud.do(func() {
			b := k.cloud.has["bucket acme-prod-orders"]
			b.Versioned = true
			k.cloud.has["bucket acme-prod-orders"] = b
		})
		wantEqual(t, "done about drift", []string{"orders/prod@main corrected bucket acme-prod-orders versioned"}, k.wait(resources.DefaultInterval+3*time.Second))
		wantEqual(t, "done for a commit", []string{"orders/prod@main changed bucket acme-prod-orders versioned"},
			k.declare(viaAPI, strings.Replace(all, `-orders"}`, `-orders", versioned: true}`, 1), 3*time.Second))
	})
}

// TestKept: what is not declared any more stays, and is removed only if the last declaration said so, and once it is empty.
func TestKept(t *testing.T) {
	keep(t, func(k *keeping) {
		const two = "  resources: {buckets: [{name: stays}, {name: goes, onRemoval: remove}, {name: changed, onRemoval: remove}]}\n"
		k.declare(viaAPI, two, 3*time.Second)
		k.declare(viaAPI, strings.Replace(two, "changed, onRemoval: remove", "changed", 1), 3*time.Second)
		k.cloud.do(func() {
			full := k.cloud.has["bucket goes"]
			full.full = true
			k.cloud.has["bucket goes"] = full
			k.cloud.has["bucket theirs"] = thing{mark: "acme/dev/orders", removal: resource.RemovalRemove}
			k.cloud.has["bucket nobodys"] = thing{removal: resource.RemovalRemove}
		})
		wantEqual(t, "done while it is full", nil, k.declare(viaAPI, "", 3*time.Second))
		wantEqual(t, "states", map[string]string{"bucket goes": "it is not empty"}, k.states())
		k.cloud.do(func() {
			empty := k.cloud.has["bucket goes"]
			empty.full = false
			k.cloud.has["bucket goes"] = empty
		})
		wantEqual(t, "done once it is empty", []string{"orders/prod@main removed bucket goes"}, k.wait(resources.DefaultInterval+3*time.Second))
		wantEqual(t, "states", map[string]string{}, k.states())
		wantEqual(t, "what is there", []string{"bucket changed", "bucket nobodys", "bucket stays", "bucket theirs"}, slices.Sorted(maps.Keys(k.cloud.has)))
		wantEqual(t, "done later", nil, k.wait(3*time.Hour))
	})
}

// TestOthers: what is another's is left, and it is said what to do.
func TestOthers(t *testing.T) {
	keep(t, func(k *keeping) {
		k.cloud.has["bucket theirs"] = thing{}
		const spec = "  resources: {buckets: [{name: theirs}, {name: ours}]}\n"
		wantEqual(t, "done", []string{"orders/prod@main made bucket ours"}, k.declare(viaAPI, spec, 3*time.Second))
		if s := k.states(); !strings.Contains(s["bucket theirs"], "was not made by Trunkline: to take it over, write adopt: true") || s["bucket ours"] != "made" {
			t.Errorf("states are %v", s)
		}
		wantEqual(t, "done by adopting", []string{"orders/prod@main made bucket theirs"},
			k.declare(viaAPI, strings.Replace(spec, "theirs}", "theirs, adopt: true}", 1), 3*time.Second))
	})
}

// TestRetried: what fails is tried again after pauses that grow, and nothing else waits for it.
func TestRetried(t *testing.T) {
	keep(t, func(k *keeping) {
		k.cloud.fail["bucket acme-prod-orders"] = errors.New("down")
		wantEqual(t, "done", []string{"orders/prod@main made database orders", "orders/prod@main made table orders.clean"}, k.declare(viaAPI, all, 3*time.Second))
		k.wait(time.Hour)
		asked := k.cloud.asked["bucket acme-prod-orders"]
		if asked < 8 || asked > 16 {
			t.Errorf("it was tried %d times in an hour", asked)
		}
		k.cloud.do(func() { clear(k.cloud.fail) })
		wantEqual(t, "done", []string{"orders/prod@main made bucket acme-prod-orders"}, k.wait(11*time.Minute))
	})
}

// TestWhatIsNotDone: nothing is done where others make resources, the project is suspended, or nothing is rolled out.
func TestWhatIsNotDone(t *testing.T) {
	for name, c := range map[string]struct{ environment, spec string }{
		"Crossplane": {"  resources: {via: crossplane, region: eu-west-1, account: \"123456789012\"}\n", all},
		"Suspended":  {viaAPI, "  suspend: true\n" + all},
		"Frozen":     {viaAPI + "  freezes: [{from: 1999-01-01T00:00:00Z, until: 2001-01-01T00:00:00Z, reason: x}]\n", all},
	} {
		t.Run(name, func(t *testing.T) {
			keep(t, func(k *keeping) {
				wantEqual(t, "done", nil, k.declare(c.environment, c.spec, time.Hour))
				wantEqual(t, "what is there", 0, len(k.cloud.has))
			})
		})
	}
}

// TestProtected: a project that leaves a protected environment without a word loses nothing.
func TestProtected(t *testing.T) {
	keep(t, func(k *keeping) {
		const spec = "  resources: {buckets: [{name: goes, onRemoval: remove}]}\n"
		k.declare(viaAPI+"  protected: true\n", spec, 3*time.Second)
		gone := func(environment string) []string {
			tree := files(environment, "")
			delete(tree, "orders.yaml")
			c, problems, err := catalog.Load(tree, blueprints.FS)
			if err != nil || problems.Denied() {
				t.Fatal(err, problems)
			}
			k.accept.Store(c)
			return k.wait(2 * time.Hour)
		}
		wantEqual(t, "done", nil, gone(viaAPI+"  protected: true\n"))
		wantEqual(t, "done once it is named", []string{"orders/prod@main removed bucket goes"}, gone(viaAPI+"  protected: true\n  removals: [orders]\n"))
	})
}

// TestNothingIsRemovedForASuspendedProject: what it declares is declared.
func TestNothingIsRemovedForASuspendedProject(t *testing.T) {
	keep(t, func(k *keeping) {
		const spec = "  resources: {buckets: [{name: goes, onRemoval: remove}]}\n"
		k.declare(viaAPI, spec, 3*time.Second)
		wantEqual(t, "done", nil, k.declare(viaAPI, "  suspend: true\n"+spec, time.Hour))
		wantEqual(t, "done without the environment's word", nil, k.declare("", "", time.Hour))
		wantEqual(t, "what is there", []string{"bucket goes"}, slices.Sorted(maps.Keys(k.cloud.has)))
	})
}
