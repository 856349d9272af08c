// SPDX-License-Identifier: Apache-2.0

package rules_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/examples/broken"
	"trunkline.dev/trunkline/policy"
)

// cases are platforms that break one rule each. The examples of a page are parts of them: what is below "Bad" stands in
// the files of the case, and what is below "Good" fixes the case when it is put in its place.
const cases = "../../examples/broken"

var now = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

// excerpt is what an example shows of a file: lines that follow each other, in one part or several.
type excerpt struct {
	file  string
	parts []string
	// deleted reports whether there is no such file.
	deleted bool
}

// excerpts reads the code of a section. A comment with the name of a file begins what is shown of it, and "# …" stands
// for lines that are left out.
func excerpts(section string) (out []excerpt, err error) {
	_, code, ok := strings.Cut(section, "```yaml\n")
	code, _, closed := strings.Cut(code, "```")
	if !ok || !closed {
		return nil, errors.New("there is no example in YAML")
	}
	for line := range strings.Lines(code) {
		comment, isComment := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "# ")
		name, deleted := strings.CutSuffix(comment, ": deleted")
		switch {
		case isComment && comment == "…" && len(out) > 0:
			out[len(out)-1].parts = append(out[len(out)-1].parts, "")
		case isComment && (path.Ext(name) != "" || path.Base(name) == "CODEOWNERS") && !strings.Contains(name, " "):
			out = append(out, excerpt{file: name, parts: []string{""}, deleted: deleted})
		case len(out) == 0:
			return nil, fmt.Errorf("the example does not begin with the name of a file: %q", line)
		default:
			last := &out[len(out)-1]
			last.parts[len(last.parts)-1] += line
		}
	}
	return out, nil
}

// indented returns lines with so much more indentation.
func indented(lines string, by int) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		if strings.TrimSpace(line) != "" {
			b.WriteString(strings.Repeat(" ", by))
		}
		b.WriteString(line)
	}
	return b.String()
}

// find finds lines in a text, with the same indentation for all of them, and tells which that is.
func find(text, lines string) (at, by int, err error) {
	at = -1
	for n := range 16 {
		shown := indented(lines, n)
		for from := 0; ; {
			i := strings.Index(text[from:], shown)
			if i < 0 {
				break
			}
			if from += i; from == 0 || text[from-1] == '\n' {
				if at >= 0 {
					return 0, 0, fmt.Errorf("stands there more than once:\n%s", lines)
				}
				at, by = from, n
			}
			from++
		}
	}
	if at < 0 {
		return 0, 0, fmt.Errorf("does not stand there:\n%s", lines)
	}
	return at, by, nil
}

// files reads a case.
func files(t *testing.T, id string) fstest.MapFS {
	t.Helper()
	tree := fstest.MapFS{}
	dir := os.DirFS(cases + "/" + id)
	err := fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dir, name)
		tree[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatalf("a rule without a case: %v", err)
	}
	return tree
}

// fix puts what is good in the place of what is bad.
func fix(tree fstest.MapFS, bad, good []excerpt) error {
	shown := map[string]excerpt{}
	for _, e := range bad {
		shown[e.file] = e
	}
	for _, e := range good {
		was, ok := shown[e.file]
		delete(shown, e.file)
		switch {
		case e.deleted:
			delete(tree, e.file)
			continue
		case !ok || len(was.parts) != len(e.parts):
			return fmt.Errorf("%s: the good example has %d parts, and the bad one %d", e.file, len(e.parts), len(was.parts))
		}
		text := string(tree[e.file].Data)
		for i, part := range was.parts {
			at, by, err := find(text, part)
			if err != nil {
				return fmt.Errorf("%s: %w", e.file, err)
			}
			text = text[:at] + indented(e.parts[i], by) + text[at+len(indented(part, by)):]
		}
		tree[e.file] = &fstest.MapFile{Data: []byte(text)}
	}
	for file := range shown {
		return fmt.Errorf("%s: it is in the bad example and not in the good one", file)
	}
	return nil
}

