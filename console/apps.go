// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"net/http"

	"trunkline.dev/trunkline/access"
)

// Apps are the applications that run in clusters and that people enter from here. An error of it is for people if it is one of those of an
// [Actor].
type Apps interface {
	// Enter returns the address by which someone enters an application, once and soon, at the origin that is the applications' own.
	Enter(ctx context.Context, ref AppRef, to string, who access.Principal) (string, error)
}

// AppRef names an application: a notebook of someone, or the orchestrator of a project.
type AppRef struct{ Kind, Environment, Project, Name string }

// AppEntry is the body of a request for an address.
type AppEntry struct {
	// To is the path below the application at which to begin; default: its beginning.
	To string `json:"to,omitempty"`
}

// AppAddress is the answer: an address that is good once, for a minute.
type AppAddress struct {
	URL string `json:"url"`
}

// AppPath is where a page leads to an application.
func AppPath(a AppRef) string {
	return "/apps/" + a.Kind + "/" + a.Environment + "/" + a.Project + "/" + a.Name
}

// The kinds of applications that are someone's own.
const (
	NotebookKind = "notebook"
	IDEKind      = "ide"
)

// rightToApp is the right that it takes to enter an application. What it is decides who may have it, beyond that.
func rightToApp(r *http.Request) access.Right {
	switch r.PathValue("kind") {
	case NotebookKind, IDEKind:
		return access.Workspace
	}
	return access.View
}

func (c *console) appOf(r *http.Request, to string) (string, error) {
	if c.opts.Apps == nil {
		return "", problemf(http.StatusNotFound, "this daemon passes nobody on to applications: it was started without --apps-listen")
	}
	ref := AppRef{r.PathValue("kind"), r.PathValue("environment"), r.PathValue("project"), r.PathValue("name")}
	who := principalOf(r.Context())
	address, err := c.opts.Apps.Enter(r.Context(), ref, to, who)
	if err != nil {
		return "", c.refused(err)
	}
	c.opts.Log.Info("a ticket for an application is made", "kind", ref.Kind, "environment", ref.Environment, "project", ref.Project, "name", ref.Name, "by", who.String())
	return address, nil
}

// enterApp answers with an address, for a command.
func (c *console) enterApp(w http.ResponseWriter, r *http.Request) error {
	var body AppEntry
	if err := c.body(w, r, &body); err != nil {
		return err
	}
	address, err := c.appOf(r, body.To)
	if err != nil {
		return err
	}
	c.answer(w, http.StatusCreated, AppAddress{address})
	return nil
}

// openApp leads a browser to an application. Pages of other origins do not begin it: whoever enters means to.
func (c *console) openApp(w http.ResponseWriter, r *http.Request) error {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none", "":
	default:
		return problemf(http.StatusForbidden, "an application is entered from a page of the console")
	}
	q := newQuery(r)
	to := q.one("to")
	if err := q.done(); err != nil {
		return err
	}
	address, err := c.appOf(r, to)
	if err != nil {
		return err
	}
	http.Redirect(w, r, address, http.StatusSeeOther) //nolint:gosec // the address is of the origin that the operator has named
	return nil
}
