// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/plan"
)

// TestDeleteNamesTheVeryObject: a deletion is of the object that was seen, by its UID, so that one that was made again since is
// left alone; and whatever the API server answers is read as what it means.
func TestDeleteNamesTheVeryObject(t *testing.T) {
	const conflict = `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"the UID in the precondition (1) does not match","reason":"Conflict","code":409}`
	object := func(uid, more string) string {
		return fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"n","uid":%q%s}}`, uid, more)
	}
	cases := map[string]struct {
		reason string
		code   int
		answer string
		// then is what a GET answers afterwards.
		thenCode int
		then     string
		err      string
	}{
		"Deleted":   {"It is gone.", 200, `{"kind":"Status","apiVersion":"v1","status":"Success"}`, 0, "", ""},
		"Gone":      {"It was gone before.", 404, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`, 0, "", ""},
		"MadeAgain": {"Someone has made it again: that one is left alone.", 409, conflict, 200, object("2", ""), ""},
		"Going":     {"It is on its way out.", 409, conflict, 200, object("1", `,"deletionTimestamp":"2026-01-01T00:00:00Z"`), ""},
		"Contended": {"A conflict about something else is no success.", 409, conflict, 200, object("1", ""), "does not match"},
		"Unreadable": {
			"What cannot be read is not known to be gone.", 409, conflict, 403,
			`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no","reason":"Forbidden","code":403}`, "deleting ConfigMap n/c: no",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var sent metav1.DeleteOptions
			_, c, _ := newBusy(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case !strings.HasPrefix(r.URL.Path, "/api/v1/namespaces/"):
					discover(w, r)
				case r.Method == http.MethodDelete:
					if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
						t.Error(err)
					}
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(tc.code)
					fmt.Fprint(w, tc.answer)
				default:
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(tc.thenCode)
					fmt.Fprint(w, tc.then)
				}
			})
			err := daemonIn(t, c, "n").Delete(t.Context(), plan.Ref{GroupKind: schema.GroupKind{Kind: "ConfigMap"}, Namespace: "n", Name: "c"}, "1")
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s\ngot %v, want %q", tc.reason, err, tc.err)
			}
			if sent.Preconditions == nil || sent.Preconditions.UID == nil || *sent.Preconditions.UID != "1" {
				t.Errorf("the deletion does not say which object it is of: %+v", sent)
			}
			if sent.PropagationPolicy == nil || *sent.PropagationPolicy != metav1.DeletePropagationBackground {
				t.Errorf("what it owns is not deleted with it: %+v", sent)
			}
		})
	}
}

// daemonIn connects, and returns the daemon as it acts in a namespace.
func daemonIn(t *testing.T, c *Cluster, namespace string) *Actor {
	t.Helper()
	conn, err := c.Connect(t.Context(), t.Context())
	if err != nil {
		t.Fatal(err)
	}
	actor, err := conn.As(Daemon(), plan.Scope{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	return actor
}

// TestWhatIsThereIsNotTaken: an object outside of a release's namespace that is there already is made by nobody else but its
// owner, and the error says how to hand it over.
func TestWhatIsThereIsNotTaken(t *testing.T) {
	const mine = "applyset-mine-v1"
	labelled := func(label string) string {
		return fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"n","uid":"1","labels":{%q:%q}}}`, labelPartOf, label)
	}
	cases := map[string]struct {
		reason string
		code   int
		answer string
		err    []string
	}{
		"Free":      {"Nobody has it.", 404, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`, nil},
		"Mine":      {"The watch was only late.", 200, labelled(mine), nil},
		"Theirs":    {"Another release has it.", 200, labelled("applyset-theirs-v1"), []string{"it is there already and does not belong to this release", "kubectl label configmap c", labelPartOf + "=" + mine}},
		"Nobodys":   {"A person has made it.", 200, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"n"}}`, []string{"does not belong to this release"}},
		"Forbidden": {"What cannot be read is not known to be free.", 403, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no","reason":"Forbidden","code":403}`, []string{"looking for ConfigMap n/c"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, c, _ := newBusy(t, func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.URL.Path, "/api/v1/namespaces/") {
					discover(w, r)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(tc.code)
				fmt.Fprint(w, tc.answer)
			})
			err := daemonIn(t, c, "n").CheckFree(t.Context(), object(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: 'n'}}"), mine)
			if (err == nil) != (tc.err == nil) || slices.ContainsFunc(tc.err, func(part string) bool { return !strings.Contains(err.Error(), part) }) {
				t.Errorf("%s\ngot %v", tc.reason, err)
			}
			if errors.Is(err, ErrForeign) {
				if hand, del := strings.Index(err.Error(), "hand it over"), strings.Index(err.Error(), "delete"); hand < 0 || del < hand {
					t.Errorf("%s\nwhat can be undone does not come first: %v", tc.reason, err)
				}
			}
			if foreign := errors.Is(err, ErrForeign); foreign != (tc.code == 200 && tc.err != nil) || foreign && !Terminal(err) {
				t.Errorf("%s\nforeign: %t, terminal: %t", tc.reason, foreign, Terminal(err))
			}
		})
	}
}

// TestOwner: an object is known to be of the release whose label it has, and of nobody once it is gone.
func TestOwner(t *testing.T) {
	ref := plan.Ref{GroupKind: schema.GroupKind{Kind: "ConfigMap"}, Namespace: "n", Name: "c"}
	conn := &Conn{cluster: New(Config{Name: "x"}, func(Event) {})}
	conn.observer = newObserver(t.Context(), conn)
	set := func(id string) {
		conn.observer.set(&tracked{applySet: id, object: Object{Observed: plan.Observed{Ref: ref}}})
	}
	if owner, ok := conn.Owner(ref); ok {
		t.Errorf("nobody has it, and it is of %q", owner)
	}
	set("a")
	if owner, ok := conn.Owner(ref); !ok || owner != "a" {
		t.Errorf("it is of %q, %t", owner, ok)
	}
	set("b")
	if owner, _ := conn.Owner(ref); owner != "b" || len(conn.Members("a")) > 0 || len(conn.Members("b")) != 1 {
		t.Errorf("it was handed over, and is of %q", owner)
	}
	conn.observer.unset(ref)
	if _, ok := conn.Owner(ref); ok {
		t.Error("it is gone, and still of someone")
	}
}
