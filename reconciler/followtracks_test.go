// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// slowRenderer renders trees with a file "slow" for as long as its context lets it.
type slowRenderer struct {
	*render.Renderer
	entered chan struct{}
	ended   atomic.Int32
}

func newSlowRenderer() *slowRenderer {
	return &slowRenderer{Renderer: render.New(blueprints.FS), entered: make(chan struct{}, 100)}
}

func (r *slowRenderer) RenderPacked(ctx context.Context, tree fs.FS, rel catalog.Release) (*render.Packed, render.ReadSet, error) {
	if _, err := fs.Stat(tree, "slow"); err == nil {
		r.entered <- struct{}{}
		<-ctx.Done()
		r.ended.Add(1)
		return nil, render.ReadSet{}, context.Cause(ctx)
	}
	result, err := r.Render(ctx, tree, rel)
	if err != nil {
		return nil, result.ReadSet, err
	}
	packed, err := render.Pack(result.Objects)
	return packed, result.ReadSet, err
}

// TestASlowCommitDoesNotBlockItsFix has a commit that is never judged to its end, and everything that can come after.
func TestASlowCommitDoesNotBlockItsFix(t *testing.T) {
	image := func(n int) tree {
		return tree{"a/project.yaml": service("slow-a", fmt.Sprintf("img:%d", n)), "slow": gittest.Delete}
	}
	slow := tree{"a/project.yaml": service("slow-a", "img:slow"), "slow": "1"}
	cases := []struct {
		name, reason string
		// then is what happens while the slow commit is judged; it returns the commit that is accepted in the end.
		then func(t *testing.T, repo *gittest.Repo, f *following, good, slow string) string
	}{
		{"fixed", "The fix is fetched and accepted although the commit before it was not judged to its end.", func(t *testing.T, repo *gittest.Repo, f *following, _, _ string) string {
			fix := repo.Commit(t, "fix", image(2))
			f.fetch()
			return fix
		}},
		{"fixed twice", "Of any number of heads the newest one counts.", func(t *testing.T, repo *gittest.Repo, f *following, _, _ string) string {
			var fix string
			for i := range 5 {
				fix = repo.Commit(t, "fix", image(i+2))
				f.fetch()
			}
			return fix
		}},
		{"the same again", "A fetch that brings nothing new ends nothing; only the fix after it does.", func(t *testing.T, repo *gittest.Repo, f *following, _, _ string) string {
			for range 3 {
				f.fetch()
			}
			if n := f.renderer.ended.Load(); n != 0 {
				t.Errorf("the same head has ended the judging %d times", n)
			}
			fix := repo.Commit(t, "fix", image(2))
			f.fetch()
			return fix
		}},
		{"moved back", "A branch that goes back to what is accepted ends the judging, too.", func(t *testing.T, repo *gittest.Repo, f *following, good, _ string) string {
			repo.Reset(t, good)
			f.fetch()
			return good
		}},
		{"there and back", "A slow commit that becomes the head again is judged again.", func(t *testing.T, repo *gittest.Repo, f *following, good, slow string) string {
			repo.Reset(t, good)
			f.fetch()
			repo.Reset(t, slow)
			f.fetch()
			<-f.renderer.entered
			fix := repo.Commit(t, "fix", image(2))
			f.fetch()
			return fix
		}},
		{"refused", "A newer head that is refused leaves the accepted commit, and the one after it is judged.", func(t *testing.T, repo *gittest.Repo, f *following, good, _ string) string {
			bad := repo.Commit(t, "bad", tree{"a/project.yaml": strings.Replace(service("slow-a", "img:3"), "kind: Project", "kind: Projekt", 1), "slow": gittest.Delete})
			f.fetch()
			s := f.await("the bad commit to be refused", func(s status.Source) bool { return s.Head.Hash == bad })
			if !s.Refused() || s.Accepted.Hash != good {
				t.Errorf("refused: %t, accepted %s", s.Refused(), s.Accepted.Hash)
			}
			fix := repo.Commit(t, "fix", image(4))
			f.fetch()
			return fix
		}},
		{"server away", "A failed fetch ends nothing, and says so.", func(t *testing.T, repo *gittest.Repo, f *following, _, _ string) string {
			restore := repo.Hide(t)
			f.fetch()
			if s := f.board.Snapshot().Source; s.Error == "" {
				t.Error("the server is away, and the board says nothing")
			}
			if n := f.renderer.ended.Load(); n != 0 {
				t.Errorf("a failed fetch has ended the judging %d times", n)
			}
			restore()
			fix := repo.Commit(t, "fix", image(2))
			f.fetch()
			return fix
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			repo := gittest.New(t)
			good := repo.Commit(t, "good", platform("slow", image(1)))
			renderer := newSlowRenderer()
			f := followWith(t, repo, t.TempDir(), renderer)
			f.renderer = renderer
			recorded := make(chan string, 100)
			f.Store = &recordingStore{f.store, func(commit string) { recorded <- commit }}
			f.poll()
			bad := repo.Commit(t, "slow", slow)
			f.fetch()
			<-renderer.entered
			for <-recorded != bad {
			}
			want := tc.then(t, repo, f, good, bad)
			for <-recorded != want { // the slow one is accepted as well, until the newer head is
			}
			s := f.await(want+" to be accepted", func(s status.Source) bool { return s.Accepted.Hash == want && s.Error == "" })
			if s.Refused() {
				t.Errorf("%s\nThe board has problems: %v", tc.reason, s.Problems)
			}
			f.stop()
			if accepted, _, err := f.store.Accepted(); err != nil || accepted != want {
				t.Errorf("%s\nThe store has %s, %v, want %s", tc.reason, accepted, err, want)
			}
		})
	}
}

