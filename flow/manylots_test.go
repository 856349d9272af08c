// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// many is an S3 with a million objects that were always there, and what is written to it. It does what a store of manifests is asked for.
type many struct {
	url string
	// old are sorted, and each has the same content; they are never written again.
	old     []string
	content []byte

	mu      sync.Mutex
	written map[string][]byte
	at      map[string]time.Time
}

// newMany starts one with objects, by bucket and key.
func newMany(tb testing.TB, old []string, content []byte) *many {
	tb.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		tb.Setenv(name, value)
	}
	slices.Sort(old)
	s := &many{old: old, content: content, written: map[string][]byte{}, at: map[string]time.Time{}}
	server := httptest.NewServer(s)
	tb.Cleanup(server.Close)
	s.url = server.URL
	return s
}

type page struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	KeyCount              int
	Contents              []listedObject
}

type listedObject struct {
	Key, LastModified, ETag string
	Size                    int
}

// manyTag is that of all objects, of whatever content: no manifest is ever another by it. A listing and a GET have to say the same.
const manyTag = `"0123456789abcdef0123456789abcdef"`

var longAgo = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (s *many) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.URL.Query().Has("list-type"):
		bucket := strings.TrimSuffix(name, "/") + "/"
		s.list(w, bucket, bucket+r.URL.Query().Get("prefix"), r.URL.Query().Get("continuation-token"))
	case r.Method == http.MethodPut:
		if _, is := s.get(name); is && r.Header.Get("If-None-Match") == "*" {
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		body, _ := io.ReadAll(r.Body)
		s.written[name], s.at[name] = body, time.Now()
		w.Header().Set("ETag", manyTag)
	case r.Method == http.MethodDelete:
		delete(s.written, name)
		w.WriteHeader(http.StatusNoContent)
	default:
		body, is := s.get(name)
		if !is {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "<Error><Code>NoSuchKey</Code></Error>")
			return
		}
		w.Header().Set("ETag", manyTag)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(body)
		}
	}
}

func (s *many) get(name string) ([]byte, bool) {
	if body, is := s.written[name]; is {
		return body, true
	}
	_, is := slices.BinarySearch(s.old, name)
	return s.content, is
}

// list writes a page: the next token is the last key of it.
func (s *many) list(w http.ResponseWriter, bucket, prefix, after string) {
	const size = 1000
	from := max(prefix, bucket+after+"\x00")
	if after == "" {
		from = prefix
	}
	at, _ := slices.BinarySearch(s.old, from)
	names := slices.Clone(s.old[at:min(at+size+1, len(s.old))])
	for name := range s.written {
		if name >= from {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) })
	out := page{IsTruncated: len(names) > size}
	names = names[:min(size, len(names))]
	for _, name := range names {
		at, is := s.at[name]
		if !is {
			at = longAgo
		}
		out.Contents = append(out.Contents, listedObject{strings.TrimPrefix(name, bucket), at.UTC().Format("2006-01-02T15:04:05.000Z"), manyTag, len(s.content)})
	}
	if out.KeyCount = len(names); out.IsTruncated {
		out.NextContinuationToken = strings.TrimPrefix(names[len(names)-1], bucket)
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(out)
}
