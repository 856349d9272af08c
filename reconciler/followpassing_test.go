// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// awayError is that of a registry that does not answer.
type awayError struct{ error }

func (awayError) Transient() bool { return true }

// awayRenderer does not render each release for the first times.
type awayRenderer struct {
	*render.Renderer
	times int
	err   error

	mu    sync.Mutex
	asked map[catalog.ReleaseID]int
}

func (r *awayRenderer) Render(ctx context.Context, tree fs.FS, rel catalog.Release) (render.Result, error) {
	r.mu.Lock()
	r.asked[rel.ID]++
	away := r.asked[rel.ID] <= r.times
	r.mu.Unlock()
	if away {
		return render.Result{}, r.err
	}
	return r.Renderer.Render(ctx, tree, rel)
}

// TestAReasonThatPasses: a release that could not be rendered, since a registry did not answer, is rendered again without another
// commit, and only until it is; one that cannot be rendered for what the commit says is not.
func TestAReasonThatPasses(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		want int
	}{
		{"away", awayError{errors.New("the server answers with HTTP 502")}, 4},
		{"wrong", errors.New("the template is wrong"), 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			repo, dir := gittest.New(t), t.TempDir()
			first := follow(t, repo, dir)
			commit := repo.Commit(t, "a commit", platform("passing", tree{"a/project.yaml": service("passing-a", "img:1")}))
			head, err := first.store.Fetch(t.Context(), first.remote)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				renderer := &awayRenderer{Renderer: render.New(blueprints.FS), times: 3, err: tc.err, asked: map[catalog.ReleaseID]int{}}
				f := followWith(t, repo, dir, renderer)
				f.start()
				f.Head(head)
				s := f.awaitFor(time.Minute, func(s status.Source) bool { return s.Accepted != nil && s.Accepted.Hash == commit })
				if s.Error != "" {
					t.Errorf("the source says %q: the commit is not at fault", s.Error)
				}
				time.Sleep(time.Hour) // of the clock of the test
				synctest.Wait()
				f.stop()
				// However often it is tried, what is to be told is told once.
				passes := min(tc.want-1, 1)
				for message, want := range map[string]int{
					"commit accepted": 1, "not all releases could be rendered; it is tried again": passes, "all releases of the accepted commit are rendered": passes,
				} {
					if got := f.said.of(message); got != want {
						t.Errorf("it is logged %d times that %s, want %d", got, message, want)
					}
				}
				if len(renderer.asked) == 0 {
					t.Fatal("nothing was rendered")
				}
				for id, n := range renderer.asked {
					if n != tc.want {
						t.Errorf("%s was rendered %d times, want %d", id, n, tc.want)
					}
				}
			})
		})
	}
}
