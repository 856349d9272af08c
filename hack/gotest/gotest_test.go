// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSummary(t *testing.T) {
	test := func(action, name, output string) event {
		return event{Action: action, Package: module + "plan", Test: name, Output: output}
	}
	for _, tt := range []struct {
		name, reason string
		events       []event
		want         string
		fine         bool
	}{
		{
			name: "passing", reason: "what passes takes one line a package",
			events: []event{
				test("run", "TestA", ""), test("output", "TestA", "=== RUN   TestA\n"), test("output", "TestA", "noise\n"), test("pass", "TestA", ""),
				test("output", "", "ok  \tplan\t0.1s\n"), test("pass", "", ""),
			},
			want: "ok  \tplan\t0.1s\n", fine: true,
		},
		{
			name: "failing", reason: "what fails is printed without the frames of go test",
			events: []event{
				test("output", "TestA", "=== RUN   TestA\n"), test("output", "TestA", "    a_test.go:1: got 1\n"), test("output", "TestA", "--- FAIL: TestA (0.00s)\n"), test("fail", "TestA", ""),
				test("output", "", "FAIL\tplan\t0.1s\n"), test("fail", "", ""),
			},
			want: "    a_test.go:1: got 1\n--- FAIL: TestA (0.00s)\nFAIL\tplan\t0.1s\n1 tests and subtests failed\n", fine: true,
		},
		{
			name: "left out by -short", reason: "a tier is no secret, and no failure",
			events: []event{
				test("output", "TestA", "    a_test.go:1: needs a cluster; left out by -short\n"), test("output", "TestA", "--- SKIP: TestA (0.00s)\n"), test("skip", "TestA", ""),
				test("output", "TestB", "    b_test.go:9: needs a cluster; left out by -short\n"), test("skip", "TestB", ""),
			},
			want: "left for the next tier: 2 tests: needs a cluster; left out by -short\n", fine: true,
		},
		{
			name: "skipped", reason: "any other skip is named, and not fine",
			events: []event{test("output", "TestA", "    a_test.go:1: no git here\n"), test("skip", "TestA", "")},
			want:   "skipped: plan.TestA: no git here\n",
		},
		{
			name: "allowed", reason: "unless the list has it",
			events: []event{{Action: "skip", Package: module + "hack/bench", Test: "TestOwnProcess"}},
			want:   "skipped: hack/bench.TestOwnProcess:  (reads /proc, which other systems than Linux do not have)\n", fine: true,
		},
		{
			name: "panicking", reason: "what never ended is printed too",
			events: []event{test("output", "TestA", "=== RUN   TestA\n"), test("output", "TestA", "panic: boom\n")},
			want:   "panic: boom\n", fine: true,
		},
		{
			name: "not compiling", reason: "the compiler is heard at once",
			events: []event{{Action: "build-output", Output: "x.go:1: undefined: y\n"}}, want: "x.go:1: undefined: y\n", fine: true,
		},
		{
			name: "without tests", reason: "is no test that was skipped",
			events: []event{test("output", "", "?   \tplan\t[no test files]\n"), test("skip", "", "")}, fine: true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			s := newSummary(&out)
			for _, e := range tt.events {
				s.add(e)
			}
			if fine := s.end(); fine != tt.fine {
				t.Errorf("%s: fine = %v", tt.reason, fine)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// TestGoTest runs go test on a module of its own, whose one test is skipped.
func TestGoTest(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":    "module example.com/m\n\ngo 1.26\n",
		"m_test.go": "package m\n\nimport \"testing\"\n\nfunc TestM(t *testing.T) { t.Skip(\"not today\") }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	var out strings.Builder
	if code := run(t.Context(), []string{"./..."}, false, &out, io.Discard); code != 0 || !strings.Contains(out.String(), "skipped: example.com/m.TestM: not today") {
		t.Errorf("exit %d:\n%s", code, out.String())
	}
	if code := run(t.Context(), []string{"./..."}, true, io.Discard, io.Discard); code != 1 {
		t.Errorf("in CI: exit %d, want 1", code)
	}
	if code := run(t.Context(), []string{"./nothing"}, false, io.Discard, io.Discard); code == 0 {
		t.Error("a package that is not there passes")
	}
}
