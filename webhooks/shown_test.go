// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// hostile is a name that breaks out of where names are, if anything does.
const hostile = "a`|@acme/team-platform <img src=x> [x](https://evil.example) ✅ #1"

// TestHostileNames: names that a stranger chooses are nothing but names.
func TestHostileNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		w.pull(1, "mallory", newImage())
		w.change(1, func(p *Pull) { p.Title, p.Head.Ref = hostile, hostile })
		w.conflicts[1] = []string{"projects/" + hostile}
		w.pull(2, "mallory", platform().with(files{"projects/" + hostile + "/app.yaml": "apiVersion: [\n"}))
		e := w.engine()
		w.during(e, func() {
			w.say(1, "mallory", "/trunkline "+hostile)
			w.say(1, "mallory", "/trunkline explain "+hostile)
			w.take(e, Hint{Pull: 1, Comment: true})
		})
		var texts []string
		for _, c := range w.comments {
			if c.Ours {
				texts = append(texts, c.Body)
			}
		}
		for _, c := range w.checks {
			texts = append(texts, c.Summary, c.Text)
		}
		if len(texts) < 6 {
			t.Fatalf("there is too little to look at: %q", texts)
		}
		for _, text := range texts {
			for _, bad := range []string{"@acme", "<img", "](https://evil", "#1 "} {
				if strings.Contains(withoutCode(text), bad) {
					t.Errorf("%q is more than text in:\n%s", bad, text)
				}
			}
		}
	})
}

// withoutCode leaves out what is within backticks.
func withoutCode(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		for i, part := range strings.Split(line, "`") {
			if i%2 == 0 {
				b.WriteString(part)
			}
		}
	}
	return b.String()
}

// secretly renders a Secret whose value is the image of the project, and fails with it in the message if that says so.
type secretly struct{}

func (secretly) Render(_ context.Context, tree fs.FS, rel catalog.Release) (out render.Result, err error) {
	data, err := fs.ReadFile(tree, "projects/"+rel.ID.Project+"/app.yaml")
	if err != nil {
		return out, err
	}
	_, rest, _ := strings.Cut(string(data), "image: ")
	image, _, _ := strings.Cut(rest, ",")
	if strings.HasPrefix(image, "broken") {
		return out, errors.New("template secret.yaml:3: " + image + " is no password")
	}
	out.Objects = []*unstructured.Unstructured{{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "app", "namespace": rel.Namespace}, "stringData": map[string]any{"password": image, "sealed": "ENC[AES256_GCM,data:" + image + "]"},
	}}}
	return out, nil
}

// TestSecretsInReviews: of a Secret the comment and the check say that it changes, and neither value; and of a fork no message
// of a rendering that failed, in which there could be one.
func TestSecretsInReviews(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, image string
		fork          bool
		want          CheckState
		says          string
	}{
		"Changed":      {"That it changes is said.", "hunter2", false, Success, "changed"},
		"ChangedFork":  {"Also of a fork.", "hunter2", true, Success, "Secret"},
		"MessageFork":  {"A message may hold a value.", "broken-hunter2", true, Failure, "not shown for forks"},
		"UnjudgedFork": {"A stranger learns no more.", "hunter2", true, Success, "password"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				files := platform().with(files{"projects/orders/app.yaml": strings.Replace(platform()["projects/orders/app.yaml"], "image: img", "image: "+tc.image, 1)})
				w := newWorld(t, platform())
				w.pull(1, "olga", files)
				w.change(1, func(p *Pull) { p.Fork, p.HeadOwner = tc.fork, "olga" })
				w.rerender(secretly{})
				w.during(w.engine(func(o *Options) { o.Renderer = secretly{} }), func() {})
				if got := w.verdictOn(files.sha()); got != tc.want {
					t.Errorf("%s The check is %s, want %s", tc.reason, got, tc.want)
				}
				all := ""
				for _, c := range w.comments {
					all += c.Body
				}
				for _, c := range w.checks {
					all += c.Title + c.Summary + c.Text
				}
				if strings.Contains(all, "hunter2") || strings.Contains(all, "ENC[") {
					t.Errorf("%s A value is shown:\n%s", tc.reason, all)
				}
				if !strings.Contains(all, tc.says) {
					t.Errorf("%s Nothing says %q:\n%s", tc.reason, tc.says, all)
				}
			})
		})
	}
}
