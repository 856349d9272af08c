// SPDX-License-Identifier: Apache-2.0

// Package buckettest is an S3 in memory for tests, with faults on demand.
//
// Of Trunkline it imports nothing.
package buckettest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// S3 is an S3 in memory.
type S3 struct {
	// URL is its endpoint.
	URL string

	fake  http.Handler
	clock clock

	mu    sync.Mutex
	fault Fault
}

// Fault answers a request in place of the store, if it returns true. What it passes on itself, it gives to next.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler) (answered bool)

// New starts an S3 with some buckets, and has the clients of the test find credentials for it, which try each request once. Its clock
// begins with 2026, and stands until [S3.Advance].
func New(t testing.TB, buckets ...string) *S3 {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
	s := &S3{clock: clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}}
	backend := s3mem.New(s3mem.WithTimeSource(&s.clock))
	for _, bucket := range buckets {
		if err := backend.CreateBucket(bucket); err != nil {
			t.Fatal(err)
		}
	}
	s.fake = gofakes3.New(backend, gofakes3.WithTimeSource(&s.clock), gofakes3.WithTimeSkewLimit(0)).Server()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Advance has time pass for the store.
func (s *S3) Advance(by time.Duration) {
	s.clock.mu.Lock()
	defer s.clock.mu.Unlock()
	s.clock.now = s.clock.now.Add(by)
}

// clock is that of the store.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the store's time.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Since is how long ago something was, by the store's time.
func (c *clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Fail has a fault from now on, in place of the one before; nil: none.
func (s *S3) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// ServeHTTP answers requests.
func (s *S3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	fault := s.fault
	s.mu.Unlock()
	if fault == nil || !fault(w, r, s.fake) {
		s.fake.ServeHTTP(w, r)
	}
}
