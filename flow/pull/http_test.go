// SPDX-License-Identifier: Apache-2.0

package pull_test

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/manifest"
)

// source is a server that counts requests.
type source struct {
	*httptest.Server

	asked atomic.Int32
}

func serve(t *testing.T, answer func(n int32, w http.ResponseWriter, r *http.Request)) *source {
	t.Helper()
	s := &source{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(s.asked.Add(1), w, r) }))
	t.Cleanup(s.Close)
	return s
}

// broken answers by what is not whole, and then closes the connection.
func broken(t *testing.T, w http.ResponseWriter, text string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_, _ = conn.Write([]byte(text))
	_ = conn.Close()
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// TestAnswers: what is whole is there, and what is not, or was refused, is not, whatever a server does.
func TestAnswers(t *testing.T) {
	sum := md5.Sum([]byte("1,2\n"))
	plainly := func(headers map[string]string, text string) func(int32, http.ResponseWriter, *http.Request) {
		return func(_ int32, w http.ResponseWriter, _ *http.Request) {
			for name, value := range headers {
				w.Header().Set(name, value)
			}
			_, _ = w.Write([]byte(text))
		}
	}
	status := func(code int, headers ...string) func(int32, http.ResponseWriter, *http.Request) {
		return func(_ int32, w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(code)
		}
	}
	raw := func(text string) func(int32, http.ResponseWriter, *http.Request) {
		return func(_ int32, w http.ResponseWriter, _ *http.Request) { broken(t, w, text) }
	}
	then := func(n int32, first, next func(int32, http.ResponseWriter, *http.Request)) func(int32, http.ResponseWriter, *http.Request) {
		return func(i int32, w http.ResponseWriter, r *http.Request) {
			if i <= n {
				first(i, w, r)
				return
			}
			next(i, w, r)
		}
	}
	csv := map[string]string{"Content-Type": "text/csv; charset=utf-8"}
	const file = "part-20260105P1D000.csv"
	for name, c := range map[string]struct {
		reason string
		answer func(int32, http.ResponseWriter, *http.Request)
		http   object
		files  map[string]string
		asked  int32
		failed string
	}{
		"Plain":      {"what is there is fetched", plainly(csv, "1,2\n"), nil, map[string]string{file: "1,2\n"}, 1, ""},
		"Unknown":    {"of a type that is not known it is something", plainly(map[string]string{"Content-Type": "application/x"}, "x"), nil, map[string]string{"part-20260105P1D000.bin": "x"}, 1, ""},
		"Empty":      {"nothing is fetched", plainly(csv, ""), nil, map[string]string{}, 1, ""},
		"NoContent":  {"the server says that there is nothing", status(http.StatusNoContent), nil, map[string]string{}, 1, ""},
		"Missing":    {"it may be there later", status(http.StatusNotFound), nil, nil, 1, "it answered 404 Not Found; if that means that the lot has no data, write http.missing: empty"},
		"MissingToo": {"it is said to be nothing", status(http.StatusGone), object{"missing": "empty"}, map[string]string{}, 1, ""},
		"Denied":     {"no other try would help", status(http.StatusForbidden), nil, nil, 1, "it answered 403 Forbidden: look at http.headers and http.query, and at the secrets of the workload"},
		"Busy":       {"a server that is busy is asked again", then(2, status(http.StatusTooManyRequests, "Retry-After", "0"), plainly(csv, "1")), nil, map[string]string{file: "1"}, 3, ""},
		"Down":       {"and one that fails", then(2, status(http.StatusServiceUnavailable), plainly(csv, "1")), nil, map[string]string{file: "1"}, 3, ""},
		"Never":      {"not for ever", status(http.StatusBadGateway), nil, nil, 4, "it answered 502 Bad Gateway"},
		"Later":      {"what is to wait for long is tried by another run", status(http.StatusTooManyRequests, "Retry-After", "7200"), nil, nil, 1, "it answered 429 Too Many Requests, and asks to wait for 2h0m0s"},
		"Accepted":   {"it is being made", then(1, status(http.StatusAccepted), plainly(csv, "1")), nil, map[string]string{file: "1"}, 2, ""},
		"Half": {
			"half of a length is nothing", then(1, raw("HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 10\r\n\r\n1,2\n"), plainly(csv, "1")), nil,
			map[string]string{file: "1"},
			2, "",
		},
		"HalfAlways": {"and stays so", raw("HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 10\r\n\r\n1,2\n"), nil, nil, 4, "it ended before it was whole: unexpected EOF"},
		"HalfChunks": {"half of the chunks, too", raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1,2\n\r\n"), nil, nil, 4, "it ended before it was whole: unexpected EOF"},
		"NoLength":   {"of what ends with the connection nobody knows", raw("HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n\r\n1,2\n"), nil, nil, 1, "half of it could be missing"},
		"AnyLength":  {"unless that is put up with", raw("HTTP/1.0 200 OK\r\nContent-Type: text/csv\r\n\r\n1,2\n"), object{"anyLength": true}, map[string]string{file: "1,2\n"}, 1, ""},
		"Digest": {
			"or a digest says so", raw("HTTP/1.0 200 OK\r\nContent-Type: text/csv\r\nContent-Digest: " + sha("1,2\n") + "\r\n\r\n1,2\n"), nil,
			map[string]string{file: "1,2\n"},
			1, "",
		},
		"WrongDigest": {
			"or that it is not so", raw("HTTP/1.0 200 OK\r\nContent-Type: text/csv\r\nRepr-Digest: " + sha("1,2\n3,4\n") + "\r\n\r\n1,2\n"), nil, nil, 4,
			"its answer is damaged: by Repr-Digest it is not what was sent",
		},
		"MD5": {
			"a digest in either spelling", plainly(map[string]string{"Content-Type": "text/csv", "Content-MD5": hex.EncodeToString(sum[:])}, "1,2\n"), nil,
			map[string]string{file: "1,2\n"},
			1, "",
		},
		"WrongMD5": {"and a wrong one", plainly(map[string]string{"Content-MD5": base64.StdEncoding.EncodeToString(sum[:])}, "1,3\n"), nil, nil, 4, "its answer is damaged: by Content-MD5"},
		"Gzip":     {"what was compressed for the way", plainly(map[string]string{"Content-Type": "text/csv", "Content-Encoding": "gzip"}, zipped("1,2\n")), nil, map[string]string{file: "1,2\n"}, 1, ""},
		"GzipKept": {
			"and is wanted so", plainly(map[string]string{"Content-Type": "text/csv", "Content-Encoding": "gzip"}, zipped("1,2\n")),
			object{"encoded": "keep"},
			map[string]string{file + ".gz": zipped("1,2\n")},
			1, "",
		},
		"HalfGzip": {"half of it", plainly(map[string]string{"Content-Encoding": "gzip"}, zipped(strings.Repeat("1,2\n", 1000))[:40]), nil, nil, 4, "unexpected EOF"},
		"NoGzip":   {"a lie", plainly(map[string]string{"Content-Encoding": "gzip"}, "1,2\n1,2\n1,2\n"), nil, nil, 4, "its answer says that it is gzip"},
		"Brotli":   {"what it was not asked for", plainly(map[string]string{"Content-Encoding": "br"}, "x"), nil, nil, 1, "its answer is compressed as \"br\""},
		"Large": {"more than there may be", func(_ int32, w http.ResponseWriter, _ *http.Request) {
			for range 3 << 10 {
				_, _ = w.Write(make([]byte, 1<<10))
			}
		}, nil, nil, 1, "it is more than 2 MiB, which is the limit: raise maxMiB"},
		"Silent": {"a server that sends no more", func(_ int32, w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("1"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, object{"timeout": "1s"}, nil, 4, "it sent nothing for 1s"},
		"Unasked":   {"a server that says that nothing changed, since nothing is known", status(http.StatusNotModified), nil, nil, 1, "answered that nothing changed, and was not asked"},
		"Elsewhere": {"a redirection to the address of credentials", status(http.StatusFound, "Location", "http://169.254.169.254/latest/meta-data/"), nil, nil, 1, "169.254.169.254 is 169.254.169.254, where no data are fetched from"},
		"Inside":    {"a redirection into the network", status(http.StatusFound, "Location", "http://[::1]:1/"), nil, nil, 1, "::1 is ::1, which is an address of this network: if what is fetched leads there, name the host in http.hosts"},
		"File":      {"a redirection to the disk", status(http.StatusFound, "Location", "file:///etc/passwd"), nil, nil, 1, "it redirects to what is not there over HTTP"},
		"Circle":    {"redirections for ever", status(http.StatusFound, "Location", "/"), nil, nil, 10, "it redirects more than 10 times"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, s := newLake(t), serve(t, c.answer)
			asks := object{"url": s.URL + "/data?day={start:%Y-%m-%d}"}
			maps.Copy(asks, c.http)
			got, err := l.pull(monday, "1", object{"http": asks, "retries": 3, "maxMiB": 2})
			if c.failed != "" {
				if err == nil || !strings.Contains(err.Error(), c.failed) || strings.Contains(err.Error(), "day=") {
					t.Errorf("%s: the error is %v, want %s", c.reason, err, c.failed)
				}
				if c.files == nil {
					c.files = map[string]string{}
				}
			} else if err != nil {
				t.Errorf("%s: %v", c.reason, err)
			} else if want := map[bool]manifest.State{true: manifest.Complete, false: manifest.Empty}[len(c.files) > 0]; got.State != want {
				t.Errorf("%s: it is %s, want %s", c.reason, got.State, want)
			}
			if diff := cmp.Diff(c.files, l.files(monday, "1")); diff != "" || s.asked.Load() != c.asked {
				t.Errorf("%s: it was asked %d times, want %d; -want +got:\n%s", c.reason, s.asked.Load(), c.asked, diff)
			}
		})
	}
}

// TestCredentials are given to their own server, and to nobody else.
func TestCredentials(t *testing.T) {
	type request struct{ path, token, key, referer string }
	var got []request
	note := func(r *http.Request) {
		got = append(got, request{r.URL.Path, r.Header.Get("Authorization") + r.Header.Get("X-Api-Key"), r.URL.Query().Get("key"), r.Header.Get("Referer")})
	}
	other := serve(t, func(_ int32, w http.ResponseWriter, r *http.Request) {
		note(r)
		_, _ = w.Write([]byte("x"))
	})
	there := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	own := serve(t, func(_ int32, w http.ResponseWriter, r *http.Request) {
		note(r)
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusFound)
		case "/away":
			http.Redirect(w, r, there+"/file", http.StatusFound)
		case "/pages":
			w.Header().Set("Link", "<"+there+`/next>; rel="next"`)
			_, _ = w.Write([]byte("1"))
		default:
			_, _ = w.Write([]byte("x"))
		}
	})
	const all = "Bearer s3cr3tthe-key"
	for path, want := range map[string][]request{
		"/moved": {{"/moved", all, "a b&c", ""}, {"/here", all, "", ""}},
		"/away":  {{"/away", all, "a b&c", ""}, {"/file", "", "", ""}},
		"/pages": {{"/pages", all, "a b&c", ""}, {"/next", "", "", ""}},
	} {
		got = nil
		l := newLake(t)
		l.env = map[string]string{"TOKEN": "s3cr3t", "KEY": "the-key", "QUERY": "a b&c"}
		_, err := l.pull(monday, "1", object{"http": object{
			"url": own.URL + path, "headers": object{"Authorization": "Bearer $(TOKEN)", "x-api-key": "$(KEY)"}, "query": object{"key": "$(QUERY)"}, "hosts": []any{"localhost"},
		}})
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(request{})); diff != "" || err != nil {
			t.Errorf("%s: %v; -want +got:\n%s", path, err, diff)
		}
	}
	l := newLake(t)
	l.env = map[string]string{"TOKEN": "s3cr3t\r\nHost: evil"}
	if _, err := l.pull(monday, "1", object{"http": object{"url": own.URL + "/x", "headers": object{"Authorization": "$(TOKEN)"}}}); err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("a token with a line break: %v", err)
	}
	if _, err := l.pull(monday, "2", object{"http": object{"url": own.URL + "/x", "headers": object{"Authorization": "$(OTHER)"}}}); err == nil || !strings.Contains(err.Error(), "the variable OTHER is not set") {
		t.Errorf("a variable that is not there: %v", err)
	}
}

