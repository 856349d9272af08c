// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
)

const imports = "from airflow.sdk import DAG, Label, TaskGroup, chain, dag, task\nfrom airflow.providers.standard.operators.empty import EmptyOperator\n"

func TestProblemsReadLikeACompiler(t *testing.T) {
	for name, tc := range map[string]struct{ reason, file, want string }{
		"cycle": {
			reason: "each edge is named with its line",
			file:   "with DAG('d'):\n    a = EmptyOperator(task_id='a')\n    b = EmptyOperator(task_id='b')\n    a >> b\n    b >> a\n",
			want: `d.py:6:5: error: 2 tasks of the DAG "d" wait for each other
    "a" runs before "b"  d.py:6:5
    "b" runs before "a"  d.py:7:5
    hint: take one of these edges away`,
		},
		"duplicate": {
			reason: "both tasks are shown",
			file:   "with DAG('d'):\n    EmptyOperator(task_id='a')\n    EmptyOperator(task_id='a')\n",
			want: `d.py:5:19: error: the id "a" is used twice in the DAG "d"
    the task "a" is first made here  d.py:4:5
    hint: rename one of them; a TaskGroup puts its own id before those of its tasks`,
		},
		"schedule": {
			reason: "the field of the cron expression is named",
			file:   "dag = DAG('d', schedule='0 25 * * *')\n",
			want: `d.py:3:16: error: the schedule "0 25 * * *" has "25" for the hour: it goes from 0 to 23
    hint: write a cron expression such as "0 6 * * *", or one of @once, @hourly, @daily, @weekly, @monthly, @quarterly, @yearly`,
		},
		"columns": {
			reason: "columns count characters, not bytes",
			file:   "x = 'größe'; return\n",
			want:   `d.py:3:14: error: "return" outside of a function`,
		},
		"control characters": {
			reason: "what comes from the file cannot write to the terminal",
			file:   "dag = DAG('a\\x1b[31m')\n",
			want: `d.py:3:11: error: the dag_id "a\x1b[31m" has the character "\x1b"
    hint: use letters, digits, dashes, dots and underscores only`,
		},
		"missing colon": {
			reason: "the place is the end of the line",
			file:   "if True\n    pass\n",
			want: `d.py:3:8: error: the line begins with "if" and has no colon
    hint: put a colon at its end`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := parse("d.py", []byte(imports+tc.file))
			if diff := cmp.Diff(tc.want, m.Problems.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	head := "# airflow dag\n" + imports
	for name, tc := range map[string]struct{ reason, file, says string }{
		"bytes":     {"a file has a size", head + strings.Repeat("x = 1\n", maxFileBytes/6), "more than 262144 bytes"},
		"steps":     {"a loop ends", head + "while True:\n    x = 1\n", "more than 5000 times"},
		"work":      {"a loop in a loop ends", head + "for i in range(4000):\n    for j in range(4000):\n        x = 1\n", "300000 steps"},
		"tasks":     {"tasks are counted", head + "with DAG('d'):\n    for i in range(4000):\n        EmptyOperator(task_id=f'a{i}')\n        EmptyOperator(task_id=f'b{i}')\n", "5000 tasks"},
		"edges":     {"edges are counted", head + "with DAG('d'):\n    t = [EmptyOperator(task_id=f'a{i}') for i in range(500)]\n    for x in t:\n        x >> t\n", "50000 times"},
		"calls":     {"recursion ends", head + "def f(x):\n    return f(x)\nf(1)\n", "60 calls"},
		"statement": {"a statement has a length", head + "x = " + strings.Repeat("a + ", 20000) + "a\n", "20000 parts"},
		"depth":     {"parts are in each other only so deep", head + "x = " + strings.Repeat("not ", 3000) + "a\n", "too deep"},
		"encoding":  {"only UTF-8 is read", "# -*- coding: latin-1 -*-\n" + head, `"latin-1"`},
	} {
		t.Run(name, func(t *testing.T) {
			m := parse("d.py", []byte(tc.file))
			if m.Problems.Denied() {
				t.Errorf("%s: Airflow may load it, and it is denied:\n%s", tc.reason, m.Problems)
			}
			if !slices.ContainsFunc(m.Problems, func(p v1alpha1.Problem) bool {
				return p.Rule == RuleUndecided && strings.Contains(p.Message, tc.says)
			}) {
				t.Errorf("%s: nothing says %q:\n%s", tc.reason, tc.says, m.Problems)
			}
		})
	}
}

// TestHostile reads what makes parsers slow, deep or wrong. It has to end, and to give one answer.
func TestHostile(t *testing.T) {
	const size = 20_000
	for name, unit := range map[string]string{
		"brackets": "(", "mixed brackets": "([{", "closing": ")", "quotes": `"`, "f-strings": `f'{`, "nested f-strings": `f"{f'{`, "backslashes": "\\\n",
		"decorators": "@a\n", "functions": "def f(", "lambdas": "lambda:", "not": "not ", "matches": "match x:\n case ", "tries": "try:\n", "walrus": "(a:=",
		"types": "type X[T", "zero": "\x00", "not UTF-8": "\xff", "carriage returns": "x\r", "form feeds": "\f", "garbage": "a b c (d) = [e] ", "marks": "\u0301",
	} {
		t.Run(name, func(t *testing.T) {
			data := []byte("# airflow dag\n" + strings.Repeat(unit, size/len(unit)))
			first, second := parse("d.py", data), parse("d.py", data)
			if diff := cmp.Diff(first.Problems, second.Problems); diff != "" {
				t.Errorf("two answers to one file:\n%s", diff)
			}
		})
	}
}

// TestShuffledFiles holds Check to one answer for any order of the files.
func TestShuffledFiles(t *testing.T) {
	a := parse("a.py", []byte(imports+"dag = DAG('same')\n"))
	b := parse("b.py", []byte(imports+"dag = DAG('same')\n"))
	if diff := cmp.Diff(Check([]*Module{a, b}), Check([]*Module{b, a})); diff != "" {
		t.Errorf("the order of files matters:\n%s", diff)
	}
	want := `b.py:3:7: error: the dag_id "same" is that of another file too
    the DAG "same" of "a.py"  a.py:3:7
    hint: rename one of the DAGs`
	if diff := cmp.Diff(want, Check([]*Module{b, a}).String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPerhapsInTwoFiles denies nothing when it is not certain that both files have the DAG.
func TestPerhapsInTwoFiles(t *testing.T) {
	a := parse("a.py", []byte(imports+"dag = DAG('same')\n"))
	b := parse("b.py", []byte(imports+"import os\nif os.environ.get('STAGE'):\n    dag = DAG('same')\n"))
	if problems := Check([]*Module{a, b}); problems.Denied() {
		t.Errorf("it is denied:\n%s", problems)
	}
}

func FuzzParse(f *testing.F) {
	err := filepath.WalkDir(filepath.Join("testdata", "corpus"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".py" {
			return err
		}
		data, err := os.ReadFile(path)
		f.Add(data)
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m := parse("fuzz.py", data)
		if len(m.Problems) > 2*maxProblems {
			t.Errorf("%d problems", len(m.Problems))
		}
		for _, p := range m.Problems {
			if strings.ContainsAny(p.String(), "\x1b\x00\r") {
				t.Errorf("a problem writes control characters: %q", p.String())
			}
		}
		for _, d := range m.DAGs {
			for _, e := range d.Edges {
				if e.From >= len(d.Tasks) || e.To >= len(d.Tasks) {
					t.Errorf("an edge to no task")
				}
			}
		}
		Check([]*Module{m, m})
	})
}

func BenchmarkParse(b *testing.B) {
	var files [][]byte
	size := 0
	for _, name := range []string{"with_dag", "taskflow", "loops", "task_groups", "new_syntax"} {
		data, err := os.ReadFile(filepath.Join("testdata", "corpus", "good", name+".py"))
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, data)
		size += len(data)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, data := range files {
			parse("bench.py", data)
		}
	}
}
