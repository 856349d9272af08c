// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	ahead "trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/render"
)

// secretTree is heldTree with a Secret that stands in clear, which a commit may have from before that was refused.
func secretTree(value, secret string) fs.FS {
	tree := heldTree(value).(fstest.MapFS) //nolint:forcetypeassert // it is made so
	tree["p1/k8s/kustomization.yaml"] = &fstest.MapFile{Data: []byte("resources: [own.yaml, secret.yaml]\n")}
	tree["p1/k8s/secret.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: " + secret + "}\n")}
	return tree
}

// TestBetween: what a commit changed is what differs between what the release renders to at both, and no value of a Secret is in it.
func TestBetween(t *testing.T) {
	trees := map[string]fs.FS{
		"a": heldTree("x"), "b": heldTree("y"), "broken": heldTree("{"), "s": secretTree("x", "first-s3cret-value"), "t": secretTree("second-s3cret-value", "second-s3cret-value"),
	}
	p := newPast(Options{Library: blueprints.FS, Renderer: render.New(blueprints.FS), Trees: func(_ context.Context, commit string) (fs.FS, error) {
		if tree := trees[commit]; tree != nil {
			return tree, nil
		}
		return nil, errors.New("object not found")
	}})
	elsewhere := catalog.ReleaseID{Project: "p1", Environment: "prod", Cluster: "one"}
	for _, tc := range []struct {
		reason   string
		past     *past
		id       catalog.ReleaseID
		from, to string
		// want are what happens to the release and its objects, lines of differences among it, or the beginning of the error.
		want, err string
	}{
		{"an object is changed", p, heldAt, "a", "b", "change: update ConfigMap p1-dev/own -  key: x +  key: \"y\"", ""},
		{"a commit is rolled back", p, heldAt, "b", "a", "change: update ConfigMap p1-dev/own -  key: \"y\" +  key: x", ""},
		{"nothing differs", p, heldAt, "a", "a", "unchanged:", ""},
		{"the first commit makes all of it", p, heldAt, "", "a", "create ConfigMap p1-dev/own +apiVersion: v1 +data: +  key: x +kind: ConfigMap", ""},
		{"what a commit does not declare is removed", p, elsewhere, "a", "b", "remove:", ""},
		{"an older commit that does not render", p, heldAt, "broken", "a", "change: ! it renders now; what changes is not known", ""},
		{"a commit that does not render", p, heldAt, "a", "broken", "fail: ! it does not render any more", ""},
		{"the commit is gone", p, heldAt, "a", "gone", "", "commit gone cannot be read any more: object not found"},
		{"nothing older is kept", newPast(Options{}), heldAt, "a", "b", "", "older commits are not kept"},
		{"a secret is changed, and written elsewhere, too", p, heldAt, "s", "t", "-  key: x +  key: (redacted)", ""},
	} {
		got, err := tc.past.between(t.Context(), tc.id, tc.from, tc.to)
		if tc.err != "" {
			if err == nil || !strings.HasPrefix(err.Error(), tc.err) {
				t.Errorf("%s: got %v, want %s", tc.reason, err, tc.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.reason, err)
			continue
		}
		text := toldOf(got)
		if !strings.Contains(text, tc.want) || strings.Contains(text, "s3cret") {
			t.Errorf("%s: got %s, want %s", tc.reason, text, tc.want)
		}
	}
}

// toldOf is what is said of a release, in one line.
func toldOf(r ahead.Release) string {
	parts := []string{string(r.Action) + ":"}
	if r.Err != "" {
		parts = append(parts, "! "+r.Err)
	}
	for _, s := range r.Steps {
		parts = append(parts, string(s.Action)+" "+s.Ref.String())
		for line := range strings.Lines(s.Diff) {
			if strings.HasPrefix(line, "+") || strings.HasPrefix(line, "-") {
				parts = append(parts, strings.TrimSuffix(line, "\n"))
			}
		}
	}
	return strings.Join(parts, " ")
}

// TestBetweenIsBounded: one comparison is under way at a time, whoever waits in vain is told so, and what is restored meanwhile does not wait.
func TestBetweenIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPast(Options{Library: blueprints.FS, Renderer: render.New(blueprints.FS), Trees: func(ctx context.Context, commit string) (fs.FS, error) {
			if !strings.HasPrefix(commit, "slow") {
				return heldTree("x"), nil
			}
			select {
			case <-time.After(time.Hour):
				return heldTree("x"), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}})
		got := make([]string, 2)
		for i := range got {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*10*time.Second)
			defer cancel()
			go func() {
				if i == 1 {
					time.Sleep(time.Second)
				}
				_, err := p.between(ctx, heldAt, fmt.Sprint("slow", i), "b")
				got[i] = fmt.Sprint(err)
			}()
		}
		time.Sleep(2 * time.Second)
		if _, err := p.restore(t.Context(), heldAt, "held"); err != nil {
			t.Errorf("what is held is not restored while commits are compared: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []string{"it takes too long just now: slow0 could not be rendered in time", "it takes too long just now: slow1 could not be rendered in time"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		go func() { _, _ = p.between(t.Context(), heldAt, "slow2", "b") }()
		synctest.Wait()
		if _, err := p.between(ctx, heldAt, "a", "b"); err == nil || err.Error() != "it takes too long just now: other commits are being compared" {
			t.Errorf("who waits for another got %v", err)
		}
		time.Sleep(2 * time.Hour)
	})
}
