// SPDX-License-Identifier: Apache-2.0

package stores

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/bucket/buckettest"
)

// s3 is an S3 with the bucket "lake", whose answers a test may take over.
type s3 struct {
	*Stores
	*buckettest.S3

	t testing.TB
}

func newS3(t testing.TB) *s3 {
	t.Helper()
	fake := buckettest.New(t, "lake")
	return &s3{New(bucket.Options{Endpoint: fake.URL}), fake, t}
}

// before has requests looked at before they are answered.
func (s *s3) before(look func(w http.ResponseWriter, r *http.Request) (done bool)) {
	s.Fail(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool { return look(w, r) })
}

func (s *s3) open(ctx context.Context) bucket.Folder {
	s.t.Helper()
	b, err := bucket.Open(ctx, "s3://lake/", s.opts)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = b.Close() })
	return b
}

func put(ctx context.Context, t fataler, b bucket.Folder, keys ...string) {
	for _, key := range keys {
		if err := b.Create(ctx, key, []byte(key)); err != nil {
			t.Fatalf("writing %s: %v", key, err)
		}
	}
}

type fataler interface {
	Fatalf(format string, args ...any)
}

func keys(ctx context.Context, t fataler, b bucket.Folder) (out []string) {
	for o, err := range b.List(ctx, "") {
		if err != nil {
			t.Fatalf("listing: %v", err)
		}
		out = append(out, o.Key)
	}
	return out
}

func TestRemove(t *testing.T) {
	s := newS3(t)
	b := s.open(t.Context())
	stay := []string{"pr-10/a", "pr-1", "pr-1.txt", "other/pr-1/a", "pr-2/a"}
	put(t.Context(), t, b, append(slices.Clone(stay), "pr-1/a", "pr-1/deep/er/b", "pr-1/ü ?&%2F")...)
	n, err := s.Remove(t.Context(), "s3://lake/pr-1/")
	if n != 3 || err != nil {
		t.Errorf("%d were removed, want 3; %v", n, err)
	}
	slices.Sort(stay)
	if diff := cmp.Diff(stay, keys(t.Context(), t, b)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	for _, location := range []string{"s3a://lake/pr-1/", "s3://lake/never/was/", "s3://nowhere/pr-1/"} {
		if n, err := s.Remove(t.Context(), location); n != 0 || err != nil {
			t.Errorf("%s is empty, and %d were removed; %v", location, n, err)
		}
	}
}

// TestRemoveManyPages: more than a page of objects goes, and no other.
func TestRemoveManyPages(t *testing.T) {
	s := newS3(t)
	b := s.open(t.Context())
	put(t.Context(), t, b, "pr-70/a")
	for i := range pageSize + 200 {
		put(t.Context(), t, b, "pr-7/"+strings.Repeat("x", i%50)+string(rune('a'+i%26))+strings.Repeat("y", i/50))
	}
	want := len(keys(t.Context(), t, b)) - 1
	if n, err := s.Remove(t.Context(), "s3://lake/pr-7/"); n != want || err != nil {
		t.Errorf("%d of %d were removed; %v", n, want, err)
	}
	if diff := cmp.Diff([]string{"pr-70/a"}, keys(t.Context(), t, b)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// TestRemoveIsRetried: an error says what was done, and the next call goes on.
func TestRemoveIsRetried(t *testing.T) {
	s := newS3(t)
	b := s.open(t.Context())
	put(t.Context(), t, b, "pr-1/a", "pr-1/b", "pr-1/c")
	refuse := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodDelete || !strings.HasSuffix(r.URL.Path, "/b") {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	s.before(refuse)
	if _, err := s.Remove(t.Context(), "s3://lake/pr-1/"); err == nil || !strings.Contains(err.Error(), "pr-1/b") {
		t.Errorf("one cannot be deleted, and the error is %v", err)
	}
	s.Fail(nil)
	if _, err := s.Remove(t.Context(), "s3://lake/pr-1/"); err != nil || len(keys(t.Context(), t, b)) != 0 {
		t.Errorf("it was tried again: %v", err)
	}
}

// TestAStoreThatLies: a store that lists what was not asked for has nothing deleted.
func TestAStoreThatLies(t *testing.T) {
	s := newS3(t)
	b := s.open(t.Context())
	put(t.Context(), t, b, "pr-1/a", "pr-10/a")
	lie := func(_ http.ResponseWriter, r *http.Request) bool {
		if query := r.URL.Query(); query.Get("prefix") != "" {
			query.Set("prefix", "pr-1")
			r.URL.RawQuery = query.Encode()
		}
		return false
	}
	s.before(lie)
	n, err := s.Remove(t.Context(), "s3://lake/pr-1/")
	s.Fail(nil)
	if n != 0 || err == nil || len(keys(t.Context(), t, b)) != 2 {
		t.Errorf("%d were removed; %v", n, err)
	}
}

// TestStillWritten: what others write all the time is no reason to go on for ever.
func TestStillWritten(t *testing.T) {
	s := newS3(t)
	b := s.open(t.Context())
	put(t.Context(), t, b, "pr-1/a")
	again := func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodDelete {
			s.Fail(nil) // not for itself
			put(r.Context(), t, b, "pr-1/"+r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]+"a")
		}
		return false
	}
	var rearm func(w http.ResponseWriter, r *http.Request) bool
	rearm = func(w http.ResponseWriter, r *http.Request) bool {
		done := again(w, r)
		s.before(rearm)
		return done
	}
	s.before(rearm)
	if _, err := s.Remove(t.Context(), "s3://lake/pr-1/"); err == nil || !strings.Contains(err.Error(), "still writes") {
		t.Errorf("it never ends, and the error is %v", err)
	}
}

// TestRemoveFolder: a folder of this machine goes, with links but not with what they lead to.
func TestRemoveFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"pr-1/a", "pr-1/deep/b", "pr-10/a", "precious/a"} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "precious"), filepath.Join(dir, "pr-1", "link")); err != nil {
		t.Fatal(err)
	}
	s := New(bucket.Options{})
	for range 2 { // the second time it is not there
		if _, err := s.Remove(t.Context(), "file://"+dir+"/pr-1/"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Remove(t.Context(), "file://"+dir+"/never/was/"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]bool{"pr-1": false, "pr-10/a": true, "precious/a": true} {
		if _, err := os.Lstat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", name, err == nil, want)
		}
	}
}

