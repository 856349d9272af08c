// SPDX-License-Identifier: Apache-2.0

package afar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/workspace"
	"trunkline.dev/trunkline/reconciler/reach"
	"trunkline.dev/trunkline/reconciler/tunnel"
)

var as = tunnel.As{Namespace: "orders-dev", Account: "deployer"}

// played is a cluster with a workspace and the workload that it is made from, which notes what is done to it.
type played struct {
	did  []string
	fail error
}

// object is one of a workspace of ann's; without a kind, it is of the workload.
func object(api, kind, namespace, name, of string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": api, "kind": kind}}
	o.SetNamespace(namespace)
	o.SetName(name)
	if of != "" {
		o.SetLabels(map[string]string{workspace.LabelKind: of, workspace.LabelOwner: "ann", plan.RunLabel: name})
	}
	if kind == "StatefulSet" {
		o.SetUID("uid-of-" + types.UID(name))
	}
	return o
}

func set(namespace, name, of string) *unstructured.Unstructured {
	return object("apps/v1", "StatefulSet", namespace, name, of)
}

// secret is one that says that it is of the workspace lab-ann, with an owner.
func secret(name string, owner types.UID) *unstructured.Unstructured {
	o := object("v1", "Secret", as.Namespace, name, "notebook")
	o.SetOwnerReferences([]metav1.OwnerReference{{Kind: "StatefulSet", UID: owner}})
	o.SetUID("secret-of-" + owner)
	o.Object["data"] = map[string]any{"token": "eA=="}
	return o
}

func (p *played) note(what string) error {
	p.did = append(p.did, what)
	return p.fail
}

func (p *played) Name() string { return "edge" }
func (p *played) Sets(context.Context) ([]unstructured.Unstructured, error) {
	return []unstructured.Unstructured{*set(as.Namespace, "lab-ann", "notebook"), *set("others", "lab-bob", "notebook")}, p.note("sets")
}

func (p *played) Set(_ context.Context, _ tunnel.As, name string) (*unstructured.Unstructured, error) {
	switch name {
	case "lab":
		return set(as.Namespace, name, ""), p.fail
	case "lab-ann":
		return set(as.Namespace, name, "notebook"), p.fail
	}
	return nil, p.fail
}

func (p *played) Create(_ context.Context, _ tunnel.As, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return o, p.note("create " + o.GetKind() + " " + o.GetName())
}

func (p *played) Change(_ context.Context, _ tunnel.As, name string, patch []byte) error {
	return p.note("change " + name + " " + string(patch))
}

func (p *played) Remove(_ context.Context, _ tunnel.As, o *unstructured.Unstructured) error {
	return p.note(strings.TrimSpace("remove " + o.GetKind() + " " + o.GetName() + " " + string(o.GetUID()) + " " + o.GetResourceVersion()))
}

// meant is an object that is to be removed, in a version.
func meant(o *unstructured.Unstructured, uid types.UID, version string) *unstructured.Unstructured {
	o.SetUID(uid)
	o.SetResourceVersion(version)
	return o
}

func (p *played) Secrets(context.Context, tunnel.As, string, string) ([]unstructured.Unstructured, error) {
	return []unstructured.Unstructured{*secret("lab-ann", "uid-of-lab-ann"), *secret("database", "uid-of-lab-ann"), *secret("lab-ann", "uid-of-another")}, p.note("secrets")
}

func (p *played) Pod(_ context.Context, _ tunnel.As, name string) (*unstructured.Unstructured, error) {
	return object("v1", "Pod", as.Namespace, name, ""), p.note("pod " + name)
}

func (p *played) Dial(_ context.Context, _ tunnel.As, pod string, port int) (net.Conn, error) {
	if err := p.note(fmt.Sprint("dial ", pod, ":", port)); err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(ours, ours) }()
	return theirs, nil
}

// direct leads to a gate without an agent in between.
type direct struct{ server *httptest.Server }

func (direct) Reachable() error                                   { return nil }
func (d direct) Reach(context.Context) (http.RoundTripper, error) { return d, nil }
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	r.URL.Host = d.server.Listener.Addr().String()
	return d.server.Client().Transport.RoundTrip(r)
}

// newCluster is a cluster whose agent keeps releases in one namespace, while it keeps the cluster.
func newCluster(t *testing.T, keeps bool) (Cluster, *played, direct) {
	t.Helper()
	p := &played{}
	gate := reach.NewGate(nil, func(catalog.ReleaseID) (reach.Kept, error) { return reach.Kept{}, errors.New("none") }, slog.New(slog.DiscardHandler), time.Now)
	begin := func(ctx context.Context) (context.Context, func(), bool) { return ctx, func() {}, keeps }
	NewHands(p, func() map[tunnel.As]bool { return map[tunnel.As]bool{as: true} }, begin, slog.New(slog.DiscardHandler)).Register(gate)
	server := httptest.NewUnstartedServer(gate)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server.Config.Protocols = protocols
	server.Start()
	server.Client().Transport.(*http.Transport).Protocols = protocols //nolint:forcetypeassert // it is one
	t.Cleanup(server.Close)
	return New("edge", reach.New("edge", direct{server}, 10)), p, direct{server}
}

