// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/preview"
)

// Same is the releases to which the same happens, but for the names of projects, environments, clusters, and objects that
// follow from them. It is of several projects only if it happens to all of them at the same places. The first stands for
// all.
type Same []preview.Release

// Group puts the releases of which there is something to say into groups, in the order of their projects and of the
// environments.
func Group(releases []preview.Release, environments []string) (out []Same) {
	columns := columnsOf(releases, environments)
	at := make(map[string]int, len(columns))
	for i, name := range columns {
		at[name] = i
	}
	sorted := slices.SortedStableFunc(slices.Values(releases), func(a, b preview.Release) int {
		return cmp.Or(cmp.Compare(a.ID.Project, b.ID.Project), cmp.Compare(at[a.ID.Environment], at[b.ID.Environment]), a.ID.Compare(b.ID))
	})
	var keys []string
	known := map[string]int{}
	for _, r := range sorted {
		if len(r.Steps) == 0 && r.Err == "" {
			continue
		}
		key := signature(r)
		i, ok := known[r.ID.Project+"\x00"+key]
		if !ok {
			i = len(out)
			known[r.ID.Project+"\x00"+key] = i
			out, keys = append(out, nil), append(keys, key)
		}
		out[i] = append(out[i], r)
	}
	return acrossProjects(out, keys)
}

// acrossProjects joins the groups with the same key and the same places.
func acrossProjects(groups []Same, keys []string) (out []Same) {
	known := map[string]int{}
	for i, s := range groups {
		places := make([]string, 0, 1+2*len(s))
		places = append(places, keys[i])
		for _, r := range s {
			places = append(places, r.ID.Environment, r.ID.Cluster)
		}
		key := strings.Join(places, "\x00")
		if at, ok := known[key]; ok {
			out[at] = append(out[at], s...)
			continue
		}
		known[key] = len(out)
		out = append(out, s)
	}
	return out
}

// digested are the names that end with a digest of the content, as the blueprints make them.
var digested = regexp.MustCompile(`-[0-9a-f]{8,10}$`)

// signature is the same for releases to which the same happens.
func signature(r preview.Release) string {
	// Our own labels are no mention of an environment or cluster that is called "dev".
	pairs := []string{"trunkline.dev/", "\x04/"}
	// Names that end with a digest do so in each environment with another one.
	for _, s := range r.Steps {
		for _, name := range []string{s.Ref.Name, s.Replaces} {
			if at := digested.FindStringIndex(name); at != nil {
				pairs = append(pairs, name, name[:at[0]]+"-\x00")
			}
		}
	}
	names := strings.NewReplacer(pairs...)
	h := sha256.New()
	add := func(text string) {
		text = replaceWord(names.Replace(text), r.ID.Environment, "\x01")
		text = replaceWord(text, r.ID.Cluster, "\x02")
		text = replaceWord(text, r.ID.Project, "\x03")
		fmt.Fprintf(h, "%d\n%s\n", len(text), text)
	}
	add(string(r.Action))
	add(r.Err)
	for _, s := range r.Steps {
		for _, text := range []string{s.Ref.String(), string(s.Action), string(s.Reason), s.Replaces, s.Diff, s.Note, s.Err} {
			add(text)
		}
		for _, d := range s.Drift {
			add(drifting(d))
		}
	}
	return string(h.Sum(nil))
}