// TestPages are fetched to the end, or not at all.
func TestPages(t *testing.T) {
	last := 3
	s := serve(t, func(_ int32, w http.ResponseWriter, r *http.Request) {
		n := 1
		_, _ = fmt.Sscan(r.URL.Query().Get("page"), &n)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("ETag", `"always"`)
		w.Header().Add("Link", `</>; rel="first", <?page=1>; title="a, \"b\"; rel=next"; rel=prev`)
		switch {
		case n < last:
			w.Header().Add("Link", fmt.Sprintf(`<?page=%d>; rel="last next"`, n+1))
		case last == 0:
			w.Header().Add("Link", `<?page=1>; rel=next`)
		case last == 4 && n == 4:
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = fmt.Fprintf(w, "[%d]", n)
	})
	pulled := func(l *lake, attempt string, more object) error {
		asks := object{"url": s.URL + "/items", "missing": "empty"}
		maps.Copy(asks, more)
		_, err := l.pull(monday, attempt, object{"http": asks, "filename": "x"})
		return err
	}
	l := newLake(t)
	if err := pulled(l, "1", nil); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"x-0001.json": "[1]", "x-0002.json": "[2]", "x-0003.json": "[3]"}
	if diff := cmp.Diff(want, l.files(monday, "1")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if m := l.count(monday, "1"); m.Comment != nil {
		t.Errorf("of several answers the first is remembered: %s", *m.Comment)
	}
	if err := pulled(l, "2", object{"pages": 2}); err == nil || !strings.Contains(err.Error(), "has more than 2 answers, which is the limit: raise http.pages") {
		t.Errorf("more than there may be: %v", err)
	}
	for n, want := range map[int]string{0: "names as the next answer one that was fetched before", 4: "is named as the next answer, and is not there"} {
		last = n
		if err := pulled(l, fmt.Sprint(n+10), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
}
