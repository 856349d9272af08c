// SPDX-License-Identifier: Apache-2.0

package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// location returns a place as SARIF has it. GitHub wants all four ends of a region, so a file as a whole is its first
// character and a line as a whole is all of it.
func (q quotes) location(at v1alpha1.Position) sarifLocation {
	region := sarifRegion{StartLine: max(1, at.Line), StartColumn: max(1, at.Column)}
	region.EndLine, region.EndColumn = region.StartLine, region.StartColumn
	if l, ok := q.at(at); ok {
		end := len(l)
		if at.Column > 0 {
			end = token(l, min(at.Column-1, len(l)), isYAML(at.File))
		}
		region.EndColumn = max(region.StartColumn, end+1)
	}
	return sarifLocation{PhysicalLocation: sarifPhysical{
		ArtifactLocation: sarifArtifact{URI: uri(at.File), URIBaseID: srcRoot}, Region: region,
	}}
}

// related returns the places of a trace, numbered from 1.
func (q quotes) related(p v1alpha1.Problem) []sarifLocation {
	var out []sarifLocation
	for i, s := range p.Trace {
		if i == maxRelated {
			break
		}
		l := q.location(s.Position)
		l.ID = i + 1
		l.Message = &sarifText{Text: stepText(s, i)}
		out = append(out, l)
	}
	return out
}

func stepText(s v1alpha1.Step, i int) string {
	if text := clean(s.Message, maxMessage); text != "" {
		return text
	}
	return "step " + strconv.Itoa(i+1)
}

// sarifMessage is the message, the hint, and the steps as links to their places.
func sarifMessage(p v1alpha1.Problem) sarifText {
	var b strings.Builder
	b.WriteString(unlinked(sentence(p)))
	if hint := clean(p.Hint, maxMessage); hint != "" {
		b.WriteString("\nHelp: " + unlinked(hint))
	}
	for i, s := range p.Trace {
		if i == maxRelated {
			fmt.Fprintf(&b, "\n… and %s", number.Count(len(p.Trace)-i, "further step"))
			break
		}
		fmt.Fprintf(&b, "\n%d. [%s](%d)", i+1, escapeLink(stepText(s, i)), i+1)
	}
	return sarifText{Text: b.String()}
}

// unlinked keeps a text from being read as a link. Brackets alone are left as they are: not every viewer knows the escape.
func unlinked(s string) string {
	if strings.Contains(s, "](") {
		return escapeLink(s)
	}
	return s
}

func escapeLink(s string) string {
	return strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`).Replace(s)
}

// uri returns the path of a file as a relative reference. Everything but letters, digits and a few marks is escaped, so
// that no name has a meaning in it: a first part with a colon would be a scheme, and two slashes at the beginning a host.
func uri(file string) string {
	if file == "" {
		file = noFile
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(file) {
		c := file[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0 || c == '/' && i > 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

// moving is what changes in a problem when lines or other fields are put in before it: places in its message, and
// indexes in its path.
var moving = regexp.MustCompile(`:[0-9]+(:[0-9]+)?|\bline [0-9]+|\[[0-9]+\]`)

// fingerprints counts the problems that are alike.
type fingerprints map[string]int

// of returns the problem's identity from one commit to the next: its rule, file, field and message, without numbers of
// lines. Of several alike, each has its number. GitHub reads the first of the two names only.
func (f fingerprints) of(p v1alpha1.Problem) map[string]string {
	text := strings.Join([]string{p.Rule, p.Position.File, moving.ReplaceAllString(p.Path, ""), moving.ReplaceAllString(p.Message, "")}, "\x00")
	sum := sha256.Sum256([]byte(text))
	id := hex.EncodeToString(sum[:16])
	f[id]++
	id += ":" + strconv.Itoa(f[id])
	return map[string]string{"primaryLocationLineHash": id, "trunkline/v1": id}
}
