// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"cmp"

	"trunkline.dev/trunkline/webhooks/report"
)

// keepReport keeps the report on what was found out, and returns the address of the full one; empty if there is none. A review is worth
// as much without it.
func (e *Engine) keepReport(p Pull, r report.Review) string {
	if e.opts.Reports == nil || p.Number == 0 {
		return ""
	}
	address, err := e.opts.Reports.Keep(e.id(p.Number).Preview(), p.Head.SHA, r)
	if err != nil {
		e.opts.Log.Warn("cannot keep the full report on a pull request", "pull", p.Number, "err", err.Error())
		return ""
	}
	if r.Outcome != report.Passed && r.Outcome != report.Refused {
		return "" // the comment has all that there is
	}
	return address
}

// pageOf is where a pull request is in the console; empty: nowhere.
func (e *Engine) pageOf(number int) string {
	if e.opts.Reports == nil || e.opts.Links.Console == "" || number == 0 {
		return ""
	}
	return e.opts.Links.Console + "/pulls/" + e.id(number).Preview()
}

// note has the console show what the forge says of a pull request. Nothing depends on it.
func (e *Engine) note(p Pull) {
	if e.opts.Reports == nil {
		return
	}
	err := e.opts.Reports.Note(report.Pull{
		Name: e.id(p.Number).Preview(), Source: e.opts.Source, Number: p.Number, Title: p.Title, Author: p.Author, URL: p.URL, State: string(cmp.Or(p.State, Closed)),
		Draft: p.Draft, Fork: p.Fork, Head: p.Head.SHA, Branch: p.Head.Ref, Base: p.Base.Ref, Updated: p.Updated, Closed: p.Closed,
	})
	if err != nil {
		e.opts.Log.Warn("cannot keep what is known of a pull request", "pull", p.Number, "err", err.Error())
	}
}

// unnote has the console forget a pull request that there is none of.
func (e *Engine) unnote(number int) {
	if e.opts.Reports == nil {
		return
	}
	if err := e.opts.Reports.Drop(e.id(number).Preview()); err != nil {
		e.opts.Log.Warn("cannot forget a pull request", "pull", number, "err", err.Error())
	}
}
