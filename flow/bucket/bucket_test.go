// SPDX-License-Identifier: Apache-2.0

package bucket_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/bucket/buckettest"
)

func open(t testing.TB, address string, opts bucket.Options) bucket.Folder {
	t.Helper()
	f, err := bucket.Open(t.Context(), address, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// kinds opens a folder of each kind of store, which others are beside.
func kinds(t *testing.T) map[string]bucket.Folder {
	t.Helper()
	s3 := buckettest.New(t, "lake")
	dir := t.TempDir()
	out := map[string]bucket.Folder{
		"S3":     open(t, "s3://lake/a/b/", bucket.Options{Endpoint: s3.URL}),
		"Folder": open(t, "file://"+dir+"/a/b", bucket.Options{}),
	}
	for _, beside := range []bucket.Folder{open(t, "s3://lake/a/", bucket.Options{Endpoint: s3.URL}), open(t, "file://"+dir+"/a/", bucket.Options{})} {
		for _, key := range []string{"b-c/x", "bb/x", "a/x"} {
			if err := beside.Create(t.Context(), key, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

func list(ctx context.Context, f bucket.Folder, prefix string) (keys []string, err error) {
	for o, err := range f.List(ctx, prefix) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, o.Key)
	}
	return keys, nil
}

// TestAsAMap: a folder of any kind does what a map does, whatever happens to it.
func TestAsAMap(t *testing.T) {
	for name, f := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			part := rapid.SampledFrom([]string{"a", "b", "a-b", "name=x", "ü z", "a.attrs", "%2F"})
			file := rapid.SampledFrom([]string{"f.json", "g", "a.b"})
			keys := rapid.Custom(func(t *rapid.T) string {
				return strings.Join(append(rapid.SliceOfN(part, 0, 3).Draw(t, "folders"), file.Draw(t, "file")), "/")
			})
			rapid.Check(t, func(t *rapid.T) {
				ctx := context.Background()
				model := map[string]string{}
				defer func() {
					for key := range model {
						_ = f.Delete(ctx, key)
					}
				}()
				for i := range rapid.IntRange(1, 12).Draw(t, "steps") {
					key := keys.Draw(t, "key")
					have, there := model[key]
					switch rapid.IntRange(0, 4).Draw(t, "act") {
					case 0, 1:
						content := fmt.Sprint(i)
						switch err := f.Create(ctx, key, []byte(content)); {
						case there && bucket.ClassOf(err) != bucket.Exists:
							t.Fatalf("%q is there, and the error is %v", key, err)
						case !there && err != nil:
							t.Fatal(err)
						case !there:
							model[key] = content
						}
					case 2:
						if err := f.Delete(ctx, key); err != nil {
							t.Fatal(err)
						}
						delete(model, key)
					case 3:
						if err := f.Replace(ctx, key, fmt.Append(nil, "now ", i)); err != nil {
							t.Fatal(err)
						}
						model[key] = fmt.Sprint("now ", i)
					case 4:
						data, err := f.Read(ctx, key, 100)
						if there != (err == nil) || string(data) != have || !there && bucket.ClassOf(err) != bucket.NotFound {
							t.Fatalf("%q has %q, %v; want %q", key, data, err, have)
						}
					}
				}
				prefix := rapid.OneOf(rapid.Just(""), part, keys, rapid.Map(rapid.OneOf(part, keys), func(s string) string { return s + "/" })).Draw(t, "prefix")
				var want []string
				for _, key := range slices.Sorted(maps.Keys(model)) {
					if strings.HasPrefix(key, prefix) {
						want = append(want, key)
					}
				}
				got, err := list(ctx, f, prefix)
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Fatalf("below %q are (-want +got):\n%s%v", prefix, diff, err)
				}
			})
		})
	}
}