// replaceWord replaces a name where it stands by itself: not within letters or digits.
func replaceWord(text, word, by string) string {
	if word == "" {
		return text
	}
	var b strings.Builder
	alone := func(at int) bool { return at < 0 || at >= len(text) || !alphanumeric(text[at]) }
	from := 0
	for {
		i := strings.Index(text[from:], word)
		if i < 0 {
			b.WriteString(text[from:])
			return b.String()
		}
		i += from
		b.WriteString(text[from:i])
		if from = i + len(word); alone(i-1) && alone(from) {
			b.WriteString(by)
		} else {
			b.WriteString(word)
		}
	}
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// Projects are those of the group.
func (s Same) Projects() (out []string) {
	for _, r := range s { // those of one project are together
		if len(out) == 0 || out[len(out)-1] != r.ID.Project {
			out = append(out, r.ID.Project)
		}
	}
	return out
}

// Where lists the environments of the group, with the clusters where they do not say the same.
func (s Same) Where() string {
	var names []string
	clusters := map[string][]string{}
	for _, r := range s {
		if r.ID.Project != s[0].ID.Project {
			break // the others are at the same places
		}
		if !slices.Contains(names, r.ID.Environment) {
			names = append(names, r.ID.Environment)
		}
		clusters[r.ID.Environment] = append(clusters[r.ID.Environment], r.ID.Cluster)
	}
	text := Names(names)
	if len(names) == 1 && len(clusters[names[0]]) > 1 {
		text += " on " + Names(clusters[names[0]])
	}
	return text
}

// lines counts the lines that differ.
func (s Same) lines() (n int) {
	for _, step := range s[0].Steps {
		if step.Action == plan.Delete {
			continue
		}
		for line := range strings.Lines(step.Diff) {
			if strings.HasPrefix(line, "+") || strings.HasPrefix(line, "-") {
				n++
			}
		}
	}
	return n
}

// Detail is how much of a release is told.
type Detail struct {
	// Diffs shows what differs in each object, and Values also what it is: without, only the names of fields.
	Diffs, Values bool
	// Open shows it without being asked to.
	Open bool
}

// Details tell what happens to the objects of a group, folded, in at most so many bytes. It returns how many objects were
// left without their difference; if there is no room at all, the text is empty and that is all of them.
func (s Same) Details(d Detail, room int) (text string, left int) {
	const end = "\n</details>\n\n"
	r := s[0]
	var b strings.Builder
	b.WriteString(s.summary(d))
	if r.Err != "" {
		b.WriteString("**Error:** " + s.reason(r.Err, d) + "\n\n")
	}
	room -= b.Len() + len(end) + len("(9999999 more objects)\n")
	if room < 0 {
		return "", max(len(r.Steps), 1)
	}
	for i, step := range r.Steps {
		item := s.step(step, d)
		if len(item) > room {
			fmt.Fprintf(&b, "\n(%d more objects)\n", len(r.Steps)-i)
			left += len(r.Steps) - i
			break
		}
		b.WriteString(item)
		room -= len(item)
		if step.Diff == "" || step.Action == plan.Delete || !d.Diffs {
			continue // what is deleted needs no reading, only its name
		}
		diff := step.Diff
		if !d.Values {
			diff = WithoutValues(diff)
		}
		if fence := "\n" + markdown.Fence("diff", diff, min(room-1, maxDiffMarkdown)); len(fence) > 1 {
			b.WriteString(fence)
			room -= len(fence)
		} else {
			left++
		}
	}
	return b.String() + end, left
}

func (s Same) summary(d Detail) string {
	r := s[0]
	what := wordOf(r.Action)
	if o := tally(Effects(r), r.Unchanged); o != "" {
		what += ": " + o
	}
	open, same := "", ""
	if d.Open {
		open = " open"
	}
	if len(s) > 1 {
		same = ", the same but for names"
	}
	if n := s.lines(); n > 0 && d.Diffs {
		same += fmt.Sprintf(" (%s)", number.Count(n, "line"))
	}
	return fmt.Sprintf("<details%s><summary>%s in %s %s%s</summary>\n\n", open, boldNames(s.Projects()), s.Where(), what, same)
}

// reason is an error, which may quote what it could not do something with.
func (s Same) reason(text string, d Detail) string {
	if !d.Values {
		return "not shown here; `trunkline plan` has it"
	}
	return markdown.Prose(text, maxWord)
}

func (s Same) step(step preview.Step, d Detail) string {
	var b strings.Builder
	b.WriteString("- " + markdown.Code(step.Ref.String()) + " " + doing(step) + "\n")
	if step.Err != "" {
		b.WriteString("  - **Error:** " + s.reason(step.Err, d) + "\n")
	}
	if step.Note != "" {
		b.WriteString("  - " + markdown.Prose(step.Note, maxWord) + "\n")
	}
	for _, drift := range step.Drift {
		b.WriteString("  - drift: " + markdown.Prose(drifting(drift), maxWord) + "\n")
	}
	return b.String()
}

// field is a line of YAML that begins with the name of a field.
var field = regexp.MustCompile(`^([-+ ])( *(?:- )*)([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)?:)(?: .*)?$`)

// WithoutValues returns a diff with the names of fields, and without what they are.
func WithoutValues(diff string) string {
	var b strings.Builder
	for line := range strings.Lines(diff) {
		line = strings.TrimSuffix(line, "\n")
		switch parts := field.FindStringSubmatch(line); {
		case strings.HasPrefix(line, "@@ "):
			b.WriteString(line)
		case parts == nil:
			b.WriteString(strings.TrimRight(line[:min(len(line), 1)]+" …", " "))
		case strings.HasSuffix(line, ":"):
			b.WriteString(line)
		default:
			b.WriteString(parts[1] + parts[2] + parts[3] + " …")
		}
		b.WriteString("\n")
	}
	return b.String()
}
