// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// answer is what Apache Airflow says of a case of the corpus; hack/airflow/derive.sh asks it.
type answer struct {
	Accepted bool
	// DAGs are the tasks of each DAG, with what comes after each.
	DAGs   map[string]map[string][]string
	Errors []struct{ Kind, Message string }
}

func answers(t testing.TB, version v1alpha1.AirflowVersion) map[string]answer {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "corpus", "answers-"+string(version)+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Cases map[string]answer }
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all.Cases
}

// corpus returns the modules of each case: a file, or a folder of files that one Airflow loads, and that may import each
// other.
func corpus(t testing.TB, version v1alpha1.AirflowVersion) map[string][]*Module {
	t.Helper()
	root := filepath.Join("testdata", "corpus")
	out := map[string][]*Module{}
	err := filepath.WalkDir(root, func(place string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(place) != ".py" {
			return err
		}
		data, err := os.ReadFile(place)
		if err != nil {
			return err
		}
		file, err := filepath.Rel(root, place)
		if err != nil {
			return err
		}
		file = filepath.ToSlash(file)
		parts := strings.Split(file, "/")
		name := strings.Join(parts[:2], "/")
		r := &Reader{Version: version, Tree: os.DirFS(root), Roots: []string{path.Dir(file)}}
		out[name] = append(out[name], r.Parse(file, data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// ruleOf is the rule that stands for what Airflow says, by the names of the files.
func ruleOf(name string) string {
	_, file, _ := strings.Cut(name, "/")
	for prefix, rule := range map[string]string{
		"syntax": RuleSyntax, "dag_id": RuleDagID, "task_id": RuleTaskID, "group_id": RuleTaskID, "cycle": RuleCycle, "schedule": RuleSchedule,
		"load": RuleLoad,
	} {
		if strings.HasPrefix(file, prefix+"_") || strings.HasPrefix(file, prefix+".") {
			return rule
		}
	}
	return ""
}

func denied(ps v1alpha1.Problems) []string {
	var out []string
	for _, p := range ps {
		if p.Severity == v1alpha1.Deny && !slices.Contains(out, p.Rule) {
			out = append(out, p.Rule)
		}
	}
	return out
}

// TestAsAirflow holds the package to what Airflow itself says.
func TestAsAirflow(t *testing.T) {
	says := answers(t, newest)
	cases := corpus(t, newest)
	if len(cases) < 70 {
		t.Fatalf("the corpus has %d cases, want 70 at least", len(cases))
	}
	for name, modules := range cases {
		t.Run(name, func(t *testing.T) {
			says, ok := says[name]
			if !ok {
				t.Fatalf("answers-3.3.json says nothing of it: run hack/airflow/derive.sh")
			}
			problems := Check(modules)
			if says.Accepted && problems.Denied() {
				t.Fatalf("Airflow accepts it, and it is denied:\n%s", problems)
			}
			if !says.Accepted && fine(problems) {
				t.Fatalf("Airflow refuses it, and it is called fine: %v", says.Errors)
			}
			switch kind, _, _ := strings.Cut(name, "/"); kind {
			case "good":
				if !says.Accepted {
					t.Fatalf("Airflow refuses it: %v", says.Errors)
				}
				for _, p := range problems {
					if p.Rule == RuleUndecided {
						t.Errorf("it can be decided, and is not:\n%s", p)
					}
				}
			case "bad":
				if says.Accepted {
					t.Fatal("Airflow accepts it")
				}
				if diff := cmp.Diff([]string{ruleOf(name)}, denied(problems)); diff != "" {
					t.Fatalf("rules that deny it (-want +got):\n%s\n%s", diff, problems)
				}
			case "undecided":
				if problems.Denied() || !slices.ContainsFunc(problems, func(p v1alpha1.Problem) bool { return p.Rule == RuleUndecided }) {
					t.Errorf("it is not reported as undecided:\n%s", problems)
				}
			}
		})
	}
}

// fine reports whether nothing is denied, and nothing undecided.
func fine(ps v1alpha1.Problems) bool {
	return !ps.Denied() && !slices.ContainsFunc(ps, func(p v1alpha1.Problem) bool { return p.Rule == RuleUndecided })
}

// TestAsOtherVersions holds the package to what other versions of Airflow say: of the files of two, which are for Airflow 2,
// nothing is undecided.
func TestAsOtherVersions(t *testing.T) {
	for _, version := range []v1alpha1.AirflowVersion{v1alpha1.Airflow2, v1alpha1.Airflow31} {
		says := answers(t, version)
		for name, modules := range corpus(t, version) {
			t.Run(string(version)+"/"+name, func(t *testing.T) {
				says, ok := says[name]
				if !ok {
					t.Fatalf("answers-%s.json says nothing of it: run hack/airflow/derive.sh", version)
				}
				problems := Check(modules)
				switch two := version == v1alpha1.Airflow2 && strings.HasPrefix(name, "two/"); {
				case says.Accepted && problems.Denied():
					t.Errorf("Airflow accepts it, and it is denied:\n%s", problems)
				case says.Accepted && two && !fine(problems):
					t.Errorf("it can be decided, and is not:\n%s", problems)
				case !says.Accepted && two && !problems.Denied():
					t.Errorf("Airflow refuses it, and it is not denied: %v\n%s", says.Errors, problems)
				case !says.Accepted && fine(problems):
					t.Errorf("Airflow refuses it, and it is called fine: %v", says.Errors)
				}
			})
		}
	}
}

// TestDAGsAsAirflow holds the tasks and edges that were found to those that Airflow has, for files without
// anything undecided.
func TestDAGsAsAirflow(t *testing.T) {
	says := answers(t, newest)
	for name, modules := range corpus(t, newest) {
		if !strings.HasPrefix(name, "good/") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			got := map[string]map[string][]string{}
			for _, m := range modules {
				for _, d := range m.DAGs {
					tasks := map[string][]string{}
					for _, task := range d.Tasks {
						tasks[task.ID] = []string{}
					}
					for _, e := range d.Edges {
						from := d.Tasks[e.From].ID
						tasks[from] = append(tasks[from], d.Tasks[e.To].ID)
						slices.Sort(tasks[from])
					}
					got[d.ID] = tasks
				}
			}
			if diff := cmp.Diff(says[name].DAGs, got); diff != "" {
				t.Errorf("DAGs (-Airflow +found):\n%s", diff)
			}
		})
	}
}
