// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// start runs a shell script. Ready is the line "ready".
func start(t *testing.T, script string, exited func(*ExitedError)) *Process {
	t.Helper()
	p, err := Start(Spec{
		Name: "sh", Path: "/bin/sh", Args: []string{"-c", script}, Log: filepath.Join(t.TempDir(), "log"), Exited: exited,
		Ready: func(line string) (string, bool) { return line, line == "ready" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestProcessIsReadyAndStopped(t *testing.T) {
	p := start(t, "echo first; echo last >&2; echo ready; cat", func(err *ExitedError) { t.Error(err) })
	if value, err := p.Ready(t.Context()); err != nil || value != "ready" {
		t.Fatalf("ready with %q, error %v", value, err)
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(p.Log)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"first\n", "ready\n", "last\n"} { // stderr comes on a way of its own
		if !strings.Contains(string(data), line) {
			t.Errorf("the log is %q, without %q", data, line)
		}
	}
}

func TestProcessThatEndsIsNotWaitedFor(t *testing.T) {
	exited := make(chan error, 1)
	p := start(t, "echo out of figs >&2; exit 3", func(err *ExitedError) { exited <- err })
	_, err := p.Ready(t.Context())
	var e *ExitedError
	if !errors.As(err, &e) || err.Error() != "sh ended by itself: exit status 3: out of figs" {
		t.Errorf("ready with %v", err)
	}
	if err := <-exited; err.Error() != "sh ended by itself: exit status 3" {
		t.Errorf("exited with %v", err)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("stopping what has ended: %v", err)
	}
}

func TestLineWriterSeesLinesHoweverTheyAreWritten(t *testing.T) {
	var got []string
	w := lineWriter{to: io.Discard, line: func(l string) { got = append(got, l) }}
	for _, part := range []string{"on", "e\ntw", "o\n\nthr"} {
		if _, err := w.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"one", "two", ""}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestServing(t *testing.T) {
	url, ok := serving(`{"level":"INFO","msg":"serving","repo":"/r","listen":"127.0.0.1:81","clusters":2}`)
	if !ok || url != "http://127.0.0.1:81" {
		t.Errorf("got %q, %v", url, ok)
	}
	for _, line := range []string{"", "serving", `{"msg":"commit accepted"}`, `{"msg":"serving"}`} {
		if _, ok := serving(line); ok {
			t.Errorf("%q is taken for the daemon's being ready", line)
		}
	}
}

// TestGitIgnoresWhatTheUserHasSet has a hook that fails, signing without a key, and the variables that git sets for hooks.
func TestGitIgnoresWhatTheUserHasSet(t *testing.T) {
	home := t.TempDir()
	hook := filepath.Join(home, "hooks", "pre-commit")
	for name, content := range map[string]string{
		hook: "#!/bin/sh\nexit 1\n",
		filepath.Join(home, ".gitconfig"): "[core]\n\thooksPath = " + filepath.Dir(hook) + "\n\tautocrlf = true\n" +
			"[commit]\n\tgpgSign = true\n[user]\n\tuseConfigOnly = true\n[init]\n\tdefaultBranch = other\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	t.Setenv("GIT_DIR", filepath.Join(home, "elsewhere"))
	t.Setenv("GIT_INDEX_FILE", filepath.Join(home, "index"))
	dir := t.TempDir()
	r := &Repository{Bare: filepath.Join(dir, "bare.git"), Work: filepath.Join(dir, "work"), Author: "Stage"}
	if err := r.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Write("a/x", "1"); err != nil {
		t.Fatal(err)
	}
	hash, err := r.Commit(t.Context(), "First")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Push(t.Context()); err != nil {
		t.Fatal(err)
	}
	log, err := r.Git(t.Context(), "-C", r.Bare, "log", "--format=%H %an %ae %s", "main")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(hash+" Stage stage@trunkline.dev First\n", log); diff != "" {
		t.Errorf("log of main (-want +got):\n%s", diff)
	}
}
