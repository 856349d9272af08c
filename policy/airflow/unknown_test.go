// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// verdict is the rules that problems break, each once; "fine" if none is.
func verdict(ps v1alpha1.Problems) string {
	var out []string
	for _, p := range ps {
		if !slices.Contains(out, p.Rule) {
			out = append(out, p.Rule)
		}
	}
	if len(out) == 0 {
		return "fine"
	}
	return strings.Join(out, " ")
}

// TestWhatIsNotFollowed holds what imported code may have made to be undecided: it is neither empty nor certain.
func TestWhatIsNotFollowed(t *testing.T) {
	head := imports + "from company import mail, build, company_task, notify\n"
	const end = "    end = EmptyOperator(task_id='end')\n"
	for _, tc := range []struct{ reason, code, want string }{
		{"a group with an imported task is not empty", "    with TaskGroup('mails') as mails:\n        mail()\n" + end + "    mails >> end\n", RuleUndecided},
		{"nor one within it", "    with TaskGroup('mails') as mails:\n        with TaskGroup('inner'):\n            mail()\n" + end + "    mails >> end\n", RuleUndecided},
		{"nor one whose tasks a loop makes", "    with TaskGroup('mails') as mails:\n        for i in range(2):\n            mail(i)\n" + end + "    mails >> end\n", RuleUndecided},
		{"nor one that a function is given", "    with TaskGroup('mails') as mails:\n        pass\n    build(mails)\n" + end + "    mails >> end\n", RuleUndecided},
		{"nor one that a function is called within", "    with TaskGroup('mails') as mails:\n        x = build()\n" + end + "    mails >> end\n", RuleUndecided},
		{"nor before an edge to it", "    with TaskGroup('mails') as mails:\n        mail()\n" + end + "    end >> mails\n", RuleUndecided},
		{"nor in a chain", "    with TaskGroup('mails') as mails:\n        mail()\n" + end + "    chain(mails, end)\n", RuleUndecided},
		{"nor behind a label", "    with TaskGroup('mails') as mails:\n        mail()\n" + end + "    mails >> Label('x') >> end\n", RuleUndecided},
		{"an empty group is empty", "    with TaskGroup('mails') as mails:\n        pass\n" + end + "    mails >> end\n", RuleCycle},
		{"a plain value makes no task", "    EmptyOperator(task_id='a', doc_md=notify('a'))\n", "fine"},
		{"also by a name", "    text = notify('a')\n    EmptyOperator(task_id='a', doc_md=text)\n", "fine"},
		{"also in a text", "    text = notify('a')\n    EmptyOperator(task_id='a', doc_md=f'{text}!')\n", "fine"},
		{"also by a part of it", "    settings = notify('a')\n    EmptyOperator(task_id='a', doc_md=settings['x'])\n", "fine"},
		{"what is put after a task may be one", "    x = notify('a')\n    EmptyOperator(task_id='a') >> x\n", RuleUndecided},
		{"ids after an imported operator are held to the rules", "    company_task(task_id='x')\n    @task(task_id='not one')\n    def a(): pass\n    a()\n", RuleUndecided + " " + RuleTaskID},
		{"those that are overridden too", "    build()\n    @task\n    def a(): pass\n    a.override(task_id='not one')()\n", RuleUndecided + " " + RuleTaskID},
		{"those in groups", "    with TaskGroup('g'):\n        build()\n        EmptyOperator(task_id='not one')\n", RuleUndecided + " " + RuleTaskID},
		{"and used once", "    build()\n    @task\n    def a(): pass\n    a()\n    EmptyOperator(task_id='a')\n", RuleUndecided + " " + RuleTaskID},
		{"a task that a library copies is not lost in silence", "    import copy\n    a = EmptyOperator(task_id='a')\n    b = copy.copy(a)\n", RuleUndecided},
		{"a task that is logged is", "    import logging\n    a = EmptyOperator(task_id='a')\n    logging.info(a)\n", "fine"},
	} {
		m := parse("d.py", []byte(head+"with DAG('d'):\n"+tc.code))
		got := strings.Split(verdict(m.Problems), " ")
		want := strings.Split(tc.want, " ")
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%s\n%s", tc.reason, diff, tc.code, m.Problems)
		}
	}
}

