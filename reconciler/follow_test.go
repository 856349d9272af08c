package reconciler_test

import (
	"fmt"
	"log/slog"
	"strings"
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
}

func follow(t *testing.T, repo *gittest.Repo, dir string) *following {
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
	board := status.NewBoard(time.Now)
	rec, err := reconciler.New(reconciler.Options{
		Library: blueprints.FS, Renderer: render.New(blueprints.FS), Board: board, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &following{
		t: t, store: store, remote: git.Remote{URL: repo.URL(), Branch: "main"}, board: board,
		Follower: &reconciler.Follower{Store: store, Reconciler: rec, Board: board, Log: slog.New(slog.DiscardHandler)},
	}
}

// poll does what the watcher does.
func (f *following) poll() status.Source {
	f.t.Helper()
	head, err := f.store.Fetch(f.t.Context(), f.remote)
	if err != nil {
		f.Failed(err)
	} else {
		f.Head(f.t.Context(), head)
	}
	return f.board.Snapshot().Source
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
	again.Resume(t.Context())
	if s := again.poll(); s.Accepted == nil || s.Accepted.Hash != good || s.Error == "" {
		t.Errorf("started again with the server away: %+v", s)
	}
	restore()
	if s := again.poll(); !s.Refused() || s.Accepted.Hash != good {
		t.Errorf("started again, the board has accepted=%s refused=%t, want the good commit and the bad one refused", s.Accepted.Hash, s.Refused())
	}

	mended := repo.Commit(t, "mended", files)
	if s := f.poll(); s.Refused() || s.Accepted.Hash != mended {
		t.Errorf("the mended commit: %+v", s)
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
	again := follow(t, repo, dir)
	again.Observe = tell
	again.Resume(t.Context())
	again.poll() // it was accepted before
	repo.Commit(t, "bad", tree{"a/project.yaml": strings.Replace(service("told-a", "img:1"), "kind: Project", "kind: Projekt", 1)})
	again.poll()
	repo.Hide(t)
	again.poll() // what cannot be read is not judged
	want := []string{"good by Ada, denied: false", "bad by Ada, denied: true"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
