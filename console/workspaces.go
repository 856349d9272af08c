// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"net/http"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/cost/usage"
)

// Workspaces keeps people's notebooks and editors. An error of it is for people if it is one of those of an [Actor], or [ErrNotKnown].
type Workspaces interface {
	// Open makes a workspace for who asks, or wakes the one that they have there.
	Open(ctx context.Context, environment, project string, ask WorkspaceRequest, by Attribution) (Workspace, error)
	// List lists those of a person; of all people, if it is empty.
	List(ctx context.Context, person string) ([]Workspace, error)
	// Get returns one of who asks.
	Get(ctx context.Context, of WorkspaceRef, who access.Principal) (Workspace, error)
	// Act wakes, stops or deletes one of who asks; of anybody, if that is said.
	Act(ctx context.Context, of WorkspaceRef, act WorkspaceAct, anybody bool, by Attribution) (Outcome, error)
}

// WorkspaceRef names a workspace.
type WorkspaceRef struct{ Environment, Project, Workspace string }

// WorkspaceAct is something to do with a workspace.
type WorkspaceAct string

// The acts.
const (
	WakeWorkspace   WorkspaceAct = "wake"
	StopWorkspace   WorkspaceAct = "stop"
	DeleteWorkspace WorkspaceAct = "delete"
)

// WorkspaceRequest is the body of a request to open a workspace.
type WorkspaceRequest struct {
	// Workload is one of the project; default: its only one of the kind. Kind is "notebook" or "ide"; default: any.
	Workload string `json:"workload,omitempty"`
	Kind     string `json:"kind,omitempty"`
	// Cluster is one of the environment's; default: its first that the project is deployed in.
	Cluster string `json:"cluster,omitempty"`
	// Repository and Branch are cloned at the first start; default: nothing is.
	Repository string `json:"repository,omitempty"`
	Branch     string `json:"branch,omitempty"`
	// GitUsername and GitPassword are the caller's own credentials for the repository, which only this workspace reads.
	GitUsername string `json:"gitUsername,omitempty"`
	GitPassword string `json:"gitPassword,omitempty"`
	// Size is a size class; default: that of the workload.
	Size string `json:"size,omitempty"`
	Why  string `json:"why,omitempty"`
}

