// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/compose"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

const head = "apiVersion: trunkline.dev/v1alpha1\n"

// files are the content of a commit.
type files map[string]string

// platform is a small monorepo: orders writes a dataset that revenue reads.
func platform() files {
	return files{
		"trunkline.yaml":             head + "kind: Platform\nmetadata: {name: acme}\n",
		"clusters.yaml":              head + "kind: Cluster\nmetadata: {name: one}\n",
		"environments.yaml":          head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [one], stores: {lake: 's3://acme-dev'}}\n---\n" + head + "kind: Environment\nmetadata: {name: prod}\nspec: {clusters: [one], stores: {lake: 's3://acme-prod'}, promotesFrom: dev, protected: true}\n",
		"CODEOWNERS":                 "* @acme/team-platform\n/projects/orders @acme/team-orders\n/projects/revenue @rita\n",
		"README.md":                  "acme\n",
		"projects/orders/app.yaml":   project("orders", "team-orders", "{name: land, blueprint: container-job, image: img, command: [run], writes: {out: raw@1}}", "{name: raw, version: '1', path: 'lake://orders/raw/'}"),
		"projects/revenue/app.yaml":  project("revenue", "rita", "{name: sum, blueprint: container-job, image: img, command: [run], reads: {in: orders/raw@1}, writes: {out: daily@1}}", "{name: daily, version: '1', path: 'lake://revenue/daily/'}"),
		"projects/revenue/notes.txt": "what this is\n",
	}
}

func project(name, owner, workload, dataset string) string {
	return head + "kind: Project\nmetadata: {name: " + name + "}\nspec:\n  owner: " + owner + "\n  environments: [dev, prod]\n  datasets: [" + dataset + "]\n  workloads:\n    - " + workload + "\n"
}

// with returns the files with some changed; what is changed to nothing is deleted.
func (f files) with(changes files) files {
	out := maps.Clone(f)
	for name, text := range changes {
		if text == "" {
			delete(out, name)
			continue
		}
		out[name] = text
	}
	return out
}

func (f files) sha() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(f)) {
		_, _ = fmt.Fprintf(h, "%q %q\n", name, f[name])
	}
	return hex.EncodeToString(h.Sum(nil))[:40]
}

func (f files) tree() fs.FS {
	tree := fstest.MapFS{}
	for name, text := range f {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

// renderer renders each release to one ConfigMap with the texts of its project; a text that says so makes it fail or hang.
type renderer struct{}

func (renderer) Render(ctx context.Context, tree fs.FS, rel catalog.Release) (out render.Result, err error) {
	name := "projects/" + rel.ID.Project + "/app.yaml"
	data, err := fs.ReadFile(tree, name)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = fs.ReadFile(tree, "sources/"+rel.ID.Project+"/app/app.yaml")
	}
	switch text := string(data); {
	case err != nil:
		return out, err
	case strings.Contains(text, "image: broken"):
		return out, errors.New("template web.yaml:3: nil pointer")
	case strings.Contains(text, "image: slow"):
		<-ctx.Done()
		return out, ctx.Err()
	}
	out.Objects = []*unstructured.Unstructured{{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "app", "namespace": rel.Namespace}, "data": map[string]any{"app": string(data)},
	}}}
	return out, nil
}

// world is a forge, a repository, a trunk and a board, all in memory. Its time is that of the test's bubble.
type world struct {
	t *testing.T

	mu      sync.Mutex
	commits map[string]files
	parents map[string]string
	// tip and accepted are commits of the trunk.
	tip, accepted string
	runs          *evaluate.Evaluation
	pulls         map[int]Pull
	approvals     map[int][]string
	checks        []Check
	comments      []Comment
	deployments   []Deployment
	told          []string // what deployments were told
	groups        []MergeGroup
	teams         map[string][]string
	board         *status.Board
	permissions   map[string]Permission
	// renderer is that of the trunk; nil: [renderer].
	renderer  evaluate.Renderer
	acts      []string
	forgotten []int
	// rebased are the commits of the trunk that a pull request became; fetched are heads that were.
	rebased map[int][]string
	fetched map[int]string
	// reviewed is what was told of releases that wait for a review.
	reviewed []string
	// live is what comparing with clusters finds.
	live      []preview.Release
	conflicts map[int][]string
	reactions map[int64]bool
	// messages are those of the commits that were proposed, and bodies the descriptions, by pull request.
	messages, bodies map[int]string
	// calls counts the calls of the forge, and writes lists those that change something.
	calls  int
	writes []string
	// fail is asked before each call.
	fail func(call string) error
}

