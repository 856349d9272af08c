// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/flow/report"
)

// lotsAct is what the commands that act on lots are asked for.
type lotsAct struct {
	asking

	env              string
	earliest, latest string
}

func (a *lotsAct) flags(cmd *cobra.Command) {
	a.asking.flags(cmd)
	cmd.Flags().StringVarP(&a.env, "env", "e", "", "environment whose lots are meant (default the one that keeps lots, if there is one)")
}

func newLotsRetry() *cobra.Command {
	var a lotsAct
	cmd := &cobra.Command{
		Use:   "retry PROJECT/WORKLOAD|PROJECT/DATASET[@VERSION] [LOT]",
		Short: "Try lots again at once that have failed",
		Long: `Retry has a running daemon try lots of a workload again at once that have failed,
instead of when their pause is over: all that have failed, those of a range, or
one. With a dataset, it is the workload that makes it.

It is written down in the environment's store, so that any replica of the daemon
can be asked. To have lots made again that are there, replay or remove them.

Exit codes: 0 asked for; 1 refused; 2 no such workload, or the daemon does not
answer.`,
		Example: `  trunkline lots retry orders/clean --env prod --why "the schema is fixed"
  trunkline lots retry orders/clean -e prod --earliest 7d --latest 1d
  trunkline lots retry orders/clean@2 20260101PT1H005 -e prod`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usagef("name a workload, and at most one lot: trunkline lots retry PROJECT/WORKLOAD [LOT]")
			}
			return idArg(args[0])
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.bounds(args[1:], time.Now())
			if err != nil {
				return err
			}
			return a.onWorkload(cmd, args[0], "retry", console.RetryAct{Why: a.why, From: r.From, Until: r.Until})
		},
	}
	a.flags(cmd)
	cmd.Flags().StringVar(&a.earliest, "earliest", "", "first lot: a time, how long ago (12h, 7d) or a lot's id (default the first that has failed)")
	cmd.Flags().StringVar(&a.latest, "latest", "", "where to end: a time, how long ago or a lot's id; that lot does not belong to it (default now)")
	return cmd
}

// bounds are those of a lot, or of the range that is asked for.
func (a *lotsAct) bounds(lots []string, now time.Time) (report.Range, error) {
	if len(lots) == 0 {
		return (&lotsView{earliest: a.earliest, latest: a.latest, now: now}).bounds()
	}
	if a.earliest != "" || a.latest != "" {
		return report.Range{}, usagef("name one lot, or a range with --earliest and --latest")
	}
	l, err := lot.ParseID(lots[0])
	if err != nil {
		return report.Range{}, &usageError{err}
	}
	return report.Range{From: l.Start, Until: l.End()}, nil
}

func newLotsEnable() *cobra.Command {
	return newLotsSwitch("enable", "Have a workload make lots again that was disabled",
		`Enable ends what "trunkline lots disable" began: the workload makes its lots again,
those that are missing by now among them.`)
}

func newLotsDisable() *cobra.Command {
	return newLotsSwitch("disable", "Have a workload make no lots until it is enabled",
		`Disable has a running daemon start no more runs of a workload for its lots, until
"trunkline lots enable". What runs just now ends as it does. Who disabled it, and
why, is what "trunkline gaps" says of its missing lots. It survives restarts. To
suspend a workload where everyone sees it, write "suspend: true" in its declaration.`)
}

// newLotsSwitch is the command that enables or disables a workload.
func newLotsSwitch(act, short, long string) *cobra.Command {
	var a lotsAct
	cmd := &cobra.Command{
		Use:   act + " PROJECT/WORKLOAD|PROJECT/DATASET[@VERSION]",
		Short: short,
		Long: long + ` With a
dataset, it is the workload that makes it. It is written down in the environment's
store, so that any replica of the daemon can be asked.

Exit codes: 0 done; 1 refused; 2 no such workload, or the daemon does not answer.`,
		Example: fmt.Sprintf("  trunkline lots %s orders/clean --env prod --why \"incident 7\"", act),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one workload: trunkline lots %s PROJECT/WORKLOAD", act)
			}
			return idArg(args[0])
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onWorkload(cmd, args[0], act, console.RetryAct{Why: a.why})
		},
	}
	a.flags(cmd)
	return cmd
}

// idArg refuses what is neither a workload nor a dataset.
func idArg(id string) error {
	if project, name, _ := strings.Cut(id, "/"); project == "" || name == "" || strings.Contains(name, "/") {
		return usagef("%q names no workload and no dataset: write PROJECT/NAME", id)
	}
	return nil
}

// onWorkload does something about the lots of a workload.
func (a *lotsAct) onWorkload(cmd *cobra.Command, id, act string, body console.RetryAct) error {
	c, err := a.connect(cmd.Context())
	if err != nil {
		return err
	}
	said, err := c.ActOnLots(cmd.Context(), a.env, id, act, body)
	if err != nil {
		return refused(err)
	}
	return println(cmd.OutOrStdout(), plain(said))
}

// connect returns a client of the daemon, once it is known which environment is meant.
func (a *lotsAct) connect(ctx context.Context) (*client.Client, error) {
	c, err := a.client()
	if err == nil && a.env == "" {
		a.env, err = onlyEnvironment(ctx, c)
	}
	return c, err
}

// onlyEnvironment is the one that keeps lots.
func onlyEnvironment(ctx context.Context, c *client.Client) (string, error) {
	all, err := c.Lots(ctx, "")
	if err != nil {
		return "", refused(err)
	}
	var names []string
	for _, d := range all {
		names = append(names, d.Environment)
	}
	slices.Sort(names)
	switch names = slices.Compact(names); len(names) {
	case 0:
		return "", &troubleError{errors.New("no environment keeps lots: spec.lots.manifests of one says where manifests are")}
	case 1:
		return names[0], nil
	}
	return "", usagef("say which environment is meant, with --env: %s", strings.Join(names, ", "))
}

// versioned is the id of a dataset that may be named without its version, if there is one.
func versioned(ctx context.Context, c *client.Client, id string) (string, error) {
	if strings.Contains(id, "@") {
		return id, nil
	}
	project, _, _ := strings.Cut(id, "/")
	all, err := c.Datasets(ctx, project)
	if err != nil {
		return "", refused(err)
	}
	var match []string
	for _, d := range all {
		if d.Lots != nil && d.Project+"/"+d.Name == id {
			match = append(match, d.ID)
		}
	}
	switch len(match) {
	case 0:
		return "", &troubleError{fmt.Errorf("there is no dataset with lots %q", id)}
	case 1:
		return match[0], nil
	}
	return "", usagef("%s has several versions: name one of %s", id, strings.Join(match, ", "))
}