// TestDeeds: what is done to a workspace is done at the agent, and what is found there is returned as it is.
func TestDeeds(t *testing.T) {
	c, p, _ := newCluster(t, true)
	ctx := t.Context()
	made, err := c.Create(ctx, as, set(as.Namespace, "lab-ann", "ide"))
	if diff := cmp.Diff(set(as.Namespace, "lab-ann", "ide"), made); diff != "" || err != nil {
		t.Errorf("what is made (-want +got):\n%s%v", diff, err)
	}
	if _, err := c.Create(ctx, as, secret("lab-ann", "x")); err != nil {
		t.Error(err)
	}
	for what, do := range map[string]func() error{
		"change": func() error { return c.Change(ctx, as, "lab-ann", []byte(`[{"op":"test"}]`)) },
		"remove": func() error {
			return c.Remove(ctx, as, meant(set(as.Namespace, "lab-ann", "notebook"), "u", "7"))
		},
		"remove what is left": func() error {
			return c.Remove(ctx, as, meant(secret("lab-ann", "uid-of-another"), "secret-of-uid-of-another", ""))
		},
	} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if all, err := c.Sets(ctx); len(all) != 1 || all[0].GetName() != "lab-ann" || err != nil {
		t.Errorf("the workspaces are %v, %v", all, err)
	}
	if o, err := c.Set(ctx, as, "lab"); o == nil || o.GetName() != "lab" || err != nil {
		t.Errorf("the workload is %v, %v", o, err)
	}
	if o, err := c.Set(ctx, as, "nothing"); o != nil || err != nil {
		t.Errorf("what is not there is %v, %v", o, err)
	}
	all, err := c.Secrets(ctx, as, "lab-ann", "ann")
	if len(all) != 2 || all[0].GetOwnerReferences()[0].UID != "uid-of-lab-ann" || all[0].Object["data"] == nil || err != nil {
		t.Errorf("its Secrets are %v, %v", all, err)
	} else if all[1].Object["data"] != nil {
		t.Errorf("what is in a Secret that is not its own is shown: %v", all[1])
	}
	if o, err := c.Pod(ctx, as, "lab-ann-0"); o == nil || o.GetName() != "lab-ann-0" || err != nil {
		t.Errorf("its pod is %v, %v", o, err)
	}
	conn, err := c.Dial(ctx, as, "lab-ann-0", 8888)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got := make([]byte, 5)
	_, sent := io.WriteString(conn, "hello")
	if _, err := io.ReadFull(conn, got); string(got) != "hello" || err != nil || sent != nil {
		t.Errorf("its server answers %q, %v, %v", got, err, sent)
	}
	slices.Sort(p.did)
	want := []string{
		`change lab-ann [{"op":"test"}]`, "create Secret lab-ann", "create StatefulSet lab-ann", "dial lab-ann-0:8888", "pod lab-ann-0", "remove Secret lab-ann secret-of-uid-of-another", "remove StatefulSet lab-ann u 7", "secrets", "secrets", "sets",
	}
	if diff := cmp.Diff(want, p.did); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	p.fail = errors.New("quota exceeded")
	if _, err := c.Create(ctx, as, set(as.Namespace, "lab-ann", "ide")); err == nil || !strings.Contains(err.Error(), "quota exceeded") || !strings.Contains(err.Error(), `"edge"`) {
		t.Errorf("what fails there: %v", err)
	}
}

// dialed ends a connection that should not be there, for which the end of the server would wait.
func dialed(conn net.Conn, err error) error {
	if conn != nil {
		_ = conn.Close()
	}
	return err
}