// Workspace is a notebook or an editor of someone.
type Workspace struct {
	Name        string `json:"name"`
	Kind        string `json:"kind"`
	Environment string `json:"environment"`
	Project     string `json:"project"`
	Workload    string `json:"workload"`
	Cluster     string `json:"cluster"`
	By          string `json:"by"`
	// Phase is "starting", "running", "idle", "stopping", "stopped" or "expired", and Why says why it does not run.
	Phase      string `json:"phase"`
	Why        string `json:"why,omitempty"`
	Repository string `json:"repository,omitempty"`
	Branch     string `json:"branch,omitempty"`
	Size       string `json:"size,omitempty"`
	// Used is when it was used last, and StopsAt when it is stopped if it is not used until then.
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`
	StopsAt time.Time `json:"stopsAt,omitzero"`
	// Spent is what it did cost in the last 30 days, in Currency; empty if that is not counted.
	Spent    string `json:"spent,omitempty"`
	Currency string `json:"currency,omitempty"`
}

// App is the application that a workspace is.
func (w Workspace) App() AppRef { return AppRef{w.Kind, w.Environment, w.Project, w.Name} }

const (
	// maxOpen bounds the body of a request to open a workspace, and openTimeout how long it waits for one to be made.
	maxOpen     = 16 << 10
	openTimeout = time.Minute
	// spentDays is over how long the costs of a workspace are added up.
	spentDays, spentDigits = 30, 4
)

// PersonOf tells whose a workspace is: who signs on, by name. Those without a name of their own, who may do everything, have theirs together.
func PersonOf(who access.Principal) string {
	if who.Nameless() {
		return who.Name
	}
	return who.String()
}

func (c *console) noWorkspaces() error {
	if c.opts.Workspaces == nil {
		return problemf(http.StatusNotFound, "this daemon keeps no notebooks: it was started without --apps-listen")
	}
	return nil
}

func workspaceOf(r *http.Request) WorkspaceRef {
	return WorkspaceRef{r.PathValue("environment"), r.PathValue("project"), r.PathValue("workspace")}
}

// workspaces lists those of who asks; those of all people are for whoever administers the platform.
func (c *console) workspaces(w http.ResponseWriter, r *http.Request) error {
	if err := c.noWorkspaces(); err != nil {
		return err
	}
	q := newQuery(r)
	environments, projects := q.many("environment"), q.many("project")
	whole := q.flag("all")
	all, err := c.workspacesOf(r.Context(), whole != nil && *whole)
	if err != nil {
		return err
	}
	s := c.sight(r)
	return list(c, w, q, all, func(o Workspace) string { return keyOf(o.Environment, o.Project, o.Name) }, func(o Workspace) bool {
		return s.sees(o.Project, o.Environment) && passes(environments, o.Environment) && passes(projects, o.Project)
	})
}

// WorkspacesOf returns the workspaces of the caller of a page, with what they did cost; false if nothing keeps any.
func WorkspacesOf(ctx context.Context) (all []Workspace, kept bool, err error) {
	c, _ := ctx.Value(appDeskKey{}).(*console)
	if c == nil || c.opts.Workspaces == nil {
		return nil, false, nil
	}
	all, err = c.workspacesOf(ctx, false)
	return all, true, err
}

// workspacesOf returns the workspaces of a caller, or all of them for whoever administers the platform, with what they did cost.
func (c *console) workspacesOf(ctx context.Context, whole bool) ([]Workspace, error) {
	who := principalOf(ctx)
	person := PersonOf(who)
	if whole {
		if d := c.opts.Access().May(who, access.Admin, access.Scope{}); !d.Allowed {
			return nil, problemf(http.StatusForbidden, "%s", d.Why)
		}
		person = ""
	} else if person == "" {
		return []Workspace{}, nil
	}
	all, err := c.opts.Workspaces.List(ctx, person)
	if err != nil {
		return nil, c.refused(err)
	}
	return c.spent(ctx, all), nil
}

// spent adds to workspaces what they did cost. That it is not known is no reason not to list them.
func (c *console) spent(ctx context.Context, all []Workspace) []Workspace {
	if c.opts.Costs == nil || c.opts.Now == nil {
		return all
	}
	until := c.opts.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	asked := map[usage.Place]usage.Answer{}
	for i := range all {
		w := &all[i]
		place := usage.Place{Project: w.Project, Environment: w.Environment, Workload: w.Workload}
		answer, known := asked[place]
		if !known {
			var err error
			answer, err = c.opts.Costs.Query(ctx, usage.Filter{Since: until.AddDate(0, 0, -spentDays), Until: until, By: []usage.Dimension{usage.ByRun}, Place: place, Cluster: w.Cluster})
			if err != nil {
				c.opts.Log.Warn("what workspaces did cost is not known", "project", w.Project, "environment", w.Environment, "err", err.Error())
			}
			asked[place] = answer
		}
		if answer.Currency == "" {
			continue
		}
		sum := int64(0)
		for _, row := range answer.Rows {
			if row.Run == w.Name {
				sum += row.Nano
			}
		}
		w.Spent, w.Currency = usage.Decimal(sum, spentDigits), answer.Currency
	}
	return all
}

// openWorkspace makes a workspace, or wakes it.
func (c *console) openWorkspace(w http.ResponseWriter, r *http.Request) error {
	var body WorkspaceRequest
	if err := c.bodyOf(w, r, &body, maxOpen, `the body must be like {"kind": "notebook", "branch": "main"}`); err != nil {
		return err
	}
	by, err := attribution(r, body.Why)
	if err == nil {
		err = c.noWorkspaces()
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), openTimeout)
	defer cancel()
	made, err := c.opts.Workspaces.Open(ctx, r.PathValue("environment"), r.PathValue("project"), body, by)
	if err != nil {
		return c.refused(err)
	}
	c.answer(w, http.StatusCreated, made)
	return nil
}

func (c *console) workspace(w http.ResponseWriter, r *http.Request) error {
	if err := c.noWorkspaces(); err != nil {
		return err
	}
	q := newQuery(r)
	if err := q.done(); err != nil {
		return err
	}
	got, err := c.opts.Workspaces.Get(r.Context(), workspaceOf(r), principalOf(r.Context()))
	if err != nil {
		return c.refused(err)
	}
	c.answer(w, http.StatusOK, c.spent(r.Context(), []Workspace{got})[0])
	return nil
}

// actOnWorkspace wakes, stops or deletes a workspace of the caller's; whoever administers the platform stops and deletes those of others.
func (c *console) actOnWorkspace(w http.ResponseWriter, r *http.Request) error {
	var body Act
	if err := c.body(w, r, &body); err != nil {
		return err
	}
	by, err := attribution(r, body.Why)
	if err == nil {
		err = c.noWorkspaces()
	}
	if err != nil {
		return err
	}
	act := WorkspaceAct(r.PathValue("act"))
	switch act {
	case WakeWorkspace, StopWorkspace, DeleteWorkspace:
	default:
		return problemf(http.StatusNotFound, "there is no act %s: there are wake, stop and delete", shown(string(act)))
	}
	anybody := act != WakeWorkspace && c.opts.Access().May(by.Principal, access.Admin, access.Scope{}).Allowed
	ctx, cancel := context.WithTimeout(r.Context(), openTimeout)
	defer cancel()
	done, err := c.opts.Workspaces.Act(ctx, workspaceOf(r), act, anybody, by)
	if err != nil {
		return c.refused(err)
	}
	c.answer(w, http.StatusAccepted, done)
	return nil
}