// TestAFollowerEndsWhileItJudges has the daemon end while a commit is rendered. Whether that was accepted before the end depends on
// whether what is rendered can refuse it.
func TestAFollowerEndsWhileItJudges(t *testing.T) {
	const policies = "apiVersion: trunkline.dev/v1alpha1\nkind: Policy\nmetadata: {name: names}\n" +
		"spec: {on: object, validations: [{expression: \"object.metadata.name != 'bad'\", message: no}]}\n"
	for reason, files := range map[string]tree{
		"Nothing can refuse it any more.":           {},
		"A policy judges the objects of all of it.": {"policies.yaml": policies},
	} {
		t.Run(reason, func(t *testing.T) {
			repo := gittest.New(t)
			slow := repo.Commit(t, "slow", platform("ends", tree{"a/project.yaml": service("ends-a", "img:1"), "slow": "1"}).with(files))
			renderer := newSlowRenderer()
			f := followWith(t, repo, t.TempDir(), renderer)
			recorded := make(chan struct{})
			f.Store = &recordingStore{f.store, func(string) { close(recorded) }}
			f.start()
			f.fetch()
			<-renderer.entered
			want := ""
			if len(files) == 0 {
				<-recorded
				want = slow
			}
			f.stop()
			if s := f.board.Snapshot().Source; s.Accepted != nil || s.Error != "" {
				t.Errorf("the board has %+v", s)
			}
			if accepted, _, err := f.store.Accepted(); accepted != want || err != nil {
				t.Errorf("accepted is %q, %v, want %q", accepted, err, want)
			}
		})
	}
}

// recordingStore calls back once a commit is recorded as accepted.
type recordingStore struct {
	reconciler.Store
	recorded func(commit string)
}

func (s *recordingStore) SetAccepted(commit string) error {
	err := s.Store.SetAccepted(commit)
	s.recorded(commit)
	return err
}

// faultyStore is a store whose methods fail or panic for a while.
type faultyStore struct {
	reconciler.Store
	f       *following
	record  atomic.Pointer[error]
	panics  atomic.Bool
	actedOn []string // what the board said was accepted when a commit was recorded
}

