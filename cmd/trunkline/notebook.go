// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/workspace"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/client"
)

const (
	// openFor is how long a workspace may take to start, and lookPause the wait before it is asked again how far it is.
	openFor, lookPause = 10 * time.Minute, time.Second
)

func newNotebook() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "notebook",
		Short: "Open notebooks and editors beside the data of a project",
		Long: `Notebook opens a JupyterLab or an editor in an environment, with the size, identity,
secrets and data of a project: one for each person. It is stopped when nobody uses
it, and its volume stays.`,
		Example: `  trunkline notebook open orders --env dev
  trunkline notebook list
  trunkline notebook stop orders --env dev
  trunkline notebook delete orders --env dev`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newNotebookOpen(), newNotebookList(), newNotebookAct(console.StopWorkspace), newNotebookAct(console.DeleteWorkspace))
	return cmd
}

// notebook says which workspace is meant.
type notebook struct {
	asking

	env, kind         string
	project, workload string
}

func (n *notebook) flags(cmd *cobra.Command) {
	n.asking.flags(cmd)
	cmd.Flags().StringVarP(&n.env, "env", "e", "", "environment that it is in")
	cmd.Flags().StringVar(&n.kind, "kind", "", "notebook or ide, where a project has both")
	cmd.Args = n.arguments
}

func (n *notebook) arguments(_ *cobra.Command, args []string) error {
	if len(args) != 1 || n.env == "" {
		return usagef("say which project, and in which environment: PROJECT --env ENVIRONMENT")
	}
	n.project, n.workload, _ = strings.Cut(args[0], "/")
	if n.kind != "" && !workspace.Is(n.kind) {
		return usagef("--kind is notebook or ide")
	}
	return nil
}

// notebookOpen is what "trunkline notebook open" is asked for.
type notebookOpen struct {
	notebook

	ask               console.WorkspaceRequest
	gitToken, gitUser string
	noWait            bool
}

func newNotebookOpen() *cobra.Command {
	var n notebookOpen
	cmd := &cobra.Command{
		Use:   "open PROJECT[/WORKLOAD] --env ENVIRONMENT",
		Short: "Open a notebook or an editor, or wake it",
		Long: `Open makes a notebook or an editor for you, or wakes the one that you have there,
and prints the address at which a browser enters it. The address is good once, for
a minute: run the command again, or use the console, for another one.

With --branch the repository is cloned at its first start. Where that takes
credentials, give your own: they go to a Secret that only this workspace reads.

It takes the right "workspace": a contributor of the project and of the environment
has it. The history says who opened what.

Exit codes: 0 open; 1 it does not start or was refused; 2 usage error, or the daemon
does not answer.`,
		Example: `  trunkline notebook open orders --env dev
  trunkline notebook open orders/lab -e dev --branch main --size mx.large
  trunkline notebook open orders -e dev --branch main \
      --git-username ada --git-token-file token`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := n.client()
			if err != nil {
				return err
			}
			return n.open(cmd.Context(), cmd, c)
		},
	}
	n.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&n.ask.Branch, "branch", "", "branch to clone at the first start (default nothing is cloned)")
	f.StringVar(&n.ask.Repository, "repository", "", "https address of what is cloned (default that of the platform)")
	f.StringVar(&n.gitUser, "git-username", "", "your name at the Git server (default that of a token)")
	f.StringVar(&n.gitToken, "git-token-file", "", "file with your password or token for it")
	f.StringVar(&n.ask.Size, "size", "", "size class (default that of the workload)")
	f.StringVar(&n.ask.Cluster, "cluster", "", "cluster of the environment (default its first)")
	f.BoolVar(&n.noWait, "no-wait", false, "do not wait until it has started")
	return cmd
}

// tokenUser is the name that goes with a token where none is given; the servers of GitHub, GitLab and others take any.
const tokenUser = "oauth2"

func (n *notebookOpen) open(ctx context.Context, cmd *cobra.Command, c *client.Client) error {
	n.ask.Workload, n.ask.Kind = n.workload, n.kind
	if n.gitToken != "" {
		if err := readSecret(n.gitToken, &n.ask.GitPassword); err != nil {
			return err
		}
		n.ask.GitUsername = cmp.Or(n.gitUser, tokenUser)
	}
	w, err := c.OpenWorkspace(ctx, n.env, n.project, n.ask)
	if err != nil {
		return refused(err)
	}
	if err := println(cmd.ErrOrStderr(), plain(oneLine(w.Name+": "+w.Kind+" of "+w.Project+" in "+w.Environment))); err != nil || n.noWait {
		return err
	}
	if err := n.await(ctx, cmd, c, w); err != nil {
		return err
	}
	at, err := c.EnterApp(ctx, w.App())
	if err != nil {
		return refused(err)
	}
	return println(cmd.OutOrStdout(), plain(at.URL))
}

// await waits until a workspace answers, and says what it waits for.
func (n *notebookOpen) await(ctx context.Context, cmd *cobra.Command, c *client.Client, w console.Workspace) error {
	ctx, cancel := context.WithTimeout(ctx, openFor)
	defer cancel()
	said := ""
	for {
		now, err := c.Workspace(ctx, console.WorkspaceRef{Environment: w.Environment, Project: w.Project, Workspace: w.Name})
		if err != nil {
			return refused(err)
		}
		if now.Phase == "running" {
			return nil
		}
		if says := strings.TrimRight("it is "+now.Phase+": "+now.Why, ": "); says != said {
			said = says
			if err := println(cmd.ErrOrStderr(), plain(oneLine(says))); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not start; it goes on without this command: %s", w.Name, said)
		case <-time.After(lookPause):
		}
	}
}

