// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	// folder is where a repository's own templates are, as in templates/project/ours.
	folder = "templates"
	// About is the file that describes a template.
	About = "template.yaml"
	// suffix is that of the files that are filled in; it is taken away.
	suffix = ".tmpl"
	// ItemFile is the file of a workload's template that goes into the list of workloads of the project.
	ItemFile = "workload.yaml"
)

// Template makes the files of a declaration.
type Template struct {
	Kind Kind
	Name string
	// Own reports whether the template is the repository's, and not one of the embedded.
	Own bool
	// From says where the template is, as the record of a project does: "trunkline" for an embedded one, its folder in the repository, or the
	// address of another repository's. Commit is the one of the other repository that was read; else empty.
	From, Commit string
	// Digest identifies all that the template is.
	Digest      string
	Description string
	Questions   []Question

	files []File
}

// Question asks for something that the template cannot know.
type Question struct {
	// Name is that of the answer, as templates and --set call it: letters, digits and "_".
	Name string `yaml:"name"`
	// Prompt is what people are asked.
	Prompt string `yaml:"prompt"`
	// Default is used without an answer; it is a template as files are. Default: none.
	Default string `yaml:"default"`
	// Pattern is a regular expression that the whole answer matches; default: any text that is not empty.
	Pattern string `yaml:"pattern"`

	pattern *regexp.Regexp
}

// Names lists the templates of a kind, embedded and of the tree, sorted.
func Names(tree fs.FS, kind Kind) ([]string, error) {
	var names []string
	for _, from := range []fs.FS{embedded, tree} {
		entries, err := fs.ReadDir(from, path.Join(folder, string(kind)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the templates of the kind %q: %w", kind, err)
		}
		for _, e := range entries {
			if e.IsDir() {
				names = append(names, e.Name())
			}
		}
	}
	if len(names) > maxTemplates {
		return nil, fmt.Errorf("%s holds more than %d templates", path.Join(folder, string(kind)), maxTemplates)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Open reads a template: the tree's own, or else the embedded one of that name.
func Open(tree fs.FS, kind Kind, name string) (*Template, error) {
	names, err := Names(tree, kind)
	if err != nil {
		return nil, err
	}
	if !known(kind) || !slices.Contains(names, name) {
		return nil, fmt.Errorf("there is no template %q of a %s: %s", name, kind, v1alpha1.Instead(name, names))
	}
	dir := path.Join(folder, string(kind), name)
	from, own := fs.FS(embedded), false
	if _, err := fs.Stat(tree, dir); err == nil {
		from, own = tree, true
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the template %q: %w", dir, err)
	}
	sub, err := fs.Sub(from, dir)
	if err != nil {
		return nil, fmt.Errorf("reading the template %q: %w", dir, err)
	}
	t := &Template{Kind: kind, Name: name, Own: own, From: BuiltIn}
	if own {
		t.From = dir
	}
	if err := t.read(sub); err != nil {
		return nil, fmt.Errorf("the template %q cannot be used: %w", dir, err)
	}
	return t, nil
}

// BuiltIn is where the embedded templates are from.
const BuiltIn = "trunkline"

// Read reads a template that is a folder of its own, of another repository. From is its address there.
func Read(dir fs.FS, kind Kind, from, commit string) (*Template, error) {
	t := &Template{Kind: kind, Name: from, Own: true, From: from, Commit: commit}
	if err := t.read(dir); err != nil {
		return nil, fmt.Errorf("the template %q cannot be used: %w", from, err)
	}
	return t, nil
}

// read reads all files of the template.
func (t *Template) read(from fs.FS) error {
	total, described := 0, false
	sum := sha256.New()
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case strings.Count(name, "/") >= maxDepth:
			return fmt.Errorf("%q is more than %d folders deep", name, maxDepth)
		case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar || r == '\\' }):
			return fmt.Errorf("the name %q cannot be printed, or holds a backslash", name)
		case entry.IsDir():
			return nil
		case !entry.Type().IsRegular():
			return fmt.Errorf("%q is not a file", name)
		case len(t.files) == maxFiles:
			return fmt.Errorf("there are more than %d files", maxFiles)
		}
		data, err := readBounded(from, name)
		if err != nil {
			return err
		}
		if total += len(data); total > maxTotalBytes {
			return fmt.Errorf("the files are more than %d bytes together", maxTotalBytes)
		}
		if path.Base(name) == RecordFile {
			return fmt.Errorf("%q is what Trunkline itself writes", name)
		}
		fmt.Fprintf(sum, "%d %s %d\n%s", len(name), name, len(data), data)
		if name == About {
			described = true
			return t.describe(data)
		}
		t.files = append(t.files, File{Path: name, Data: data})
		return nil
	})
	switch {
	case err != nil:
		return err
	case !described:
		return fmt.Errorf("there is no %s", About)
	case len(t.files) == 0:
		return errors.New("there are no files to write")
	}
	if a, b := alike(t.files); a != "" {
		return fmt.Errorf("%q and %q are one file where capital letters do not count, as on macOS and Windows: rename one", a, b)
	}
	if t.Kind == Workload && !slices.ContainsFunc(t.files, func(f File) bool { return strings.TrimSuffix(f.Path, suffix) == ItemFile }) {
		return fmt.Errorf("there is no %s: it is inserted into the list of workloads of the project", ItemFile+suffix)
	}
	t.Digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return nil
}