func (s *faultyStore) SetAccepted(commit string) error {
	if err := s.record.Load(); err != nil {
		return *err
	}
	on := "nothing"
	if a := s.f.board.Snapshot().Source.Accepted; a != nil {
		on = a.Subject
	}
	s.actedOn = append(s.actedOn, on)
	return s.Store.SetAccepted(commit)
}

func (s *faultyStore) Tree(ctx context.Context, commit string) (*git.Tree, error) {
	if s.panics.Load() {
		panic("a bug")
	}
	return s.Store.Tree(ctx, commit)
}

func TestACommitIsRecordedBeforeItIsActedOn(t *testing.T) {
	repo := gittest.New(t)
	first := repo.Commit(t, "first", platform("intent", tree{"a/project.yaml": service("intent-a", "img:1")}))
	f := follow(t, repo, t.TempDir())
	store := &faultyStore{Store: f.store, f: f}
	f.Store = store
	f.poll()

	second := repo.Commit(t, "second", tree{"a/project.yaml": service("intent-a", "img:2")})
	full := errors.New("no space left on device")
	store.record.Store(&full)
	s := f.poll()
	if s.Accepted.Hash != first || s.Head.Hash != first || !strings.Contains(s.Error, full.Error()) || !strings.Contains(s.Error, "not acted on") {
		t.Errorf("while nothing can be recorded, the board has accepted=%s and the error %q", s.Accepted.Subject, s.Error)
	}
	for _, r := range f.board.Snapshot().Releases {
		if r.Commit == second {
			t.Errorf("release %s was given the commit", r.ReleaseID)
		}
	}
	if accepted, _, err := f.store.Accepted(); err != nil || accepted != first {
		t.Errorf("the store has %s, %v", accepted, err)
	}
	restore := repo.Hide(t)
	f.fetch() // no fetch is needed for another try
	if s := f.board.Snapshot().Source; !strings.Contains(s.Error, full.Error()) {
		t.Errorf("with the server away as well, the error is %q", s.Error)
	}
	store.record.Store(nil)
	f.await("the second commit", func(s status.Source) bool {
		return s.Accepted.Hash == second && !strings.Contains(s.Error, full.Error())
	})
	restore()
	if s := f.poll(); s.Error != "" {
		t.Errorf("in the end, the error is %q", s.Error)
	}
	f.stop()
	if diff := cmp.Diff([]string{"nothing", "first"}, store.actedOn); diff != "" {
		t.Errorf("acted on when a commit was recorded (-want +got):\n%s", diff)
	}
}

func TestABugIsNoEnd(t *testing.T) {
	repo := gittest.New(t)
	commit := repo.Commit(t, "first", platform("bug", tree{"a/project.yaml": service("bug-a", "img:1")}))
	f := follow(t, repo, t.TempDir())
	store := &faultyStore{Store: f.store, f: f}
	store.panics.Store(true)
	f.Store = store
	if s := f.poll(); !strings.Contains(s.Error, "internal error") || s.Accepted != nil {
		t.Errorf("the board has %+v", s)
	}
	store.panics.Store(false)
	f.await("another try", func(s status.Source) bool { return s.Accepted != nil && s.Accepted.Hash == commit && s.Error == "" })
}

