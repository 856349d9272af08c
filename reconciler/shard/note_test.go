// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestNote: a Lease says how far its replica is now, and nothing that was so before; what is long is cut where a letter ends.
func TestNote(t *testing.T) {
	var now Note
	c := &Coordinator{opts: Options{Note: func() Note { return now }}}
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"other": "stays"}}}
	for _, step := range []struct {
		reason string
		note   Note
		want   map[string]string
	}{
		{"it has begun", Note{}, map[string]string{"other": "stays"}},
		{"no repository", Note{Trouble: "no way"}, map[string]string{"other": "stays", AnnotationTrouble: "no way"}},
		{"accepted", Note{Accepted: "abc"}, map[string]string{"other": "stays", AnnotationAccepted: "abc"}},
		{"and another refused", Note{"abc", "def is refused"}, map[string]string{"other": "stays", AnnotationAccepted: "abc", AnnotationTrouble: "def is refused"}},
		{"and reverted", Note{Accepted: "012"}, map[string]string{"other": "stays", AnnotationAccepted: "012"}},
	} {
		now = step.note
		c.note(lease)
		if diff := cmp.Diff(step.want, lease.Annotations); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.reason, diff)
		}
	}
	now = Note{Trouble: "x" + strings.Repeat("ü", maxNote)}
	c.note(lease)
	if text := lease.Annotations[AnnotationTrouble]; len(text) > maxNote || len(text) < maxNote-1 || !utf8.ValidString(text) {
		t.Errorf("a long text has %d bytes, and ends with %q", len(text), text[len(text)-3:])
	}
}
