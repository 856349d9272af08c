// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/notify"
)

const (
	// maxReason and maxName bound what others have written, in characters: every service has its bounds.
	maxReason, maxName = 700, 120
	maxTitle           = 140
)

// clipped returns a message in which what others have written is of bounded lines that show what they are: without control characters, and
// without any that turn the direction of a text.
func clipped(m notify.Message) notify.Message {
	m.Items = slices.Clone(m.Items)
	for i := range m.Items {
		it := &m.Items[i]
		it.Reason, it.Owner, it.Commit = markdown.Clip(it.Reason, maxReason), markdown.Clip(it.Owner, maxName), markdown.Clip(it.Commit, maxName)
		for _, s := range []*string{&it.Subject.Project, &it.Subject.Environment, &it.Subject.Cluster, &it.Subject.Name} {
			*s = markdown.Clip(*s, maxName)
		}
	}
	return m
}

// title says what an item is about, in a line.
func title(i notify.Item) string {
	words := i.Topic.Title()
	if about := i.Subject.String(); about != "" {
		words += ": " + about
	}
	switch {
	case i.Standing == notify.Resolved:
		words = "Over: " + words
	case i.Flaps > 0:
		words += fmt.Sprintf(" (came back %d times within an hour; told again once it stays)", i.Flaps)
	case i.Again:
		words += " (still)"
	}
	return words
}

// headline says what a message is about, in a line.
func headline(p Platform, m notify.Message) string {
	prefix := "[" + markdown.Clip(p.Name, maxName) + "] "
	switch n := len(m.Items); n {
	case 0:
		return prefix + "What was not told by itself"
	case 1:
		return markdown.Clip(prefix+title(m.Items[0]), maxTitle)
	default:
		over := 0
		for _, i := range m.Items {
			if i.Standing == notify.Resolved {
				over++
			}
		}
		if over == n {
			return fmt.Sprintf("%s%d things are over", prefix, n)
		}
		if over > 0 {
			return fmt.Sprintf("%s%d things to know, and %d over", prefix, n-over, over)
		}
		return fmt.Sprintf("%s%d things to know", prefix, n)
	}
}

// details are what there is to say of an item, in lines.
func details(i notify.Item) (lines []string) {
	if i.Reason != "" {
		lines = append(lines, i.Reason)
	}
	if i.Standing == notify.Resolved {
		lines = []string{"It began at " + i.Since.UTC().Format("2006-01-02 15:04 UTC") + ", and was over at " + i.Over.UTC().Format("15:04") + "."}
	} else if i.Topic.Todo() != "" {
		lines = append(lines, i.Topic.Todo())
	}
	var facts []string
	if i.Standing == notify.Firing && !i.Since.IsZero() {
		facts = append(facts, "since "+i.Since.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if i.Commit != "" {
		facts = append(facts, "commit "+i.Commit[:min(len(i.Commit), 8)])
	}
	if i.Owner != "" {
		facts = append(facts, "of "+i.Owner)
	}
	if len(facts) > 0 {
		lines = append(lines, strings.Join(facts, ", "))
	}
	return lines
}

// untold says what was not told by itself; empty if all was.
func untold(m notify.Message) string {
	if len(m.Suppressed) == 0 {
		return ""
	}
	var parts []string
	for _, s := range m.Suppressed {
		parts = append(parts, fmt.Sprintf("%d × %s", s.Count, s.Topic))
	}
	return "Not told by themselves since the message before, as they came and went or were too many: " + strings.Join(parts, ", ")
}

// link returns an address that people can follow, or nothing.
func link(address string) string {
	if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
		return address
	}
	return ""
}

// where returns the link of an item, or else of the platform.
func where(p Platform, i notify.Item) string {
	if l := link(i.Link); l != "" {
		return l
	}
	return link(p.Console)
}
