// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/json"
	"fmt"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/promotion"
	"trunkline.dev/trunkline/promotion/images"
)

// maxShown is how many characters of a value are shown, and maxMoved how many values.
const maxShown, maxMoved = 120, 100

// Promotion is a pull request that moves a build into an environment.
type Promotion struct {
	Project, From, To string
	Change            promotion.Change
	// By is who asked for it; empty: the rule of the environment.
	By string
	// Note says what speaks against it; empty: nothing.
	Note string
}

// Body returns the description of the pull request.
func (p Promotion) Body() string {
	text := fmt.Sprintf("Moves the build %s of %s from %s to %s, where it takes the place of %s.\n\n", markdown.Code(p.Change.After.Short()), markdown.Code(p.Project),
		markdown.Code(p.From), markdown.Code(p.To), markdown.Code(p.Change.Before.Short()))
	if p.Note != "" {
		text += "⚠️ " + sentence(markdown.Prose(p.Note, maxMessage)) + "\n\n"
	}
	text += moved(p.Change.Moved)
	text += asked(p.By, "the rule of the environment: it was healthy for as long as that asks") + "What merging means is in the comment below."
	if p.By == "" {
		text += " A newer build takes its place here, until this pull request is merged or closed."
	}
	return text + "\n"
}

// Restoration is a pull request that restores the build that was in an environment before.
type Restoration struct {
	Project, Environment string
	// Commit has the build before.
	Commit string
	By     string
	Change promotion.Change
	// Whole reports whether the declaration and the files of the project are restored, for all environments.
	Whole bool
}

// Body returns the description of the pull request.
func (r Restoration) Body() string {
	text := fmt.Sprintf("Restores the build %s of %s in %s, as it was in %s. It is %s now.\n\n", markdown.Code(r.Change.After.Short()), markdown.Code(r.Project),
		markdown.Code(r.Environment), markdown.Code(short(r.Commit)), markdown.Code(r.Change.Before.Short()))
	if r.Whole {
		text += "⚠️ More than images and parameters changed since then: the declaration and the files of the project are restored, **in all environments**.\n\n"
	} else {
		text += moved(r.Change.Moved)
	}
	return text + asked(r.By, "Trunkline") + "What merging means is in the comment below.\n"
}

// ImageUpdate is a pull request that moves images which a project follows.
type ImageUpdate struct {
	Project string
	Moves   []images.Move
}

// Body returns the description of the pull request.
func (u ImageUpdate) Body() string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "Moves what %s follows to what is in the registry now.\n\n| where | follows | from | to |\n| --- | --- | --- | --- |\n", markdown.Code(u.Project)) // a builder never fails
	for i, m := range u.Moves {
		if i == maxMoved {
			_, _ = fmt.Fprintf(&b, "\nand %d more.\n", len(u.Moves)-i)
			break
		}
		b.WriteString("| " + markdown.Code(v1alpha1.FieldPath(m.Path...)) + " | " + value(m.Image.Track) + " | " + value(m.Image.Reference()) + " | " + value(m.Reference()) + " |\n")
	}
	return b.String() + "\nWhat merging means is in the comment below. What is newer takes its place here, until this pull request is merged or closed.\n"
}

func asked(by, otherwise string) string {
	if by == "" {
		return "Asked for by " + otherwise + ". "
	}
	return "Asked for by " + markdown.Code(by) + ". "
}

// moved is the table of the values that move.
func moved(all []promotion.Moved) string {
	var b strings.Builder
	b.WriteString("| workload | what | from | to |\n| --- | --- | --- | --- |\n")
	for i, m := range all {
		if i == maxMoved {
			_, _ = fmt.Fprintf(&b, "\nand %d more.\n", len(all)-i) // a builder never fails
			break
		}
		what := "image"
		if m.Param != "" {
			what = "param " + markdown.Code(m.Param)
		}
		b.WriteString("| " + markdown.Code(m.Workload) + " | " + what + " | " + value(m.From) + " | " + value(m.To) + " |\n")
	}
	return b.String() + "\n"
}

func value(v any) string {
	if v == nil {
		return "none"
	}
	text, isText := v.(string)
	if !isText {
		data, err := json.Marshal(v)
		if err != nil {
			return "a value"
		}
		text = string(data)
	}
	if runes := []rune(text); len(runes) > maxShown {
		text = string(runes[:maxShown]) + "…"
	}
	return markdown.Code(text)
}
