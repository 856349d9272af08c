// SPDX-License-Identifier: Apache-2.0

package build

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

const (
	ignoreFile = ".gitignore"
	// maxIgnore bounds such a file, and maxPatterns how many patterns there are: each is tried for each file.
	maxIgnore   = 64 << 10
	maxPatterns = 2000
)

// never are the patterns of what tools leave behind. Whoever does want something of it writes "!name" in exclude.
var never = []string{
	".git", "__pycache__/", "*.pyc", ".venv/", ".ipynb_checkpoints/", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".tox/", "node_modules/", ".terraform/",
	".DS_Store", ".idea/", ".vscode/",
}

// Above is a .gitignore of a folder that the tree is in.
type Above struct {
	// Folder is where it is in the repository, "." for its root.
	Folder  string
	Content []byte
}

// rules are the patterns that hold in a folder, the last of which counts. They name paths from the root of the repository.
type rules struct {
	// prefix is where the tree is in the repository.
	prefix []string
	above  []gitignore.Pattern
	own    []gitignore.Pattern
}

func newRules(s Source, exclude []string) (rules, error) {
	r := rules{prefix: steps(s.Prefix)}
	for _, p := range never {
		r.above = append(r.above, gitignore.ParsePattern(p, nil))
	}
	for _, a := range s.Above {
		more, err := parsed(a.Content, steps(a.Folder))
		if err != nil {
			return rules{}, fmt.Errorf("%s: %w", path.Join(a.Folder, ignoreFile), err)
		}
		r.above = append(r.above, more...)
	}
	r, err := r.to(s.Tree, ".", s.Dir)
	if err != nil {
		return rules{}, err
	}
	domain := append(append([]string(nil), r.prefix...), steps(s.Dir)...)
	for _, p := range exclude {
		r.own = append(r.own, gitignore.ParsePattern(p, domain))
	}
	return r, nil
}

// steps are the names on a path; none for the root.
func steps(name string) []string {
	if name = path.Clean(name); name == "." {
		return nil
	}
	return strings.Split(name, "/")
}

// to adds what is said in a folder, and in those between.
func (r rules) to(tree fs.FS, from, folder string) (rules, error) {
	r, err := r.in(tree, from)
	for _, step := range steps(folder) {
		if err != nil {
			break
		}
		from = path.Join(from, step)
		r, err = r.in(tree, from)
	}
	return r, err
}

// in adds what the .gitignore of a folder says.
func (r rules) in(tree fs.FS, folder string) (rules, error) {
	name := path.Join(folder, ignoreFile)
	info, err := fs.Stat(tree, name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return r, nil
	}
	if err == nil && info.Size() > maxIgnore {
		return r, fmt.Errorf("%s has more than %d bytes", name, maxIgnore)
	}
	var data []byte
	if err == nil {
		data, err = fs.ReadFile(tree, name)
	}
	if err != nil {
		return r, fmt.Errorf("reading %s: %w", name, err)
	}
	more, err := parsed(data, append(append([]string(nil), r.prefix...), steps(folder)...))
	if err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	r.above = append(append([]gitignore.Pattern(nil), r.above...), more...)
	if len(r.above) > maxPatterns {
		return r, fmt.Errorf("%s: there are more than %d patterns of what is ignored", name, maxPatterns)
	}
	return r, nil
}

func parsed(data []byte, domain []string) (out []gitignore.Pattern, err error) {
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if out = append(out, gitignore.ParsePattern(line, domain)); len(out) > maxPatterns {
			return nil, fmt.Errorf("there are more than %d patterns of what is ignored", maxPatterns)
		}
	}
	return out, nil
}

// out reports whether a path of the tree is left out.
func (r rules) out(name string, folder bool) bool {
	full := append(append([]string(nil), r.prefix...), steps(name)...)
	for _, all := range [][]gitignore.Pattern{r.own, r.above} {
		for _, pattern := range slices.Backward(all) {
			if found := pattern.Match(full, folder); found != gitignore.NoMatch {
				return found == gitignore.Exclude
			}
		}
	}
	return false
}
