// SPDX-License-Identifier: Apache-2.0

package webhooks

import "trunkline.dev/trunkline/webhooks/report"

// keepReport keeps the full report of what was evaluated, and returns its address; empty if there is none. A review is worth as
// much without it.
func (e *Engine) keepReport(p Pull, r report.Review) string {
	if e.opts.Reports == nil || p.Number == 0 || r.Outcome != report.Passed && r.Outcome != report.Refused {
		return ""
	}
	address, err := e.opts.Reports.Keep(e.id(p.Number).Preview(), p.Head.SHA, r)
	if err != nil {
		e.opts.Log.Warn("cannot keep the full report on a pull request", "pull", p.Number, "err", err.Error())
		return ""
	}
	return address
}
