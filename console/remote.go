// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// RunKeeper has people's own code run. An error of it is for people if it is one of those of an [Actor], or [ErrNotKnown].
type RunKeeper interface {
	// Start starts a run.
	Start(ctx context.Context, environment, project string, run RunRequest, by Attribution) (RemoteRun, error)
	// Base finds what code would be put on.
	Base(ctx context.Context, environment, project string, of BaseQuery) (RunBase, error)
	// Runs lists those that are there.
	Runs(ctx context.Context) ([]RemoteRun, error)
	// Follow tells of a run until it ends.
	Follow(ctx context.Context, of RunRef, how Following, tell func(RunEvent) error) error
	// Cancel ends and removes a run.
	Cancel(ctx context.Context, of RunRef, by Attribution) (Outcome, error)
}

// RunRef names a run.
type RunRef struct{ Environment, Project, Run string }

// Following says how a run is followed.
type Following struct {
	// After is when the last line was written that is known.
	After time.Time
	// Waits is set by who waits for the run: it is removed at its end, and a while after nobody waits any more.
	Waits bool
	// Once has what there is told, and no more waited for.
	Once bool
}

// RunRequest is the body of a request to start a run.
type RunRequest struct {
	Workload string `json:"workload"`
	// Cluster is one of the environment's; default: its first that the project is deployed in.
	Cluster string `json:"cluster,omitempty"`
	// Lot is the id of the lot that the program is given.
	Lot string `json:"lot,omitempty"`
	// Command replaces the one that is deployed, and Args come after it.
	Command []string `json:"command,omitempty"`
	Args    []string `json:"args,omitempty"`
	// Files are those of the workload, by their paths in the folder of the project.
	Files map[string][]byte `json:"files,omitempty"`
	// Code is that of the image, by the paths in its folder there, and Layer has it in an image instead.
	Code  map[string]RunFile `json:"code,omitempty"`
	Layer *RunLayer          `json:"layer,omitempty"`
	// Detached has it go on while nobody follows it.
	Detached bool `json:"detached,omitempty"`
}

// RunFile is a file of code.
type RunFile struct {
	Data       []byte `json:"data,omitempty"`
	Executable bool   `json:"executable,omitempty"`
}

// RunLayer is an image that has code as its last layer.
type RunLayer struct {
	Image string `json:"image"`
	// Papers are the manifests and configurations of it, and of what is deployed.
	Papers [][]byte `json:"papers"`
}

// BaseQuery asks what code would be put on.
type BaseQuery struct{ Workload, Cluster, Lot string }

// RunBase is what code is put on.
type RunBase struct {
	// Image is what is deployed, and Registry where images of runs are pushed to; empty: there is none.
	Image    string `json:"image"`
	Registry string `json:"registry,omitempty"`
}

// RemoteRun is a run of someone's own code.
type RemoteRun struct {
	Run         string    `json:"run"`
	Environment string    `json:"environment"`
	Project     string    `json:"project"`
	Workload    string    `json:"workload"`
	Cluster     string    `json:"cluster"`
	Lot         string    `json:"lot,omitempty"`
	By          string    `json:"by"`
	Detached    bool      `json:"detached"`
	Started     time.Time `json:"started"`
	// Ended is when it ended; zero while it is under way.
	Ended   time.Time `json:"ended,omitzero"`
	Outcome string    `json:"outcome,omitempty"`
	// Writes are where it writes, by role, and Notes what is to be known about it; only the answer to a start has them.
	Writes map[string]string `json:"writes,omitempty"`
	Notes  []string          `json:"notes,omitempty"`
}

// RunEvent is a line of the stream about a run: a line of its log, a note, or its end. One with nothing says that the stream is alive.
type RunEvent struct {
	// At is when Line was written.
	At   time.Time `json:"at,omitzero"`
	Line *string   `json:"line,omitempty"`
	Note string    `json:"note,omitempty"`
	End  *RunEnd   `json:"end,omitempty"`
}

// RunEnd is how a run ended.
type RunEnd struct {
	// Code is the exit code of its program; -1 if it had none.
	Code int    `json:"code"`
	Why  string `json:"why"`
	// Gone is set if it is not there any more.
	Gone bool `json:"gone,omitempty"`
}

const (
	// maxRun bounds the body of a request to start a run: files are in base64.
	maxRun = 2 << 20
	// startTimeout bounds how long a request waits for a run to be made: the stores of lots are read.
	startTimeout = 2 * time.Minute
)

func (c *console) noRemoteRuns() error {
	if c.opts.RemoteRuns == nil {
		return problemf(http.StatusNotFound, "this daemon has no remote runs")
	}
	return nil
}

func refOf(r *http.Request) RunRef {
	return RunRef{r.PathValue("environment"), r.PathValue("project"), r.PathValue("run")}
}

func (c *console) remoteRuns(w http.ResponseWriter, r *http.Request) error {
	if err := c.noRemoteRuns(); err != nil {
		return err
	}
	q := newQuery(r)
	environments, projects := q.many("environment"), q.many("project")
	all, err := c.opts.RemoteRuns.Runs(r.Context())
	if err != nil {
		return c.refused(err)
	}
	s := c.sight(r)
	return list(c, w, q, all, func(r RemoteRun) string { return keyOf(r.Environment, r.Project, r.Run) }, func(r RemoteRun) bool {
		return s.sees(r.Project, r.Environment) && passes(environments, r.Environment) && passes(projects, r.Project)
	})
}

