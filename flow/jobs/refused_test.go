// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
)

// lines has each line of a log.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	select {
	case l <- string(p):
	default: // the test has ended
	}
	return len(p), nil
}

// TestWatchRefused: that a cluster refuses to say what runs is a warning, since nothing is started before it does.
func TestWatchRefused(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","message":"you may not list that","code":403}`))
	}))
	defer srv.Close()
	log := make(lines, 100)
	c := New("one", func() (*rest.Config, error) { return &rest.Config{Host: srv.URL}, nil }, slog.New(slog.NewTextHandler(log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Watch(ctx, func(e Event) {
			if e.Kind == Complete {
				t.Error("all is said to be known")
			}
		})
	}()
	kinds := map[string]bool{}
	for len(kinds) < 2 {
		line := <-log
		for _, kind := range []string{"cronjobs", "jobs"} {
			if strings.Contains(line, "level=WARN") && strings.Contains(line, "kind="+kind+" ") && strings.Contains(line, "you may not list that") {
				if kinds[kind] {
					t.Errorf("it is said twice of %s", kind)
				}
				kinds[kind] = true
			}
		}
	}
	cancel()
	<-ended
}
