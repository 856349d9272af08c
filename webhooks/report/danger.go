// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/preview"
	plantext "trunkline.dev/trunkline/plan/preview/report"
)

// lossy are the kinds of object that data goes with when they are deleted.
var lossy = []string{"PersistentVolumeClaim", "PersistentVolume", "VolumeSnapshot", "StatefulSet", "Namespace", "CustomResourceDefinition"}

// maxDangers is how many of a kind are told one by one.
const maxDangers = 5

// dangers are what is told before all else, also of a change that passes: what goes, what data may be lost, rights that
// widen, costs that jump, and what waits for a person.
func dangers(r Review, groups []plantext.Same) []string {
	out := slices.Concat(
		several("Removed", r.byProject(preview.Remove, "%s from %s, with all of its objects")),
		several("Data may be lost", objects(groups, lost)),
		several("Rights widen", prose(r.Widened)),
		several("Taken over", objects(groups, adopted)),
		several("Waits for a person", r.waiting()),
	)
	if c := r.Cost; c != nil && c.Jumps && !r.Secretless {
		out = append(out, "**The cost jumps:** "+amount(c.Change)+" a month, to "+amount(c.After))
	}
	return out
}

// several tells the first of what is dangerous in the same way, and how many more there are.
func several(what string, list []string) (out []string) {
	for i, text := range list {
		if i == maxDangers && len(list) > maxDangers+1 {
			return append(out, fmt.Sprintf("**%s:** %d more, see below", what, len(list)-i))
		}
		out = append(out, "**"+what+":** "+text)
	}
	return out
}

func prose(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = markdown.Prose(s, maxMessage)
	}
	return out
}

// found is what several environments have in common.
type found struct {
	order []string
	in    map[string][]string
}

func (f *found) add(text, environment string) {
	if f.in == nil {
		f.in = map[string][]string{}
	}
	if f.in[text] == nil {
		f.order = append(f.order, text)
	}
	if !slices.Contains(f.in[text], environment) {
		f.in[text] = append(f.in[text], environment)
	}
}

// objects tell of those objects that a step is told of, once for all environments in which the same happens.
func objects(groups []plantext.Same, tell func(preview.Step) string) (out []string) {
	for _, same := range groups {
		for _, s := range same[0].Steps {
			if text := tell(s); text != "" {
				if more := len(same.Projects()) - 1; more > 0 {
					text += ", and so in " + number.Count(more, "other project")
				}
				out = append(out, text+", in "+same.Where())
			}
		}
	}
	return out
}

func lost(s preview.Step) string {
	if s.Action != plan.Delete || !slices.Contains(lossy, s.Ref.Kind) {
		return ""
	}
	text := markdown.Code(s.Ref.String()) + " is deleted"
	if s.Note != "" {
		text += " (" + markdown.Prose(s.Note, maxMessage) + ")"
	}
	return text
}

func adopted(s preview.Step) string {
	if s.Action != plan.Adopt || s.Err != "" {
		return ""
	}
	return markdown.Code(s.Ref.String()) + ", which others made"
}

// waiting tells of what goes on only when a person does something.
func (r Review) waiting() []string {
	var f found
	for _, release := range r.inOrder() {
		if release.Held.Person() {
			f.add(markdown.Code(release.ID.Project)+": "+markdown.Prose(release.Held.Reason, maxMessage), release.ID.Environment)
		}
	}
	out := make([]string, 0, len(f.order))
	for _, text := range f.order { // the reason may be a sentence, which nothing goes on after
		out = append(out, names(f.in[text])+": "+text)
	}
	return out
}

// caution shows the dangers in a box.
func caution(r Review, groups []plantext.Same) section {
	return section{rank: 1, share: 25, write: func(room int) (string, string) {
		list := dangers(r, groups)
		if len(list) == 0 {
			return "", ""
		}
		const head, end = "> [!CAUTION]\n", "> - more than fits here\n\n"
		lines := make([]string, len(list))
		for i, d := range list {
			lines[i] = "> - " + d
		}
		text, left := items(lines, room-len(head)-len(end))
		if left == 0 {
			return head + text, ""
		}
		return head + strings.TrimSuffix(text, "\n") + end, number.Count(left, "danger")
	}}
}
