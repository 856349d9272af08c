// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"slices"
	"strings"
)

// checkSchedule judges the schedule of a DAG.
func (m *machine) checkSchedule(n *node, d *dag, a arguments) {
	argument := "schedule"
	for _, name := range []string{"schedule_interval", "timetable"} {
		v, found := a.named[name]
		if !found {
			continue
		}
		if knows, _ := m.edition.knows(isDAG, name); !knows {
			m.wrong(RuleSchedule, a.where(name), fmt.Sprintf("Airflow %s does not know the argument %q of a DAG", m.reader.version(), name), `write "schedule" instead`)
			return
		}
		// Airflow counts what is given, and for a timetable None is as good as nothing.
		if name == "timetable" && isNone(v) {
			continue
		}
		if _, twice := a.named[argument]; twice {
			m.wrong(RuleSchedule, a.where(name), fmt.Sprintf("the DAG has both %q and %q", argument, name), "leave one of them out")
			return
		}
		argument = name
	}
	v, found, known := a.get(argument)
	at := a.where(argument)
	switch {
	case !found && !known:
		m.undecided(n, "the schedule of the DAG is not known", "")
		return
	case !found:
		return
	}
	if s, ok := v.(text); ok {
		d.schedule = string(s)
	}
	d.uses = append(d.uses, m.uses(Scheduled, at, v)...)
	wrong, hint, late, decided := m.scheduleWrong(v)
	switch {
	case !decided:
		m.undecided(at, fmt.Sprintf("the schedule in %q is not known", m.brief(at)), "write it as a constant")
	case wrong != "" && late:
		d.late = &lateProblem{at, wrong, hint, m.sure()}
	case wrong != "":
		m.wrong(RuleSchedule, at, wrong, hint)
	}
	if s, ok := v.(text); ok && s == "@continuous" {
		m.checkContinuous(at, a)
	}
}

// lateProblem is one that Airflow finds only in the DAGs that it collects.
type lateProblem struct {
	at            *node
	message, hint string
	sure          bool
}

// scheduleWrong says what is wrong with a schedule. It is late when Airflow looks at it only once the file is read.
func (m *machine) scheduleWrong(v value) (wrong, hint string, late, decided bool) {
	switch v := v.(type) {
	case none:
		return "", "", false, true
	case text:
		wrong, hint = cronWrong(string(v))
		return wrong, hint, true, true
	case bool, int64, float64, raw:
		return fmt.Sprintf("a schedule cannot be a value of the type %s", typeName(v)), "write a cron expression, a timedelta, a timetable or assets", false, true
	case *dict:
		if len(v.keys) > 0 {
			return "a schedule cannot be a dict", "write a cron expression, a timedelta, a timetable or assets", false, true
		}
		return "", "", false, !v.open
	case *list:
		for _, item := range v.items {
			if isConstant(item) {
				return fmt.Sprintf("a list as a schedule holds assets only, not a value of the type %s", typeName(item)), "", false, true
			}
		}
		return "", "", false, !v.open && !slices.ContainsFunc(v.items, func(v value) bool { _, ok := v.(*unknown); return ok })
	case *instance:
		return m.instanceWrong(v)
	case *unknown:
		return m.optionsWrong(v)
	}
	return "", "", false, false
}

// optionsWrong judges all values that a schedule may have: it is wrong when all are, and fine when none is.
func (m *machine) optionsWrong(u *unknown) (wrong, hint string, late, decided bool) {
	good, bad := 0, 0
	for _, o := range u.options {
		w, h, l, ok := m.scheduleWrong(o)
		switch {
		case !ok:
			return "", "", false, false
		case w != "":
			bad++
			wrong, hint, late = w, h, late || l
		default:
			good++
		}
	}
	if good == 0 && bad > 0 {
		return wrong, hint, late, true
	}
	return "", "", false, good > 0 && bad == 0
}

func (m *machine) instanceWrong(v *instance) (wrong, hint string, late, decided bool) {
	name := last(v.path)
	switch {
	case v.path == "datetime.timedelta":
		if seconds, known := duration(v); known && seconds <= 0 {
			return "a schedule needs a timedelta of more than nothing", "write how much time is between two runs", true, true
		}
		return "", "", false, true
	case v.path == "datetime.datetime" || v.path == "datetime.date" || v.path == "datetime.time":
		return fmt.Sprintf("a schedule cannot be a %s", name), "write a cron expression, a timedelta, a timetable or assets", false, true
	case name == "CronTriggerTimetable" || name == "CronDataIntervalTimetable":
		var first value
		for _, given := range []value{v.named["cron"], v.named["expression"], argument(arguments{list: v.args}, 0)} {
			if given != nil {
				first = given
			}
		}
		if s, ok := first.(text); ok {
			if s == "@once" || s == "@continuous" {
				return fmt.Sprintf("%q is no cron expression", string(s)), fmt.Sprintf("write schedule=%q", string(s)), true, true
			}
			if meaning(v.path) == isTimetable {
				wrong, hint = cronWrong(string(s))
			}
			return wrong, hint, true, true
		}
		return "", "", false, false
	}
	kind := meaning(v.path)
	return "", "", false, kind == isTimetable || kind == isAsset || isDataset(v.path) || strings.HasPrefix(v.path, "airflow.") && strings.HasPrefix(name, "Partitioned") || strings.HasSuffix(v.path, "relativedelta") || strings.HasPrefix(v.path, "pendulum.duration")
}

// duration is how long a timedelta is, in seconds, if its arguments are constants.
func duration(v *instance) (seconds float64, known bool) {
	add := func(v value, unit float64) bool {
		switch v := v.(type) {
		case int64:
			seconds += float64(v) * unit
		case float64:
			seconds += v * unit
		default:
			return false
		}
		return true
	}
	units := []string{"days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"}
	lengths := map[string]float64{"days": 86400, "seconds": 1, "microseconds": 1e-6, "milliseconds": 1e-3, "minutes": 60, "hours": 3600, "weeks": 604800}
	for i, arg := range v.args {
		if i >= len(units) || !add(arg, lengths[units[i]]) {
			return 0, false
		}
	}
	for _, unit := range units {
		if arg, found := v.named[unit]; found && !add(arg, lengths[unit]) {
			return 0, false
		}
	}
	return seconds, !v.open
}

// cronWrong says why Airflow does not take a schedule that is a text.
func cronWrong(s string) (wrong, hint string) {
	if cronPreset(s) {
		return "", ""
	}
	if why := checkCron(s); why != "" {
		hint = `write a cron expression such as "0 6 * * *", or one of @once, @hourly, @daily, @weekly, @monthly, @quarterly, @yearly`
		return fmt.Sprintf("the schedule %q %s", shorten(s), why), hint
	}
	return "", ""
}

// checkContinuous holds a DAG that always runs to one run at a time.
func (m *machine) checkContinuous(at *node, a arguments) {
	const rest = `the schedule "@continuous" takes one run at a time`
	v, found, known := a.get("max_active_runs")
	switch runs, ok := v.(int64); {
	case ok && runs > 1:
		m.wrong(RuleSchedule, a.where("max_active_runs"), fmt.Sprintf("%s, and max_active_runs is %d", rest, runs), "write max_active_runs=1")
	case !found && known:
		m.undecided(at, rest+", and max_active_runs is what Airflow is configured to: 16, if nobody changed it", "write max_active_runs=1")
	}
}
