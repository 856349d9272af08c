// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"slices"
	"strings"

	"trunkline.dev/trunkline/policy"
)

// command is what someone asks for in a comment.
type command struct {
	name string
	args []string
}

const (
	// prefix begins a line with a command.
	prefix = "/trunkline"
	// maxCommands is how many commands of a comment are done, and maxWords bounds one.
	maxCommands, maxWords = 5, 10
)

// commandsIn returns the commands of a comment: lines of their own, that are neither quoted nor code.
func commandsIn(body string) (out []command) {
	fence := ""
	for line := range strings.Lines(strings.ReplaceAll(body, "\r\n", "\n")) {
		text := strings.TrimRight(line, " \t\n")
		if indent := len(text) - len(strings.TrimLeft(text, " ")); indent > 3 || strings.HasPrefix(text, "\t") {
			continue // code
		}
		text = strings.TrimLeft(text, " ")
		if mark := fenceOf(text); mark != "" && (fence == "" || strings.HasPrefix(mark, fence)) {
			if fence == "" {
				fence = mark
			} else if strings.Trim(text, mark[:1]) == "" {
				fence = ""
			}
			continue
		}
		words := strings.Fields(text)
		if fence != "" || len(words) == 0 || words[0] != prefix {
			continue
		}
		c := command{name: "help"}
		if len(words) > 1 {
			c.name, c.args = strings.ToLower(words[1]), words[2:min(len(words), maxWords)]
		}
		if out = append(out, c); len(out) == maxCommands {
			break
		}
	}
	return out
}

// fenceOf returns the row of backticks or tildes that a line begins with, if it can begin or end a block of code.
func fenceOf(line string) string {
	for _, mark := range []string{"`", "~"} {
		rest := strings.TrimLeft(line, mark)
		if n := len(line) - len(rest); n >= 3 && (mark == "~" || !strings.Contains(rest, "`")) {
			return line[:n]
		}
	}
	return ""
}

func (c command) String() string { return strings.Join(append([]string{c.name}, c.args...), " ") }

// flag returns the value of a flag and the other arguments; false if the flag is not there.
func (c command) flag(name string) (value string, rest []string, ok bool) {
	for i, arg := range c.args {
		if v, found := strings.CutPrefix(arg, name+"="); found {
			return v, slices.Delete(slices.Clone(c.args), i, i+1), v != ""
		}
		if arg == name && i+1 < len(c.args) {
			return c.args[i+1], slices.Delete(slices.Clone(c.args), i, i+2), true
		}
	}
	return "", c.args, false
}

// caller is who wrote a command.
type caller struct {
	policy.Person

	permission Permission
	// author reports whether the pull request is theirs.
	author bool
}

// mayAsk reports whether someone may have work done for a pull request, which changes nothing that runs.
func (c caller) mayAsk() bool {
	return c.author || c.permission == Write || c.permission == Admin
}

// mayAct reports whether someone may change what runs of what has such owners.
func (c caller) mayAct(owners []string) bool {
	return c.permission == Admin || (c.permission == Write || c.permission == Read) && c.OneOf(owners)
}