// TestToldOnce: an imported function that may make tasks is told once a file.
func TestToldOnce(t *testing.T) {
	m := parse("d.py", []byte(imports+"from company import mail\nwith DAG('d'):\n    mail(1)\n    mail(2)\n    mail(3)\n"))
	if len(m.Problems) != 1 {
		t.Errorf("it is told %d times:\n%s", len(m.Problems), m.Problems)
	}
}

// TestImports follows modules of the tree as Python finds them.
func TestImports(t *testing.T) {
	const make = "from airflow.providers.standard.operators.empty import EmptyOperator\ndef tasks(name):\n    EmptyOperator(task_id=name)\nbad = 'not one'\n"
	tree := fstest.MapFS{
		"dags/lib/__init__.py": {Data: []byte("from .made import tasks as again\nfrom . import made\n")},
		"dags/lib/made.py":     {Data: []byte(make)},
		"plain/deep/made.py":   {Data: []byte(make)},
		"dags/broken.py":       {Data: []byte("def f(:\n")},
		"dags/loop_a.py":       {Data: []byte("import loop_b\nx = 1\n")},
		"dags/loop_b.py":       {Data: []byte("import loop_a\ny = 2\n")},
		"dags/stars.py":        {Data: []byte("from lib.made import *\n_hidden = 1\n")},
		"dags/some.py":         {Data: []byte("__all__ = ['a']\na = 'a'\nb = 'b'\n")},
		"dags/raises.py":       {Data: []byte("raise RuntimeError('no')\n")},
		"dags/json.py":         {Data: []byte("dumps = 1\n")},
		"dags/lazy.py":         {Data: []byte("def __getattr__(name):\n    return name\n")},
	}
	for _, tc := range []struct{ reason, code, want string }{
		{"a function of a module", "from lib.made import tasks\nwith DAG('d'):\n    tasks('a')\n", "fine"},
		{"its task_id is checked", "from lib.made import tasks\nwith DAG('d'):\n    tasks('not one')\n", RuleTaskID},
		{"by the module's name", "import lib.made\nwith DAG('d'):\n    lib.made.tasks('not one')\n", RuleTaskID},
		{"by another name", "import lib.made as m\nwith DAG('d'):\n    m.tasks('not one')\n", RuleTaskID},
		{"of the package", "from lib import again\nwith DAG('d'):\n    again('not one')\n", RuleTaskID},
		{"a module of the package", "from lib import made\nwith DAG('d'):\n    made.tasks(made.bad)\n", RuleTaskID},
		{"a folder without __init__.py", "from plain.deep.made import tasks\nwith DAG('d'):\n    tasks('not one')\n", RuleTaskID},
		{"all names", "from stars import *\nwith DAG('d'):\n    tasks('not one')\n", RuleTaskID},
		{"all names that it says", "from some import *\nwith DAG('d'):\n    EmptyOperator(task_id=a)\n", "fine"},
		{"a loop", "from loop_a import x\nfrom loop_b import y\nwith DAG('d'):\n    EmptyOperator(task_id=f'{x}{y}')\n", "fine"},
		{"a name that it does not have", "from lib.made import nothing\n", RuleLoad},
		{"a module that it does not have", "import lib.nothing\n", RuleLoad},
		{"unless the file expects that", "try:\n    from lib.made import nothing\nexcept ImportError:\n    nothing = 'a'\nwith DAG('d'):\n    EmptyOperator(task_id=nothing)\n", "fine"},
		{"one that makes names when asked", "from lazy import anything\n", "fine"},
		{"one that Python cannot read", "import broken\n", RuleSyntax},
		{"one that raises", "import raises\n", RuleLoad},
		{"what is not in the tree", "import company\n", "fine"},
		{"Python's own comes first", "import json\nwith DAG('d'):\n    EmptyOperator(task_id='a', doc_md=json.dumps({}))\n", "fine"},
		{"a DAG file is in no package", "from .lib import made\n", RuleLoad},
	} {
		r := &Reader{Tree: tree, Roots: []string{"dags", "."}}
		m := r.Parse("dags/d.py", []byte(imports+tc.code))
		if got := verdict(m.Problems); got != tc.want {
			t.Errorf("%s: %s, want %s\n%s\n%s", tc.reason, got, tc.want, tc.code, m.Problems)
		}
		for _, p := range m.Problems {
			if p.Position.File != "dags/d.py" {
				t.Errorf("%s: it is reported in %s, and Airflow refuses dags/d.py", tc.reason, p.Position.File)
			}
		}
	}
}