// TestAStartDoesNotRollBack has the store at the second of four commits, and one more beside the second.
func TestAStartDoesNotRollBack(t *testing.T) {
	const first, second, third, fourth, beside, unknown = 0, 1, 2, 3, 4, 5
	cases := []struct {
		name, reason string
		recorded     []int
		raw          []string
		fails        error
		resumes      bool
	}{
		{name: "empty", reason: "A cluster that holds nothing has nothing to lose.", resumes: true},
		{name: "same", reason: "The accepted commit is what runs.", recorded: []int{second}, resumes: true},
		{name: "older", reason: "A release that did not change keeps the commit that changed it.", recorded: []int{first, second, first}, resumes: true},
		{name: "newer", reason: "A commit was acted on that is not recorded here.", recorded: []int{first, third}},
		{name: "newest", reason: "Any number of commits may have come meanwhile.", recorded: []int{fourth, second}},
		{name: "unknown", reason: "Another replica has accepted what was never fetched here.", recorded: []int{second, unknown}},
		{name: "left", reason: "A line that was left is no reason to wait.", recorded: []int{beside}, resumes: true},
		{name: "garbage", reason: "What is no commit says nothing.", raw: []string{"", "main", "\x00", strings.Repeat("z", 40)}, resumes: true},
		{name: "unreachable", reason: "What cannot be reached cannot be rolled back.", fails: errors.New("connection refused"), resumes: true},
		{name: "partly unreachable", reason: "What the others say counts.", recorded: []int{third}, fails: errors.New("connection refused")},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			repo, dir := gittest.New(t), t.TempDir()
			f := follow(t, repo, dir)
			commits := []string{repo.Commit(t, "first", platform("start", tree{"a/project.yaml": service("start-a", "img:1")}))}
			for i := 2; i <= 4; i++ {
				commits = append(commits, repo.Commit(t, fmt.Sprint(i), tree{"a/project.yaml": service("start-a", fmt.Sprintf("img:%d", i))}))
			}
			f.fetch()
			repo.Reset(t, commits[first])
			commits = append(commits, repo.Commit(t, "beside", tree{"a/project.yaml": service("start-a", "img:5")}), strings.Repeat("1", 40))
			f.fetch()
			if err := f.store.SetAccepted(commits[second]); err != nil {
				t.Fatal(err)
			}
			repo.SetBranch(t, "main", commits[fourth])

			again := follow(t, repo, dir)
			again.Recorded = func(context.Context) ([]string, error) {
				recorded := tc.raw
				for _, i := range tc.recorded {
					recorded = append(recorded, commits[i])
				}
				return recorded, tc.fails
			}
			again.start()
			s := again.await("a decision", func(s status.Source) bool { return s.Accepted != nil || s.Error != "" })
			if resumed := s.Accepted != nil; resumed != tc.resumes || resumed && s.Accepted.Hash != commits[second] {
				t.Errorf("%s\nThe board has accepted=%v and the error %q", tc.reason, s.Accepted, s.Error)
			}
			if !tc.resumes && !strings.Contains(s.Error, "waiting for the repository") {
				t.Errorf("%s\nThe error is %q", tc.reason, s.Error)
			}
			again.fetch()
			again.await("the branch", func(s status.Source) bool {
				return s.Accepted != nil && s.Accepted.Hash == commits[fourth] && s.Error == ""
			})
		})
	}
}

