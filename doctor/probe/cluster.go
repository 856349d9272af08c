// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// atOnce is how many questions about rights an API server is asked at a time.
const atOnce = 8

// reached is what is known of an API server.
type reached struct {
	answer doctor.Fact[doctor.Reached]
	rights doctor.Fact[[]doctor.Right]
	served cluster.Served
	stock  stock
}

// fact joins it with what releases need.
func (r reached) fact(name string, t tree) doctor.Cluster {
	out := doctor.Cluster{Name: name, Reached: r.answer, Rights: r.rights}
	unknown := func(why string) doctor.Cluster {
		out.Needs = doctor.Unknown[doctor.Needs]("%s", why)
		out.Storage, out.Machines, out.Metrics = doctor.Unknown[doctor.Lacks]("%s", why), doctor.Unknown[doctor.Lacks]("%s", why), doctor.Unknown[doctor.Lacks]("%s", why)
		return out
	}
	if r.answer.Value == nil || r.answer.Value.Error != "" {
		return unknown(t.needs.Unknown)
	}
	out.Reached.Value.Declared = t.declared[name]
	if t.needs.Value == nil {
		return unknown(t.needs.Unknown)
	}
	n, has := (*t.needs.Value)[name]
	if !has {
		return unknown("this folder has no release for it")
	}
	n.lacks(&out, r.stock, r.served)
	out.Needs = doctor.Known(doctor.Needs{Count: len(n.kinds), Missing: n.missing(r.served), Unrendered: n.unrendered})
	return out
}

// cluster asks an API server who it is, what it serves and what we may do there.
func (o Options) cluster(ctx context.Context, c cluster.Config) (reached, *doctor.Clock) {
	if c.Agent {
		const kept = "its agent keeps it, and comes to the daemon; from here nobody reaches it"
		return reached{answer: doctor.Unknown[doctor.Reached](kept), rights: doctor.Unknown[[]doctor.Right](kept)}, nil
	}
	who := "cluster " + c.Name
	type first struct {
		reached
		clock *doctor.Clock
	}
	asked := ask(ctx, o.Timeout, who, func(ctx context.Context) doctor.Fact[first] {
		var a first
		a.answer, a.served, a.clock = o.connect(ctx, c)
		return doctor.Known(a)
	})
	if asked.Value == nil {
		return reached{answer: doctor.Fact[doctor.Reached]{Unknown: asked.Unknown, Silent: asked.Silent}}, nil
	}
	out := asked.Value.reached
	if out.answer.Value != nil && out.answer.Value.Error == "" {
		out.rights = ask(ctx, o.Timeout, who, func(ctx context.Context) doctor.Fact[[]doctor.Right] { return missingRights(ctx, c) })
		has := ask(ctx, o.Timeout, who, func(ctx context.Context) doctor.Fact[stock] { return doctor.Known(stockOf(ctx, c)) })
		if has.Value == nil {
			out.stock = stock{doctor.Unknown[map[string]bool]("%s", has.Unknown), doctor.Unknown[[]map[string]string]("%s", has.Unknown)}
		} else {
			out.stock = *has.Value
		}
	}
	return out, asked.Value.clock
}

// connect connects to an API server once, and asks it what it serves.
func (o Options) connect(ctx context.Context, c cluster.Config) (fact doctor.Fact[doctor.Reached], served cluster.Served, clock *doctor.Clock) {
	cfg, err := c.REST()
	if err != nil {
		hint := "see machine-kubeconfig; from inside of a cluster it works in a pod there only"
		if c.Managed != nil {
			hint = "docs/clouds.md says which identity its cloud has to give this process, and with which rights"
		}
		return doctor.Known(doctor.Reached{Error: err.Error(), Hint: hint}), served, nil
	}
	clock, err = clockOfServer(ctx, o.Now, cfg)
	if err != nil {
		return doctor.Known(doctor.Reached{Address: cfg.Host, Error: err.Error(), Hint: clusterHint(err)}), served, nil
	}
	watched := cluster.New(c, func(cluster.Event) {})
	defer watched.Close()
	conn, err := watched.Connect(ctx, ctx)
	if err == nil {
		served, err = conn.Served(ctx)
	}
	out := doctor.Reached{Address: cfg.Host, Version: served.KubeVersion, Silent: served.Silent}
	if err != nil {
		out.Error, out.Hint = err.Error(), clusterHint(err)
	}
	return doctor.Known(out), served, clock
}

func clusterHint(err error) string {
	switch {
	case apierrors.IsUnauthorized(err):
		return "its credentials are not accepted: have others made, or see whether they have expired"
	case apierrors.IsForbidden(err):
		return "its account may not even ask for the version: bind it to the ClusterRole system:discovery"
	}
	return hintOf(err)
}

// clockOfServer asks an API server for something that everyone may, and reads its clock by the answer.
func clockOfServer(ctx context.Context, now func() time.Time, cfg *rest.Config) (*doctor.Clock, error) {
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(cfg.Host, "/")+"/version", nil)
	if err != nil {
		return nil, err
	}
	asked := now()
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // what it says is not asked for
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	return clockOf(resp.Header, asked, now()), nil
}

// reviews is where an API server is asked what the caller may do.
var reviews = schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "selfsubjectaccessreviews"}

// missingRights asks for each right that the daemon needs at least.
func missingRights(ctx context.Context, c cluster.Config) doctor.Fact[[]doctor.Right] {
	needed, err := leastRights()
	if err != nil {
		return doctor.Unknown[[]doctor.Right]("%v", err)
	}
	c.ReadOnly = false // a review changes nothing, and is a POST
	cfg, err := c.REST()
	if err != nil {
		return doctor.Unknown[[]doctor.Right]("%v", err)
	}
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return doctor.Unknown[[]doctor.Right]("%v", err)
	}
	denied := make([]bool, len(needed))
	failed := make([]error, len(needed))
	turns := make(chan struct{}, atOnce)
	each(len(needed), func(i int) {
		turns <- struct{}{}
		defer func() { <-turns }()
		denied[i], failed[i] = review(ctx, client, needed[i])
	})
	var missing []doctor.Right
	for i, right := range needed {
		if failed[i] != nil {
			return doctor.Unknown[[]doctor.Right]("the API server does not say what the account may do: %v", failed[i])
		}
		if !denied[i] {
			continue
		}
		last := len(missing) - 1
		if last >= 0 && missing[last].Resource == right.Resource && missing[last].Namespace == right.Namespace && missing[last].Name == right.Name {
			missing[last].Verbs = append(missing[last].Verbs, right.verb)
			continue
		}
		missing = append(missing, doctor.Right{Verbs: []string{right.verb}, Resource: right.Resource, Namespace: right.Namespace, Name: right.Name})
	}
	return doctor.Known(missing)
}

func review(ctx context.Context, client dynamic.Interface, r right) (denied bool, err error) {
	resource, group, _ := strings.Cut(r.Resource, ".")
	attributes := map[string]any{"verb": r.verb, "resource": resource, "group": group}
	if r.Namespace != "" {
		attributes["namespace"] = r.Namespace
	}
	if r.Name != "" {
		attributes["name"] = r.Name
	}
	asked := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": map[string]any{"resourceAttributes": attributes},
	}}
	said, err := client.Resource(reviews).Create(ctx, asked, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	allowed, _, _ := unstructured.NestedBool(said.Object, "status", "allowed")
	return !allowed, nil
}