// TestListing: a listing says when an object was written and how large it is, and another tag for another content.
func TestListing(t *testing.T) {
	for name, f := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			tags := map[string]bool{}
			for i, content := range []string{"one", "three"} {
				key := fmt.Sprint(i)
				if err := f.Create(t.Context(), key, []byte(content)); err != nil {
					t.Fatal(err)
				}
				for o, err := range f.List(t.Context(), key) {
					if err != nil || o.Key != key || o.Size != int64(len(content)) || o.Written.Before(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) || o.ETag == "" {
						t.Errorf("listed as %+v, %v", o, err)
					}
					tags[o.ETag] = true
				}
			}
			if len(tags) != 2 {
				t.Errorf("the tags are %v, want 2", tags)
			}
		})
	}
}

// TestLargeListing: more than a page is listed, once each, and a listing that is left is over.
func TestLargeListing(t *testing.T) {
	for name, f := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			const many = 1203
			for i := range many {
				if err := f.Create(t.Context(), fmt.Sprintf("d%d/%04d", i%3, i), nil); err != nil {
					t.Fatal(err)
				}
			}
			keys, err := list(t.Context(), f, "")
			if slices.Sort(keys); len(slices.Compact(keys)) != many || err != nil {
				t.Errorf("%d are listed, want %d; %v", len(keys), many, err)
			}
			n := 0
			for range f.List(t.Context(), "d1/") {
				if n++; n == 3 {
					break
				}
			}
			if n != 3 {
				t.Errorf("left after %d", n)
			}
		})
	}
}

// TestOneCreates: of those who create an object at once, one does.
func TestOneCreates(t *testing.T) {
	for name, f := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			var group sync.WaitGroup
			errs := make([]error, 16)
			for i := range errs {
				group.Go(func() { errs[i] = f.Create(t.Context(), "d/key", []byte(fmt.Sprint(i))) })
			}
			group.Wait()
			winners := 0
			for i, err := range errs {
				if err != nil && bucket.ClassOf(err) != bucket.Exists {
					t.Error(err)
				}
				if err == nil {
					winners++
					if data, err := f.Read(t.Context(), "d/key", 10); string(data) != fmt.Sprint(i) {
						t.Errorf("%d created it, and it has %q, %v", i, data, err)
					}
				}
			}
			if winners != 1 {
				t.Errorf("%d created it", winners)
			}
		})
	}
}

func TestLarger(t *testing.T) {
	for name, f := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			if err := f.Create(t.Context(), "key", bytes.Repeat([]byte("x"), 100)); err != nil {
				t.Fatal(err)
			}
			if data, err := f.Read(t.Context(), "key", 100); len(data) != 100 || err != nil {
				t.Errorf("%d bytes, %v", len(data), err)
			}
			if _, err := f.Read(t.Context(), "key", 99); bucket.ClassOf(err) != bucket.Invalid {
				t.Errorf("100 bytes where 99 are the limit: %v", err)
			}
		})
	}
}

// answer is a fault that answers requests of some methods.
func answer(status int, code string, methods ...string) buckettest.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !slices.Contains(methods, r.Method) {
			return false
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>see https://user:hunter2@host/x?X-Amz-Signature=hunter2 &#x9b;2J</Message></Error>", code)
		return true
	}
}

// cut ends the connection in the middle of an answer.
func cut(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	if r.Method == http.MethodGet {
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write([]byte(`<?xml version="1.0"?><ListBucketResult><Contents>`))
		panic(http.ErrAbortHandler)
	}
	return false
}

// gone ends the connection without an answer.
func gone(http.ResponseWriter, *http.Request, http.Handler) bool { panic(http.ErrAbortHandler) }

