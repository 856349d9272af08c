// SPDX-License-Identifier: Apache-2.0

package scaffold_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/scaffold"
)

const item = "- name: new\n  command:\n    - |\n      one\n\n      two\n"

func TestAppendWorkload(t *testing.T) {
	head := "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: p}\n"
	cases := map[string]struct {
		reason string
		// before and after are what stands before and after the new lines, and want those.
		before, after, want string
	}{
		"Indented": {
			reason: "The item is indented as the others are.",
			before: head + "spec:\n  workloads:\n    - name: a\n      env: {A: b}   # why\n",
			want:   "    - name: new\n      command:\n        - |\n          one\n\n          two\n",
		},
		"NotIndented": {
			reason: "Lists need not be indented; what follows is told by the dash.",
			before: head + "spec:\n  workloads:\n  - name: a\n    command:\n    - b\n",
			after:  "  # whose it is\n  owner: x\n",
			want:   "  - name: new\n    command:\n      - |\n        one\n\n        two\n",
		},
		"NoNewline": {
			reason: "A file whose last line does not end gets its end.",
			before: head + "spec:\n  workloads:\n    - name: a",
			want:   "\n    - name: new\n      command:\n        - |\n          one\n\n          two\n",
		},
		"WindowsLines": {
			reason: "Lines end as the others do.",
			before: strings.ReplaceAll(head+"spec:\n  workloads:\n    - name: a\n", "\n", "\r\n"),
			after:  "  owner: x\r\n",
			want:   "    - name: new\r\n      command:\r\n        - |\r\n          one\r\n\r\n          two\r\n",
		},
		"BlankBetween": {
			reason: "Items with a blank line between them get one more.",
			before: head + "spec:\n  workloads:\n    - name: a\n\n    - name: b\n",
			after:  "\n  owner: x\n",
			want:   "\n    - name: new\n      command:\n        - |\n          one\n\n          two\n",
		},
		"NoList": {
			reason: "A project without workloads gets the list, at the end of its spec.",
			before: head + "spec:\n  owner: x\n  tags:\n  - y\n",
			after:  "---\nkind: Other\n",
			want:   "  workloads:\n    - name: new\n      command:\n        - |\n          one\n\n          two\n",
		},
		"EmptyKey": {
			reason: "A key without a value is a list to be filled.",
			before: head + "spec:\n  workloads:   # none yet\n",
			after:  "  owner: x\n",
			want:   "    - name: new\n      command:\n        - |\n          one\n\n          two\n",
		},
		"SecondDocument": {
			reason: "The project is found wherever it stands in the file.",
			before: strings.Replace(head, "{name: p}", "{name: q}", 1) + "spec:\n  workloads:\n    - name: a\n---\n" + head + "spec:\n  workloads:\n    - name: a\n",
			after:  "---\n" + strings.Replace(head, "{name: p}", "{name: r}", 1) + "spec:\n  workloads:\n    - name: a\n",
			want:   "    - name: new\n      command:\n        - |\n          one\n\n          two\n",
		},
		"Comments": {
			reason: "Comments that are indented like the list are of the list; others are of what follows.",
			before: head + "spec:\n  workloads:\n    - name: a\n# not me\n      image: b\n    # - name: old\n",
			after:  "  # whose it is\n  owner: x\n",
			want:   "    - name: new\n      command:\n        - |\n          one\n\n          two\n",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := scaffold.AppendWorkload([]byte(c.before+c.after), "p", []byte(item))
			if err != nil {
				t.Fatalf("%s\n%v", c.reason, err)
			}
			if diff := cmp.Diff(c.before+c.want+c.after, string(got)); diff != "" {
				t.Errorf("%s\nthe file (-want, +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestAppendWorkloadRefuses(t *testing.T) {
	head := "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: p}\n"
	cases := map[string]struct{ reason, source, item, want string }{
		"Flow":        {"A list in brackets would have to be changed.", head + "spec:\n  workloads: [{name: a}]\n", item, "one item on each line"},
		"Empty":       {"So would an empty one.", head + "spec:\n  workloads: []\n", item, "one item on each line"},
		"FlowSpec":    {"Or a mapping in brackets.", head + "spec: {owner: x}\n", item, "one item on each line"},
		"JSON":        {"JSON is brackets all over.", `{"kind": "Project", "metadata": {"name": "p"}, "spec": {"workloads": []}}`, item, "one item on each line"},
		"Alias":       {"A list that stands elsewhere is not ours to extend.", head + "x: &x [a]\nspec:\n  workloads: *x\n", item, "one item on each line"},
		"Keep":        {"Blank lines that belong to a text would get another meaning.", head + "spec:\n  workloads:\n    - command:\n      - |+\n        a\n\n\n  owner: x\n", item, "one item on each line"},
		"Other":       {"The project must be there.", strings.Replace(head, "p}", "q}", 1), item, "does not declare"},
		"NotYAML":     {"What cannot be read cannot be extended.", "a: [", item, "yaml"},
		"TwoItems":    {"A template makes one workload.", head + "spec:\n  workloads:\n    - name: a\n", "- name: b\n- name: c\n", "one item on each line"},
		"Breaks":      {"A template cannot change what follows.", head + "spec:\n  workloads:\n    - name: a\n  owner: x\n", "- name: b\n  note: |\n", ""},
		"NoItem":      {"A template makes a workload.", head + "spec:\n  workloads:\n    - name: a\n", "name: b\n", ""},
		"NewDocument": {"A template stays in the list.", head + "spec:\n  workloads:\n    - name: a\n", "- name: b\n\n---\nkind: Project\n", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := scaffold.AppendWorkload([]byte(c.source), "p", []byte(c.item))
			if err == nil && c.want == "" {
				return // the text turned out to be harmless; FuzzAppendWorkload holds it to that
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s\ngot the error %v and\n%s\nwant an error with %q", c.reason, err, got, c.want)
			}
		})
	}
}

// keeps fails unless the result is the source with something put in at one place.
func keeps(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, source, got []byte,
) {
	t.Helper()
	at := 0
	for at < len(source) && at < len(got) && source[at] == got[at] {
		at++
	}
	// The common start may reach into what is the same at the end.
	for ; at >= 0; at-- {
		if bytes.HasSuffix(got, source[at:]) && len(got) > len(source) {
			return
		}
	}
	t.Fatalf("the result is not the source with new lines:\n%q\n%q", source, got)
}

func TestAppendWorkloadKeepsTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		indent := strings.Repeat(" ", rapid.IntRange(1, 5).Draw(t, "indent"))
		dash := indent + strings.Repeat(" ", rapid.IntRange(0, 4).Draw(t, "dash"))
		filler := rapid.SampledFrom([]string{"", "\n", indent + "# c\n", dash + "  # d\n", "# e\n"})
		source := "kind: Project\nmetadata: {name: p}\nspec:\n" + indent + "workloads:\n"
		for range rapid.IntRange(1, 4).Draw(t, "items") {
			source += filler.Draw(t, "filler") + dash + "- name: a\n" + filler.Draw(t, "filler") + dash + "  env: {A: \"#\"}\n"
		}
		source += filler.Draw(t, "filler") + indent + "owner: x\n"
		got, err := scaffold.AppendWorkload([]byte(source), "p", []byte(item))
		if err != nil {
			t.Fatalf("%v in\n%s", err, source)
		}
		keeps(t, []byte(source), got)
	})
}

func FuzzAppendWorkload(f *testing.F) {
	f.Add([]byte("kind: Project\nmetadata: {name: p}\nspec:\n  workloads:\n    - name: a\n"), []byte(item))
	f.Add([]byte("kind: Project\nmetadata: {name: p}\nspec:\n  owner: x\n---\na: |+\n\n"), []byte("- a: |\n"))
	f.Fuzz(func(t *testing.T, source, item []byte) {
		got, err := scaffold.AppendWorkload(source, "p", item)
		if err == nil {
			keeps(t, source, got)
		}
	})
}