func readBounded(from fs.FS, name string) ([]byte, error) {
	f, err := from.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(data) > maxFileBytes {
		err = fmt.Errorf("%q is larger than %d bytes", name, maxFileBytes)
	}
	return data, err
}

// describe reads template.yaml.
func (t *Template) describe(data []byte) error {
	var said struct {
		Description string     `yaml:"description"`
		Questions   []Question `yaml:"questions"`
	}
	parser := yaml.NewDecoder(bytes.NewReader(data))
	parser.KnownFields(true)
	if err := parser.Decode(&said); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", About, readable(err))
	}
	if len(said.Questions) > maxQuestions {
		return fmt.Errorf("%s: there are more than %d questions", About, maxQuestions)
	}
	if len(said.Description) > maxText {
		return fmt.Errorf("%s: the description is longer than %d bytes", About, maxText)
	}
	t.Description, t.Questions = strings.Join(strings.Fields(said.Description), " "), said.Questions
	asked := map[string]bool{}
	for i := range t.Questions {
		q := &t.Questions[i]
		if err := q.check(); err != nil {
			return fmt.Errorf("%s: questions[%d]: %w", About, i, err)
		}
		if asked[q.Name] {
			return fmt.Errorf("%s: questions[%d]: %q is asked twice", About, i, q.Name)
		}
		asked[q.Name] = true
	}
	return nil
}

var questionName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

func (q *Question) check() (err error) {
	for _, text := range []string{q.Name, q.Prompt, q.Default, q.Pattern} {
		if len(text) > maxText {
			return fmt.Errorf("a string is longer than %d bytes", maxText)
		}
	}
	q.Prompt = strings.Join(strings.Fields(q.Prompt), " ")
	switch {
	case !questionName.MatchString(q.Name):
		return fmt.Errorf("%q is not the name of an answer: use letters, digits and \"_\"", q.Name)
	case slices.Contains(factNames(), q.Name):
		return fmt.Errorf("%q is always known: choose another name", q.Name)
	case q.Prompt == "":
		return fmt.Errorf("the question %q has no prompt", q.Name)
	}
	pattern := q.Pattern
	if pattern == "" {
		pattern = ".+"
	}
	if q.pattern, err = regexp.Compile("^(?:" + pattern + ")$"); err != nil {
		return fmt.Errorf("the pattern of %q: %w", q.Name, err)
	}
	return nil
}

// CheckName holds the name of what is to be made to what Kubernetes takes.
func CheckName(name string) error {
	if len(validation.IsDNS1123Label(name)) > 0 {
		return fmt.Errorf("%q is not a name: use lower-case letters, digits and dashes, at most %d characters, "+
			"with a letter or digit at both ends", name, validation.DNS1123LabelMaxLength)
	}
	return nil
}
