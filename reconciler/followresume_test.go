// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// stallingRenderer renders nothing for some time, the first times that it is asked.
type stallingRenderer struct {
	*render.Renderer
	stalls int32
	takes  time.Duration
	asked  atomic.Int32
	cut    atomic.Int32
}

func (r *stallingRenderer) RenderPacked(ctx context.Context, tree fs.FS, rel catalog.Release) (*render.Packed, render.ReadSet, error) {
	if r.asked.Add(1) <= r.stalls {
		select {
		case <-ctx.Done():
			r.cut.Add(1)
			return nil, render.ReadSet{}, context.Cause(ctx)
		case <-time.After(r.takes):
		}
	}
	result, err := r.Render(ctx, tree, rel)
	if err != nil {
		return nil, result.ReadSet, err
	}
	packed, err := render.Pack(result.Objects)
	return packed, result.ReadSet, err
}

// TestANewerHeadEndsResuming: a daemon that is started again, and for which the accepted commit is slow, comes to a newer one.
func TestANewerHeadEndsResuming(t *testing.T) {
	image := func(n int) tree { return tree{"a/project.yaml": service("resume-a", fmt.Sprintf("img:%d", n))} }
	broken := tree{"a/project.yaml": strings.Replace(service("resume-a", "img:3"), "kind: Project", "kind: Projekt", 1)}
	cases := []struct {
		name, reason string
		takes        time.Duration
		stalls       int32
		// heads are what is fetched while the daemon resumes; nil fetches the accepted commit.
		heads []tree
		// want is the head that is accepted in the end; -1 is the commit of before. cut is how often rendering was ended.
		want int
		cut  int32
	}{
		{name: "fast", reason: "It resumes in time: nothing is ended.", takes: time.Second, stalls: 1, heads: []tree{image(2)}, want: 0},
		{name: "never", reason: "It would never resume.", takes: 1000 * time.Hour, stalls: 1, heads: []tree{image(2)}, want: 0, cut: 1},
		{name: "many", reason: "Of any number of heads the newest one counts.", takes: 1000 * time.Hour, stalls: 1, heads: []tree{image(2), image(3), image(4)}, want: 2, cut: 1},
		{name: "same", reason: "The branch is at what is resumed at.", takes: 3 * time.Minute, stalls: 1, heads: []tree{nil}, want: -1},
		{name: "refused", reason: "A newer head that is refused is no reason not to keep what runs.", takes: 1000 * time.Hour, stalls: 1, heads: []tree{broken}, want: -1, cut: 1},
		{name: "refused, fast", reason: "Nor does it end what goes on.", takes: time.Second, stalls: 1, heads: []tree{broken}, want: -1},
		{name: "slow head", reason: "A head that is slow as well is waited for like any other.", takes: 3 * time.Minute, stalls: 2, heads: []tree{image(2)}, want: 0, cut: 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			repo, dir := gittest.New(t), t.TempDir()
			f := follow(t, repo, dir)
			accepted := repo.Commit(t, "accepted", platform("resume", image(1)))
			f.poll()
			f.stop()
			var fetched []git.Head
			var hashes []string
			for i, files := range tc.heads {
				if files != nil {
					hashes = append(hashes, repo.Commit(t, fmt.Sprint(i), files))
				} else {
					hashes = append(hashes, accepted)
				}
				head, err := f.store.Fetch(t.Context(), f.remote)
				if err != nil {
					t.Fatal(err)
				}
				fetched = append(fetched, head)
			}
			want := accepted
			if tc.want >= 0 {
				want = hashes[tc.want]
			}
			synctest.Test(t, func(t *testing.T) {
				renderer := &stallingRenderer{Renderer: render.New(blueprints.FS), takes: tc.takes, stalls: tc.stalls}
				again := followWith(t, repo, dir, renderer)
				again.start()
				synctest.Wait()
				for _, head := range fetched {
					again.Head(head)
				}
				newest := hashes[len(hashes)-1]
				s := again.awaitFor(time.Hour, func(s status.Source) bool {
					return s.Accepted != nil && s.Accepted.Hash == want && s.Head != nil && (s.Head.Hash == newest || s.Head.Hash == want && want == accepted)
				})
				if s.Error != "" {
					t.Errorf("%s\nThe error is %q", tc.reason, s.Error)
				}
				synctest.Wait()
				again.stop()
				if got := renderer.cut.Load(); got != tc.cut {
					t.Errorf("%s\nRendering was ended %d times, want %d", tc.reason, got, tc.cut)
				}
			})
		})
	}
}

// awaitFor is await with a bound of its own.
func (f *following) awaitFor(bound time.Duration, ok func(status.Source) bool) status.Source {
	f.t.Helper()
	ctx, cancel := context.WithTimeoutCause(f.t.Context(), bound, errors.New("too late"))
	defer cancel()
	p := f.board.Snapshot()
	for !ok(p.Source) {
		if ctx.Err() != nil {
			f.t.Fatalf("the source is %+v", p.Source)
		}
		p = f.board.Wait(ctx, p.Revision)
	}
	return p.Source
}
