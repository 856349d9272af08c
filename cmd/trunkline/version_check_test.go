// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// releasesOf is what GitHub answers about releases, and what is beside them.
const releasesOf = `[
  {"tag_name": "nightly", "name": "nightly", "body": "of today", "draft": false, "prerelease": true},
  {"tag_name": "v1.3.0-rc.1", "body": "try it", "html_url": "https://example.com/v1.3.0-rc.1", "prerelease": true, "published_at": "2026-06-01T10:00:00Z"},
  {"tag_name": "v1.10.0", "body": "### Upgrading\r\n\r\n- Set ` + "`a`" + `.\r\n\u001b[31mred", "html_url": "https://example.com/v1.10.0", "published_at": "2026-07-02T10:00:00Z"},
  {"tag_name": "v1.2.1", "body": "", "published_at": "yesterday"},
  {"tag_name": "v9.0.0", "body": "not yet", "draft": true},
  {"tag_name": "v1.2.0", "body": "first"}
]`

func TestCheckVersion(t *testing.T) {
	newest := "trunkline v1.2.0 is not the newest version: v1.10.0 is\n" +
		"\nv1.10.0, of 2026-07-02\n  ### Upgrading\n  \n  - Set `a`.\n  \uFFFD[31mred\n  https://example.com/v1.10.0\n" +
		"\nv1.2.1\n  It has no notes.\n"
	for _, tt := range []struct {
		name, reason, current, answer string
		status                        int
		header                        http.Header
		want                          string
		is                            error  // what the error is, if it is one of ours
		trouble                       string // a part of the error that says that there is no answer
	}{
		{name: "behind", reason: "newest first by number, not by text; drafts, tries and what is no version are left out; no escapes reach the terminal", current: "v1.2.0", answer: releasesOf, want: newest, is: errFindings},
		{name: "newest", reason: "a release to try out is not for who has a release", current: "v1.10.0", answer: releasesOf, want: "trunkline v1.10.0 is the newest version\n"},
		{
			name: "a try", reason: "who tries one out is told of the next", current: "v1.3.0-beta.1", answer: `[{"tag_name": "v1.3.0-rc.1", "prerelease": true, "body": "b"}]`,
			want: "trunkline v1.3.0-beta.1 is not the newest version: v1.3.0-rc.1 is\n\nv1.3.0-rc.1\n  b\n", is: errFindings,
		},
		{
			name: "of a commit", reason: "a build between releases is no try of one", current: "v1.10.1-0.20260703000000-0123456789ab", answer: `[{"tag_name": "v1.11.0-rc.1", "prerelease": true}]`,
			want: "trunkline v1.10.1-0.20260703000000-0123456789ab is the newest version\n",
		},
		{
			name: "of the first commits", reason: "before there was a release", current: "v0.0.0-20260703000000-0123456789ab", answer: `[{"tag_name": "v0.1.0", "body": "first"}]`,
			want: "trunkline v0.0.0-20260703000000-0123456789ab is not the newest version: v0.1.0 is\n\nv0.1.0\n  first\n", is: errFindings,
		},
		{name: "none", reason: "a project without releases", current: "v1.0.0", answer: `[]`, want: "trunkline v1.0.0 is the newest version\n"},
		{name: "not of a commit", reason: "nothing is asked, since nothing can be compared", current: "(devel)", trouble: "cannot be compared"},
		{name: "an error", reason: "the server is in trouble", current: "v1.0.0", status: http.StatusBadGateway, trouble: "answers \"502 Bad Gateway\""},
		{name: "a wrong address", reason: "the way out is said", current: "v1.0.0", status: http.StatusNotFound, trouble: "is --releases-url right?"},
		{name: "too often", reason: "GitHub answers 403 to those who asked too often", current: "v1.0.0", status: http.StatusForbidden, header: http.Header{"X-Ratelimit-Remaining": {"0"}}, trouble: "try again in an hour"},
		{name: "a page", reason: "a proxy that wants a log-in answers with a page", current: "v1.0.0", answer: "<html>", trouble: "no list of releases"},
		{name: "too much", reason: "an answer is read into memory", current: "v1.0.0", answer: strings.Repeat(" ", maxReleases+1), trouble: "more than 8 MiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := r.URL.RequestURI(); got != "/releases?per_page=100" {
					t.Errorf("asked for %s", got)
				}
				if len(r.Cookies()) > 0 || r.Header.Get("Authorization") != "" || r.ContentLength > 0 {
					t.Errorf("sent more than a request: %v", r.Header)
				}
				maps.Copy(w.Header(), tt.header)
				if tt.status != 0 {
					w.WriteHeader(tt.status)
				}
				_, _ = w.Write([]byte(tt.answer))
			}))
			defer server.Close()
			var out strings.Builder
			err := checkVersion(t.Context(), &out, tt.current, server.URL+"/releases")
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("%s: printed (-want +got):\n%s", tt.reason, diff)
			}
			switch {
			case tt.trouble != "":
				if err == nil || !isTrouble(err) || !strings.Contains(err.Error(), tt.trouble) {
					t.Errorf("%s: error %v, want one without an answer that says %q", tt.reason, err, tt.trouble)
				}
			case !errors.Is(err, tt.is):
				t.Errorf("%s: error %v, want %v", tt.reason, err, tt.is)
			}
		})
	}
}

