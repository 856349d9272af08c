// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

// looking answers as an API server does that has a Job, beside what [server] has.
type looking struct {
	server
	job string
}

func (s *looking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.URL.Path, "/jobs/") {
		s.server.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if !strings.HasPrefix(r.Header.Get("Impersonate-User"), "system:serviceaccount:orders-dev:") {
		http.Error(w, "who", http.StatusTeapot)
		return
	}
	if s.job == "" {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`))
		return
	}
	_, _ = w.Write([]byte(s.job))
}

// jobOf is a Job with labels, in which values are written where they should not be.
func jobOf(labels, status string) string {
	const quoted = `"first line\nhunter2!\n"`
	return fmt.Sprintf(`{"kind":"Job","apiVersion":"batch/v1","metadata":{"name":"clean-1","namespace":"orders-dev","uid":"u1","resourceVersion":"7","managedFields":[{"manager":"x"}],
		"labels":{%s},"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"hunter2!","note":"p is hunter2!"}},
		"spec":{"template":{"spec":{"containers":[{"name":"clean","command":["sh","-c",%s],
			"env":[{"name":"P","valueFrom":{"secretKeyRef":{"name":"db","key":"p"}}},{"name":"API_TOKEN","value":"in-clear-1"},{"name":"MODE","value":"fast"}]}]}}},
		"status":{%s}}`, labels, quoted, status)
}

// TestLook is what is told of a Job: what was applied, and nothing that is secret.
func TestLook(t *testing.T) {
	const own = `"trunkline.dev/project":"orders","trunkline.dev/environment":"dev","trunkline.dev/workload":"clean"`
	const failed = `"conditions":[{"type":"Failed","status":"True","reason":"BackoffLimitExceeded","message":"it failed","lastTransitionTime":"2026-01-02T03:04:05Z"}]`
	for name, tc := range map[string]struct {
		reason  string
		server  looking
		err     error
		failed  bool
		no      string
		doing   string
		missing []string
	}{
		"Running": {reason: "It is under way.", server: looking{server{pods: pod("a", `"running":{}`), secret: "hunter2!"}, jobOf(own, "")}},
		"Failed":  {reason: "It says why.", server: looking{server{pods: pod("a", `"terminated":{"exitCode":3}`), secret: "hunter2!"}, jobOf(own, failed)}, failed: true, doing: "exit code 3"},
		"Refused": {
			reason: "What must not be in the manifest is not known.", server: looking{server{pods: pod("a", `"running":{}`), refused: 403}, jobOf(own, "")},
			no: "the values of the Secret orders-dev/db, which must not be in the log, cannot be read",
		},
		"Gone":     {reason: "There is none.", server: looking{}, err: ErrNoJob},
		"Nobody's": {reason: "It is of no workload.", server: looking{server{}, jobOf(`"app":"x"`, "")}, err: ErrNoJob},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(&tc.server)
			defer srv.Close()
			c := New("one", func() (*rest.Config, error) { return &rest.Config{Host: srv.URL}, nil }, slog.New(slog.DiscardHandler))
			got, err := c.Look(t.Context(), As{"orders-dev", "deployer"}, "clean-1")
			if !errors.Is(err, tc.err) || err != nil != (tc.err != nil) {
				t.Fatalf("%s Got the error %v, want %v", tc.reason, err, tc.err)
			}
			if err != nil {
				return
			}
			if got.Job.Workload != "orders/clean" || got.Job.Cluster != "one" || got.Job.Failed != tc.failed || !strings.Contains(got.Doing, tc.doing) || !strings.Contains(got.NoManifest, tc.no) || (got.NoManifest == "") != (tc.no == "") {
				t.Errorf("%s Got %+v", tc.reason, got)
			}
			for _, secret := range []string{"hunter2", "in-clear-1", "last-applied", "managedFields", "resourceVersion", "status:"} {
				if strings.Contains(got.Manifest, secret) {
					t.Errorf("%s The manifest has %s:\n%s", tc.reason, secret, got.Manifest)
				}
			}
			for _, there := range []string{"kind: Job", "name: clean-1", "value: fast", "first line", "secretKeyRef"} {
				if tc.no == "" && !strings.Contains(got.Manifest, there) {
					t.Errorf("%s The manifest does not have %s:\n%s", tc.reason, there, got.Manifest)
				}
			}
		})
	}
}
