// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	clientfake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// TestRemove: a pod whose end was asked for is gone in the end, however the API server answers meanwhile.
func TestRemove(t *testing.T) {
	pods := corev1.Resource("pods")
	conflict := apierrors.NewConflict(pods, "web", errors.New("it was modified"))
	pod := func() *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "1"}}
	}
	other := pod()
	other.UID = "2"
	for name, tc := range map[string]struct {
		reason string
		// answers are those to the first requests; after them the fake's own.
		answers []error
		there   *corev1.Pod
		// left is whether there is a pod of the name in the end, and asked how often a deletion was asked for.
		left  bool
		asked int
	}{
		"AtOnce":   {"Nothing is wrong.", nil, pod(), false, 1},
		"Away":     {"The API server does not answer for half a minute.", repeated(errors.New("connection refused"), 30), pod(), false, 31},
		"Written":  {"Somebody else writes to the pod.", []error{conflict, conflict}, pod(), false, 3},
		"Replaced": {"Another pod has its name.", repeated(conflict, 5), other, true, 1},
		"Gone":     {"It is gone already.", nil, nil, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := clientfake.NewClientset()
				if tc.there != nil {
					client = clientfake.NewClientset(tc.there)
				}
				asked := 0
				client.PrependReactor("delete", "pods", func(clienttesting.Action) (bool, apiruntime.Object, error) {
					asked++
					if asked <= len(tc.answers) {
						return true, nil, tc.answers[asked-1]
					}
					return false, nil, nil
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				w := &podWorker{rt: &execRuntime{ctx: ctx, cfg: Config{Client: client, Log: slog.New(slog.DiscardHandler)}}, latest: pod()}
				w.remove()
				_, err := client.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
				if left := err == nil; left != tc.left || asked != tc.asked {
					t.Errorf("%s It is left: %t; asked for %d times", tc.reason, left, asked)
				}
			})
		})
	}
}

func repeated(err error, n int) (out []error) {
	for range n {
		out = append(out, err)
	}
	return out
}