func newWorld(t *testing.T, f files) *world {
	w := &world{
		t: t, commits: map[string]files{}, parents: map[string]string{}, pulls: map[int]Pull{}, approvals: map[int][]string{},
		teams: map[string][]string{"olga": {"team-orders"}, "petra": {"team-platform"}}, board: status.NewBoard(time.Now), conflicts: map[int][]string{}, reactions: map[int64]bool{},
		messages: map[int]string{}, bodies: map[int]string{},
		permissions: map[string]Permission{"olga": Write, "petra": Admin, "wim": Write, "rita": Write},
	}
	w.push(f)
	w.accept(w.tip)
	return w
}

// push makes a commit the tip of the trunk.
func (w *world) push(f files) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	sha := f.sha()
	w.commits[sha] = f
	if sha != w.tip {
		w.parents[sha] = w.tip
	}
	w.tip = sha
	return sha
}

// accept has a commit accepted, and says so on the board.
func (w *world) accept(sha string) {
	w.t.Helper()
	e, err := evaluate.Head(w.t.Context(), evaluate.Input{Tree: w.commits[sha].tree(), Library: blueprints.FS, Renderer: cmp.Or[evaluate.Renderer](w.renderer, renderer{}), Now: time.Now()})
	if err != nil || e.Denied() {
		w.t.Fatalf("the trunk is refused: %v %v", err, e.Problems())
	}
	w.mu.Lock()
	w.accepted, w.runs = sha, e
	w.mu.Unlock()
	w.board.SetSource(func(s *status.Source) { s.Accepted = &status.Commit{Hash: sha} })
}

// pull opens a pull request, or pushes to it.
func (w *world) pull(number int, author string, f files) Pull {
	w.mu.Lock()
	defer w.mu.Unlock()
	sha := f.sha()
	w.commits[sha] = f
	p := Pull{Number: number, Author: author, Base: Branch{"main", w.tip}, Head: Branch{"topic", sha}, State: Open, Updated: time.Now()}
	w.pulls[number] = p
	return p
}

// set changes what is in memory while an engine runs.
func (w *world) set(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
}

func (w *world) change(number int, do func(*Pull)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.pulls[number]
	do(&p)
	w.pulls[number] = p
}

// merge merges a pull request, as the only commit since its base.
func (w *world) merge(number int) string {
	sha := w.push(w.commits[w.pulls[number].Head.SHA])
	w.change(number, func(p *Pull) { p.State, p.MergeCommit, p.MergedBy, p.Closed = Merged, sha, "rita", time.Now() })
	return sha
}

// engine returns a new engine, which knows nothing.
func (w *world) engine(change ...func(*Options)) *Engine {
	opts := Options{Forge: w, Repository: repository{w}, Trunk: trunk{w}, Board: w.board, Hand: w, Live: w, Library: blueprints.FS, Renderer: renderer{}, Now: time.Now}
	for _, c := range change {
		c(&opts)
	}
	return New(opts)
}

// during runs an engine while something happens, and lets it come to rest before and after that.
func (w *world) during(e *Engine, do func()) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() { e.Run(ctx); close(done) }()
	synctest.Wait()
	do()
	synctest.Wait()
	stop()
	<-done
}

