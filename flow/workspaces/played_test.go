// SPDX-License-Identifier: Apache-2.0

package workspaces

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	api "trunkline.dev/trunkline/api/workspace"
	plans "trunkline.dev/trunkline/plan/workspace"
	"trunkline.dev/trunkline/reconciler/tunnel"
)

// errCut is what a daemon hears that is killed: nothing of it matters any more.
var errCut = errors.New("the daemon is gone")

// played is a cluster that is played, as far as workspaces go: an API server that holds objects, the controllers of StatefulSets and of garbage,
// and the servers in pods. The end-to-end tests have a real one. All times are the test's.
type played struct {
	name string
	now  time.Time

	mu      sync.Mutex
	objects map[string]*unstructured.Unstructured // by resource, namespace and name
	made    int
	// left is how many requests come through until the daemon is cut off; less than none: all do. The last one may take effect though nobody
	// hears of it.
	left int
	lost bool
	away bool // the API server does not answer
	// before is called before a request takes effect.
	before func(method, path string)
	asked  []string
	pods   map[string]*server
	conns  chan net.Conn
}

// server is what runs in a pod.
type server struct {
	kind, token, prefix, owner string

	last    time.Time
	busy    bool
	answers http.HandlerFunc // instead of what its kind answers
}

func newPlayed(t tb, name string, now time.Time) *played {
	p := &played{name: name, now: now, objects: map[string]*unstructured.Unstructured{}, left: -1, pods: map[string]*server{}, conns: make(chan net.Conn)}
	inside := &http.Server{
		Handler: http.HandlerFunc(p.inside),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, podKey{}, c.(podConn))
		},
	}
	go func() { _ = inside.Serve(p) }()
	t.Cleanup(func() { _ = inside.Close() })
	return p
}

// Name implements [Cluster].
func (p *played) Name() string { return p.name }

// REST implements [Cluster].
func (p *played) REST(as tunnel.As) (*rest.Config, error) {
	cfg := &rest.Config{Host: "http://" + p.name, Transport: p}
	if as.Account != "" {
		cfg.Impersonate.UserName = as.Namespace + "/" + as.Account
	}
	return cfg, nil
}

// podConn is a connection to a port of a pod.
type podConn struct {
	net.Conn

	pod  string
	port int
}

type podKey struct{}

// Dial implements [Cluster].
func (p *played) Dial(ctx context.Context, as tunnel.As, pod string, port int) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- podConn{theirs, as.Namespace + "/" + pod, port}:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept, Close and Addr implement [net.Listener] for the servers in pods.
func (p *played) Accept() (net.Conn, error) {
	c, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p *played) Close() error   { close(p.conns); return nil }
func (p *played) Addr() net.Addr { return &net.TCPAddr{} }

