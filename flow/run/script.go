// SPDX-License-Identifier: Apache-2.0

package run

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/secretref"
)

// shellName is a variable that a shell can set.
var shellName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Script is a POSIX shell script that starts the process in a folder. Whatever a value holds, the shell does nothing with it.
func (p Process) Script(title, dir string) (string, error) {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	for line := range strings.Lines(title) {
		b.WriteString("# " + strings.TrimSuffix(line, "\n") + "\n")
	}
	for _, note := range p.Notes {
		b.WriteString("# " + note + "\n")
	}
	fmt.Fprintf(&b, "cd %s || exit\n", quote(dir))
	if len(p.Secrets) > 0 {
		b.WriteString("\n# Set these before: their values are in the cluster.\n")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Secrets)) {
		if !shellName.MatchString(name) {
			return "", fmt.Errorf("a shell has no variable %q, which is one of the secrets: name it with letters, digits and _", name)
		}
		where := fmt.Sprintf("the key %s of the Secret %s", p.Secrets[name].Key, p.Secrets[name].Name)
		if ref := p.Secrets[name]; ref.Store != "" {
			where = strings.ReplaceAll(secretref.Where(ref), `"`, "")
		}
		fmt.Fprintf(&b, ": \"${%s:?is %s}\"\nexport %s\n", name, where, name)
	}
	b.WriteString("\n")
	var odd []string
	for _, v := range p.Variables {
		value, err := v.Value.shell()
		if err != nil {
			return "", fmt.Errorf("the variable %s: %w", v.Name, err)
		}
		if shellName.MatchString(v.Name) {
			b.WriteString("export " + v.Name + "=" + value + "\n")
		} else {
			odd = append(odd, quote(v.Name+"=")+value)
		}
	}
	words := make([]string, len(p.Command))
	for i, arg := range p.Command {
		var err error
		if words[i], err = arg.shell(); err != nil {
			return "", fmt.Errorf("the argument %d: %w", i, err)
		}
	}
	b.WriteString("\nexec ")
	if len(odd) > 0 {
		if program := p.Command[0]; len(program) != 1 || program[0].Secret != "" || strings.Contains(program[0].Literal, "=") {
			return "", fmt.Errorf("env would take the program %s for a variable: name the variables that a shell does not have with letters, digits and _", words[0])
		}
		b.WriteString("env " + strings.Join(odd, " ") + " ") // no shell can set these
	}
	b.WriteString(strings.Join(words, " ") + "\n")
	return b.String(), nil
}

// shell is a text as a word of a shell.
func (t Text) shell() (string, error) {
	var b strings.Builder
	for _, p := range t {
		switch {
		case p.Secret != "":
			b.WriteString(`"${` + p.Secret + `}"`)
		case strings.Contains(p.Literal, "\x00"):
			return "", errors.New("it has a character that no process can be given")
		case p.Literal != "" || len(t) == 1:
			b.WriteString(quote(p.Literal))
		}
	}
	return b.String(), nil
}

// quote has a shell take a text as it is.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
