// SPDX-License-Identifier: Apache-2.0

package report

// Comment returns the comment of a pull request: its verdict, what it means and what is dangerous about it, what happens in
// each environment, and folded below it why. Previous is what the comment remembers from before, as [ParseComment] returns
// it. There is one comment of a pull request, which is edited.
func Comment(r Review, previous State) string {
	now := previous.after(r)
	begin, end := marker+heading(r), footer(r)+now.String()
	return begin + compose(r.sections(now), r.ReportURL, limit-len(begin)-len(end)) + end
}

// sections are those of the comment, in the order in which they are read.
func (r Review) sections(s State) []section {
	groups := r.groups()
	if o := r.outcome(); o == Conflict || o == Untouched {
		return []section{fixed(0, "", next(r, groups)), warnings(r), repaired(s), notes(r)}
	}
	return []section{
		fixed(0, "what to do next", next(r, groups)), caution(r, groups), problems(r), troubles(r), cycles(r), table(r), made(r), accessed(r), computed(r), cost(r), own(r),
		repaired(s), warnings(r), flow(r), holds(r), diffs(r, groups), costs(r), notes(r),
	}
}
