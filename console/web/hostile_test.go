// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"trunkline.dev/trunkline/console/web/webtest"
	"trunkline.dev/trunkline/reconciler/status"
)

// elements are the names of all elements and attributes of a page, in order: what others wrote must not add to them.
func elements(t *testing.T, page string) string {
	t.Helper()
	var b strings.Builder
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return b.String()
		}
		if kind == html.TextToken || kind == html.CommentToken {
			continue
		}
		token := z.Token()
		fmt.Fprintf(&b, "%s %s", kind, token.Data)
		for _, a := range token.Attr {
			b.WriteString(" " + a.Key)
		}
		b.WriteString("\n")
	}
}

// blank is Hostile without anything to be hostile with.
var blank = regexp.MustCompile(`[^a-z ]`).ReplaceAllString(strings.ToLower(webtest.Hostile), "x")

// TestHostileTexts: a page whose texts of others are hostile has just the elements and attributes of one whose are not.
func TestHostileTexts(t *testing.T) {
	for name, hostile := range map[string]string{
		"All": webtest.Hostile, "Tag": "<script>alert(1)</script>", "Attribute": `" autofocus onfocus="alert(1)`, "Entity": "&lt;script&gt;&#0;", "Comment": "<!-- --!> <![CDATA[",
		"Template": "{{.}}</template>", "Address": "javascript:alert(1)", "Broken": "\xff\xfe<\x00b>", "Title": "</title><base href=//evil.example>", "SVG": "<svg/onload=alert(1)>",
	} {
		t.Run(name, func(t *testing.T) {
			pages := func(text string) map[string]string {
				d := webtest.StartSaying(t, text)
				d.Board.SetSource(func(s *status.Source) {
					for _, c := range []**status.Commit{&s.Accepted, &s.Head} {
						changed := **c
						changed.Subject, changed.Author = text, text
						*c = &changed
					}
					s.Notice, s.Images = text, text
				})
				d.Board.SetCluster(status.Cluster{Name: "west", Reachable: true, Warning: text})
				for i := range d.Page.Events {
					e := &d.Page.Events[i]
					e.By, e.Why, e.Message, e.Object, e.Fields = text, text, text, text, []string{text}
				}
				for _, r := range webtest.State(text).Releases {
					d.Board.SetRelease(r.ReleaseID, func(r *status.Release) {
						r.Owner, r.Message, r.Kept, r.Namespace, r.Placed = text, text, []string{text}, text, text
						r.Held = &status.Held{Rule: text, Reason: text, Commit: text, Person: true}
						r.Cause = &status.Cause{Object: text, Code: text, Log: []string{text}, Notes: []string{text}}
						r.Drifts = []status.Drift{{Object: text, Fields: []string{text}, Manager: text}, {Object: text, What: text, Manager: text, Corrected: true}}
						r.Additions = []status.Addition{{Object: text, Fields: []string{text}, Manager: text}}
						r.Instead = []status.Difference{{Object: text, Field: text, Declared: text, Runs: text}}
					})
				}
				out := map[string]string{}
				for _, paths := range webtest.Paths() {
					for _, path := range paths {
						out[path] = get(t, d, path).body
					}
				}
				return out
			}
			plain := pages(blank)
			for path, page := range pages(hostile) {
				if got, want := elements(t, page), elements(t, plain[path]); got != want {
					t.Errorf("%s has other elements than with a harmless text", path)
				}
				for what, pattern := range forbidden {
					if found := pattern.FindString(page); found != "" {
						t.Errorf("%s has %s: %s", path, what, found)
					}
				}
			}
		})
	}
}