func TestLocations(t *testing.T) {
	for location, want := range map[string]string{
		"s3://lake/a/":      "",
		"s3://lake/a/b c/":  "",
		"file:///data/a/":   "",
		"s3://lake/":        "does not end in /, or is a whole store",
		"s3://lake":         "does not end in /, or is a whole store",
		"s3://lake/a":       "does not end in /, or is a whole store",
		"s3://lake/a/../b/": "a part of it is empty",
		"file:///":          "whole disk",
		"gs://lake/a/":      "built without the client of gs",
		"mem://lake/a/":     "kind of store that is not known",
	} {
		err := New(bucket.Options{}).Check(location)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v, want %q", location, err, want)
		}
	}
}

// TestRemovesNothingElse: whatever the folder and the objects are called, those in the folder go, and the others stay.
func TestRemovesNothingElse(t *testing.T) {
	s := newS3(t)
	b := s.open(t.Context())
	part := rapid.SampledFrom([]string{"pr-1", "pr-10", "pr-1.", "pr-", "1", "a", "PR-1", "pr-1 ", "ü"})
	key := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(part, 1, 4).Draw(t, "parts"), "/") })
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		folder := key.Draw(t, "folder") + "/"
		all := rapid.SliceOfNDistinct(key, 1, 8, rapid.ID).Draw(t, "keys")
		put(ctx, t, b, all...)
		var want []string
		for _, k := range all {
			if !strings.HasPrefix(k, folder) {
				want = append(want, k)
			}
		}
		slices.Sort(want)
		if _, err := s.Remove(ctx, "s3://lake/"+folder); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, keys(ctx, t, b)); diff != "" {
			t.Fatalf("removing %q leaves (-want +got):\n%s", folder, diff)
		}
		for _, k := range want {
			if err := b.Delete(ctx, k); err != nil {
				t.Fatal(err)
			}
		}
	})
}
