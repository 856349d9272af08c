// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"mvdan.cc/sh/v3/syntax"
)

var (
	// shellBlock is a block of commands of a page, and inline a command within a sentence.
	shellBlock = regexp.MustCompile("(?ms)^[ \t]*```(?:sh|bash|shell)\n(.*?)^[ \t]*```")
	inline     = regexp.MustCompile("`(trunkline [^`\n]+)`")
)

// TestDocsNameCommandsThatThereAre: every command line of the pages is of a command that there is, with flags and as many arguments as it takes. What
// the commands of a page do is for the test of that page, such as TestTour.
func TestDocsNameCommandsThatThereAre(t *testing.T) {
	root := filepath.Join("..", "..")
	lines := 0
	for _, page := range readPages(t, root) {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range shellBlock.FindAllStringSubmatchIndex(string(text), -1) {
			from := strings.Count(string(text[:b[2]]), "\n")
			calls, err := calls(string(text[b[2]:b[3]]))
			if err != nil {
				t.Errorf("%s:%d: no shell would read it: %v", page, from+1, err)
			}
			for _, c := range calls {
				lines++
				if err := c.check(true); err != nil {
					t.Errorf("%s:%d: %v", page, from+c.line, err)
				}
			}
		}
		for _, b := range inline.FindAllSubmatchIndex(text, -1) {
			line := strings.Count(string(text[:b[2]]), "\n") + 1
			calls, err := calls(placeholders.Replace(string(text[b[2]:b[3]])))
			if err != nil {
				continue // a pattern of commands, not one
			}
			for _, c := range calls {
				lines++
				if err := c.check(false); err != nil {
					t.Errorf("%s:%d: %v", page, line, err)
				}
			}
		}
	}
	if lines < 100 {
		t.Errorf("only %d commands were found", lines)
	}
}

// placeholders of what is optional, in sentences.
var placeholders = strings.NewReplacer("[", "", "]", "", "…", "x", "...", "x", "<", "", ">", "")

// readPages are those that a person reads; the log of changes has commands that there were.
func readPages(t *testing.T, root string) (all []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name != "." && strings.HasPrefix(path.Base(name), ".") || path.Base(name) == "testdata" || path.Base(name) == "node_modules" || name == "docs/adr"):
			return fs.SkipDir
		case path.Ext(name) == ".md" && name != "CHANGELOG.md":
			all = append(all, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// call is a call of trunkline in a script.
type call struct {
	line int
	args []string
}

// calls finds those of a script, wherever in it they are.
func calls(script string) (out []call, err error) {
	file, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	if err != nil {
		return nil, err
	}
	syntax.Walk(file, func(node syntax.Node) bool {
		c, ok := node.(*syntax.CallExpr)
		if !ok {
			return true
		}
		var words []string
		for _, word := range c.Args {
			if w := literally(word); w != "…" { // what a page leaves out
				words = append(words, w)
			}
		}
		for i, w := range words { // of kubectl exec, what follows "--" is called
			if path.Base(w) == "trunkline" && (i == 0 || words[i-1] == "--" || words[i-1] == "sudo") {
				out = append(out, call{int(c.Pos().Line()), words[i+1:]})
				break
			}
		}
		return true
	})
	return out, nil
}

// literally is a word as a program gets it; what a shell would put there is "x".
func literally(word *syntax.Word) string {
	var text strings.Builder
	var parts func([]syntax.WordPart)
	parts = func(all []syntax.WordPart) {
		for _, p := range all {
			switch p := p.(type) {
			case *syntax.Lit:
				text.WriteString(strings.ReplaceAll(p.Value, "\\\n", ""))
			case *syntax.SglQuoted:
				text.WriteString(p.Value)
			case *syntax.DblQuoted:
				parts(p.Parts)
			default:
				text.WriteString("x")
			}
		}
	}
	parts(word.Parts)
	return text.String()
}

// check reports what of a call there is not. That of a sentence may leave out arguments.
func (c call) check(whole bool) error {
	line := "trunkline " + strings.Join(c.args, " ")
	cmd, rest, err := newRoot().Find(c.args)
	if err != nil {
		return fmt.Errorf("%q: %w", line, err)
	}
	if cmd.HasSubCommands() && !cmd.Runnable() && slices.ContainsFunc(rest, func(a string) bool { return !strings.HasPrefix(a, "-") }) {
		return fmt.Errorf("%q: %q has no such command", line, cmd.CommandPath())
	}
	cmd.InitDefaultHelpFlag()
	if !whole { // a flag that is named without its value
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if len(rest) > 0 && rest[len(rest)-1] == "--"+f.Name && f.NoOptDefVal == "" {
				rest = rest[:len(rest)-1]
			}
		})
	}
	if err := cmd.ParseFlags(rest); err != nil && (whole || strings.Contains(err.Error(), "unknown")) {
		return fmt.Errorf("%q: %w", line, err)
	}
	if help, _ := cmd.Flags().GetBool("help"); help || !whole || !cmd.Runnable() {
		return nil
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		return fmt.Errorf("%q: %w", line, err)
	}
	return nil
}
