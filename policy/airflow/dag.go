// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// dag is a DAG of the file while it is followed.
type dag struct {
	id string
	// known is set when the id is.
	known bool
	// sure is set when the DAG is certain to be made.
	sure bool
	at   *node
	// home is the place of the file itself that made it, and origin the place in a file that was being imported.
	home   place
	origin v1alpha1.Position
	root   *group
	// tasks are those with an id that is known, by it; all are those and the others.
	tasks map[string]*task
	all   []*task
	// used are the ids of tasks and groups.
	used map[string]*owner
	// blurred is set when the DAG may have tasks, or ids of them, that are not known.
	blurred bool
	// registered is set when Airflow finds the DAG; perhaps when it may.
	registered, perhaps bool
	// automatic is set when the end of a with statement registers the DAG.
	automatic bool
	schedule  string
	// uses are the assets that start it.
	uses     []use
	defaults value
	edges    []*edge
	index    map[[2]*task]*edge
	// late is what is wrong once Airflow collects the DAG.
	late *lateProblem
}

// owner is who has an id.
type owner struct {
	at   *node
	sure bool
	word string
}

func (m *machine) emptyDAG(n *node) *dag {
	d := &dag{at: n, sure: m.sure(), tasks: map[string]*task{}, used: map[string]*owner{}, index: map[[2]*task]*edge{}, automatic: true}
	d.root = &group{dag: d, known: true, prefix: true, sure: true}
	d.home = m.mod.home(placeOf(n))
	if n.in != m.mod.source && m.calls == 0 {
		d.origin = placeOf(n).position()
	}
	m.made++
	m.mod.dags = append(m.mod.dags, d)
	return d
}

// newDAG makes a DAG. It is faithful when the class does with its arguments what Airflow's does.
func (m *machine) newDAG(n *node, a arguments, faithful bool) value {
	d := m.emptyDAG(n)
	if automatic, found := a.named["auto_register"]; found {
		is, known := truth(automatic)
		d.automatic, d.perhaps = is && known, !known
	}
	d.defaults = a.named["default_args"]
	if !faithful {
		m.undecided(n, fmt.Sprintf("what %q makes of its arguments is not known", m.callee(n)), "make DAGs with the class of Airflow")
		return d
	}
	m.strange(isDAG, a)
	m.dates(n, a)
	m.dagID(n, d, a)
	m.checkSchedule(n, d, a)
	return d
}

// dates looks for the start_date, without which Airflow 2 refuses a DAG that has a schedule.
func (m *machine) dates(n *node, a arguments) {
	if m.reader.version() != v1alpha1.Airflow2 || len(a.list) > 1 || a.openList || a.openNames {
		return
	}
	scheduled := false
	for _, name := range []string{"schedule", "schedule_interval", "timetable"} {
		v, given := a.named[name]
		is, known := truth(v)
		if _, object := v.(*instance); object {
			is, known = true, true
		}
		if given && !known {
			return
		}
		scheduled = scheduled || given && is
	}
	if v, given := a.named["start_date"]; !scheduled || given && !isNone(v) {
		return
	}
	switch defaults := a.named["default_args"].(type) {
	case nil, none:
	case *dict:
		if _, found, known := defaults.get(text("start_date")); found || !known {
			return
		}
	default:
		return
	}
	m.wrong(RuleLoad, n, "the DAG has a schedule and no start_date, which Airflow 2 refuses", "give it one: start_date=datetime(2026, 1, 1)")
}

// dagID finds the id among the arguments and judges it.
func (m *machine) dagID(n *node, d *dag, a arguments) {
	id, found, known := a.get("dag_id")
	at := a.where("dag_id")
	if !found && len(a.list) > 0 {
		id, found = a.list[0], true
		if parts := n.child("arguments").parts(); len(parts) > 0 {
			at = parts[0]
		}
	}
	if !found {
		if known && !a.openList {
			m.wrong(RuleDagID, n, "the DAG has no dag_id", `give it one: DAG(dag_id="…")`)
		} else {
			m.unknownDagID(at)
		}
		return
	}
	m.nameDAG(at, d, id)
}

func (m *machine) nameDAG(at *node, d *dag, id value) {
	name, ok := id.(text)
	if !ok {
		if kind := typeName(id); kind != "" {
			m.wrong(RuleDagID, at, fmt.Sprintf("the dag_id is a value of the type %s, not a text", kind), "")
			return
		}
		m.unknownDagID(at)
		return
	}
	d.id, d.known = string(name), true
	if wrong, hint := badKey(d.id, maxKey); wrong != "" {
		m.wrong(RuleDagID, at, fmt.Sprintf("the dag_id %q %s", shorten(d.id), wrong), hint)
	}
}