// TestFaults: each thing that goes wrong has its class, whatever was asked for.
func TestFaults(t *testing.T) {
	const get, put, del = http.MethodGet, http.MethodPut, http.MethodDelete
	cases := map[string]struct {
		reason string
		fault  buckettest.Fault
		// list, read, create and remove are the classes of their errors; "": none.
		list, read, create, remove string
	}{
		"Denied":        {"the credentials may not", answer(403, "AccessDenied", get, put, del), "denied", "denied", "denied", "denied"},
		"BadKey":        {"nor may those that are not known", answer(403, "InvalidAccessKeyId", get, put, del), "denied", "denied", "denied", "denied"},
		"Unauthorised":  {"or are none", answer(401, "Unauthorized", get, put, del), "denied", "denied", "denied", "denied"},
		"NoBucket":      {"the store is not there, which is not the same as an empty one", answer(404, "NoSuchBucket", get, put, del), "no store", "no store", "no store", "no store"},
		"NoKey":         {"the object is not there", answer(404, "NoSuchKey", get, del), "not found", "not found", "", ""},
		"Internal":      {"the store has a bad day", answer(500, "InternalError", get, put, del), "transient", "transient", "transient", "transient"},
		"SlowDown":      {"it is asked too much", answer(503, "SlowDown", get, put, del), "transient", "transient", "transient", "transient"},
		"Gateway":       {"something between has a bad day", answer(502, "", get, put, del), "transient", "transient", "transient", "transient"},
		"TooMany":       {"it is asked too much", answer(429, "TooManyRequests", get, put, del), "transient", "transient", "transient", "transient"},
		"Loses":         {"another one was first", answer(412, "PreconditionFailed", put), "", "not found", "exists", ""},
		"LosesTogether": {"another one is at it: who is first is not known", answer(409, "ConditionalRequestConflict", put), "", "not found", "transient", ""},
		"HalfAnAnswer":  {"the connection ends in the middle", cut, "transient", "transient", "", ""},
		"NoAnswer":      {"the connection ends", gone, "transient", "transient", "transient", "transient"},
		"NotUnderstood": {"nothing that trying again helps with", answer(400, "InvalidRequest", get, put, del), "unknown", "unknown", "unknown", "unknown"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s3 := buckettest.New(t, "lake")
			f := open(t, "s3://lake/a/", bucket.Options{Endpoint: s3.URL})
			s3.Fail(tc.fault)
			_, listing := list(t.Context(), f, "x")
			_, reading := f.Read(t.Context(), "x", 100)
			checkClasses(t, tc.reason, map[string]string{"list": tc.list, "read": tc.read, "create": tc.create, "remove": tc.remove},
				map[string]error{"list": listing, "read": reading, "create": f.Create(t.Context(), "x", []byte("x")), "remove": f.Delete(t.Context(), "x")})
		})
	}
}

func checkClasses(t *testing.T, reason string, want map[string]string, errs map[string]error) {
	t.Helper()
	for act, err := range errs {
		got := ""
		if err != nil {
			got = bucket.ClassOf(err).String()
			if text := err.Error(); strings.Contains(text, "hunter2") || strings.ContainsAny(text, "\u009b\n") || len(text) > 700 {
				t.Errorf("%s: the error shows what it should not, or drives a terminal: %q", act, text)
			}
		}
		if got != want[act] {
			t.Errorf("%s: %s: the class is %q, want %q: %v", reason, act, got, want[act], err)
		}
	}
}

// TestUnreachable: nobody listens, nobody has credentials, nobody waits any longer.
func TestUnreachable(t *testing.T) {
	everywhere := func(class string) map[string]string {
		return map[string]string{"list": class, "read": class, "create": class, "remove": class}
	}
	all := func(ctx context.Context, f bucket.Folder) map[string]error {
		_, listing := list(ctx, f, "x")
		_, reading := f.Read(ctx, "x", 100)
		return map[string]error{"list": listing, "read": reading, "create": f.Create(ctx, "x", []byte("x")), "remove": f.Delete(ctx, "x")}
	}
	s3 := buckettest.New(t, "lake")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	checkClasses(t, "nobody listens", everywhere("transient"), all(t.Context(), open(t, "s3://lake/", bucket.Options{Endpoint: refused})))
	checkClasses(t, "there is no such bucket", map[string]string{"list": "no store", "read": "no store", "create": "no store", "remove": "no store"},
		all(t.Context(), open(t, "s3://nowhere/", bucket.Options{Endpoint: s3.URL})))

	ctx, cancel := context.WithCancel(t.Context())
	s3.Fail(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		cancel()
		<-r.Context().Done()
		return true
	})
	_, err = list(ctx, open(t, "s3://lake/", bucket.Options{Endpoint: s3.URL}), "")
	if !errors.Is(err, context.Canceled) || bucket.ClassOf(err) != bucket.Unknown {
		t.Errorf("who asked does not wait any longer, and the error is %v, %s", err, bucket.ClassOf(err))
	}
	s3.Fail(nil)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	checkClasses(t, "nobody has credentials", everywhere("denied"), all(t.Context(), open(t, "s3://lake/", bucket.Options{Endpoint: s3.URL})))
}

