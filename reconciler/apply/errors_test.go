// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// TestTogether: that a namespace is on its way out is told once, and not of each object that cannot be made in it.
func TestTogether(t *testing.T) {
	waits := func(namespace, name string) error {
		return &cluster.ObjectError{
			Object: plan.Ref{GroupKind: schema.GroupKind{Kind: "ConfigMap"}, Namespace: namespace, Name: name}, Doing: "applying",
			Err: &apierrors.StatusError{ErrStatus: metav1.Status{
				Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
				Message: "unable to create new content in namespace " + namespace + " because it is being terminated",
				Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}},
			}},
		}
	}
	boom, bang := errors.New("boom"), errors.New("bang")
	for name, tc := range map[string]struct {
		reason string
		errs   []error
		want   string
	}{
		"Nothing":       {"Nothing went wrong.", []error{nil, nil}, ""},
		"One":           {"One is told as it is.", []error{nil, waits("n", "a")}, "applying ConfigMap n/a: waiting for Namespace n to be gone: it is being deleted"},
		"Four":          {"Four wait for the same.", []error{waits("n", "a"), waits("n", "b"), waits("n", "c"), waits("n", "d")}, "applying ConfigMap n/a: waiting for Namespace n to be gone: it is being deleted (and 3 more)"},
		"TwoNamespaces": {"Another namespace is another wait.", []error{waits("n", "a"), waits("m", "a"), waits("n", "b")}, "applying ConfigMap n/a: waiting for Namespace n to be gone: it is being deleted (and 1 more)\napplying ConfigMap m/a: waiting for Namespace m to be gone: it is being deleted"},
		"Others":        {"What else went wrong is told of each.", []error{boom, waits("n", "a"), bang, waits("n", "b")}, "boom\napplying ConfigMap n/a: waiting for Namespace n to be gone: it is being deleted (and 1 more)\nbang"},
		"Alike":         {"Two that fail alike for a reason of their own are two.", []error{boom, boom}, "boom\nboom"},
	} {
		t.Run(name, func(t *testing.T) {
			err, got := together(tc.errs), ""
			if err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("%s\ngot  %s\nwant %s", tc.reason, got, tc.want)
			}
			if err != nil && terminal(err) {
				t.Errorf("%s: it is not tried again", tc.reason)
			}
		})
	}
}

// TestOnTheirWay: members come in any order, and are told in one.
func TestOnTheirWay(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	member := func(name string, ago time.Duration) cluster.Object {
		o := cluster.Object{Deletion: &health.Deletion{Since: now.Add(-ago)}}
		o.Ref = plan.Ref{GroupKind: schema.GroupKind{Kind: "ConfigMap"}, Namespace: "n", Name: name}
		return o
	}
	names := func(objects []cluster.Object) (names []string) {
		for _, o := range objects {
			names = append(names, o.Ref.Name)
		}
		return names
	}
	members := []cluster.Object{member("d", time.Hour), member("b", 10*time.Second), {}, member("a", time.Hour), member("c", 20*time.Second)}
	for range len(members) {
		members = append(members[1:], members[0])
		going, stuck, until := onTheirWay(members, now)
		if diff := cmp.Diff([][]string{{"a", "b", "c", "d"}, {"a", "d"}}, [][]string{names(going), names(stuck)}); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if want := now.Add(health.StuckAfter - 20*time.Second); !until.Equal(want) {
			t.Errorf("the next one is stuck at %s, want %s", until, want)
		}
	}
}