func (m *machine) unknownDagID(at *node) {
	if m.maybe == 0 {
		m.undecided(at, fmt.Sprintf("the dag_id in %q is not known", m.brief(at)), "write it as a constant")
	}
}

// Airflow's bounds of ids, in characters.
const (
	maxKey      = 250
	maxGroupKey = 200
)

// badKey says why Airflow does not take an id; empty when it does.
func badKey(id string, most int) (wrong, hint string) {
	if n := utf8.RuneCountInString(id); n > most {
		return fmt.Sprintf("has %d characters, and Airflow takes %d", n, most), "shorten it"
	}
	if id == "" {
		return "is empty", "give it a name"
	}
	allowed := "letters, digits, dashes, dots and underscores"
	if most == maxGroupKey {
		allowed = "letters, digits, dashes and underscores"
	}
	// Airflow's pattern takes one line break at the end.
	for _, r := range strings.TrimSuffix(id, "\n") {
		if r == '-' || r == '_' || r == '.' && most == maxKey || unicode.IsLetter(r) || unicode.IsNumber(r) {
			continue
		}
		if r < utf8.RuneSelf || unicode.In(r, unicode.M, unicode.P, unicode.S, unicode.Z, unicode.C) {
			return fmt.Sprintf("has the character %q", string(r)), "use " + allowed + " only"
		}
	}
	if id == "\n" {
		return "is empty", "give it a name"
	}
	return "", ""
}

// taken reports an id that the DAG has already.
func (m *machine) taken(at *node, d *dag, id string, by *owner, certain bool) {
	if m.maybe > 0 {
		return // what makes it uncertain is reported where it begins
	}
	p := v1alpha1.Problem{
		Rule: RuleTaskID, Severity: v1alpha1.Deny,
		Message: fmt.Sprintf("the id %q is used twice in the DAG %s", shorten(id), d.name()),
		Hint:    "rename one of them; a TaskGroup puts its own id before those of its tasks",
		Trace:   []v1alpha1.Step{{Position: placeOf(by.at).position(), Message: fmt.Sprintf("%s %q is first made here", by.word, shorten(id))}},
	}
	if !certain || !by.sure || !m.sure() {
		p.Rule, p.Severity = RuleUndecided, v1alpha1.Warn
		p.Message += ", if this is what happens here"
	}
	if !m.stopped {
		m.mod.add(placeOf(at), p)
	}
}

// name is how messages call the DAG.
func (d *dag) name() string {
	if d.known {
		return fmt.Sprintf("%q", shorten(d.id))
	}
	return "whose id is not known"
}

// current is the DAG of the innermost with statement around, or nil.
func (m *machine) current() *dag {
	if len(m.dags) == 0 {
		return nil
	}
	return m.dags[len(m.dags)-1]
}

// dagMethod calls a method of a DAG.
func (m *machine) dagMethod(n *node, d *dag, name string, a arguments) value {
	switch name {
	case "add_task", "add_tasks":
		items := a.list
		if name == "add_tasks" {
			items, _ = m.items(argument(a, 0))
		}
		for _, v := range items {
			if t, ok := v.(*task); ok && t.dag == nil {
				m.adopt(n, d, t)
			}
		}
		return none{}
	case "get_task":
		if id, ok := argument(a, 0).(text); ok {
			if t := d.tasks[string(id)]; t != nil {
				return t
			}
		}
	case "set_dependency":
		up, ok := argument(a, 0).(text)
		down, ok2 := argument(a, 1).(text)
		from, to := d.tasks[string(up)], d.tasks[string(down)]
		if ok && ok2 && from != nil && to != nil {
			m.connect(n, from, to, true)
		} else if m.maybe == 0 {
			m.undecided(n, fmt.Sprintf("which tasks %q connects is not known", m.brief(n)), "")
		}
		return none{}
	case "test", "cli", "validate", "check_cycle":
		return none{}
	case "param", "add_result", "topological_sort", "get_template_env", "resolve_template_files", "get_edge_info", "set_edge_info":
	default:
		d.doubt()
	}
	return &unknown{}
}

// doubt is for code that gets at the insides of a DAG: whatever was certain about it may be changed.
func (d *dag) doubt() {
	d.blurred = true
	for _, by := range d.used {
		by.sure = false
	}
	for _, t := range d.all {
		t.sure = false
	}
	for _, e := range d.edges {
		e.sure = false
	}
}