func (c *console) startRun(w http.ResponseWriter, r *http.Request) error {
	var body RunRequest
	if err := c.bodyOf(w, r, &body, maxRun, `the body must be like {"workload": "clean", "files": {"clean.sh": "BASE64"}}, at most 2 MiB`); err != nil {
		return err
	}
	by, err := attribution(r, "")
	if err == nil {
		err = c.noRemoteRuns()
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), startTimeout)
	defer cancel()
	made, err := c.opts.RemoteRuns.Start(ctx, r.PathValue("environment"), r.PathValue("project"), body, by)
	if err != nil {
		return c.refused(err)
	}
	c.answer(w, http.StatusCreated, made)
	return nil
}

func (c *console) runBase(w http.ResponseWriter, r *http.Request) error {
	if err := c.noRemoteRuns(); err != nil {
		return err
	}
	q := newQuery(r)
	of := BaseQuery{Workload: q.one("workload"), Cluster: q.one("cluster"), Lot: q.one("lot")}
	if err := q.done(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
	defer cancel()
	base, err := c.opts.RemoteRuns.Base(ctx, r.PathValue("environment"), r.PathValue("project"), of)
	if err != nil {
		return c.refused(err)
	}
	c.answer(w, http.StatusOK, base)
	return nil
}

func (c *console) cancelRun(w http.ResponseWriter, r *http.Request) error {
	var body Act
	if err := c.body(w, r, &body); err != nil {
		return err
	}
	by, err := attribution(r, body.Why)
	if err == nil {
		err = c.noRemoteRuns()
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
	defer cancel()
	done, err := c.opts.RemoteRuns.Cancel(ctx, refOf(r), by)
	if err != nil {
		return c.refused(err)
	}
	c.answer(w, http.StatusAccepted, done)
	return nil
}

func (c *console) followRun(w http.ResponseWriter, r *http.Request) error {
	return c.follow(w, r, false)
}

func (c *console) attachRun(w http.ResponseWriter, r *http.Request) error {
	return c.follow(w, r, true)
}

// follow tells of a run, one event a line, until it ends or the client is gone. It may say more of data than anything else does: as for an
// act, who asks has a name, which is logged.
func (c *console) follow(w http.ResponseWriter, r *http.Request, waits bool) error {
	if err := c.noRemoteRuns(); err != nil {
		return err
	}
	by, err := attribution(r, "")
	if err != nil {
		return err
	}
	q := newQuery(r)
	how := Following{After: q.moment("after"), Waits: waits}
	if once := q.flag("once"); once != nil {
		how.Once = *once && !waits
	}
	if err := q.done(); err != nil {
		return err
	}
	if err := c.streams.begin(by.Principal); err != nil {
		w.Header().Set("Retry-After", "5")
		return err
	}
	defer c.streams.end(by.Principal)
	ref := refOf(r)
	c.opts.Log.Info("a run is followed", "environment", ref.Environment, "project", ref.Project, "run", ref.Run, "by", by.Principal.String())
	ctx, cancel := context.WithTimeout(r.Context(), maxStream)
	defer cancel()
	s := &runStream{w: w, control: http.NewResponseController(w), said: make(chan RunEvent), ended: make(chan error, 1)}
	_ = s.control.SetReadDeadline(time.Time{}) // that of the request would end the stream
	go func() {
		s.ended <- c.opts.RemoteRuns.Follow(ctx, ref, how, func(e RunEvent) error {
			select {
			case s.said <- e:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	heartbeat := time.NewTicker(c.opts.Heartbeat)
	defer heartbeat.Stop()
	err = s.run(heartbeat.C, func() bool { return c.stillSignedOn(r, by.Principal) })
	over := ctx.Err() != nil
	cancel()
	switch {
	case !s.ending:
		//nolint:errcheck // it notes that nobody follows any more, to whom an error could be said
		<-s.ended
	case err == nil, over:
	case !s.begun:
		return c.refused(err)
	default:
		c.opts.Log.Warn("a run is not followed to its end", "run", ref.Run, "err", err.Error())
		why := "it cannot be followed; see the daemon's log"
		if p, is := errors.AsType[*Problem](c.refused(err)); is {
			why = p.Detail
		}
		_ = s.send(RunEvent{End: &RunEnd{Code: -1, Why: why}}) // otherwise the client comes back for ever
	}
	return nil
}

// runStream is what is sent to one client about a run.
type runStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	said    chan RunEvent
	ended   chan error
	// begun reports whether anything was sent, and ending whether what tells has ended.
	begun, ending bool
}

// run sends what is said until there is no more, or the client is gone or not signed on any more.
func (s *runStream) run(heartbeat <-chan time.Time, signedOn func() bool) error {
	for {
		select {
		case e := <-s.said:
			if err := s.send(e); err != nil {
				return err
			}
		case err := <-s.ended:
			s.ending = true
			return err
		case <-heartbeat:
			if !signedOn() {
				return errSignedOff
			}
			if err := s.send(RunEvent{}); err != nil {
				return err
			}
		}
	}
}

func (s *runStream) send(e RunEvent) error {
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", "application/x-ndjson")
		s.w.Header().Set("X-Accel-Buffering", "no") // proxies that know it do not collect what is sent
		s.w.WriteHeader(http.StatusOK)
	}
	if err := json.NewEncoder(s.w).Encode(e); err != nil {
		return err
	}
	return s.control.Flush()
}
