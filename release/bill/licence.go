// SPDX-License-Identifier: Apache-2.0

package bill

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
	"golang.org/x/mod/module"
)

// noAssertion is SPDX' word for what is not known.
const noAssertion = "NOASSERTION"

// enough is how much of a file has to be a licence, in percent, for it to be one.
const enough = 75

// Licences reads which ones modules have from their files, which are in the folder of downloaded modules.
type Licences struct{ Cache string }

// of is the expression of a module's licences, such as "MIT" or "Apache-2.0 AND MIT".
func (l Licences) of(path, version string) string {
	escaped, err := module.EscapePath(path)
	if err != nil {
		return noAssertion
	}
	at, err := module.EscapeVersion(version)
	if err != nil {
		return noAssertion
	}
	return inFolder(filepath.Join(l.Cache, escaped+"@"+at))
}

// inFolder is the same for the files of a folder.
func inFolder(dir string) string {
	files, err := os.ReadDir(dir)
	if err != nil {
		return noAssertion
	}
	var found []string
	for _, f := range files {
		name := strings.ToUpper(f.Name())
		if !f.Type().IsRegular() || !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "COPYING") && !strings.HasPrefix(name, "UNLICENSE") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			continue
		}
		cover := licensecheck.Scan(text)
		if cover.Percent < enough {
			continue
		}
		for _, m := range cover.Match {
			if !m.IsURL {
				found = append(found, m.ID)
			}
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if len(found) == 0 {
		return noAssertion
	}
	return strings.Join(found, " AND ")
}
