// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// versionTable is what versions of Airflow lack of what others have, and the arguments of their classes;
// hack/airflow/derive.sh asks Airflow for it.
//
//go:embed versions.txt
var versionTable string

// edition is what a version of Airflow has.
type edition struct {
	// without are the modules, and names in modules, that other versions have and this one has not.
	without map[string]bool
	// arguments are those that DAG and the operators know by name.
	arguments map[string]map[string]bool
}

// editions are read once, and never change.
var editions = sync.OnceValue(func() map[v1alpha1.AirflowVersion]*edition {
	out := map[v1alpha1.AirflowVersion]*edition{}
	of := func(version string) *edition {
		v := v1alpha1.AirflowVersion(version)
		if out[v] == nil {
			out[v] = &edition{without: map[string]bool{}, arguments: map[string]map[string]bool{}}
		}
		return out[v]
	}
	for line := range strings.Lines(versionTable) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 3 && fields[0] == "without":
			for version := range strings.SplitSeq(fields[1], ",") {
				of(version).without[fields[2]] = true
			}
		case len(fields) > 2 && fields[0] == "arguments":
			known := map[string]bool{}
			for _, name := range fields[3:] {
				known[name] = true
			}
			of(fields[1]).arguments[fields[2]] = known
		}
	}
	return out
})

// newest is the version that files are checked for when none is declared.
const newest = v1alpha1.Airflow33

func (r *Reader) version() v1alpha1.AirflowVersion {
	if r.Version == "" {
		return newest
	}
	return r.Version
}

// lost returns the part of a dotted path that the version of Airflow does not have, and others do; empty if there is none.
func (e *edition) lost(dotted string) string {
	for at := len(dotted); at > 0; at = strings.LastIndexByte(dotted[:at], '.') {
		if e.without[dotted[:at]] {
			return dotted[:at]
		}
	}
	return ""
}

// knows reports whether a class of Airflow knows an argument; known is false for classes that are not in the table.
func (e *edition) knows(class, argument string) (knows, known bool) {
	own, ok := e.arguments[class]
	if !ok {
		return false, false
	}
	return own[argument] || class != isDAG && e.arguments["BaseOperator"][argument], true
}

// gone reports an import that the version of Airflow does not have, and whether it is one.
func (m *machine) gone(n *node, dotted string) bool {
	if !strings.HasPrefix(dotted, "airflow.") {
		return false
	}
	part := m.edition.lost(dotted)
	if part == "" {
		return false
	}
	m.cannotLoad(n, fmt.Sprintf("Airflow %s has no %q", m.reader.version(), part), "import what this version has instead; another version is declared as \"airflow\" of the project, its environments or the platform")
	return true
}

// cannotLoad reports what raises an exception that ends loading the file, unless the file catches it.
func (m *machine) cannotLoad(n *node, message, hint string) {
	if m.guarded == 0 {
		m.wrong(RuleLoad, n, message, hint)
	}
}

// strange reports the named arguments that a class of Airflow does not know.
func (m *machine) strange(class string, a arguments) {
	for _, name := range a.order {
		if class == isDAG && (name == "schedule_interval" || name == "timetable") {
			continue // a matter of the schedule
		}
		knows, known := m.edition.knows(class, name)
		if is, sure := truth(a.named[name]); name == "provide_context" && sure && !is {
			knows = false // Airflow 2 takes it out only where it is true
		}
		if known && !knows && a.nodes[name] != nil {
			m.wrong(RuleLoad, a.where(name), fmt.Sprintf("%s of Airflow %s has no argument %q", class, m.reader.version(), name), m.instead(class, name))
		}
	}
}

// instead is what to write for an argument that is gone.
func (m *machine) instead(class, name string) string {
	switch name {
	case "provide_context":
		return "leave it out: the context is always given"
	case "concurrency":
		return `write "max_active_tasks" instead`
	case "task_concurrency":
		return `write "max_active_tis_per_dag" instead`
	}
	for _, v := range []v1alpha1.AirflowVersion{v1alpha1.Airflow2, v1alpha1.Airflow31, v1alpha1.Airflow33} {
		if knows, _ := editions()[v].knows(class, name); knows {
			return fmt.Sprintf("leave it out: only Airflow %s has it", v)
		}
	}
	return "correct the name"
}

// shipped reports whether a class comes with Airflow or its standard provider, so that its arguments are known.
func shipped(path string) bool {
	return slices.ContainsFunc([]string{"airflow.operators.", "airflow.sensors.", "airflow.providers.standard.", "airflow.models.", "airflow.sdk."}, func(prefix string) bool {
		return strings.HasPrefix(path, prefix)
	})
}
