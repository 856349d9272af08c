// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"
)

const (
	// maxCheckText is how many characters the summary and the text of a check run may have, each.
	maxCheckText = 65535
	// maxAnnotations is how many annotations a request may have, and maxRuns how many check runs of a name are kept in a
	// suite before GitHub deletes the oldest.
	maxAnnotations, maxRuns = 50, 1000
	// maxActions is how many buttons a check run may have.
	maxActions = 3
)

var (
	conclusions   = []string{"action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"}
	checkStatuses = []string{"queued", "in_progress", "completed", "waiting", "requested", "pending"}
)

func (g *GitHub) checkRoutes() []route {
	const runs = "/repos/{owner}/{repo}/check-runs"
	return []route{
		{pattern: "POST " + runs, needs: "checks:write", serve: g.createCheck},
		{pattern: "GET " + runs + "/{id}", needs: "checks:read", serve: withCheck(func(c *call, k *check) (int, any, error) { return http.StatusOK, g.shapeCheck(c.repo, k), nil })},
		{pattern: "PATCH " + runs + "/{id}", needs: "checks:write", serve: withCheck(g.updateCheck)},
		{pattern: "GET " + runs + "/{id}/annotations", needs: "checks:read", serve: withCheck(g.listAnnotations)},
		{pattern: "POST " + runs + "/{id}/rerequest", needs: "checks:write", serve: withCheck(func(c *call, k *check) (int, any, error) {
			if err := g.rerun(c.repo, k, c.who.user); err != nil {
				return 0, nil, &failure{status: http.StatusUnprocessableEntity, message: err.Error()}
			}
			return http.StatusCreated, object{}, nil
		})},
		{pattern: "GET /repos/{owner}/{repo}/commits/{ref}/check-runs", needs: "checks:read", serve: g.listChecks},
	}
}

func withCheck(serve func(c *call, k *check) (int, any, error)) handler {
	return func(c *call) (int, any, error) {
		for _, k := range c.repo.checks {
			if k.id == c.number("id") {
				return serve(c, k)
			}
		}
		return 0, nil, notFound()
	}
}

// checkInput is what a request says of a check run; nil: nothing.
type checkInput struct {
	Name        *string    `json:"name"`
	HeadSHA     *string    `json:"head_sha"`
	ExternalID  *string    `json:"external_id"`
	DetailsURL  *string    `json:"details_url"`
	Status      *string    `json:"status"`
	Conclusion  *string    `json:"conclusion"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	Output      *struct {
		Title, Summary, Text *string
		Annotations          []object
	} `json:"output"`
	Actions []object `json:"actions"`
}

// problem is what GitHub refuses of a check run, beyond what its description says.
func (in checkInput) problem() error {
	refuse := func(format string, args ...any) error {
		return &failure{status: http.StatusUnprocessableEntity, message: "Invalid request.\n\n" + fmt.Sprintf(format, args...)}
	}
	if in.Status != nil && !slices.Contains(checkStatuses, *in.Status) {
		return refuse("status %q is not one of %v.", *in.Status, checkStatuses)
	}
	if in.Conclusion != nil && !slices.Contains(conclusions, *in.Conclusion) {
		return refuse("conclusion %q is not one of %v.", *in.Conclusion, conclusions)
	}
	if in.Status != nil && *in.Status == "completed" && in.Conclusion == nil {
		return refuse("conclusion is required when status is completed.")
	}
	if len(in.Actions) > maxActions {
		return refuse("No more than %d items are allowed; %d were supplied.", maxActions, len(in.Actions))
	}
	if in.Output == nil {
		return nil
	}
	if in.Output.Summary == nil {
		return refuse(`"summary" wasn't supplied.`)
	}
	for field, text := range map[string]*string{"summary": in.Output.Summary, "text": in.Output.Text} {
		if text != nil && utf8.RuneCountInString(*text) > maxCheckText {
			return refuse("Only %d characters are allowed; %d were supplied (%s).", maxCheckText, utf8.RuneCountInString(*text), field)
		}
	}
	if n := len(in.Output.Annotations); n > maxAnnotations {
		return refuse("No more than %d items are allowed; %d were supplied.", maxAnnotations, n)
	}
	for _, a := range in.Output.Annotations {
		if err := annotationProblem(a); err != "" {
			return refuse("%s", err)
		}
	}
	return nil
}

