// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/plan/preview"
	plantext "trunkline.dev/trunkline/plan/preview/report"
)

// mergedMarker is the first line of the comment on what became of a merge.
const mergedMarker = "<!-- trunkline:merged -->\n"

// IsMerged reports whether a text is the comment that [Merged] makes. Ask it only of comments that we wrote.
func IsMerged(body string) bool {
	return strings.HasPrefix(strings.ReplaceAll(body, "\r\n", "\n"), mergedMarker)
}

// Merged returns the comment on a merged pull request: what was deployed where, in how long, and whether it is healthy; if
// not, why, and what became of it. It is edited while the roll-out goes on, and final when that has ended.
func Merged(r Review) string {
	var o Rollout
	if r.Rollout != nil {
		o = *r.Rollout
	}
	begin := mergedMarker + "### " + o.heading() + "\n\n"
	end := o.footer(r)
	return begin + compose([]section{o.failed(), unreviewed(r), o.table(r), o.builds(), o.late()}, r.ReportURL, limit-len(begin)-len(end)) + end
}

// tally counts releases by what became of them.
func (o Rollout) tally() (done, failed int) {
	for _, r := range o.Releases {
		switch {
		case r.Failed:
			failed++
		case r.Done:
			done++
		}
	}
	return done, failed
}

func (o Rollout) heading() string {
	all := len(o.Releases)
	done, failed := o.tally()
	switch {
	case failed > 0 && all == 1:
		return "❌ Trunkline: the release failed"
	case failed > 0:
		return "❌ Trunkline: " + number.Of(failed) + " of " + number.Count(all, "release") + " failed"
	case all == 0 && o.Ended.IsZero():
		return "⏳ Trunkline: deployment is about to begin"
	case all == 0:
		return "✅ Trunkline: merged, and nothing had to be deployed"
	case done < all:
		return "⏳ Trunkline: deploying, " + number.Of(done) + " of " + number.Count(all, "release") + " done"
	case all == 1:
		return "✅ Trunkline: deployed, and healthy"
	}
	return "✅ Trunkline: all " + number.Count(all, "release") + " deployed, and healthy"
}

// failed says first what failed, why, and what is in place now.
func (o Rollout) failed() section {
	return section{rank: 0, share: 50, write: func(room int) (string, string) {
		var lines []string
		for _, r := range o.inOrder() {
			if !r.Failed {
				continue
			}
			text := "- " + markdown.Bold(r.ID.String()) + " · " + markdown.Prose(r.State, maxMessage)
			if r.Reason != "" {
				text += ": " + markdown.Prose(r.Reason, maxMessage)
			}
			text = sentence(text)
			if r.RolledBackTo != "" {
				text += " It was rolled back to " + markdown.Code(short(r.RolledBackTo)) + "."
			}
			lines = append(lines, text)
		}
		text, left := items(lines, room)
		return text, some(left, "failure")
	}}
}

// unreviewed says to which releases something else happens than the pull request showed.
func unreviewed(r Review) section {
	return section{rank: 0, share: 20, write: func(room int) (string, string) {
		if len(r.Unreviewed) == 0 {
			return "", ""
		}
		begin := "⚠️ **Not as reviewed**, since the branch moved before the merge:\n\n"
		if r.Unshown {
			begin = "⚠️ **Not reviewed**, since no check showed before the merge what it does:\n\n"
		}
		lines := make([]string, len(r.Unreviewed))
		for i, id := range r.Unreviewed {
			lines[i] = "- " + markdown.Bold(id.String())
		}
		text, left := items(lines, room-utf8.RuneCountInString(begin))
		if text == "" {
			return "", some(left, "release that was not reviewed")
		}
		return begin + text, some(left, "release that was not reviewed")
	}}
}

// late says why releases are not done, without having failed.
func (o Rollout) late() section {
	return section{rank: 2, share: 30, write: func(room int) (string, string) {
		var f found
		for _, release := range o.inOrder() {
			if !release.Done && !release.Failed && release.Reason != "" {
				f.add(markdown.Prose(release.Reason, maxMessage), release.ID.String())
			}
		}
		var lines []string
		for _, text := range f.order {
			lines = append(lines, "- "+names(f.in[text])+": "+text)
		}
		text, left := listed("Not done yet: "+number.Count(len(lines), "reason"), lines, room)
		return text, some(left, "reason")
	}}
}

// builds says which builds are in place where, since when and by whose merge.
func (o Rollout) builds() section {
	return section{rank: 2, share: 20, write: func(room int) (string, string) {
		places := map[[2]string][]string{}
		var order [][2]string
		for _, r := range o.inOrder() {
			if r.Build == "" || !r.Done || r.Since.IsZero() {
				continue
			}
			key := [2]string{r.ID.Project, r.Build}
			if places[key] == nil {
				order = append(order, key)
			}
			places[key] = append(places[key], markdown.Code(r.ID.Environment+"@"+r.ID.Cluster)+" since "+plantext.When(r.Since))
		}
		var lines []string
		for _, key := range order {
			text := "- " + markdown.Bold(key[0]) + " build " + markdown.Code(key[1]) + ": " + strings.Join(places[key], ", ")
			if o.MergedBy != "" {
				text += "; merged by " + markdown.Code(o.MergedBy)
			}
			lines = append(lines, text)
		}
		text, left := listed("In place: "+number.Count(len(lines), "build"), lines, room)
		return text, some(left, "build")
	}}
}

func (o Rollout) inOrder() []RolledOut {
	return slices.SortedStableFunc(slices.Values(o.Releases), func(a, b RolledOut) int { return a.ID.Compare(b.ID) })
}

// table is that of the plan, with what became of it.
func (o Rollout) table(r Review) section {
	return section{rank: 1, share: 60, write: func(room int) (string, string) {
		became := map[string]RolledOut{}
		releases := make([]preview.Release, 0, len(o.Releases))
		for _, release := range o.Releases {
			became[release.ID.String()] = release
			p := preview.Release{ID: release.ID, Action: preview.Change}
			if release.Failed {
				p.Err = release.State // so that it is first
			}
			releases = append(releases, p)
		}
		cell := func(p preview.Release) string { return became[p.ID.String()].cell() }
		text, left := plantext.Table(releases, r.environments(), cell, room-1)
		if text == "" {
			return "", some(left, "project")
		}
		return text + "\n", some(left, "project")
	}}
}

func (r RolledOut) cell() string {
	sign := "⏳ "
	switch {
	case r.Failed:
		sign = "❌ "
	case r.Done:
		sign = "✅ "
	}
	text := sign + markdown.Prose(cmp.Or(r.State, "unknown"), maxMessage)
	if r.Took > 0 && (r.Done || r.Failed) {
		text += " in " + lasted(r.Took)
	}
	return text
}

func (o Rollout) footer(r Review) string {
	var parts []string
	if o.Commit != "" {
		text := "merged as " + markdown.Code(short(o.Commit))
		if o.MergedBy != "" {
			text += " by " + markdown.Code(o.MergedBy)
		}
		parts = append(parts, text)
	}
	if !o.Began.IsZero() {
		text := "began " + plantext.When(o.Began)
		if !o.Ended.IsZero() {
			text += ", took " + lasted(o.Ended.Sub(o.Began))
		}
		parts = append(parts, text)
	}
	if report := markdown.Link("full report", r.ReportURL); report != "full report" {
		parts = append(parts, report)
	}
	parts = append(parts, "`/trunkline help`")
	return "<sub>" + strings.Join(parts, " · ") + "</sub>\n"
}