// TestWhatIsRefused: hands do nothing but to workspaces of people, where the agent keeps releases and as their accounts, and while it keeps the cluster.
func TestWhatIsRefused(t *testing.T) {
	elsewhere := tunnel.As{Namespace: "kube-system", Account: "deployer"}
	other := tunnel.As{Namespace: as.Namespace, Account: "admin"}
	for name, tc := range map[string]struct {
		reason string
		do     func(ctx context.Context, c Cluster) error
	}{
		"Namespace": {"No release is there.", func(ctx context.Context, c Cluster) error { _, err := c.Set(ctx, elsewhere, "lab"); return err }},
		"Account":   {"No release is deployed by it.", func(ctx context.Context, c Cluster) error { _, err := c.Set(ctx, other, "lab"); return err }},
		"Itself": {"The agent's own rights are for itself.", func(ctx context.Context, c Cluster) error {
			_, err := c.Set(ctx, tunnel.As{Namespace: as.Namespace}, "lab")
			return err
		}},
		"Kind": {"A pod may run without a workspace.", func(ctx context.Context, c Cluster) error {
			_, err := c.Create(ctx, as, object("v1", "Pod", as.Namespace, "lab-ann", "notebook"))
			return err
		}},
		"Group": {"It is a kind of someone else.", func(ctx context.Context, c Cluster) error {
			_, err := c.Create(ctx, as, object("x/v1", "StatefulSet", as.Namespace, "lab-ann", "notebook"))
			return err
		}},
		"Unlabelled": {"It would be nobody's.", func(ctx context.Context, c Cluster) error {
			_, err := c.Create(ctx, as, set(as.Namespace, "lab", ""))
			return err
		}},
		"Blueprint": {"It is no workspace.", func(ctx context.Context, c Cluster) error {
			_, err := c.Create(ctx, as, set(as.Namespace, "lab-ann", "service"))
			return err
		}},
		"Its place": {"It would be made in another namespace than the one that is asked for.", func(ctx context.Context, c Cluster) error {
			_, err := c.Create(ctx, as, set(elsewhere.Namespace, "lab-ann", "notebook"))
			return err
		}},
		"Nothing": {"There is nothing to make.", func(ctx context.Context, c Cluster) error { _, err := c.Create(ctx, as, nil); return err }},
		"Change":  {"What is declared is changed by a commit.", func(ctx context.Context, c Cluster) error { return c.Change(ctx, as, "lab", nil) }},
		"Remove":  {"What is declared is removed by a commit.", func(ctx context.Context, c Cluster) error { return c.Remove(ctx, as, set(as.Namespace, "lab", "")) }},
		"Another's Secret": {"It is of no workspace.", func(ctx context.Context, c Cluster) error {
			return c.Remove(ctx, as, meant(secret("lab-ann", "x"), "database", ""))
		}},
		"Another kind": {"It is no part of a workspace.", func(ctx context.Context, c Cluster) error {
			return c.Remove(ctx, as, meant(object("v1", "ConfigMap", as.Namespace, "lab-ann", "notebook"), "u", ""))
		}},
		"Whichever": {"It has to be known which one is meant.", func(ctx context.Context, c Cluster) error {
			return c.Remove(ctx, as, meant(set(as.Namespace, "lab-ann", "notebook"), "", ""))
		}},
		"Missing": {"There is no such workspace.", func(ctx context.Context, c Cluster) error {
			return c.Remove(ctx, as, set(as.Namespace, "lab-eve", "notebook"))
		}},
		"Secrets": {"The Secrets of a workload are not shown.", func(ctx context.Context, c Cluster) error { _, err := c.Secrets(ctx, as, "lab", ""); return err }},
		"Pod":     {"Pods of workloads are not looked at.", func(ctx context.Context, c Cluster) error { _, err := c.Pod(ctx, as, "lab-0"); return err }},
		"Dial":    {"Pods of workloads are not connected to.", func(ctx context.Context, c Cluster) error { return dialed(c.Dial(ctx, as, "lab-0", 8888)) }},
		"Port":    {"It is not where its server listens.", func(ctx context.Context, c Cluster) error { return dialed(c.Dial(ctx, as, "lab-ann-0", 22)) }},
		"Dial there": {"No release is there.", func(ctx context.Context, c Cluster) error {
			return dialed(c.Dial(ctx, elsewhere, "lab-ann-0", 8888))
		}},
		"Deed": {"It is of another version.", func(ctx context.Context, c Cluster) error {
			_, err := c.ask(ctx, question{Do: "dance", As: as})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c, p, _ := newCluster(t, true)
			err := tc.do(t.Context(), c)
			p.did = slices.DeleteFunc(p.did, func(did string) bool { return did == "secrets" }) // it is looked whose they are
			if err == nil || len(p.did) > 0 {
				t.Errorf("%s Got %v, and did %q", tc.reason, err, p.did)
			}
		})
	}
	c, p, _ := newCluster(t, false)
	if _, err := c.Sets(t.Context()); err == nil || !strings.Contains(err.Error(), "does not keep the cluster") || len(p.did) > 0 {
		t.Errorf("an agent that does not keep the cluster does %q, %v", p.did, err)
	}
	_, _, d := newCluster(t, true)
	resp, err := d.server.Client().Post(d.server.URL+askPath, "application/json", strings.NewReader("{"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		t.Errorf("what cannot be read is answered with %s", resp.Status)
	}
}