func check(t *testing.T, tree fs.FS) *broken.Verdict {
	t.Helper()
	verdict, err := broken.Check(t.Context(), tree, now)
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

// ours are the rules whose examples are platforms; those of Airflow's files are held to Airflow itself, elsewhere.
func ours(t *testing.T) (ids []string) {
	t.Helper()
	for _, id := range slices.Sorted(maps.Keys(all(t))) {
		if !strings.HasPrefix(id, "airflow-") {
			ids = append(ids, id)
		}
	}
	return ids
}

// TestExamples breaks the rule by the bad example of its page, and nothing by the good one.
func TestExamples(t *testing.T) {
	for _, id := range ours(t) {
		t.Run(id, func(t *testing.T) {
			_, text := sections(all(t)[id].Page)
			bad, err := excerpts(text["Bad"])
			if err != nil {
				t.Fatal(err)
			}
			good, err := excerpts(text["Good"])
			if err != nil {
				t.Fatal(err)
			}
			tree := files(t, id)
			for _, e := range bad {
				if _, ok := tree[e.file]; !ok {
					t.Fatalf("the bad example shows %s, which is not in %s/%s", e.file, cases, id)
				}
			}
			verdict := check(t, tree)
			if diff := cmp.Diff([]string{id}, verdict.Broken()); diff != "" {
				t.Errorf("the bad example breaks its rule alone: -want +got:\n%s", diff)
			}
			if err := fix(tree, bad, good); err != nil {
				t.Fatal(err)
			}
			problems := slices.DeleteFunc(check(t, tree).Problems, func(p v1alpha1.Problem) bool {
				return p.Rule == policy.RuleRemoval && id != p.Rule // that something is removed is said, and no mistake
			})
			if len(problems) > 0 {
				t.Errorf("the good example breaks something:\n%s", problems)
			}
		})
	}
}

// TestSilencing does what each page says below "Silence it", and looks that nothing is shown any more. What checks a
// change is the platform before it.
func TestSilencing(t *testing.T) {
	for _, id := range ours(t) {
		r := all(t)[id]
		if r.Fixed {
			continue
		}
		t.Run(id, func(t *testing.T) {
			_, text := sections(r.Page)
			how, err := excerpts(text["Silence it"])
			if err != nil {
				t.Fatal(err)
			}
			if len(how) != 1 || how[0].file != "trunkline.yaml" {
				t.Fatalf("the page silences by %v, want trunkline.yaml alone", how)
			}
			tree, platform := files(t, id), "trunkline.yaml"
			if _, ok := tree["before/trunkline.yaml"]; ok {
				platform = "before/trunkline.yaml"
			}
			tree[platform] = &fstest.MapFile{Data: settle(t, tree[platform].Data, how[0].parts[0])}
			verdict := check(t, tree)
			if len(verdict.Problems) > 0 {
				t.Errorf("it is not silent:\n%s", verdict.Problems)
			}
			if exception := strings.Contains(how[0].parts[0], "exceptions:"); exception != (len(verdict.Silenced) > 0) {
				t.Errorf("the page makes an exception: %v; silenced is %v", exception, verdict.Silenced)
			}
		})
	}
}

// settle adds settings to the platform, which is the first document of its file.
func settle(t *testing.T, file []byte, settings string) []byte {
	t.Helper()
	type document map[string]yaml.Node
	first, rest, _ := strings.Cut(string(file), "---\n")
	var platform document
	var spec, more struct{ Spec document }
	for _, d := range []struct {
		text string
		into any
	}{{first, &platform}, {first, &spec}, {settings, &more}} {
		if err := yaml.Unmarshal([]byte(d.text), d.into); err != nil {
			t.Fatal(err)
		}
	}
	for key, value := range more.Spec {
		had := spec.Spec[key]
		value.Content = append(slices.Clone(had.Content), value.Content...)
		if spec.Spec == nil {
			spec.Spec = document{}
		}
		spec.Spec[key] = value
	}
	var node yaml.Node
	if err := node.Encode(spec.Spec); err != nil {
		t.Fatal(err)
	}
	platform["spec"] = node
	out, err := yaml.Marshal(platform)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(out, "---\n"...), rest...)
}
