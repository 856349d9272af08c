// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	// recursed is where Kustomize goes into another folder: what comes behind the last is what went wrong there. Before it stands
	// that the folder is no file, which was tried first.
	recursed = regexp.MustCompile(`recursed accumulation of path '([^']*)': `)
	// accumulated is what went wrong in a file, with that it is no folder behind it.
	accumulated = regexp.MustCompile(`^accumulating resources: accumulation err='(?:accumulating|merging) resources from '[^']*': (.*)': must build at directory: '([^']*)': file is not directory$`)
	// step is what Kustomize was doing.
	step = regexp.MustCompile(`^(?:accumulating (?:resources|components)|accumulateDirectory|merging resources from '[^']*'): "?`)
	// resID is how Kustomize names a resource: kind, version and group, then name and namespace.
	resID = regexp.MustCompile(`\b([A-Z][A-Za-z0-9]*)\.(?:\[noVer\]|v[a-z0-9]+)\.(?:\[noGrp\]|[a-z0-9.-]+)/([^\s"';]+?)\.(?:\[noNs\]|([a-z0-9-]+))(?:$|[\s"';:])`)
	// nameless is the Go value of an object without a name.
	nameless = regexp.MustCompile(`missing metadata\.name in object \{\{\S* (\w+)\} .*`)
	twice    = regexp.MustCompile(`^may not add resource with an already registered id: (.*)$`)
	noTarget = regexp.MustCompile(`^no resource matches strategic merge patch "([^"]*)".*$`)
	noValue  = regexp.MustCompile(`^(\w+) operation does not apply: (.*)$`)
)

// cause takes the cause out of what Kustomize says on its way back to it, and names the file or folder where it is, if that is not the
// one that is built.
func cause(dir, text string) string {
	where := ""
	if all := recursed.FindAllStringSubmatchIndex(text, -1); len(all) > 0 {
		last := all[len(all)-1]
		where, text = text[last[2]:last[3]], text[last[1]:]
		if inner, quoted := strings.CutSuffix(text, `"`); quoted {
			text = strings.ReplaceAll(inner, `\"`, `"`)
		}
	}
	if m := accumulated.FindStringSubmatch(text); m != nil {
		text, where = m[1], m[2]
	}
	for {
		m := step.FindString(text)
		if m == "" {
			break
		}
		text = text[len(m):]
	}
	text = resID.ReplaceAllStringFunc(text, func(id string) string {
		m := resID.FindStringSubmatch(id)
		name, behind := m[2], id[len(strings.TrimRight(id, "\"'; :")):]
		if m[3] != "" {
			name = m[3] + "/" + name
		}
		return fmt.Sprintf("%s %s%s", m[1], name, behind)
	})
	switch {
	case twice.MatchString(text):
		text = twice.ReplaceAllString(text, "$1 is there twice")
	case noTarget.MatchString(text):
		text = noTarget.ReplaceAllString(text, "a patch is for $1, and there is no such resource")
	case nameless.MatchString(text):
		text = nameless.ReplaceAllString(text, "a $1 has no metadata.name")
	case noValue.MatchString(text):
		text = noValue.ReplaceAllString(text, `a JSON patch with "op: $1" does not apply: $2`)
	}
	if where == "" || where == dir {
		return text
	}
	return where + ": " + text
}