// inside is what servers in pods answer.
func (p *played) inside(w http.ResponseWriter, r *http.Request) {
	to := r.Context().Value(podKey{}).(podConn)
	p.mu.Lock()
	s := p.pods[to.pod]
	p.mu.Unlock()
	switch {
	case s == nil || to.port != api.Port(s.kind):
		w.WriteHeader(http.StatusBadGateway)
	case s.answers != nil:
		s.answers(w, r)
	case s.kind == api.IDE && r.URL.Path == "/healthz":
		health(w, s.last, p.now)
	case s.kind != api.IDE && r.Header.Get("Authorization") != "token "+s.token:
		w.WriteHeader(http.StatusForbidden)
	case r.URL.Path == s.prefix+"api/status":
		fmt.Fprintf(w, `{"last_activity": %q, "connections": 0, "kernels": 1}`, s.last.Format(time.RFC3339Nano))
	case r.URL.Path == s.prefix+"api/kernels":
		fmt.Fprintf(w, `[{"execution_state": %q}]`, map[bool]string{true: "busy", false: "idle"}[s.busy])
	case r.URL.Path == s.prefix+"whose":
		_, _ = io.WriteString(w, s.owner)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// health answers as code-server does (src/node/routes/health.ts and src/node/heart.ts of version 4.134): it is alive for the minute after a
// heartbeat, and its last one is in milliseconds, 0 before the first.
func health(w http.ResponseWriter, last, now time.Time) {
	status, beat := "expired", int64(0)
	if !last.IsZero() {
		beat = last.UnixMilli()
		if now.Sub(last) < time.Minute {
			status = "alive"
		}
	}
	fmt.Fprintf(w, `{"status":%q,"lastHeartbeat":%d}`, status, beat)
}

// RoundTrip is the API server.
func (p *played) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.before != nil {
		p.before(r.Method, r.URL.Path)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w := httptest.NewRecorder()
	switch {
	case p.left == 0, p.away:
		return nil, errCut
	case p.left > 0:
		p.left--
		if p.left == 0 && !p.lost {
			return nil, errCut
		}
	}
	if err := p.serve(w, r); err != nil {
		return nil, err
	}
	if p.left == 0 {
		return nil, errCut
	}
	return w.Result(), nil
}

func (p *played) serve(w http.ResponseWriter, r *http.Request) error {
	parts := strings.Split(strings.TrimPrefix(strings.TrimPrefix(strings.Trim(r.URL.Path, "/"), "apis/apps/v1/"), "api/v1/"), "/")
	namespace := ""
	if parts[0] == "namespaces" {
		namespace, parts = parts[1], parts[2:]
	}
	p.asked = append(p.asked, strings.TrimSpace(r.Method+" "+strings.Join(parts, "/")+" "+r.Header.Get("Impersonate-User")))
	key := parts[0] + "/" + namespace + "/"
	if len(parts) == 1 && r.Method == http.MethodGet {
		return p.list(w, parts[0], namespace, r.URL.Query().Get("labelSelector"))
	}
	if len(parts) > 1 {
		key += parts[1]
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return err
		}
	}
	switch o := p.objects[key]; {
	case r.Method == http.MethodPost:
		made := &unstructured.Unstructured{}
		if err := json.Unmarshal(body, made); err != nil {
			return err
		}
		if p.objects[key+made.GetName()] != nil {
			return fail(w, http.StatusConflict, metav1.StatusReasonAlreadyExists, "it exists already")
		}
		return answer(w, p.put(key+made.GetName(), made))
	case o == nil:
		return fail(w, http.StatusNotFound, metav1.StatusReasonNotFound, "not found")
	case r.Method == http.MethodPatch:
		patch, err := jsonpatch.DecodePatch(body)
		if err != nil {
			return err
		}
		before, err := json.Marshal(o)
		if err != nil {
			return err
		}
		after, err := patch.Apply(before)
		if err != nil {
			return fail(w, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, err.Error())
		}
		changed := &unstructured.Unstructured{}
		if err := json.Unmarshal(after, changed); err != nil {
			return err
		}
		return answer(w, p.put(key, changed))
	case r.Method == http.MethodDelete:
		var opts metav1.DeleteOptions
		if err := json.Unmarshal(body, &opts); err != nil {
			return err
		}
		if only := opts.Preconditions; only != nil && (only.UID != nil && *only.UID != o.GetUID() || only.ResourceVersion != nil && *only.ResourceVersion != o.GetResourceVersion()) {
			return fail(w, http.StatusConflict, metav1.StatusReasonConflict, "it is another one")
		}
		delete(p.objects, key)
		return answer(w, o)
	default:
		return answer(w, o)
	}
}

func (p *played) list(w http.ResponseWriter, resource, namespace, selector string) error {
	s, err := labels.Parse(selector)
	if err != nil {
		return err
	}
	out := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List"}, Items: []unstructured.Unstructured{}}
	for _, key := range slices.Sorted(maps.Keys(p.objects)) {
		o := p.objects[key]
		if strings.HasPrefix(key, resource+"/") && (namespace == "" || o.GetNamespace() == namespace) && s.Matches(labels.Set(o.GetLabels())) {
			out.Items = append(out.Items, *o)
		}
	}
	return answer(w, out)
}

// put holds an object as an API server does.
func (p *played) put(key string, o *unstructured.Unstructured) *unstructured.Unstructured {
	p.made++
	if o.GetUID() == "" {
		o.SetUID(types.UID("uid-" + strconv.Itoa(p.made)))
		o.SetCreationTimestamp(metav1.NewTime(p.now))
	}
	o.SetResourceVersion(strconv.Itoa(p.made))
	text, _, _ := unstructured.NestedStringMap(o.Object, "stringData")
	for name, value := range text {
		_ = unstructured.SetNestedField(o.Object, base64.StdEncoding.EncodeToString([]byte(value)), "data", name)
	}
	delete(o.Object, "stringData")
	data, err := json.Marshal(o)
	if err != nil {
		panic(err) // it came as JSON
	}
	held := &unstructured.Unstructured{}
	if err := json.Unmarshal(data, held); err != nil {
		panic(err)
	}
	p.objects[key] = held
	return held
}

func answer(w http.ResponseWriter, o any) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = io.Copy(w, bytes.NewReader(data))
	return err
}

