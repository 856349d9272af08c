// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"

	"trunkline.dev/trunkline/bootstrap"
)

// teller prints the steps of a command. That it cannot be read is no reason to leave a step out.
type teller struct {
	to io.Writer
	// dry is set if nothing is done.
	dry bool
	// waited is what was waited for last.
	waited string
}

// would has the verbs of steps as they are in a dry run.
var would = map[string]string{
	"wrote": "write", "made": "make", "changed": "change", "deleted": "delete", "committed": "commit", "gave": "give", "installed": "install", "put": "put",
}

// did says what was done, beginning with the verb; in a dry run, what would be.
func (t *teller) did(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if verb, rest, _ := strings.Cut(text, " "); t.dry && would[verb] != "" {
		t.print("- would " + would[verb] + " " + rest)
		return
	}
	t.print("✔ " + text)
}

// does says what begins, or what someone has to do.
func (t *teller) does(format string, args ...any) { t.print("► " + fmt.Sprintf(format, args...)) }

// waits says what is waited for, once for each time that it is something else.
func (t *teller) waits(what string) {
	if what != t.waited {
		t.print("◎ " + plain(what))
	}
	t.waited = what
}

// quote prints a text to copy.
func (t *teller) quote(text string) { t.print("  " + text) }

func (t *teller) print(line string) { _, _ = fmt.Fprintln(t.to, line) }

// files says which files are written.
func (t *teller) files(p bootstrap.Plan) {
	const chart = "blueprints/" + bootstrap.Project + "/chart/"
	inChart := 0
	list := func(word string, paths []string) {
		for _, path := range paths {
			if len(path) > len(chart) && path[:len(chart)] == chart {
				inChart++
				continue
			}
			t.did("%s %s", word, path)
		}
	}
	paths := func(files []bootstrap.File) (out []string) {
		for _, f := range files {
			out = append(out, f.Path)
		}
		return out
	}
	list("wrote", paths(p.New))
	list("changed", paths(p.Changed))
	list("deleted", p.Gone)
	if inChart > 0 {
		t.did("wrote the daemon's chart, %d files in %s", inChart, chart)
	}
}