// annotationProblem says what is wrong with an annotation; empty: nothing.
func annotationProblem(a object) string {
	text := func(field string) string { s, _ := a[field].(string); return s }
	line := func(field string) float64 { n, _ := a[field].(float64); return n }
	switch {
	case text("path") == "" || text("path")[0] == '/':
		return "path is not one of the repository."
	case line("start_line") < 1 || line("end_line") < line("start_line"):
		return "end_line is before start_line, or there is no such line."
	case text("message") == "" || len(text("message")) > 64<<10:
		return "message is missing or has more than 64 KB."
	case len(text("raw_details")) > 64<<10:
		return "raw_details has more than 64 KB."
	case utf8.RuneCountInString(text("title")) > 255:
		return "title has more than 255 characters."
	case !slices.Contains([]string{"notice", "warning", "failure"}, text("annotation_level")):
		return "annotation_level is not notice, warning or failure."
	case line("start_line") != line("end_line") && (a["start_column"] != nil || a["end_column"] != nil):
		return "start_column and end_column are for annotations of one line."
	default:
		return ""
	}
}

// take has a check run be as a request says.
func (g *GitHub) take(k *check, in checkInput) {
	for field, value := range map[*string]*string{&k.name: in.Name, &k.externalID: in.ExternalID, &k.detailsURL: in.DetailsURL} {
		if value != nil {
			*field = *value
		}
	}
	if in.Status != nil {
		k.status = *in.Status
		if k.status != "completed" {
			k.conclusion, k.completed = "", time.Time{}
		}
	}
	if in.Conclusion != nil {
		k.status, k.conclusion = "completed", *in.Conclusion // a conclusion completes
		if k.completed.IsZero() {
			k.completed = g.now()
		}
	}
	if in.StartedAt != nil {
		k.started = in.StartedAt.UTC()
	}
	if in.CompletedAt != nil {
		k.completed = in.CompletedAt.UTC()
	}
	if o := in.Output; o != nil {
		for field, value := range map[*string]*string{&k.title: o.Title, &k.summary: o.Summary, &k.text: o.Text} {
			if value != nil {
				*field = *value
			}
		}
		k.hasOutput = true
		k.annotations = append(k.annotations, o.Annotations...) // they pile up, and are never taken away
	}
	if in.Actions != nil {
		k.actions = in.Actions
	}
}

func (g *GitHub) createCheck(c *call) (int, any, error) {
	var in checkInput
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	if in.Name == nil || *in.Name == "" || in.HeadSHA == nil {
		return 0, nil, &failure{status: http.StatusUnprocessableEntity, message: `Invalid request.` + "\n\n" + `"name" and "head_sha" weren't supplied.`}
	}
	if err := in.problem(); err != nil {
		return 0, nil, err
	}
	if !g.hasCommit(c.repo, *in.HeadSHA) {
		return 0, nil, &failure{status: http.StatusUnprocessableEntity, message: "No commit found for SHA: " + *in.HeadSHA}
	}
	s := g.suite(c.repo, c.who.app, *in.HeadSHA)
	k := &check{id: g.id(), suite: s, status: "queued", started: g.now()}
	g.take(k, in)
	c.repo.checks = append(c.repo.checks, k)
	c.repo.forgetOldest(s, k.name)
	return http.StatusCreated, g.shapeCheck(c.repo, k), g.checked(c, k, "created")
}

// forgetOldest keeps a thousand check runs of a name.
func (r *repo) forgetOldest(s *suite, name string) {
	same := 0
	for _, k := range r.checks {
		if k.suite == s && k.name == name {
			same++
		}
	}
	if same <= maxRuns {
		return
	}
	at := slices.IndexFunc(r.checks, func(k *check) bool { return k.suite == s && k.name == name })
	r.checks = slices.Delete(r.checks, at, at+1)
}

func (g *GitHub) updateCheck(c *call, k *check) (int, any, error) {
	if k.suite.app != c.who.app {
		return 0, nil, forbidden("Invalid app_id `%d` - check run can only be modified by the GitHub App that created it.", c.who.app.ID)
	}
	var in checkInput
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	if err := in.problem(); err != nil {
		return 0, nil, err
	}
	was := k.status
	in.HeadSHA = nil
	g.take(k, in)
	action := ""
	if was != "completed" && k.status == "completed" {
		action = "completed"
	}
	return http.StatusOK, g.shapeCheck(c.repo, k), g.checked(c, k, action)
}

