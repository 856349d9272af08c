// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// screen is what a terminal shows in the end of what was written to it, of a few escape sequences.
func screen(text string) string {
	const clear = "\x1b[2K"
	lines := []string{""}
	for text != "" {
		last := &lines[len(lines)-1]
		switch rest, isClear := strings.CutPrefix(text, clear); {
		case isClear:
			*last, text = "", rest
		case text[0] == '\n':
			lines, text = append(lines, ""), text[1:]
		default:
			if text[0] != '\r' { // only ever before a line that is cleared, or as long
				*last += text[:1]
			}
			text = text[1:]
		}
	}
	return strings.Join(lines, "\n")
}

// written is what was written by several goroutines.
type written struct {
	mu  sync.Mutex
	all strings.Builder
}

func (w *written) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.Write(text)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

// TestProgress: what takes longer than a second is shown with its counts, and gone in the end.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out written
		p := startProgress(&out, readingDeclarations, noticeable)
		time.Sleep(noticeable - time.Millisecond)
		synctest.Wait()
		if out.String() != "" {
			t.Errorf("what is done within a second is shown: %q", out.String())
		}
		time.Sleep(refresh)
		synctest.Wait()
		if !strings.Contains(out.String(), readingDeclarations) {
			t.Errorf("after a second nothing is shown: %q", out.String())
		}
		p.rendering(0, 400)
		p.rendering(120, 400)
		p.rendering(119, 400) // of another goroutine, which was slower to say so
		time.Sleep(refresh)
		synctest.Wait()
		if !regexp.MustCompile(`rendering .*120/400`).MatchString(out.String()) {
			t.Errorf("the counts are not shown: %q", out.String())
		}
		if _, err := io.WriteString(p.beside(&out), "a line of the log\n"); err != nil {
			t.Error(err)
		}
		p.rendering(400, 400)
		time.Sleep(refresh)
		p.rendering(0, 400) // the other side of a change
		p.rendering(7, 400)
		time.Sleep(refresh)
		synctest.Wait()
		if !regexp.MustCompile(`rendering .*7/400`).MatchString(out.String()) {
			t.Errorf("the second time is not shown: %q", out.String())
		}
		p.end()
		p.end() // as a deferred one does
		if diff := cmp.Diff("a line of the log\n", screen(out.String())); diff != "" {
			t.Errorf("what is left on the screen (-want +got):\n%s", diff)
		}
	})
}

// TestProgressOfWhatIsQuick: nothing is written that would have to be cleaned away.
func TestProgressOfWhatIsQuick(t *testing.T) {
	var out bytes.Buffer
	p := startProgress(&out, readingDeclarations, time.Hour)
	p.rendering(1, 2)
	p.end()
	if out.Len() > 0 {
		t.Errorf("written: %q", out.String())
	}
}

// TestWhereProgressIsShown: at a terminal with a person before it, and nowhere else.
func TestWhereProgressIsShown(t *testing.T) {
	terminal, other, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	defer other.Close()
	file, err := os.Create(t.TempDir() + "/out.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, tc := range []struct {
		reason         string
		stdout, stderr io.Writer
		ci, term       string
		want           bool
	}{
		{"A terminal.", other, other, "", "xterm", true},
		{"A pipe.", &bytes.Buffer{}, &bytes.Buffer{}, "", "xterm", false},
		{"The output goes into a file.", file, other, "", "xterm", false},
		{"What goes wrong does.", other, file, "", "xterm", false},
		{"A terminal of CI.", other, other, "true", "xterm", false},
		{"A terminal that cannot clear a line.", other, other, "", "dumb", false},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			t.Setenv("CI", tc.ci)
			t.Setenv("TERM", tc.term)
			cmd := &cobra.Command{}
			cmd.SetOut(tc.stdout)
			cmd.SetErr(tc.stderr)
			p := showProgress(cmd, "anything")
			defer p.end()
			p.rendering(1, 2) // is nothing, if it is not shown
			if (p != nil) != tc.want {
				t.Errorf("shown: %v, want %v", p != nil, tc.want)
			}
		})
	}
}

// readUntil reads from a terminal until it was shown a text.
func readUntil(t *testing.T, terminal io.Reader, seen *strings.Builder, text string) {
	t.Helper()
	read := make([]byte, 4096)
	for !strings.Contains(seen.String(), text) {
		n, err := terminal.Read(read)
		if err != nil {
			t.Fatalf("%v, after %q", err, seen.String())
		}
		seen.Write(read[:n])
	}
}

// TestProgressAtATerminal: a terminal is shown how far it is, and in the end what it would have been shown without.
func TestProgressAtATerminal(t *testing.T) {
	terminal, program, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	defer program.Close()
	var seen strings.Builder
	p := startProgress(program, readingDeclarations, 0)
	p.rendering(3, 4)
	readUntil(t, terminal, &seen, "3/4")
	p.end()
	if _, err := io.WriteString(program, "no problems\n"); err != nil {
		t.Fatal(err)
	}
	readUntil(t, terminal, &seen, "no problems\r\n")
	if diff := cmp.Diff("no problems\n", screen(seen.String())); diff != "" {
		t.Errorf("what is left on the screen (-want +got):\n%s", diff)
	}
}

// TestCommandsWithProgress: of commands that show how far they are, nothing but what they print is left at a terminal, and
// without one there is nothing else to begin with.
func TestCommandsWithProgress(t *testing.T) {
	defer func(before time.Duration) { noticeable = before }(noticeable)
	noticeable = 0
	t.Setenv("CI", "")
	t.Setenv("TERM", "xterm")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for _, args := range [][]string{
		{"validate", "../../examples/acme"},
		{"validate", "../../examples/broken/invalid-object"},
		{"graph", "../../examples/acme", "-o", "json"},
		{"cost", "../../examples/acme", "-o", "json"},
		{"render", "orders", "--from", "../../examples/acme", "--env", "dev"},
	} {
		t.Run(args[0], func(t *testing.T) {
			var out, wrong bytes.Buffer
			code := run(args, nil, &out, &wrong)
			if wrong.Len() > 0 || strings.ContainsAny(out.String(), "\r\x1b") || code == exitUsage {
				t.Fatalf("exit code %d; without a terminal, %q is written to stderr and %q to stdout", code, wrong.String(), out.String())
			}
			terminal, program, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer terminal.Close()
			read := make(chan string)
			go func() {
				all, _ := io.ReadAll(terminal) // ends with an error, once the other side is closed
				read <- string(all)
			}()
			if again := run(args, nil, program, program); again != code {
				t.Errorf("exit code %d at a terminal, and %d without", again, code)
			}
			if err := program.Close(); err != nil {
				t.Fatal(err)
			}
			colours := regexp.MustCompile("\x1b\\[[0-9;]*m")
			words := func(s string) []string { return strings.Fields(colours.ReplaceAllString(s, "")) } // lines are wrapped at a terminal
			if diff := cmp.Diff(words(out.String()), words(screen(<-read))); diff != "" {
				t.Errorf("what is left on the screen (-without a terminal +at one):\n%s", diff)
			}
		})
	}
}
