// SPDX-License-Identifier: Apache-2.0

package setup

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestManifest(t *testing.T) {
	type asked struct {
		Permissions map[string]string
		Events      []string
		Hook        Hook
	}
	for _, c := range []struct {
		reason string
		change func(o *Options)
		want   asked
	}{
		{"an organization's", func(*Options) {}, asked{
			map[string]string{
				"checks": "write", "contents": "read", "deployments": "write", "issues": "read", "members": "read", "merge_queues": "read", "pull_requests": "write",
			},
			[]string{"check_run", "check_suite", "issue_comment", "merge_group", "pull_request", "pull_request_review", "push"},
			Hook{"https://trunkline.example.com/hooks/github", true},
		}},
		{"promotions write to branches", func(o *Options) { o.Promotions = true }, asked{
			map[string]string{
				"checks": "write", "contents": "write", "deployments": "write", "issues": "read", "members": "read", "merge_queues": "read", "pull_requests": "write",
			},
			[]string{"check_run", "check_suite", "issue_comment", "merge_group", "pull_request", "pull_request_review", "push"},
			Hook{"https://trunkline.example.com/hooks/github", true},
		}},
		{"a person has no teams and no merge queue", func(o *Options) { o.Org = "" }, asked{
			map[string]string{"checks": "write", "contents": "read", "deployments": "write", "issues": "read", "pull_requests": "write"},
			[]string{"check_run", "check_suite", "issue_comment", "pull_request", "pull_request_review", "push"},
			Hook{"https://trunkline.example.com/hooks/github", true},
		}},
		{"who polls needs no permission for the sake of an event", func(o *Options) { o.Webhook = false }, asked{
			map[string]string{"checks": "write", "contents": "read", "deployments": "write", "members": "read", "pull_requests": "write"},
			[]string{},
			Hook{"https://trunkline.example.com/hooks/github", false},
		}},
		{"an address that GitHub refuses is not sent", func(o *Options) { o.Webhook, o.URL = false, "https://10.0.0.7" }, asked{
			map[string]string{"checks": "write", "contents": "read", "deployments": "write", "members": "read", "pull_requests": "write"},
			[]string{},
			Hook{"https://trunkline.invalid/hooks/github", false},
		}},
	} {
		o := acme("")
		c.change(&o)
		o, err := o.Check()
		if err != nil {
			t.Errorf("%s: %v", c.reason, err)
			continue
		}
		m := o.Manifest("http://127.0.0.1:1/created")
		if diff := cmp.Diff(c.want, asked{m.Permissions, m.Events, m.Hook}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.reason, diff)
		}
		if m.Public {
			t.Errorf("%s: others may install it", c.reason)
		}
	}
}

// TestManifestIsAsGitHubReadsIt holds the names of fields.
func TestManifestIsAsGitHubReadsIt(t *testing.T) {
	got, err := json.Marshal(acme("").Manifest("http://127.0.0.1:1/created"))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(got, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"name", "url", "description", "hook_attributes", "redirect_url", "public", "default_permissions", "default_events"} {
		if _, ok := fields[name]; !ok {
			t.Errorf("the manifest has no %s: %s", name, got)
		}
		delete(fields, name)
	}
	if len(fields) != 0 {
		t.Errorf("GitHub does not know %v", fields)
	}
}

