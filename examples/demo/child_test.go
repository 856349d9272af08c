package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// start runs a shell script as a member of a family, which the test's end stops. Ready is the line "ready".
func start(t *testing.T, script string) (*child, <-chan error) {
	t.Helper()
	read, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	died := make(chan error, 1)
	f := newFamily(func(err error) { died <- err }, hold)
	t.Cleanup(func() {
		if err := errors.Join(f.stop(), hold.Close(), read.Close()); err != nil {
			t.Error(err)
		}
	})
	c, err := f.start(childSpec{
		name: "sh", path: "/bin/sh", args: []string{"-c", script}, log: filepath.Join(t.TempDir(), "log"),
		ready: func(line string) (string, bool) { return line, line == "ready" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, died
}

func TestChildIsReadyAndStopped(t *testing.T) {
	c, died := start(t, "echo first; echo ready; echo last >&2; cat")
	if value, err := c.waitReady(t.Context()); err != nil || value != "ready" {
		t.Fatalf("ready with %q, error %v", value, err)
	}
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	if len(died) > 0 {
		t.Errorf("a child that was stopped is told to have died: %v", <-died)
	}
	data, err := os.ReadFile(c.log)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) < len("first\nready\n") {
		t.Errorf("the log is %q", data)
	}
}

func TestChildThatDiesIsTold(t *testing.T) {
	c, died := start(t, "echo out of figs >&2; exit 3")
	select {
	case err := <-died:
		var d *diedError
		if !errors.As(err, &d) || err.Error() != "sh ended by itself: exit status 3" {
			t.Errorf("died of %v", err)
		}
		var end *toldError
		if !errors.As(told(err, c.log), &end) {
			t.Fatal("the end of the log is not told")
		}
		if diff := cmp.Diff([]string{"out of figs"}, end.tail); diff != "" {
			t.Errorf("end of the log (-want +got):\n%s", diff)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nothing is told")
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
	for _, line := range []string{"", "serving", `{"msg":"commit accepted"}`} {
		if _, ok := serving(line); ok {
			t.Errorf("%q is taken for the daemon's being ready", line)
		}
	}
}

func TestSweepRemovesTheDemosFolderOnly(t *testing.T) {
	for base, gone := range map[string]bool{folderPrefix + "1": true, "home": false} {
		dir := filepath.Join(t.TempDir(), base)
		if err := os.MkdirAll(filepath.Join(dir, "lake"), 0o700); err != nil {
			t.Fatal(err)
		}
		sweep(dir, strings.NewReader(""))
		if _, err := os.Stat(dir); os.IsNotExist(err) != gone {
			t.Errorf("%s: gone %v, want %v", base, !gone, gone)
		}
	}
}
