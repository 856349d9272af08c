// SPDX-License-Identifier: Apache-2.0

package reach

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/airflow"
	"trunkline.dev/trunkline/reconciler/tunnel"
)

const (
	// dialPath opens a connection: what is sent is the body of the request, and what comes back that of the answer. tokenPath makes a token for Airflow.
	dialPath, tokenPath = "/dial", "/airflow/token" //nolint:gosec // it is a path
	// whyTrailer says why a connection ended that did not end in order.
	whyTrailer = "Trunkline-Why"
	// maxWhy bounds what is said of that, and maxToken a token, in bytes.
	maxWhy, maxToken = 1 << 10, 8 << 10
)

// To is where a connection leads: a port of a Service that a release declares, by its name or its number.
type To struct {
	Release       catalog.ReleaseID
	Service, Port string
}

// Entrance is as whom someone enters an Airflow: the one that a workload of a release runs.
type Entrance struct {
	Release  catalog.ReleaseID
	Workload string
	Subject  string
	Role     airflow.Role
}

func (t To) query() url.Values {
	q := queryOf(t.Release)
	q.Set("service", t.Service)
	q.Set("port", t.Port)
	return q
}

func toOf(q url.Values) To { return To{releaseOf(q), q.Get("service"), q.Get("port")} }

func (e Entrance) query() url.Values {
	q := queryOf(e.Release)
	q.Set("workload", e.Workload)
	q.Set("subject", e.Subject)
	q.Set("role", string(e.Role))
	return q
}

func entranceOf(q url.Values) Entrance {
	return Entrance{releaseOf(q), q.Get("workload"), q.Get("subject"), airflow.Role(q.Get("role"))}
}

func queryOf(id catalog.ReleaseID) url.Values {
	return url.Values{"project": {id.Project}, "environment": {id.Environment}, "cluster": {id.Cluster}}
}

func releaseOf(q url.Values) catalog.ReleaseID {
	return catalog.ReleaseID{Project: q.Get("project"), Environment: q.Get("environment"), Cluster: q.Get("cluster")}
}

// statuses are those by which a gate refuses, and what they mean to the daemon.
var statuses = []struct {
	status int
	err    error
}{
	{http.StatusForbidden, tunnel.ErrForbidden},
	{http.StatusNotFound, tunnel.ErrNotThere},
	{http.StatusTooManyRequests, tunnel.ErrTooMany},
}

// statusOf is that of an error.
func statusOf(err error) int {
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return s.status
		}
	}
	return http.StatusBadGateway
}

// failure is what a gate says.
type failure struct {
	why  string
	kind error
}

func (f *failure) Error() string { return f.why }
func (f *failure) Unwrap() error { return f.kind }

// failureOf is the error of an answer.
func failureOf(status int, said string) error {
	out := &failure{why: strings.TrimSpace(said)}
	for _, s := range statuses {
		if s.status == status {
			out.kind = s.err
		}
	}
	if out.why == "" {
		out.why = "it answers " + http.StatusText(status)
	}
	return out
}

// oneLine is a text as a header can have it.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	return text[:min(len(text), maxWhy)]
}
