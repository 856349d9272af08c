// SPDX-License-Identifier: Apache-2.0

package github_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/webhooks"
	"trunkline.dev/trunkline/webhooks/github"
)

func diff(t *testing.T, want, got any, reason ...string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", strings.Join(reason, " "), d)
	}
}

func isNotFound(err error) bool { return errors.Is(err, webhooks.ErrNotFound) }

// count counts the requests whose path ends in something, or has it within.
func count(log []string, part string) (n int) {
	for _, request := range log {
		if strings.Contains(request+"/", part+"/") || strings.Contains(request, part) && strings.HasSuffix(part, "/") {
			n++
		}
	}
	return n
}

// classOf is the class of an error; empty: it is none.
func classOf(err error) github.Class {
	var e *github.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Class
	default:
		return github.Class("not an error of ours: " + err.Error())
	}
}

// serve serves a handler and returns its URL.
func serve(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.URL + "/"
}
