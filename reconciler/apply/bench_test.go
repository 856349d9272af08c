// SPDX-License-Identifier: Apache-2.0

package apply_test

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/plan/terms"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/apply/applytest"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/render"
)

var (
	id    = catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "eu"}
	start = time.Date(2026, 12, 16, 10, 0, 0, 0, time.UTC)
)

// slots lets everybody plan at once.
type slots struct{}

func (slots) Begin(ctx context.Context, _ bool) error { return ctx.Err() }
func (slots) End()                                    {}

func (slots) Write(context.Context) (func(), error) { return func() {}, nil }

// bench is an executor and what it works on.
type bench struct {
	*applytest.Cluster

	t     *testing.T
	site  *apply.Cluster
	exec  *apply.Executor
	heard []cluster.Event
	moves moves
}

// moves are those that a test says.
type moves struct {
	taker, owner string
	free         bool
	// undecided is set while it is not known what all releases declare.
	undecided bool
}

func (m *moves) Settled() bool { return !m.undecided }

func (m *moves) Fate(plan.Ref) (string, bool)          { return m.taker, m.undecided }
func (m *moves) Owner(string, plan.Ref) (string, bool) { return m.owner, m.free }

func newBench(t *testing.T) *bench {
	b := &bench{Cluster: applytest.New(), t: t}
	b.restart()
	return b
}

// restart is another daemon, which knows nothing of what was done before.
func (b *bench) restart() {
	b.site = apply.NewCluster("eu", func(_, _ context.Context) (apply.Conn, error) { return b.Cluster, b.Did("connect") })
	b.exec = apply.New(apply.Options{
		ID: id, Cluster: func() *apply.Cluster { return b.site }, Platform: func() string { return "acme" }, Secrets: &secrets.Decrypter{}, Slots: slots{}, Moves: &b.moves,
		Listen: func(e cluster.Event) { b.heard = append(b.heard, e) }, Now: func() time.Time { return start },
	})
}

func configMap(name, value string, annotations ...string) *unstructured.Unstructured {
	meta := map[string]any{"name": name, "namespace": "orders-prod"}
	if len(annotations) > 0 {
		a := map[string]any{}
		for i := 0; i < len(annotations); i += 2 {
			a[annotations[i]] = annotations[i+1]
		}
		meta["annotations"] = a
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": map[string]any{"key": value}}}
}

func object(apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	meta := map[string]any{"name": name}
	if namespace != "" {
		meta["namespace"] = namespace
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": meta}}
}

func (b *bench) target(commit string, objects ...*unstructured.Unstructured) release.Target {
	b.t.Helper()
	packed, err := render.Pack(objects)
	if err != nil {
		b.t.Fatal(err)
	}
	return release.Target{Commit: commit, Namespace: "orders-prod", Objects: packed, Digest: packed.Digest()}
}

func settings() release.Settings {
	return release.Settings{Terms: terms.Undeclared(), Access: release.Access{Declared: true}}
}

func (b *bench) run(t release.Target) release.Ended {
	b.t.Helper()
	return b.runAs(t, settings())
}

func (b *bench) runAs(t release.Target, s release.Settings) release.Ended {
	b.t.Helper()
	return b.exec.Run(b.t.Context(), b.t.Context(), release.Run{Epoch: 7, Target: t, Settings: s, Memory: gate.Memory{}})
}

// removal is the target of a release that is not declared any more.
func removal(commit string) release.Target { return release.Target{Commit: commit, Remove: true} }
