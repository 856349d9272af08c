// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// following is a follower of a real repository. Its releases have no cluster to go to: here it matters what is
// accepted.
type following struct {
	t      *testing.T
	store  *git.Store
	remote git.Remote
	board  *status.Board
	*reconciler.Follower

	renderer *slowRenderer // of tests that need one
	said     *said

	began   sync.Once
	resumes bool
	stop    func()
}

func follow(t *testing.T, repo *gittest.Repo, dir string) *following {
	t.Helper()
	return followWith(t, repo, dir, render.New(blueprints.FS))
}

func followWith(t *testing.T, repo *gittest.Repo, dir string, renderer reconciler.Renderer) *following {
	t.Helper()
	store, err := git.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	board, log := status.NewBoard(time.Now), &said{}
	rec, err := reconciler.New(reconciler.Options{
		Library: blueprints.FS, Renderer: renderer, Board: board, Now: time.Now, Log: slog.New(log),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &following{
		t: t, store: store, remote: git.Remote{URL: repo.URL(), Branch: "main"}, board: board, stop: func() {}, said: log,
		Follower: &reconciler.Follower{
			Store: store, Reconciler: rec, Board: board, Log: slog.New(log),
			Recorded: func(context.Context) ([]string, error) { return nil, nil },
		},
	}
}

// said is a log that counts its messages.
type said struct {
	mu     sync.Mutex
	counts map[string]int
}

func (s *said) Enabled(context.Context, slog.Level) bool { return true }
func (s *said) WithAttrs([]slog.Attr) slog.Handler       { return s }
func (s *said) WithGroup(string) slog.Handler            { return s }

func (s *said) Handle(_ context.Context, r slog.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	s.counts[r.Message]++
	return nil
}

// of is how often something was said.
func (s *said) of(message string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[message]
}

// start runs the follower until the test ends, or stop is called.
func (f *following) start() {
	f.began.Do(func() {
		_, resumes, err := f.store.Accepted()
		if err != nil {
			f.t.Fatal(err)
		}
		f.resumes = resumes
		ctx, cancel := context.WithCancel(f.t.Context())
		var running sync.WaitGroup
		running.Go(func() { f.Run(ctx) })
		f.stop = func() {
			cancel()
			running.Wait()
		}
		f.t.Cleanup(f.stop)
	})
}

// fetch does what the watcher does.
func (f *following) fetch() (commit string) {
	f.t.Helper()
	head, err := f.store.Fetch(f.t.Context(), f.remote)
	if err != nil {
		f.Failed(err)
		return ""
	}
	f.Head(head)
	return head.Commit
}

// await waits until the source is as the test wants it.
func (f *following) await(what string, ok func(status.Source) bool) status.Source {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	p := f.board.Snapshot()
	for !ok(p.Source) {
		if ctx.Err() != nil {
			f.t.Fatalf("waiting for %s; the source is %+v", what, p.Source)
		}
		p = f.board.Wait(ctx, p.Revision)
	}
	return p.Source
}

// poll fetches, and waits until the head is judged.
func (f *following) poll() status.Source {
	f.t.Helper()
	f.start()
	if f.resumes {
		f.await("the accepted commit", func(s status.Source) bool { return s.Accepted != nil || s.Error != "" })
	}
	commit := f.fetch()
	return f.await("commit "+commit+" to be judged", func(s status.Source) bool {
		return s.Error != "" || s.Head != nil && s.Head.Hash == commit
	})
}

func TestTheRepositoryGoesAwayAndComesBack(t *testing.T) {
	files := platform("follow", tree{"a/project.yaml": service("follow-a", "img:1")})
	repo := gittest.New(t)
	first := repo.Commit(t, "first", files)
	f := follow(t, repo, t.TempDir())
	if s := f.poll(); s.Accepted == nil || s.Accepted.Hash != first || s.Error != "" {
		t.Fatalf("the first commit is not accepted: %+v", s)
	}

	restore := repo.Hide(t)
	if s := f.poll(); s.Error == "" || s.Accepted.Hash != first {
		t.Errorf("with the server away, the board has accepted=%s and the error %q; want the first commit and an error", s.Accepted.Hash, s.Error)
	}
	restore()

	repo.DeleteBranch(t, "main")
	if s := f.poll(); !strings.Contains(s.Error, "main") || s.Accepted.Hash != first {
		t.Errorf("with the branch gone, the board has accepted=%s and the error %q; want the first commit and the branch named", s.Accepted.Hash, s.Error)
	}
	repo.SetBranch(t, "main", first)
	if s := f.poll(); s.Error != "" || s.Accepted.Hash != first {
		t.Errorf("with the branch back, the board has accepted=%s and the error %q", s.Accepted.Hash, s.Error)
	}

	second := repo.Commit(t, "second", tree{"a/project.yaml": service("follow-a", "img:2")})
	if s := f.poll(); s.Accepted.Hash != second || s.Notice != "" {
		t.Errorf("the second commit: %+v", s)
	}
	repo.Reset(t, first)
	forced := repo.Commit(t, "forced", tree{"a/project.yaml": service("follow-a", "img:3")})
	if s := f.poll(); s.Accepted.Hash != forced || !strings.Contains(s.Notice, "rewritten") {
		t.Errorf("after a push with force, the board has accepted=%s and the notice %q; want the new head, and that it was forced", s.Accepted.Hash, s.Notice)
	}
}

func TestARefusedCommitIsPassedOver(t *testing.T) {
	files := platform("refused", tree{"a/project.yaml": service("refused-a", "img:1")})
	repo := gittest.New(t)
	good := repo.Commit(t, "good", files)
	dir := t.TempDir()
	f := follow(t, repo, dir)
	f.poll()
	bad := repo.Commit(t, "bad", tree{"a/project.yaml": strings.Replace(service("refused-a", "img:1"), "kind: Project", "kind: Projekt", 1)})
	s := f.poll()
	if !s.Refused() || s.Head.Hash != bad || s.Accepted.Hash != good {
		t.Errorf("the board has head=%s accepted=%s refused=%t", s.Head.Hash, s.Accepted.Hash, s.Refused())
	}

	// A daemon that starts now knows the good commit only from its disk, and needs no server for it.
	restore := repo.Hide(t)
	again := follow(t, repo, dir)
	if s := again.poll(); s.Accepted == nil || s.Accepted.Hash != good || s.Error == "" {
		t.Errorf("started again with the server away: %+v", s)
	}
	restore()
	if s := again.poll(); !s.Refused() || s.Accepted.Hash != good {
		t.Errorf("started again, the board has accepted=%s refused=%t, want the good commit and the bad one refused", s.Accepted.Hash, s.Refused())
	}

	fixed := repo.Commit(t, "fixed", files)
	if s := f.poll(); s.Refused() || s.Accepted.Hash != fixed {
		t.Errorf("the fixed commit: %+v", s)
	}
}

func TestWhatIsJudgedIsTold(t *testing.T) {
	repo := gittest.New(t)
	repo.Commit(t, "good", platform("told", tree{"a/project.yaml": service("told-a", "img:1")}))
	dir := t.TempDir()
	var told []string
	tell := func(j reconciler.Judged) {
		told = append(told, fmt.Sprintf("%s by %s, denied: %t", j.Commit.Subject, j.Commit.Author, j.Problems.Denied()))
	}
	f := follow(t, repo, dir)
	f.Observe = tell
	f.poll()
	f.poll() // nothing new
	f.stop()
	again := follow(t, repo, dir)
	again.Observe = tell
	again.poll() // it was accepted before
	repo.Commit(t, "bad", tree{"a/project.yaml": strings.Replace(service("told-a", "img:1"), "kind: Project", "kind: Projekt", 1)})
	again.poll()
	repo.Hide(t)
	again.poll() // what cannot be read is not judged
	again.stop()
	want := []string{"good by Ada, denied: false", "bad by Ada, denied: true"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
