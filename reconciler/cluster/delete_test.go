// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/plan"
)

// shelf is an API server with at most one object, which it deletes as a real one does: only if the preconditions hold.
type shelf struct {
	uid      types.UID // empty if there is no object
	deleting bool
	busy     bool   // something else is written at the same time
	called   func() // before a deletion is answered; may be nil
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const path = "/api/v1/namespaces/n/configmaps/c"
	status := func(code int, reason metav1.StatusReason) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","code":%d,"reason":%q}`, code, reason)
	}
	switch {
	case r.URL.Path != path:
		discover(w, r)
	case s.uid == "":
		status(http.StatusNotFound, metav1.StatusReasonNotFound)
	case r.Method == http.MethodDelete:
		if s.called != nil {
			s.called()
		}
		var options metav1.DeleteOptions
		body, err := io.ReadAll(r.Body)
		if err == nil && len(body) > 0 {
			err = json.Unmarshal(body, &options)
		}
		if err != nil {
			status(http.StatusBadRequest, metav1.StatusReasonBadRequest)
			return
		}
		if p := options.Preconditions; s.busy || p != nil && p.UID != nil && *p.UID != s.uid {
			status(http.StatusConflict, metav1.StatusReasonConflict)
			return
		}
		s.uid = ""
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Success"}`)
	default:
		deleted := ""
		if s.deleting {
			deleted = `,"deletionTimestamp":"2026-01-01T00:00:00Z"`
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"n","uid":%q%s}}`, s.uid, deleted)
	}
}

func (s *shelf) actor(t *testing.T) *Actor {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: x, user: x}}]\n"+
		"clusters: [{name: x, cluster: {server: %q}}]\nusers: [{name: x, user: {token: t}}]\n", server.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := connect(t, file).As(Daemon(), plan.Scope{Namespace: "n"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var theConfigMap = plan.Ref{GroupKind: schema.GroupKind{Kind: "ConfigMap"}, Namespace: "n", Name: "c"}

// TestDeleteIsOfWhatWasSeen: between the plan and its execution an object can be deleted and made again by others.
func TestDeleteIsOfWhatWasSeen(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		there        shelf
		stays        types.UID
		fails        bool
	}{
		{name: "the one that was seen", reason: "it is not declared any more", there: shelf{uid: "seen"}},
		{name: "another of the same name", reason: "it was made since, by whoever needs it", there: shelf{uid: "other"}, stays: "other"},
		{name: "none", reason: "what is gone needs no deletion", there: shelf{}},
		{name: "one on its way out", reason: "it was asked for already", there: shelf{uid: "seen", deleting: true, busy: true}, stays: "seen"},
		{name: "a conflict about something else", reason: "it is still there, and has to be tried again", there: shelf{uid: "seen", busy: true}, stays: "seen", fails: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			there := tt.there
			err := there.actor(t).Delete(t.Context(), theConfigMap, "seen")
			if (err != nil) != tt.fails {
				t.Errorf("%s: %v", tt.reason, err)
			}
			if there.uid != tt.stays {
				t.Errorf("%s: the object there is %q, want %q", tt.reason, there.uid, tt.stays)
			}
		})
	}
}

// TestAWriteIsNotCutOff: a run that is superseded while a deletion is under way learns whether it was done.
func TestAWriteIsNotCutOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	there := &shelf{uid: "seen", called: cancel}
	a := there.actor(t)
	if err := a.Delete(ctx, theConfigMap, "seen"); err != nil || there.uid != "" {
		t.Errorf("got %v, and the object there is %q", err, there.uid)
	}
	there.uid = "next"
	if err := a.Delete(ctx, theConfigMap, "next"); err == nil || there.uid == "" {
		t.Errorf("a write that begins after the end of its run: got %v, and the object there is %q", err, there.uid)
	}
}

// TestMembers: a label says that an object is a member only together with a sign that Trunkline applied it.
func TestMembers(t *testing.T) {
	entry := func(manager string, operation metav1.ManagedFieldsOperationType, subresource string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Operation: operation, Subresource: subresource}
	}
	for _, tt := range []struct {
		reason  string
		entries []metav1.ManagedFieldsEntry
		digest  string
		want    bool
	}{
		{reason: "applied by Trunkline", entries: []metav1.ManagedFieldsEntry{entry(FieldManager, metav1.ManagedFieldsOperationApply, "")}, want: true},
		{reason: "others may have changed it since", entries: []metav1.ManagedFieldsEntry{
			entry("kubectl", metav1.ManagedFieldsOperationUpdate, ""), entry(FieldManager, metav1.ManagedFieldsOperationApply, ""),
		}, want: true},
		{reason: "a controller copied the labels of a Service to its EndpointSlice", entries: []metav1.ManagedFieldsEntry{
			entry("kube-controller-manager", metav1.ManagedFieldsOperationUpdate, ""),
		}},
		{reason: "annotations were copied as well", digest: "d", entries: []metav1.ManagedFieldsEntry{entry("kubectl-create", metav1.ManagedFieldsOperationUpdate, "")}},
		{reason: "another tool applied it", entries: []metav1.ManagedFieldsEntry{entry("helm", metav1.ManagedFieldsOperationApply, "")}},
		{reason: "an update under our name is no apply", entries: []metav1.ManagedFieldsEntry{entry(FieldManager, metav1.ManagedFieldsOperationUpdate, "")}},
		{reason: "a subresource is not the object", entries: []metav1.ManagedFieldsEntry{entry(FieldManager, metav1.ManagedFieldsOperationApply, "status")}},
		{reason: "who manages what was wiped out, and our digest is left", digest: "d", want: true},
		{reason: "who manages what was wiped out, and nothing is left"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			o := &unstructured.Unstructured{Object: map[string]any{}}
			o.SetManagedFields(tt.entries)
			if tt.digest != "" {
				o.SetAnnotations(map[string]string{plan.DigestAnnotation: tt.digest})
			}
			if got := appliedByUs(o); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
