// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"

	"trunkline.dev/trunkline/api/v1alpha1"
)

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