// checked does what follows from a check run that changed: events, and the merge queue.
func (g *GitHub) checked(c *call, k *check, action string) error {
	k.suite.edited = g.now()
	if action == "created" && k.status == "completed" {
		g.emitCheck(c.repo, k, "created", c.who.user, nil)
		action = "completed"
	}
	if action != "" {
		g.emitCheck(c.repo, k, action, c.who.user, nil)
	}
	if status, _ := c.repo.suiteState(k.suite); status == "completed" && action == "completed" {
		g.emit(event{name: "check_suite", action: "completed", repo: c.repo, sender: c.who.user, fields: object{"check_suite": g.shapeSuiteEvent(c.repo, k.suite)}})
	}
	return g.advance(c.repo)
}

func (r *repo) findSuite(app *App, sha string) *suite {
	for _, s := range r.suites {
		if s.app == app && s.sha == sha {
			return s
		}
	}
	return nil
}

// suite finds the suite of an App for a commit, or makes it.
func (g *GitHub) suite(r *repo, app *App, sha string) *suite {
	if s := r.findSuite(app, sha); s != nil {
		return s
	}
	s := &suite{id: g.id(), app: app, sha: sha, created: g.now(), edited: g.now()}
	r.suites = append(r.suites, s)
	return s
}

// hasCommit reports whether a commit is one of the repository; without Git, every name is.
func (g *GitHub) hasCommit(r *repo, sha string) bool {
	if len(sha) != len(zero) || sha == zero {
		return false
	}
	if r.git == "" {
		return true
	}
	_, err := g.git(r, "cat-file", "-e", sha+"^{commit}")
	return err == nil
}

func (g *GitHub) listAnnotations(c *call, k *check) (int, any, error) {
	return http.StatusOK, shapes(pageOf(c, g.url, k.annotations), func(a object) object {
		o := object{
			"blob_href":    fmt.Sprintf("%s/%s/blob/%s/%s", g.url, c.repo.fullName(), k.suite.sha, a["path"]),
			"start_column": nil, "end_column": nil, "title": nil, "raw_details": nil,
		}
		maps.Copy(o, a)
		return o
	}), nil
}

// resolve finds the commit of a branch, a ref or a commit.
func (g *GitHub) resolve(r *repo, ref string) (string, error) {
	for _, prefix := range []string{"refs/heads/", "heads/", ""} {
		if rest, ok := cutPrefix(ref, prefix); ok && r.branches[rest] != "" {
			return r.branches[rest], nil
		}
	}
	if g.hasCommit(r, ref) {
		return ref, nil
	}
	return "", &failure{status: http.StatusUnprocessableEntity, message: "No commit found for SHA: " + ref}
}

func cutPrefix(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):], true
	}
	return s, false
}

func (g *GitHub) listChecks(c *call) (int, any, error) {
	sha, err := g.resolve(c.repo, c.PathValue("ref"))
	if err != nil {
		return 0, nil, err
	}
	q := c.URL.Query()
	var found []*check
	for _, s := range c.repo.suites {
		if s.sha != sha || q.Get("app_id") != "" && q.Get("app_id") != fmt.Sprint(s.app.ID) {
			continue
		}
		runs := c.repo.latest(s)
		if q.Get("filter") == "all" {
			runs = slices.DeleteFunc(slices.Clone(c.repo.checks), func(k *check) bool { return k.suite != s })
		}
		for _, k := range runs {
			if (q.Get("check_name") == "" || q.Get("check_name") == k.name) && (q.Get("status") == "" || q.Get("status") == k.status) {
				found = append(found, k)
			}
		}
	}
	slices.SortStableFunc(found, func(a, b *check) int { return int(b.id - a.id) }) // the newest first
	total := len(found)
	return http.StatusOK, object{"total_count": total, "check_runs": shapes(pageOf(c, g.url, found), func(k *check) object { return g.shapeCheck(c.repo, k) })}, nil
}

// Annotations are the paths and lines of the annotations of the newest check run of a commit, such as "a.yaml:3".
func (r *Repo) Annotations(sha, name string) []string {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	for _, k := range slices.Backward(r.repo.checks) {
		if k.suite.sha == sha && k.name == name {
			var out []string
			for _, a := range k.annotations {
				out = append(out, fmt.Sprintf("%v:%v", a["path"], a["start_line"]))
			}
			return out
		}
	}
	return nil
}