func newNotebookList() *cobra.Command {
	var r remote
	env, output, all := "", "", false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List your notebooks and editors, with what they cost",
		Long: `List lists your notebooks and editors: how each is, when it was used last, when it
is stopped if nobody uses it, and what it did cost in the last 30 days, where the
daemon counts that. Whoever administers the platform sees those of all people with
--all.

Exit codes: 0 listed; 1 refused; 2 usage error, or the daemon does not answer.`,
		Example: `  trunkline notebook list
  trunkline notebook list --env dev -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			print, err := rowsNamed(output, workspaceTable(time.Now(), all))
			if err != nil {
				return err
			}
			c, err := r.client(claimed())
			if err != nil {
				return err
			}
			found, err := c.Workspaces(cmd.Context(), all)
			if err != nil {
				return refused(err)
			}
			found = slices.DeleteFunc(found, func(w console.Workspace) bool { return env != "" && w.Environment != env })
			return print(cmd.OutOrStdout(), found)
		},
	}
	r.flags(cmd)
	cmd.Flags().StringVarP(&env, "env", "e", "", "only those in this environment")
	cmd.Flags().BoolVar(&all, "all", false, "those of all people")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json, yaml, csv or tsv")
	return cmd
}

// workspaceTable prints workspaces.
func workspaceTable(now time.Time, people bool) columns[console.Workspace] {
	moment := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	names := []string{"Workload", "Environment", "Kind", "State", "Used", "Stops in", "Cost of 30 days", "Name"}
	if people {
		names = append(names, "Of")
	}
	return columns[console.Workspace]{
		names:  names,
		fields: []string{"name", "kind", "project", "workload", "environment", "cluster", "by", "phase", "why", "repository", "branch", "size", "created", "used", "stopsAt", "spent", "currency"},
		row: func(w console.Workspace, paint paintFunc) []string {
			state, stops := cell(w.Phase), ""
			if w.Why != "" {
				state += ": " + cell(w.Why)
			}
			if w.Phase == "running" || w.Phase == "starting" {
				state = paint(text.FgYellow, state)
			}
			if !w.StopsAt.IsZero() && w.StopsAt.After(now) {
				stops = age(w.StopsAt, now)
			}
			row := []string{cell(w.Project + "/" + w.Workload), cell(w.Environment), cell(w.Kind), state, age(now, w.Used) + " ago", stops, cell(strings.TrimSpace(w.Spent + " " + w.Currency)), cell(w.Name)}
			if people {
				row = append(row, cell(w.By))
			}
			return row
		},
		values: func(w console.Workspace) []string {
			return []string{
				w.Name, w.Kind, w.Project, w.Workload, w.Environment, w.Cluster, cell(w.By), w.Phase, cell(w.Why), cell(w.Repository), cell(w.Branch), w.Size,
				moment(w.Created), moment(w.Used), moment(w.StopsAt), w.Spent, w.Currency,
			}
		},
		none: `no notebook is there: "trunkline notebook open PROJECT --env ENVIRONMENT" opens one`,
	}
}

func newNotebookAct(act console.WorkspaceAct) *cobra.Command {
	var n notebook
	short, long := "Stop a notebook or an editor", `Stop stops a notebook or an editor of yours. Its volume stays, and "trunkline notebook
open" wakes it. What runs in it ends.`
	if act == console.DeleteWorkspace {
		short, long = "Delete a notebook or an editor", `Delete removes a notebook or an editor of yours, and its volume, unless its workload
declares that volumes are kept (keepVolume). Commit and push what is to stay.`
	}
	cmd := &cobra.Command{
		Use:     string(act) + " PROJECT[/WORKLOAD] --env ENVIRONMENT",
		Short:   short,
		Long:    long + "\n\nExit codes: 0 done; 1 refused; 2 usage error, or the daemon does not answer.",
		Example: "  trunkline notebook " + string(act) + " orders --env dev",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := n.client()
			if err != nil {
				return err
			}
			of, err := n.find(cmd.Context(), c)
			if err != nil {
				return err
			}
			done, err := c.ActOnWorkspace(cmd.Context(), of, act, n.why)
			if err != nil {
				return refused(err)
			}
			return println(cmd.OutOrStdout(), plain(done.Message))
		},
	}
	n.flags(cmd)
	return cmd
}

// find finds the workspace that is meant.
func (n *notebook) find(ctx context.Context, c *client.Client) (console.WorkspaceRef, error) {
	all, err := c.Workspaces(ctx, false)
	if err != nil {
		return console.WorkspaceRef{}, refused(err)
	}
	all = slices.DeleteFunc(all, func(w console.Workspace) bool {
		return w.Project != n.project || w.Environment != n.env || n.workload != "" && w.Workload != n.workload || n.kind != "" && w.Kind != n.kind
	})
	switch len(all) {
	case 0:
		return console.WorkspaceRef{}, fmt.Errorf("you have none of %s in %s", n.project, n.env)
	case 1:
		return console.WorkspaceRef{Environment: all[0].Environment, Project: all[0].Project, Workspace: all[0].Name}, nil
	}
	return console.WorkspaceRef{}, usagef("you have several of %s in %s: say which, as PROJECT/WORKLOAD", n.project, n.env)
}