// TestADamagedCopyIsRepairedAtOnce damages what a commit is about to be read from. It was accepted before, so that no new
// commit comes that would have it fetched.
func TestADamagedCopyIsRepairedAtOnce(t *testing.T) {
	cases := []struct {
		name, reason string
		damage       func(b []byte) []byte
	}{
		{"flipped", "Bits rot.", func(b []byte) []byte {
			for i := len(b) / 4; i < len(b)-20; i++ {
				b[i] ^= 0x55
			}
			return b
		}},
		{"zeroed", "A file system may lose what was written before the power failed.", func(b []byte) []byte {
			clear(b[12 : len(b)-20])
			return b
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			repo, dir := gittest.New(t), t.TempDir()
			f := follow(t, repo, dir)
			repo.Commit(t, "first", platform("damage", tree{"a/project.yaml": service("damage-a", "img:1")}))
			f.poll()
			files := tree{}
			for i := range 400 {
				files[fmt.Sprintf("b%d/project.yaml", i)] = service(fmt.Sprintf("damage-b%d", i), "img:1")
			}
			second := repo.Commit(t, "second", files)
			before, err := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack"))
			if err != nil {
				t.Fatal(err)
			}
			head, err := f.store.Fetch(t.Context(), f.remote)
			if err != nil {
				t.Fatal(err)
			}
			after, err := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack"))
			if err != nil {
				t.Fatal(err)
			}
			damaged := 0
			for _, pack := range after {
				if strings.Contains(strings.Join(before, " "), pack) {
					continue
				}
				content, err := os.ReadFile(pack)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(pack, tc.damage(content), 0o600); err != nil {
					t.Fatal(err)
				}
				damaged++
			}
			if damaged != 1 {
				t.Fatalf("there are %d new packs", damaged)
			}
			fetches := make(chan struct{}, 1)
			f.Refetch = func() { git.Trigger(fetches) }
			f.Head(head)
			s := f.await("the damage to be said", func(s status.Source) bool { return s.Error != "" })
			if !strings.Contains(s.Error, "the local copy of the repository is damaged") || strings.Contains(s.Error, "server") {
				t.Errorf("%s\nThe error is %q", tc.reason, s.Error)
			}
			<-fetches
			if s := f.poll(); s.Error != "" || s.Accepted.Hash != second || s.Refused() {
				s = f.await("the commit to be accepted once the copy was repaired", func(s status.Source) bool { return s.Error == "" && s.Accepted.Hash == second })
				if s.Refused() {
					t.Errorf("%s\nThe board has %v", tc.reason, s.Problems)
				}
			}
		})
	}
}

// onceSlow is a slowRenderer for which nothing is slow any more after the first time.
type onceSlow struct {
	*slowRenderer
	before atomic.Bool
}

func (r *onceSlow) RenderPacked(ctx context.Context, tree fs.FS, rel catalog.Release) (*render.Packed, render.ReadSet, error) {
	if r.before.Swap(true) {
		tree = withoutSlow{tree}
	}
	return r.slowRenderer.RenderPacked(ctx, tree, rel)
}

type withoutSlow struct{ fs.FS }

func (t withoutSlow) Open(name string) (fs.File, error) {
	if name == "slow" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return t.FS.Open(name)
}

// TestARefusedHeadLeavesTheAcceptedCommitWhole: a commit that was accepted, and of which a newer head has ended the handing out, is
// handed out to the end if that head is not accepted. What the board says of the head stays.
func TestARefusedHeadLeavesTheAcceptedCommitWhole(t *testing.T) {
	for reason, bad := range map[string]tree{
		"A declaration is wrong.":       {"a/project.yaml": strings.Replace(service("whole-a", "img:3"), "kind: Project", "kind: Projekt", 1)},
		"The platform is not declared.": {"trunkline.yaml": gittest.Delete},
	} {
		t.Run(reason, func(t *testing.T) {
			repo := gittest.New(t)
			slow := repo.Commit(t, "slow", platform("whole", tree{"a/project.yaml": service("whole-a", "img:1"), "slow": "1"}))
			renderer := &onceSlow{slowRenderer: newSlowRenderer()}
			f := followWith(t, repo, t.TempDir(), renderer)
			recorded := make(chan struct{}, 10)
			f.Store = &recordingStore{f.store, func(string) { recorded <- struct{}{} }}
			var judged []string
			f.Observe = func(j reconciler.Judged) {
				judged = append(judged, fmt.Sprint(j.Commit.Subject, " ", j.Problems.Denied()))
			}
			f.start()
			f.fetch()
			<-renderer.entered
			<-recorded
			head := repo.Commit(t, "bad", bad)
			f.fetch()
			s := f.await("the older commit to be handed out", func(s status.Source) bool { return s.Accepted != nil && s.Accepted.Hash == slow && s.Head.Hash == head })
			if !s.Refused() || s.Error != "" {
				t.Errorf("the board says refused=%t, and the error %q", s.Refused(), s.Error)
			}
			f.stop()
			if diff := cmp.Diff([]string{"slow false", "bad true"}, judged); diff != "" {
				t.Errorf("told of (-want +got):\n%s", diff)
			}
		})
	}
}
