// SPDX-License-Identifier: Apache-2.0

package scaffold_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/scaffold"
)

// ipynb is a notebook with cells of code.
func ipynb(t *testing.T, cells ...string) []byte {
	t.Helper()
	var all []any
	for _, c := range cells {
		all = append(all, map[string]any{
			"cell_type": "code", "id": "a", "execution_count": 3, "metadata": map[string]any{"tags": []string{"parameters"}, "scrolled": true},
			"source": strings.SplitAfter(c, "\n"), "outputs": []any{map[string]any{"output_type": "stream", "text": strings.Repeat("much", 1000)}},
		})
	}
	data, err := json.Marshal(map[string]any{
		"nbformat": 4, "nbformat_minor": 5, "cells": all,
		"metadata": map[string]any{"kernelspec": map[string]any{"name": "venv", "language": "python"}, "widgets": map[string]any{"large": true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func fileOf(files []scaffold.File, name string) string {
	for _, f := range files {
		if f.Path == name {
			return string(f.Data)
		}
	}
	return ""
}

// TestFromNotebook: a workload runs the notebook as it is but for what it put out, by papermill.
func TestFromNotebook(t *testing.T) {
	files, notes, err := scaffold.FromNotebook("report", "jupyter@sha256:1", ipynb(t, "read_raw = ''\n", "print('<b>' + read_raw)"), scaffold.ByPapermill)
	if err != nil || len(notes) != 0 {
		t.Fatal(notes, err)
	}
	want := "- name: report\n  blueprint: container-job\n  image: jupyter@sha256:1\n  files: [report.ipynb, report.py]\n  command: [python, report.py]\n  env: {HOME: /tmp}\n"
	if diff := cmp.Diff(want, fileOf(files, scaffold.ItemFile)); diff != "" {
		t.Errorf("the workload (-want +got):\n%s", diff)
	}
	kept := fileOf(files, "report.ipynb")
	for _, gone := range []string{"much", "venv", "scrolled", "widgets"} {
		if strings.Contains(kept, gone) {
			t.Errorf("%q is still in it:\n%s", gone, kept)
		}
	}
	for _, there := range []string{"print('<b>' + read_raw)", `"parameters"`, `"execution_count": null`, `"outputs": []`, `"python3"`} {
		if !strings.Contains(kept, there) {
			t.Errorf("%q is not in it:\n%s", there, kept)
		}
	}
}

// TestScriptOfANotebook: what only IPython understands is left out and named, and nothing else is.
func TestScriptOfANotebook(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, cell, want string
		left               int
	}{
		"plain":        {"code stays as it is", "x = 5 % 3\ny = not x", "x = 5 % 3\ny = not x\n", 0},
		"magic":        {"a magic is a comment", "%matplotlib inline\nimport os", "pass  # %matplotlib inline\nimport os\n", 1},
		"in a block":   {"also where it is all of a block", "if True:\n    !pip install x", "if True:\n    pass  # !pip install x\n", 1},
		"cell":         {"a magic of a cell is for all of it", "%%bash\nls", "# %%bash\n# ls\n", 1},
		"assigned":     {"what is missing then is said", "files = !ls\nprint(files)", "pass  # files = !ls\nprint(files)\n", 1},
		"help":         {"a question is one", "os.path?", "pass  # os.path?\n", 1},
		"continuation": {"a line that goes on is none", "x = (5\n  % 3)\ny = 5 \\\n  % 3", "x = (5\n  % 3)\ny = 5 \\\n  % 3\n", 0},
		"text":         {"nor is one in a text", "q = '''\n%s of\n!x\n'''\nr = \"a?\"  # is it?", "q = '''\n%s of\n!x\n'''\nr = \"a?\"  # is it?\n", 0},
		"quotes":       {"quotes in texts are none", "a = \"it's\"\nb = 'say \\'x\\''\n%time 1", "a = \"it's\"\nb = 'say \\'x\\''\npass  # %time 1\n", 1},
		"comment":      {"a bracket in a comment is none", "a = 1  # (\n%time 1", "a = 1  # (\npass  # %time 1\n", 1},
		"await":        {"a script cannot wait by itself", "await f()", "await f()\n", 1},
		"awaits":       {"a function can", "async def f():\n    await g()", "async def f():\n    await g()\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			files, left, err := scaffold.FromNotebook("a", "", ipynb(t, tc.cell), scaffold.ByScript)
			if err != nil {
				t.Fatal(err)
			}
			_, got, _ := strings.Cut(fileOf(files, "a.py"), "# %%\n")
			if diff := cmp.Diff(tc.want, got); diff != "" || len(left) != tc.left {
				t.Errorf("%s (-want +got):\n%s%v", tc.reason, diff, left)
			}
		})
	}
}

// TestHostileNotebooks: what no workload can run is refused, with what to do.
func TestHostileNotebooks(t *testing.T) {
	code := `"cells": [{"cell_type": "code", "metadata": {}, "source": "1"}]`
	for name, tc := range map[string]struct{ text, want string }{
		"no JSON":      {"x = 1", "no notebook"},
		"empty":        {"", "no notebook"},
		"other JSON":   {"[1]", "no notebook"},
		"no format":    {"{" + code + "}", "nbformat"},
		"old":          {`{"nbformat": 3, "worksheets": []}`, "open it in JupyterLab and save it"},
		"no code":      {`{"nbformat": 4, "cells": [{"cell_type": "markdown", "metadata": {}, "source": "x"}, {"cell_type": "code", "metadata": {}, "source": [" \n"]}]}`, "no cell with code"},
		"no cells":     {`{"nbformat": 4}`, "no cell with code"},
		"other kernel": {`{"nbformat": 4, "metadata": {"language_info": {"name": "R"}}, ` + code + "}", `"r"`},
		"odd source":   {`{"nbformat": 4, "cells": [{"cell_type": "code", "source": {"a": 1}}]}`, "neither a text nor"},
		"cut off":      {"{\"nbformat\": 4,\n" + code, "no JSON from line 2 on: open it in JupyterLab"},
		"not a number": {`{"nbformat": 4, "metadata": {"x": NaN}, ` + code + "}", "no JSON from line 1 on"},
		"merge":        {"{\n<<<<<<< HEAD\n\"nbformat\": 4}", "no JSON from line 2 on"},
		"text format":  {`{"nbformat": "4", ` + code + "}", `"nbformat" is a JSON string`},
		"odd cell":     {`{"nbformat": 4, "cells": ["x"]}`, `"cells" is a JSON string`},
		"odd kernel":   {`{"nbformat": 4, "metadata": {"kernelspec": "python3"}, ` + code + "}", `"metadata.kernelspec" is a JSON string`},
		"latin":        {"{\"nbformat\": 4, \"cells\": [{\"cell_type\": \"code\", \"source\": \"x = '\xe9'\"}]}", "not UTF-8"},
		"wide":         {"\xff\xfe{\x00}\x00", "not UTF-8"},
		"deep":         {`{"nbformat": 4, "metadata": ` + strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20001), "no notebook"},
		"secret":       {`{"nbformat": 4, "cells": [{"cell_type": "code", "metadata": {}, "source": "key = 'AKIAIOSFODNN7EXAMPLQ'"}]}`, "cell 1 has what looks like"},
		"large":        {`{"nbformat": 4, "cells": [{"cell_type": "code", "metadata": {}, "source": "x = '` + strings.Repeat("a b ", 80<<10) + `'"}]}`, "without its outputs"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := scaffold.FromNotebook("a", "", []byte(tc.text), scaffold.ByPapermill)
			if err == nil || !strings.Contains(err.Error(), tc.want) || len(err.Error()) > 400 {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			for _, of := range []string{"scaffold.", "json:", "struct", "Go "} {
				if strings.Contains(err.Error(), of) {
					t.Errorf("%v: that is for programmers of Go", err)
				}
			}
		})
	}
	if _, _, err := scaffold.FromNotebook("a", "", append([]byte("\ufeff"), ipynb(t, "1")...), scaffold.ByPapermill); err != nil {
		t.Errorf("a notebook with a byte order mark, as editors of Windows write: %v", err)
	}
	if _, _, err := scaffold.FromNotebook("a", "", ipynb(t, "1"), "nbconvert"); err == nil {
		t.Error("any way to run it is taken")
	}
}

// FuzzFromNotebook: no file makes it fail otherwise than by an error.
func FuzzFromNotebook(f *testing.F) {
	f.Add([]byte(`{"nbformat": 4, "cells": [{"cell_type": "code", "metadata": {}, "source": "%x\n'''"}]}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		for _, by := range []scaffold.NotebookRun{scaffold.ByPapermill, scaffold.ByScript} {
			_, _, _ = scaffold.FromNotebook("a", "", data, by)
		}
	})
}