// TestTheGuideListsThePermissions holds docs/github.md to what is asked for.
func TestTheGuideListsThePermissions(t *testing.T) {
	page, err := os.ReadFile("../../../docs/github.md")
	if err != nil {
		t.Fatal(err)
	}
	o := acme("")
	for _, p := range o.Permissions() {
		access := map[string]string{"read": "Read-only", "write": "Read and write"}[p.Access]
		if row := "| " + p.Title + " | " + access + " |"; !strings.Contains(string(page), row) {
			t.Errorf("docs/github.md has no row %q", row)
		}
	}
	for _, event := range o.Manifest("").Events {
		title := strings.ToUpper(event[:1]) + strings.ReplaceAll(event[1:], "_", " ")
		if !strings.Contains(string(page), "*"+title+"*") {
			t.Errorf("docs/github.md does not name the event *%s*", title)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		reason, want string
		change       func(o *Options)
	}{
		{"fine", "", func(*Options) {}},
		{"a slash at the end is no path", "", func(o *Options) { o.GitHub, o.URL = "https://github.example.com/", "https://trunkline.example.com/" }},
		{"a daemon below a path", "", func(o *Options) { o.URL = "https://example.com/trunkline" }},
		{"an Enterprise on a private network reaches a private network", "", func(o *Options) { o.GitHub, o.URL = "https://github.example.com", "https://10.0.0.7" }},
		{"a fake on this machine", "", func(o *Options) { o.GitHub = "http://127.0.0.1:3000" }},
		{"an organization with a path in it", "is not the name of an organization", func(o *Options) { o.Org = "acme/../x" }},
		{"an organization by its address", "is not the name of an organization", func(o *Options) { o.Org = "https://github.com/acme" }},
		{"an organization with a hyphen at its end", "is not the name of an organization", func(o *Options) { o.Org = "acme-" }},
		{"no name", "has no name", func(o *Options) { o.Name = " " }},
		{"a long name", "35 characters: GitHub's limit is 34", func(o *Options) { o.Name = strings.Repeat("é", 35) }},
		{"a name with an escape", "cannot be printed", func(o *Options) { o.Name = "a\x1b[31m" }},
		{"GitHub without a scheme", "is not where a GitHub is", func(o *Options) { o.GitHub = "github.example.com" }},
		{"GitHub's API", "is not where a GitHub is", func(o *Options) { o.GitHub = "https://github.example.com/api/v3" }},
		{"GitHub with a password", "is not where a GitHub is", func(o *Options) { o.GitHub = "https://ann:pass@github.example.com" }},
		{"GitHub in the clear", "would be sent in the clear", func(o *Options) { o.GitHub = "http://github.example.com" }},
		{"no address of the daemon", "is not where people reach the daemon", func(o *Options) { o.URL = "" }},
		{"an address with parameters", "is not where people reach the daemon", func(o *Options) { o.URL = "https://example.com?a=b" }},
		{"another scheme", "is not where people reach the daemon", func(o *Options) { o.URL = "ftp://example.com" }},
		{"the daemon in the clear", "would be sent in the clear", func(o *Options) { o.URL = "http://trunkline.example.com" }},
		{"this machine", "which is this machine itself", func(o *Options) { o.URL = "https://localhost:8080" }},
		{"this machine by its number", "which is this machine itself", func(o *Options) { o.URL = "https://[::1]" }},
		{"a private network", "an address of a private network", func(o *Options) { o.URL = "https://192.168.1.2" }},
		{"no port", "is not a port", func(o *Options) { o.Port = 65536 }},
		{"no time", "between a second and an hour", func(o *Options) { o.Timeout = 0 }},
		{"too long", "between a second and an hour", func(o *Options) { o.Timeout = 61 * time.Minute }},
	} {
		o := acme("")
		c.change(&o)
		_, err := o.Check()
		if got := err != nil; got != (c.want != "") || got && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.reason, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "pass") || strings.ContainsRune(err.Error(), '\x1b')) {
			t.Errorf("%s: the error has what it must not have: %v", c.reason, err)
		}
	}
}

func TestWhereAnEnterpriseIs(t *testing.T) {
	for _, c := range []struct{ github, api string }{
		{"", "https://api.github.com/"},
		{"https://github.com", "https://api.github.com/"},
		{"https://octo.ghe.com", "https://api.octo.ghe.com/"},
		{"https://github.example.com:8443/", "https://github.example.com:8443/api/v3/"},
	} {
		o, err := acme(c.github).Check()
		if err != nil {
			t.Fatal(err)
		}
		if got := API(o.GitHub); got != c.api {
			t.Errorf("the API of %q is at %s, want %s", c.github, got, c.api)
		}
	}
}