func fail(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	return json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message})
}

// settle is what controllers do meanwhile: what is owned by nothing goes, and StatefulSets have the pod and the volume that they are to have.
func (p *played) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.collect()
	for _, key := range slices.Sorted(maps.Keys(p.objects)) {
		set := p.objects[key]
		name, namespace := set.GetName(), set.GetNamespace()
		if set.GetKind() != "StatefulSet" {
			continue
		}
		pod, claim := "pods/"+namespace+"/"+name+"-0", "persistentvolumeclaims/"+namespace+"/home-"+name+"-0"
		replicas, _, _ := unstructured.NestedInt64(set.Object, "spec", "replicas")
		if replicas > 0 && p.objects[claim] == nil {
			p.put(claim, object("PersistentVolumeClaim", namespace, "home-"+name+"-0"))
		}
		if c := p.objects[claim]; c != nil {
			c.SetOwnerReferences(nil)
			if becomes, _, _ := unstructured.NestedString(set.Object, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted"); becomes == "Delete" {
				own(c, set)
			}
		}
		secret := p.objects["secrets/"+namespace+"/"+name]
		switch {
		case replicas == 0:
			delete(p.objects, pod)
			delete(p.pods, namespace+"/"+name+"-0")
		case p.objects[pod] == nil && secret != nil:
			o := object("Pod", namespace, name+"-0")
			o.Object["status"] = map[string]any{"phase": "Running"}
			own(o, set)
			p.put(pod, o)
			p.pods[namespace+"/"+name+"-0"] = begun(set, secret, p.now)
		}
	}
}

// collect removes what is owned by something that is gone.
func (p *played) collect() {
	for gone := true; gone; {
		gone = false
		there := map[string]bool{}
		for _, o := range p.objects {
			there[string(o.GetUID())] = true
		}
		for key, o := range p.objects {
			for _, owner := range o.GetOwnerReferences() {
				if !there[string(owner.UID)] {
					delete(p.objects, key)
					if o.GetKind() == "Pod" {
						delete(p.pods, o.GetNamespace()+"/"+o.GetName())
					}
					gone = true
				}
			}
		}
	}
}

func object(kind, namespace, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": kind}}
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

func own(o, owner *unstructured.Unstructured) {
	o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: owner.GetName(), UID: owner.GetUID()}})
}

// begun is the server of a pod that starts, with what its container has then.
func begun(set, secret *unstructured.Unstructured, now time.Time) *server {
	s := &server{kind: set.GetLabels()[plans.LabelKind], token: decoded(secret, plans.KeyToken), owner: set.GetLabels()[plans.LabelOwner]}
	if s.kind != api.IDE { // Jupyter counts its start
		s.last = now
	}
	containers, _, _ := unstructured.NestedSlice(set.Object, "spec", "template", "spec", "containers")
	for _, variable := range containers[0].(map[string]any)["env"].([]any) {
		if v := variable.(map[string]any); v["name"] == any(api.PathVariable) {
			s.prefix, _ = v["value"].(string)
		}
	}
	return s
}

// kept returns the objects of a resource, by name.
func (p *played) kept(resource string) map[string]*unstructured.Unstructured {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]*unstructured.Unstructured{}
	for key, o := range p.objects {
		if strings.HasPrefix(key, resource+"/") {
			out[o.GetName()] = o
		}
	}
	return out
}
