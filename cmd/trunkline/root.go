// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/v1alpha1"
)

func newRoot() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trunkline",
		Short: "Merge to trunk, and it runs",
		Long: `Trunkline keeps Kubernetes clusters in the state that a Git repository declares.

Teams declare projects (datasets, and the workloads that read and write them) as YAML in one
repository. Trunkline renders each project through Helm or Kustomize blueprints into every
cluster of its environments, refuses commits whose declarations are invalid, applies the others,
and corrects drift.

Exit codes: 0 success; 1 problems were found, or something failed; 2 usage error, or the daemon does not answer.`,
		Example: `  # What would the project "orders" be in prod, from the files on disk?
  trunkline render orders --env prod

  # Keep two clusters in the state of the main branch
  trunkline serve --repo https://github.com/acme/data.git \
      --cluster dev=dev.kubeconfig --cluster prod=prod.kubeconfig

  # How is everything doing?
  trunkline status --watch`,
		SilenceErrors: true,
		SilenceUsage:  true,
		// Ours are in one line, with the error; see unknownCommand.
		DisableSuggestions: true,
	}
	cmd.AddCommand(
		newServe(), newAgent(), newBootstrap(), newStatus(), newHistory(), newValidate(),
		newLock(), newGraph(), newPolicy(), newNew(), newPackage(), newExplain(), newSchema(),
		newRender(), newPlan(), newDiff(), newCost(), newApply(), newVerify(),
		newDrift(), newLots(), newGaps(), newBuild(), newRun(), newRuns(), newDags(), newDev(), newNotebook(),
		newIdentity(),
		newApprove(), newPromote(), newCluster(), newNotify(),
		newGitHub(), newLogin(), newLogout(), newWhoami(), newTokens(), newSessions(), newDoctor(), newVersion(), newMan(), newWorker(),
	)
	for _, a := range actCommands() {
		cmd.AddCommand(newAct(a))
	}
	cmd.SetHelpCommand(newHelp(cmd))
	cmd.SetFlagErrorFunc(suggestFlag)
	cmd.InitDefaultCompletionCmd()
	for _, c := range cmd.Commands() {
		if c.Name() == "completion" {
			needShell(c)
		}
	}
	ownHelp(cmd)
	return cmd
}

// unknownCommand adds the command that was probably meant to the error about an unknown one.
func unknownCommand(root *cobra.Command, err error) error {
	quoted, unknown := strings.CutPrefix(err.Error(), "unknown command ")
	name, parent, _ := strings.Cut(quoted, " for ")
	path, unquoted := strconv.Unquote(parent)
	if !unknown || unquoted != nil {
		return err
	}
	name, unquoted = strconv.Unquote(name)
	above, rest, found := root.Find(strings.Fields(strings.TrimPrefix(path, root.Name())))
	if unquoted != nil || found != nil || len(rest) > 0 {
		return err
	}
	return noCommand(above, name)
}

// noCommand says which command there is none of below another, and which were probably meant.
func noCommand(above *cobra.Command, name string) error {
	var known []string
	for _, c := range above.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
	}
	what := "command"
	if len(known) == 0 {
		return usagef("%s has no commands of its own: remove %q", above.CommandPath(), name)
	}
	if above.HasParent() {
		what = above.CommandPath() + " command"
	}
	return usagef("there is no %s %q: %s", what, name, v1alpha1.Suggest(name, known))
}

// newHelp is help about a command by its name; one that there is none of is a mistake.
func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest := root, args
			for len(rest) > 0 {
				below, left, err := c.Find(rest[:1])
				if err != nil || len(left) > 0 || below == c {
					return noCommand(c, rest[0])
				}
				c, rest = below, rest[1:]
			}
			return c.Help()
		},
	}
}

// flagName finds the flags in the help of a command.
var flagName = regexp.MustCompile(`(?m)^ +(?:-\w, |    )--([a-z-]+)`)

// suggestFlag adds the flag that was probably meant to the error about an unknown one.
func suggestFlag(cmd *cobra.Command, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !unknown {
		return err
	}
	var known []string
	for _, m := range flagName.FindAllStringSubmatch(cmd.Flags().FlagUsages(), -1) {
		known = append(known, m[1])
	}
	return fmt.Errorf("%w: %s", err, v1alpha1.Instead(name, known))
}

// needShell makes it wrong use to name no shell, or one that there is no completion for.
func needShell(completion *cobra.Command) {
	var shells []string
	for _, c := range completion.Commands() {
		shells = append(shells, c.Name())
	}
	completion.Args = nil
	completion.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("name a shell: %s", strings.Join(shells, ", "))
		}
		return usagef("there is no completion for %q: choose one of %s", args[0], strings.Join(shells, ", "))
	}
}