// take gives an engine a hint, and waits until all is done that comes of it at once.
func (w *world) take(e *Engine, h Hint) {
	w.t.Helper()
	if err := e.Take(h); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// call is the beginning of every call of the forge.
func (w *world) call(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	if w.fail != nil {
		return w.fail(name)
	}
	return nil
}

// errLost is the error of a write that took place, and whose answer did not come.
var errLost = errors.New("the answer is lost")

// write is the beginning of every call that changes something; without an error it does, and then returns the second one.
func (w *world) write(name string) (failed, lost error) {
	err := w.call(name)
	if err != nil && !errors.Is(err, errLost) {
		return err, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes = append(w.writes, name)
	return nil, err
}

func (w *world) Pull(_ context.Context, number int) (Pull, error) {
	if err := w.call("Pull"); err != nil {
		return Pull{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.pulls[number]
	if !ok {
		return p, ErrNotFound
	}
	return p, nil
}

func (w *world) list(state func(Pull) bool) (out []Pull) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, number := range slices.Sorted(maps.Keys(w.pulls)) {
		if p := w.pulls[number]; state(p) {
			out = append(out, p)
		}
	}
	return out
}

func (w *world) OpenPulls(context.Context) ([]Pull, error) {
	return w.list(func(p Pull) bool { return p.State == Open }), w.call("OpenPulls")
}

func (w *world) ClosedPulls(_ context.Context, since time.Time) ([]Pull, error) {
	return w.list(func(p Pull) bool { return p.State != Open && p.Closed.After(since) }), w.call("ClosedPulls")
}

func (w *world) PullOf(_ context.Context, sha string) (Pull, bool, error) {
	found := w.list(func(p Pull) bool {
		return p.State == Merged && (p.MergeCommit == sha || slices.Contains(w.rebased[p.Number], sha))
	})
	if err := w.call("PullOf"); err != nil || len(found) == 0 {
		return Pull{}, false, err
	}
	return found[0], true, nil
}

func (w *world) Approvals(_ context.Context, number int, _ string) ([]string, error) {
	err := w.call("Approvals")
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.approvals[number]), err
}

func (w *world) FindCheck(_ context.Context, sha, name string) (Check, bool, error) {
	if err := w.call("FindCheck"); err != nil {
		return Check{}, false, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range slices.Backward(w.checks) {
		if c.SHA == sha && c.Name == name {
			return c, true, nil
		}
	}
	return Check{}, false, nil
}

func (w *world) CreateCheck(_ context.Context, c Check) (int64, error) {
	failed, lost := w.write("CreateCheck " + string(c.State))
	if failed != nil {
		return 0, failed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c.ID = int64(len(w.checks) + 1)
	w.checks = append(w.checks, c)
	return c.ID, lost
}

func (w *world) UpdateCheck(_ context.Context, c Check) error {
	failed, lost := w.write("UpdateCheck " + string(c.State))
	if failed != nil {
		return failed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.ID == 0 || int(c.ID) > len(w.checks) {
		return ErrNotFound
	}
	old := &w.checks[c.ID-1]
	c.Annotations = append(old.Annotations, c.Annotations...)
	*old = c
	return lost
}

func (w *world) CommentsOf(_ context.Context, number int) ([]Comment, error) {
	err := w.call("CommentsOf")
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Comment
	for _, c := range w.comments {
		if c.Number == number {
			out = append(out, c)
		}
	}
	return out, err
}

func (w *world) CommentsSince(_ context.Context, since time.Time) (out []Comment, err error) {
	err = w.call("CommentsSince")
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.comments {
		if !c.Updated.Before(since) {
			out = append(out, c)
		}
	}
	return out, err
}

// say has someone write a comment.
func (w *world) say(number int, author, body string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.comments = append(w.comments, Comment{ID: int64(len(w.comments) + 1), Number: number, Author: author, Body: body, Created: w.time(), Updated: w.time()})
}

func (w *world) Rollback(_ context.Context, id catalog.ReleaseID, by, why string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acts = append(w.acts, fmt.Sprintf("rollback %s by %s, %s", id, by, why))
	return nil
}

func (w *world) Approve(environment, digest, by, why string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acts = append(w.acts, fmt.Sprintf("approve %s in %s by %s, %s", digest[:codeLength], environment, by, why))
	return nil
}

func (w *world) Reviewed(id catalog.ReleaseID, digest, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reviewed = append(w.reviewed, fmt.Sprintf("%s %.8s: %s", id, digest, why))
}

func (w *world) Diff(_ context.Context, head preview.Side, picked preview.Picker) (out []preview.Release, _ []preview.Trouble) {
	for _, r := range w.live {
		if _, declared := head.Releases[r.ID]; declared && picked.Picks(r.ID) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (w *world) CreateComment(_ context.Context, number int, body string) (Comment, error) {
	failed, lost := w.write("CreateComment")
	if failed != nil {
		return Comment{}, failed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c := Comment{ID: int64(len(w.comments) + 1), Number: number, Author: "trunkline[bot]", Ours: true, Body: body, Created: w.time()}
	w.comments = append(w.comments, c)
	return c, lost
}

func (w *world) EditComment(_ context.Context, id int64, body string) error {
	failed, lost := w.write("EditComment")
	if failed != nil {
		return failed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.comments {
		if w.comments[i].ID == id {
			w.comments[i].Body = body
			return lost
		}
	}
	return ErrNotFound
}

func (w *world) React(_ context.Context, comment int64, _ string) (bool, error) {
	failed, lost := w.write("React")
	if failed != nil {
		return false, failed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	added := !w.reactions[comment]
	w.reactions[comment] = true
	return added, lost
}

func (w *world) DeploymentsOf(_ context.Context, sha string) (out []Deployment, err error) {
	err = w.call("DeploymentsOf")
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.deployments {
		if d.SHA == sha {
			out = append(out, d)
		}
	}
	return out, err
}

func (w *world) DeploymentsIn(_ context.Context, environment string) (out []Deployment, err error) {
	err = w.call("DeploymentsIn")
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range slices.Backward(w.deployments) {
		if d.Environment == environment {
			out = append(out, d)
		}
	}
	return out, err
}

func (w *world) CreateDeployment(_ context.Context, d Deployment) (Deployment, error) {
	failed, lost := w.write("CreateDeployment " + d.Environment)
	if failed != nil {
		return Deployment{}, failed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	d.ID, d.Created = int64(len(w.deployments)+1), w.time()
	w.deployments = append(w.deployments, d)
	return d, lost
}

// time is the forge's: its clock is two minutes slow, and it tells whole seconds.
func (w *world) time() time.Time { return time.Now().Add(-2 * time.Minute).Truncate(time.Second) }

func (w *world) SetDeploymentStatus(_ context.Context, id int64, s DeploymentStatus) error {
	failed, lost := w.write("SetDeploymentStatus")
	if failed != nil {
		return failed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.deployments, func(d Deployment) bool { return d.ID == id })
	if i < 0 {
		return ErrNotFound
	}
	d := &w.deployments[i]
	d.State, d.Said = s.State, s.Description
	w.told = append(w.told, fmt.Sprintf("%s %s: %s", d.Environment, s.State, s.Description))
	return lost
}

func (w *world) RemoveEnvironment(_ context.Context, environment string) error {
	failed, lost := w.write("RemoveEnvironment")
	if failed != nil {
		return failed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deployments = slices.DeleteFunc(w.deployments, func(d Deployment) bool { return d.Environment == environment })
	return lost
}

func (w *world) Permission(_ context.Context, login string) (Permission, error) {
	return w.permissions[login], w.call("Permission")
}

func (w *world) Teams(_ context.Context, login string, teams []string) (out []string, err error) {
	for _, asked := range teams {
		if !strings.Contains(asked, "/") {
			asked = "acme/" + asked
		}
		if org, name, _ := strings.Cut(asked, "/"); org == "acme" && slices.Contains(w.teams[login], name) {
			out = append(out, asked)
		}
	}
	return out, w.call("Teams")
}

func (w *world) MergeGroups(context.Context, string) ([]MergeGroup, error) {
	err := w.call("MergeGroups")
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.groups), err
}

// Propose keeps the rules of the real one: the branch is the proposal, and the message what it is for.
func (w *world) Propose(_ context.Context, p Proposal) (Pull, error) {
	failed, lost := w.write("Propose " + p.Branch)
	if failed != nil {
		return Pull{}, failed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	f := maps.Clone(w.commits[p.Parent])
	for name, content := range p.Files {
		if delete(f, name); content != nil {
			f[name] = *content
		}
	}
	sha := f.sha()
	w.commits[sha] = f
	number := 0
	for n, there := range w.pulls {
		if there.Head.Ref == p.Branch && n > number {
			number = n
		}
	}
	if there := w.pulls[number]; number > 0 && there.State != Open {
		if !p.Again && w.messages[number] == p.Message {
			return there, lost
		}
		number = 0
	}
	if number == 0 {
		number = 100 + len(w.pulls)
	}
	w.messages[number] = p.Message
	w.pulls[number] = Pull{
		Number: number, Title: p.Title, Author: "trunkline[bot]", Base: Branch{p.Base, w.tip}, Head: Branch{p.Branch, sha}, State: Open, Updated: time.Now(),
		URL: fmt.Sprintf("https://forge/%d", number),
	}
	w.bodies[number] = p.Body
	return w.pulls[number], lost
}

func (w *world) Withdraw(_ context.Context, branch, _, why string) error {
	failed, lost := w.write("Withdraw " + branch)
	if failed != nil {
		return failed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for n, p := range w.pulls {
		if p.Head.Ref == branch && p.State == Open {
			p.State, p.Closed = Closed, time.Now()
			w.pulls[n] = p
			w.acts = append(w.acts, fmt.Sprintf("#%d %s", n, strings.TrimSpace(why)))
		}
	}
	return lost
}

// trunk and repository are the world as the engine's other two partners see it.
type trunk struct{ w *world }

func (t trunk) Branch() string  { return "main" }
func (t trunk) Follows() string { return "main" }

func (t trunk) Tip() string {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	return t.w.tip
}

func (t trunk) Accepted() (string, *evaluate.Evaluation) {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	return t.w.accepted, t.w.runs
}

type repository struct{ w *world }

// Merge takes the head as the merge: none of the tests' heads is behind its base.
func (r repository) Merge(_ context.Context, p Pull, _ string) (Merge, error) {
	if err := r.w.call("Merge"); err != nil {
		return Merge{}, err
	}
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	if conflicts := r.w.conflicts[p.Number]; len(conflicts) > 0 {
		return Merge{Conflicts: conflicts}, nil
	}
	return Merge{ID: "merge of " + p.Head.SHA, Tree: r.w.commits[p.Head.SHA].tree()}, nil
}

func (r repository) Commit(_ context.Context, sha, _ string, _ compose.State) (Commit, error) {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	f, ok := r.w.commits[sha]
	if !ok {
		return Commit{}, fmt.Errorf("there is no commit %s", sha)
	}
	return Commit{SHA: sha, Parent: r.w.parents[sha], Tree: f.tree()}, nil
}

func (r repository) Changed(_ context.Context, from, to fs.FS) (out []string, err error) {
	a, b := from.(fstest.MapFS), to.(fstest.MapFS)
	for name, f := range a {
		if other, ok := b[name]; !ok || string(other.Data) != string(f.Data) {
			out = append(out, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

func (r repository) Contains(_ context.Context, tip, commit string) (bool, error) {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	for ; tip != ""; tip = r.w.parents[tip] {
		if tip == commit {
			return true, nil
		}
	}
	return false, nil
}

func (r repository) Path(file string) string { return file }

func (r repository) Fetched(number int) (string, error) {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	return r.w.fetched[number], nil
}

func (r repository) Forget(_ context.Context, number int) error {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	r.w.forgotten = append(r.w.forgotten, number)
	return nil
}

// rerender has what runs rendered by another renderer.
func (w *world) rerender(r evaluate.Renderer) {
	w.t.Helper()
	e, err := evaluate.Head(w.t.Context(), evaluate.Input{Tree: w.commits[w.accepted].tree(), Library: blueprints.FS, Renderer: r, Now: time.Now()})
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs = e
}