// TestCheckVersionOffline holds the command to a clear message where there is no way to the internet, which says nothing secret.
func TestCheckVersionOffline(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	address := strings.Replace(server.URL, "http://", "http://ann:hunter2@", 1)
	server.Close()
	err := checkVersion(t.Context(), &strings.Builder{}, "v1.0.0", address+"/releases?token=hunter3")
	if err == nil || !isTrouble(err) || !strings.Contains(err.Error(), "--releases-url") {
		t.Fatalf("error %v, want one that names the way out", err)
	}
	if strings.Contains(err.Error(), "hunter") {
		t.Errorf("the error has the password: %v", err)
	}
	var usage *usageError
	for _, bad := range []string{"", "releases", "ftp://example.com", "https://", "://"} {
		if err := checkVersion(t.Context(), &strings.Builder{}, "v1.0.0", bad); !errors.As(err, &usage) {
			t.Errorf("%q: error %v, want wrong use", bad, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := checkVersion(ctx, &strings.Builder{}, "v1.0.0", "http://127.0.0.1:1/"); err == nil {
		t.Error("goes on when it is interrupted")
	}
}

// TestManualPages holds the pages to be there for every command that people see, and to say nothing of the machine that wrote them.
func TestManualPages(t *testing.T) {
	home := filepath.Join(t.TempDir(), "elsewhere")
	t.Setenv("HOME", home)
	dir := filepath.Join(t.TempDir(), "man1")
	var out strings.Builder
	if code := run([]string{"man", "--dir", dir}, strings.NewReader(""), &out, &out); code != exitFine {
		t.Fatalf("man: %s", out.String())
	}
	var check func(*cobra.Command)
	commands := 0
	check = func(c *cobra.Command) {
		if !c.IsAvailableCommand() && c.HasParent() {
			return
		}
		commands++
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"))
		if err != nil {
			t.Errorf("%s: %v", c.CommandPath(), err)
			return
		}
		for _, bad := range []string{home, "Auto generated"} {
			if strings.Contains(string(page), bad) {
				t.Errorf("the page of %s has %q", c.CommandPath(), bad)
			}
		}
		if !strings.Contains(string(page), ".SH NAME") {
			t.Errorf("the page of %s is none", c.CommandPath())
		}
		for _, below := range c.Commands() {
			check(below)
		}
	}
	check(newRoot())
	if commands < 20 {
		t.Errorf("there are %d commands only", commands)
	}
}
