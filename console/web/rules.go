// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/docs/rules"
)

// rulesQuery is what the page of rules is asked for.
type rulesQuery struct{ Text, Mode string }

// rulesModes are what rules can be filtered by.
func rulesModes() []string { return []string{"all", "deny", "warn", "off", "changed", "excepted"} }

// rulesPage is what the page of rules shows.
type rulesPage struct {
	Query rulesQuery
	Modes []string
	Rows  []ruleRow
	// Exceptions are those of the platform, those that are over last.
	Exceptions []exceptionView
	// None says that no commit is accepted, so that only the defaults are known.
	None bool
}

// ruleRow is a rule, or a policy of the platform's own.
type ruleRow struct {
	ID, Path, Title string
	Mode            badge
	// Note says that it is fixed, or another than by default.
	Note string
	// In are the environments with another mode.
	In         []modeIn
	Exceptions int
}

type modeIn struct {
	Environment string
	Mode        badge
}

type exceptionView struct {
	Rule, Path, Of, Reason, Until string
	// State reports whether it counts.
	State badge
}

func showRules(a *ask) (shown, error) {
	known, err := rules.All()
	if err != nil {
		return shown{}, err
	}
	q := rulesQuery{Text: a.one("q"), Mode: a.choice("mode", rulesModes()...)}
	return shown{Title: "Rules", View: rulesPageOf(known, a.Catalog(), q, a.now, a.sight.Sees)}, nil
}

// rulesPageOf returns what the page shows of the rules, as the accepted commit has them; nil: none is accepted. Of the
// exceptions it has those of which the caller sees what they are for.
func rulesPageOf(known map[string]rules.Rule, cat *catalog.Catalog, q rulesQuery, now time.Time, sees func(project, environment string) bool) rulesPage {
	v := rulesPage{Query: q, Modes: rulesModes(), None: cat == nil || cat.Platform == nil}
	rows := map[string]*ruleRow{}
	for id, r := range known {
		row := &ruleRow{ID: id, Path: join("rules", id), Title: r.Title, Mode: modeBadge(v1alpha1.RuleMode(r.Default))}
		if r.Fixed {
			row.Note = "fixed"
		}
		rows[id] = row
	}
	if !v.None {
		for id, p := range cat.Policies {
			rows[id] = &ruleRow{
				ID: id, Title: cmp.Or(line(p.Spec.Description, maxMessage), "a policy of this platform"), Note: "policy",
				Mode: modeBadge(v1alpha1.RuleMode(cmp.Or(p.Spec.Severity, v1alpha1.Deny))),
			}
		}
		v.declared(rows, cat, now, sees)
	}
	text := strings.ToLower(q.Text)
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		r := rows[id]
		has := func(mode string) bool {
			return r.Mode.Text == mode || slices.ContainsFunc(r.In, func(m modeIn) bool { return m.Mode.Text == mode })
		}
		fits := map[string]bool{"all": true, "changed": strings.HasPrefix(r.Note, "by default") || len(r.In) > 0, "excepted": r.Exceptions > 0}
		if (fits[q.Mode] || has(q.Mode)) && strings.Contains(strings.ToLower(r.ID+" "+r.Title), text) {
			v.Rows = append(v.Rows, *r)
		}
	}
	return v
}

// declared adds what the platform and its environments say.
func (v *rulesPage) declared(rows map[string]*ruleRow, cat *catalog.Catalog, now time.Time, sees func(project, environment string) bool) {
	for id, mode := range cat.Platform.Spec.Rules {
		if r := rows[id]; r != nil && r.Mode != modeBadge(mode) {
			r.Note, r.Mode = "by default "+r.Mode.Text, modeBadge(mode)
		}
	}
	for _, environment := range slices.Sorted(maps.Keys(cat.Environments)) {
		if !sees("", environment) {
			continue
		}
		for id, mode := range cat.Environments[environment].Spec.Rules {
			if r := rows[id]; r != nil && r.Mode != modeBadge(mode) {
				r.In = append(r.In, modeIn{environment, modeBadge(mode)})
			}
		}
	}
	for _, e := range cat.Platform.Spec.Exceptions {
		if !sees(e.Project, e.Environment) {
			continue
		}
		x := exceptionView{Rule: e.Rule, Path: join("rules", e.Rule), Of: exceptionOf(e), Reason: line(e.Reason, 2*maxMessage), State: badge{warn, "never ends"}}
		if !e.Until.IsZero() {
			x.Until, x.State = e.Until.Format(time.DateOnly), badge{idle, "in force"}
			if !now.Before(e.Until.Time) {
				x.State = badge{bad, "over"}
			}
		}
		if r := rows[e.Rule]; r != nil && x.State.Mood != bad {
			r.Exceptions++
		}
		v.Exceptions = append(v.Exceptions, x)
	}
	slices.SortStableFunc(v.Exceptions, func(a, b exceptionView) int {
		return cmp.Or(cmp.Compare(b.State.Mood.rank(), a.State.Mood.rank()), strings.Compare(a.Until, b.Until), strings.Compare(a.Rule, b.Rule))
	})
}

// exceptionOf says what an exception is for.
func exceptionOf(e v1alpha1.Exception) string {
	var out []string
	for _, one := range [][2]string{{"project", e.Project}, {"environment", e.Environment}, {"workload", e.Workload}, {"dataset", e.Dataset}} {
		if one[1] != "" {
			out = append(out, one[0]+" "+one[1])
		}
	}
	return cmp.Or(strings.Join(out, ", "), "everything")
}

func modeBadge(m v1alpha1.RuleMode) badge {
	switch m {
	case v1alpha1.RuleDeny:
		return badge{bad, string(m)}
	case v1alpha1.RuleWarn:
		return badge{warn, string(m)}
	default:
		return badge{idle, string(m)}
	}
}

// rulePage is the page of one rule, as it comes with the daemon.
type rulePage struct{ ID, Title, Text string }

func showRule(a *ask) (shown, error) {
	known, err := rules.All()
	if err != nil {
		return shown{}, err
	}
	id := a.request.PathValue("rule")
	r, ok := known[id]
	if !ok {
		if cat := a.Catalog(); cat != nil && cat.Policies[id] != nil {
			return shown{}, problemf(http.StatusNotFound, "%s is a policy of this platform, which has no page: its declaration says what it is for", quoted(id))
		}
		return shown{}, unknown("rule", id, slices.Sorted(maps.Keys(known)))
	}
	_, text, _ := strings.Cut(r.Page, "\n")
	if before, after, ok := strings.Cut(text, "<!--"); ok {
		_, after, _ = strings.Cut(after, "-->")
		text = before + strings.TrimLeft(after, "\n")
	}
	return shown{Title: id, View: rulePage{id, r.Title, strings.TrimSpace(text)}, Still: true}, nil
}