// TestLies: a store that lists what was not asked for is believed in nothing.
func TestLies(t *testing.T) {
	s3 := buckettest.New(t, "lake")
	f := open(t, "s3://lake/a/", bucket.Options{Endpoint: s3.URL})
	for _, address := range []string{"s3://lake/a/", "s3://lake/ab/"} {
		if err := open(t, address, bucket.Options{Endpoint: s3.URL}).Create(t.Context(), "x", nil); err != nil {
			t.Fatal(err)
		}
	}
	s3.Fail(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		query := r.URL.Query()
		query.Set("prefix", "a")
		r.URL.RawQuery = query.Encode()
		next.ServeHTTP(w, r)
		return true
	})
	if keys, err := list(t.Context(), f, ""); err == nil || len(keys) > 0 {
		t.Errorf("listed are %v, %v", keys, err)
	}
}

// TestOwnNames: an object is listed by the name that it has, and not by that which gocloud would write like it.
func TestOwnNames(t *testing.T) {
	s3 := buckettest.New(t, "lake")
	f := open(t, "s3://lake/", bucket.Options{Endpoint: s3.URL})
	const key = "a__0x2f__b"
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s3.URL+"/lake/"+key, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	_ = answer.Body.Close()
	if keys, err := list(t.Context(), f, ""); !slices.Equal(keys, []string{key}) || err != nil {
		t.Errorf("listed are %q, %v", keys, err)
	}
	for act, err := range map[string]error{"creating": f.Create(t.Context(), key, nil), "reading": func() error { _, err := f.Read(t.Context(), key, 10); return err }()} {
		if bucket.ClassOf(err) != bucket.Invalid {
			t.Errorf("%s what would be another object: %v", act, err)
		}
	}
	if err := f.Delete(t.Context(), key); err != nil {
		t.Error(err)
	}
	if keys, err := list(t.Context(), f, ""); len(keys) > 0 || err != nil {
		t.Errorf("left are %q, %v", keys, err)
	}
}

// TestAddresses: what cannot be opened says so, without credentials.
func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"s3://key:hunter2@lake/": "names no bucket",
		"/data/":                 "no address",
	} {
		_, err := bucket.Open(t.Context(), address, bucket.Options{})
		if bucket.ClassOf(err) != bucket.Invalid || !strings.Contains(fmt.Sprint(err), want) || strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%q: the error is %v, want %q", address, err, want)
		}
	}
	for _, endpoint := range []string{"http://key:hunter2@127.0.0.1:1", "http://127.0.0.1:1/?token=hunter2", ":hunter2"} {
		if _, err := bucket.Open(t.Context(), "s3://lake/", bucket.Options{Endpoint: endpoint}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the endpoint %q: the error is %v", endpoint, err)
		}
	}
}

