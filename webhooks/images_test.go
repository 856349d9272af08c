// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/promotion/images"
)

// digestOf is a digest of which the last digit is known.
func digestOf(digit string) string { return "sha256:" + strings.Repeat("0", 63) + digit }

// following is a platform in which orders follows an image.
func following(digit string) files {
	f := platform()
	f[ordersFile] = strings.Replace(f[ordersFile], "  datasets:", "  image: {repository: r.example/orders, track: stable, digest: '"+digestOf(digit)+"'} # ours\n  datasets:", 1)
	f[ordersFile] = strings.Replace(f[ordersFile], "image: img, ", "", 1)
	return f
}

// shelf is a registry in memory.
type shelf struct {
	w      *world
	digest string
	err    error
	looks  int
}

func (s *shelf) put(digit string, err error) {
	s.w.set(func() { s.digest, s.err = digestOf(digit), err })
}

func (s *shelf) Look(_ context.Context, _ string, tracks []string) (map[string]images.Seen, error) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.looks++
	if s.err != nil {
		return nil, s.err
	}
	out := map[string]images.Seen{}
	for _, t := range tracks {
		out[t] = images.Seen{Tag: t, Digest: s.digest, At: time.Now()}
	}
	return out, nil
}

// TestImagesFollow tells the story of one image: what is newer is proposed, the proposal follows, stays closed if a person closed
// it, and is withdrawn if there is nothing to move any more.
func TestImagesFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, following("1"))
		s := &shelf{w: w, digest: digestOf("1")}
		var told []string
		e := w.engine(func(o *Options) {
			o.Images = &Images{Registries: s, Trouble: func(text string) { w.set(func() { told = append(told, text) }) }}
		})
		open := func(reason, digit string) (number int) {
			t.Helper()
			time.Sleep(11 * time.Minute)
			synctest.Wait()
			got := w.proposals()
			if digit == "" {
				if len(got) > 0 {
					t.Errorf("%s These are open: %+v", reason, got)
				}
				return 0
			}
			if len(got) != 1 {
				t.Fatalf("%s These are open: %+v", reason, got)
			}
			if diff := cmp.Diff(following(digit)[ordersFile], w.commits[got[0].Head.SHA][ordersFile]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", reason, diff)
			}
			return got[0].Number
		}
		w.during(e, func() {
			open("It is the one in force.", "")
			s.put("2", nil)
			first := open("It is newer.", "2")
			s.put("3", nil)
			if second := open("It is newer still.", "3"); second != first {
				t.Errorf("#%d took the place of #%d", second, first)
			}
			s.put("3", errors.New("registry: away"))
			open("A registry that is away withdraws nothing.", "3")
			time.Sleep(6 * time.Hour)
			open("It is away for long.", "3")
			s.put("3", nil)
			time.Sleep(2 * time.Hour)
			w.change(first, func(p *Pull) { p.State, p.Closed = Closed, time.Now() })
			open("A person closed it.", "")
			w.accept(w.push(following("1").with(files{"README.md": "of no matter\n"})))
			open("It is closed in the next commit, too.", "")
			s.put("4", nil)
			open("What is newer is another question.", "4")
			s.put("1", nil)
			open("The tag went back to what is in force.", "")
			s.put("4", nil)
			open("We closed it ourselves.", "4")
			w.accept(w.push(platform()))
			open("Nothing is followed any more.", "")
		})
		var closed []string
		for _, act := range w.acts {
			_, what, _ := strings.Cut(act, " ")
			closed = append(closed, what)
		}
		why := "Closed: there is no newer image any more."
		if diff := cmp.Diff([]string{why, why}, closed); diff != "" {
			t.Errorf("closed (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"registry: away", ""}, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

// TestImagesAfterRestart: another process neither opens again what a person closed, nor opens it twice.
func TestImagesAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, following("1"))
		s := &shelf{w: w, digest: digestOf("2")}
		follow := func(o *Options) { o.Images = &Images{Registries: s} }
		w.during(w.engine(follow), func() { time.Sleep(time.Hour) })
		if s.looks > 13 {
			t.Errorf("it was looked at %d times in an hour", s.looks)
		}
		first := w.proposals()
		w.during(w.engine(follow), func() { time.Sleep(time.Hour) })
		if diff := cmp.Diff(len(first), len(w.proposals())); len(first) != 1 || diff != "" {
			t.Fatalf("these are open: %+v, then %+v", first, w.proposals())
		}
		w.change(first[0].Number, func(p *Pull) { p.State, p.Closed = Closed, time.Now() })
		w.during(w.engine(follow), func() { time.Sleep(time.Hour) })
		w.during(w.engine(), func() { time.Sleep(time.Hour) })
		if got := w.proposals(); len(got) != 0 {
			t.Errorf("these are open: %+v", got)
		}
	})
}
