// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// DagPaths lists the files below a folder that a pattern stands for, sorted. "**" as a part of its own stands for any number of
// folders; everything else is as in path.Match.
func DagPaths(tree fs.FS, folder, pattern string) ([]string, error) {
	parts := strings.Split(pattern, "/")
	if !slices.Contains(parts, "**") {
		if strings.Contains(pattern, "**") {
			return nil, path.ErrBadPattern
		}
		return fs.Glob(tree, path.Join(literalPattern(folder), pattern))
	}
	for _, part := range parts {
		if _, err := path.Match(part, ""); err != nil || part != "**" && strings.Contains(part, "**") {
			return nil, path.ErrBadPattern
		}
	}
	root := path.Join(folder, BeforeWildcard(pattern))
	var out []string
	err := fs.WalkDir(tree, root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below := file
		if folder != "." {
			below = strings.TrimPrefix(file, folder+"/")
		}
		if !entry.IsDir() && matchParts(parts, strings.Split(below, "/")) {
			out = append(out, file)
		}
		return nil
	})
	if _, missing := fs.Stat(tree, root); missing != nil {
		return nil, nil //nolint:nilerr // a folder that is not there has no files
	}
	return out, err
}

// matchParts reports whether the parts of a path are what the parts of a pattern stand for.
func matchParts(pattern, names []string) bool {
	// possible[i] reports whether the pattern so far stands for the first i names.
	possible := make([]bool, len(names)+1)
	possible[0] = true
	for _, part := range pattern {
		next := make([]bool, len(names)+1)
		for i := range possible {
			switch {
			case part == "**":
				next[i] = possible[i] || i > 0 && next[i-1]
			case i > 0 && possible[i-1]:
				next[i], _ = path.Match(part, names[i-1])
			}
		}
		possible = next
	}
	return possible[len(names)]
}

// literalPattern returns the pattern that a folder's own name alone is of, whatever the name holds.
func literalPattern(folder string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder)
}

// BeforeWildcard is the folder of a pattern that no wildcard is in.
func BeforeWildcard(pattern string) string {
	dir := path.Dir(pattern)
	for strings.ContainsAny(dir, `*?[\`) {
		dir = path.Dir(dir)
	}
	return dir
}

// DagsFolder is the folder that all DAG files of a project are in, by their patterns: what Airflow has for the folder of DAGs where Trunkline deploys
// them, so that Python imports by paths from there.
func DagsFolder(dir string, patterns []string) string {
	around := ""
	for _, pattern := range patterns {
		root := path.Join(dir, BeforeWildcard(path.Clean(pattern)))
		if around == "" {
			around = root
		}
		for around != "." && around != root && !strings.HasPrefix(root, around+"/") {
			around = path.Dir(around)
		}
	}
	return around
}

// ignoreFile has the patterns of files that Airflow does not load.
const ignoreFile = ".airflowignore"

var ignoreComment = regexp.MustCompile(`\s*#.*`)

// ignored reports whether an .airflowignore between the folder of the DAGs and the file keeps Airflow from loading it. Its
// patterns are regular expressions in Airflow 2, and those of .gitignore in Airflow 3.
func (f dagFile) ignored(tree fs.FS, version v1alpha1.AirflowVersion) bool {
	names := strings.Split(strings.TrimPrefix(f.path, f.root+"/"), "/")
	if f.root == "." {
		names = strings.Split(f.path, "/")
	}
	var expressions []*regexp.Regexp
	var patterns []gitignore.Pattern
	for i := range names {
		data, err := fs.ReadFile(tree, path.Join(append([]string{f.root}, append(slices.Clone(names[:i]), ignoreFile)...)...))
		if err == nil {
			for line := range strings.Lines(string(data)) {
				line = strings.TrimSpace(ignoreComment.ReplaceAllString(line, ""))
				if line == "" {
					continue
				}
				if version != v1alpha1.Airflow2 {
					patterns = append(patterns, gitignore.ParsePattern(line, names[:i]))
				} else if e, err := regexp.Compile(line); err == nil { // Airflow skips the others too
					expressions = append(expressions, e)
				}
			}
		}
		below := strings.Join(names[:i+1], "/")
		if slices.ContainsFunc(expressions, func(e *regexp.Regexp) bool { return e.MatchString(below) }) {
			return true
		}
		if len(patterns) > 0 && gitignore.NewMatcher(patterns).Match(names[:i+1], i+1 < len(names)) {
			return true
		}
	}
	return false
}