// TestFolders: what is on a disk besides files is no object, what cannot be read is no empty folder, and no link leads out.
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	f := open(t, "file://"+dir+"/store/", bucket.Options{})
	if keys, err := list(t.Context(), f, ""); len(keys) > 0 || err != nil {
		t.Errorf("nothing is there yet, and listed are %v, %v", keys, err)
	}
	if err := f.Create(t.Context(), "a/x", nil); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(dir, "outside")
	if err := errors.Join(os.Mkdir(outside, 0o755), os.WriteFile(filepath.Join(outside, "y"), nil, 0o644),
		os.Symlink(outside, filepath.Join(dir, "store", "link")), os.Symlink(filepath.Join(outside, "y"), filepath.Join(dir, "store", "a", "y"))); err != nil {
		t.Fatal(err)
	}
	if keys, err := list(t.Context(), f, ""); !slices.Equal(keys, []string{"a/x"}) || err != nil {
		t.Errorf("listed are %v, %v", keys, err)
	}
	for _, key := range []string{"link/y", "a/y", "../outside/y"} {
		if _, err := f.Read(t.Context(), key, 10); err == nil {
			t.Errorf("%s was read", key)
		}
		if err := f.Create(t.Context(), key+"/../z", nil); err == nil {
			t.Errorf("%s was written beside", key)
		}
		_ = f.Delete(t.Context(), key)
	}
	if _, err := os.Stat(filepath.Join(outside, "y")); err != nil {
		t.Errorf("it was deleted through a link: %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "store", ".trunkline-writing")); err != nil || len(left) > 0 {
		t.Errorf("left behind are %v, %v", left, err)
	}
	if os.Geteuid() == 0 {
		return // root may read everything
	}
	if err := os.Chmod(filepath.Join(dir, "store", "a"), 0); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(filepath.Join(dir, "store", "a"), 0o755) }()
	if _, err := list(t.Context(), f, ""); bucket.ClassOf(err) != bucket.Denied || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("it cannot be read, and the error is %v", err)
	}
}

// TestNoHalfFiles: whoever lists while others write sees whole files only.
func TestNoHalfFiles(t *testing.T) {
	f := open(t, "file://"+t.TempDir()+"/store/", bucket.Options{})
	content := bytes.Repeat([]byte("x"), 1<<20)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 30 {
			if err := f.Create(t.Context(), fmt.Sprintf("d/%d", i), content); err != nil {
				t.Error(err)
			}
		}
	}()
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		for o, err := range f.List(t.Context(), "") {
			if err != nil || o.Size != int64(len(content)) {
				t.Errorf("listed is %+v, %v", o, err)
			}
		}
	}
}

// TestClosedFoldersHoldNoConnections: who opens a folder again and again, as the keeper of lots does, runs out of no files.
func TestClosedFoldersHoldNoConnections(t *testing.T) {
	s3 := buckettest.New(t, "lake")
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	counted := httptest.NewUnstartedServer(s3)
	counted.Config.ConnState = func(c net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if state == http.StateClosed {
			delete(open, c)
		} else {
			open[c] = true
		}
	}
	counted.Start()
	defer counted.Close()
	for range 20 {
		f, err := bucket.Open(t.Context(), "s3://lake/", bucket.Options{Endpoint: counted.URL})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := list(t.Context(), f, ""); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for late := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		mu.Lock()
		n := len(open)
		mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("%d connections of folders that are closed are open", n)
		}
	}
}

// TestNothingIsSaidBesides: what goes wrong is said by errors, and not by lines of AWS' client on stderr, where the daemon's log is.
func TestNothingIsSaidBesides(t *testing.T) {
	s3 := buckettest.New(t, "lake")
	said, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = said
	defer func() { os.Stderr = stderr }()
	f := open(t, "s3://lake/", bucket.Options{Endpoint: s3.URL})
	s3.Fail(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte("<Error><Code>InternalError</Code>"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	for _, err := range []error{f.Create(t.Context(), "a", []byte("a")), f.Delete(t.Context(), "a")} {
		if err == nil {
			t.Error("half of an answer is none")
		}
	}
	if text, err := os.ReadFile(said.Name()); err != nil || len(text) > 0 {
		t.Errorf("it says %q, %v", text, err)
	}
}
