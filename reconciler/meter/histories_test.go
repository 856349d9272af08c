// SPDX-License-Identifier: Apache-2.0

package meter_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/reconciler/meter"
)

// TestHistoryOfPods: the address on the pod of a driver becomes a link, if it is one. Any program that may make pods can say what it likes.
func TestHistoryOfPods(t *testing.T) {
	for name, tc := range map[string]struct{ reason, says, want string }{
		"Server":   {"The application is called as its pod is.", "https://spark.acme.example", "https://spark.acme.example/history/clean-x7k2p/"},
		"Path":     {"A proxy may have it below a path.", "http://tools.acme.example/spark/", "http://tools.acme.example/spark/history/clean-x7k2p/"},
		"None":     {"Most pods have none.", "", ""},
		"Script":   {"A link runs no script.", "javascript:alert(1)//https://spark.acme.example", ""},
		"Hidden":   {"Nor one that looks like an address.", "javascript://spark.acme.example/%0aalert(1)", ""},
		"Relative": {"A link does not lead to the console.", "/api/v1/releases", ""},
		"Person":   {"Nobody is signed on by a link.", "https://ann:secret@spark.acme.example", ""},
		"Query":    {"What would be behind it is no path.", "https://spark.acme.example?to=", ""},
		"Long":     {"It is bounded.", "https://spark.acme.example/" + strings.Repeat("a", 1000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := &unstructured.Unstructured{}
			o.SetName("clean-x7k2p")
			o.SetAnnotations(map[string]string{"spark.trunkline.dev/history": tc.says})
			if got := meter.HistoryOfPod(o); got != tc.want {
				t.Errorf("%s It is %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

// TestHistoriesAreKept: where the history of a run is shown is known after its pods are gone, for as long as single runs are.
func TestHistoriesAreKept(t *testing.T) {
	onBoth(t, func(t *testing.T, replica func() *meter.Ledger) {
		of := func(uid string, began time.Time, run, address string) meter.Priced {
			p := pod(uid, began, time.Hour, usage.Ended)
			p.Place.Run, p.History = run, address
			return p
		}
		l := replica()
		old := noon.AddDate(0, 0, -80)
		write(t, l, of("second", noon.Add(time.Hour), "clean-1", "https://h/2/"), of("first", noon, "clean-1", "https://h/1/"), of("executor", noon, "clean-1", ""),
			of("stream", noon, "", "https://h/3/"), of("old", old, "clean-0", "https://h/0/"))
		write(t, replica(), of("first", noon, "clean-1", "https://h/1/"))
		known := func(run string) []string {
			out, err := replica().Histories(t.Context(), "acme", "orders", "prod", run)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		for run, want := range map[string][]string{"clean-1": {"https://h/1/", "https://h/2/"}, "clean-0": {"https://h/0/"}, "": nil} {
			if diff := cmp.Diff(want, known(run)); diff != "" {
				t.Errorf("the histories of the run %q (-want +got):\n%s", run, diff)
			}
		}
		if err := l.Fold(t.Context(), "acme", meter.Retention{Days: 365 * 24 * time.Hour, Things: 60 * 24 * time.Hour}, noon); err != nil {
			t.Fatal(err)
		}
		if got := known("clean-0"); got != nil {
			t.Errorf("what is too old is kept: %v", got)
		}
	})
}
