// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
)

// helpWidth is how wide help is: what every terminal has.
const helpWidth = 80

// ownHelp has all commands print help that fits, and say in our words what is wrong with their arguments.
func ownHelp(root *cobra.Command) {
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { cmd.Print(helpOf(cmd)) })
	root.SetUsageFunc(func(cmd *cobra.Command) error { cmd.Print(usageOf(cmd)); return nil })
	eachCommand(root, func(c *cobra.Command) {
		if check := c.Args; check != nil {
			c.Args = func(cmd *cobra.Command, args []string) error { return argsError(cmd, args, check(cmd, args)) }
		}
	})
}

func eachCommand(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, sub := range c.Commands() {
		eachCommand(sub, do)
	}
}

// argsError says what is wrong with the arguments of a command, by what its usage says of them.
func argsError(cmd *cobra.Command, args []string, err error) error {
	var ours *usageError
	if err == nil || errors.As(err, &ours) || cmd.HasSubCommands() {
		return err
	}
	_, takes, _ := strings.Cut(cmd.Use, " ")
	takes = strings.TrimSpace(strings.Split(" "+takes, " --")[0])
	switch {
	case len(args) == 0:
		return usagef("%s needs %s", cmd.CommandPath(), takes)
	case takes == "":
		return usagef("%s accepts no arguments: remove %q", cmd.CommandPath(), args[0])
	default:
		return usagef("%s accepts %s: remove %q", cmd.CommandPath(), takes, args[len(args)-1])
	}
}

func helpOf(cmd *cobra.Command) string {
	long := cmd.Long
	if long == "" {
		long = cmd.Short
	}
	return paragraphs(strings.TrimRight(long, " \n"), helpWidth) + "\n\n" + usageOf(cmd)
}

func usageOf(cmd *cobra.Command) string {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if cmd.Runnable() {
		fmt.Fprintf(&b, "  %s\n", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s [command]\n", cmd.CommandPath())
	}
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nAvailable Commands:\n")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() || c.Name() == "help" {
				fmt.Fprintf(&b, "  %-*s %s\n", c.NamePadding(), c.Name(), c.Short)
			}
		}
	}
	if cmd.HasAvailableLocalFlags() {
		fmt.Fprintf(&b, "\nFlags:\n%s\n", flags(cmd.LocalFlags().FlagUsagesWrapped(helpWidth)))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nUse \"%s [command] --help\" for more about a command.\n", cmd.CommandPath())
	}
	return b.String()
}

// listItem begins a line that is not part of the one before.
var listItem = regexp.MustCompile(`^(\s|- |\d+ )`)

// paragraphs breaks the lines of a text again, but for those that are indented or of a list.
func paragraphs(s string, width int) string {
	var out []string
	for paragraph := range strings.SplitSeq(s, "\n\n") {
		var lines []string
		for line := range strings.SplitSeq(paragraph, "\n") {
			if len(lines) == 0 || listItem.MatchString(line) {
				lines = append(lines, line)
				continue
			}
			lines[len(lines)-1] += " " + line
		}
		for i, line := range lines {
			lines[i] = trimLines(text.WrapSoft(line, width))
		}
		out = append(out, strings.Join(lines, "\n"))
	}
	return strings.Join(out, "\n\n")
}

// flags puts what is said of a flag below its name where the two do not fit beside each other.
func flags(s string) string { return strings.TrimRight(trimLines(s), "\n") }
