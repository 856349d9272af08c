package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/status"
)

// hands does by a reconciler what people ask for through the console.
type hands struct{ rec *reconciler.Reconciler }

// Do implements [console.Actor].
func (h hands) Do(ctx context.Context, id catalog.ReleaseID, act, by, why string) error {
	return forConsole(h.rec.Do(ctx, id, reconciler.Act(act), reconciler.ByHand{By: by, Why: why}))
}

// Approve implements [console.Actor].
func (h hands) Approve(environment, by, why string) error {
	return forConsole(h.rec.Approve(environment, reconciler.ByHand{By: by, Why: why}))
}

func forConsole(err error) error {
	switch {
	case errors.Is(err, reconciler.ErrNotFound):
		return fmt.Errorf("%w: %w", console.ErrNotFound, err)
	case errors.Is(err, reconciler.ErrCannot):
		return fmt.Errorf("%w: %w", console.ErrConflict, err)
	case errors.Is(err, reconciler.ErrUnsaved):
		return fmt.Errorf("%w: %w", console.ErrUnsaved, err)
	}
	return err
}

// asking holds the flags of those commands that ask a daemon for something.
type asking struct {
	remote

	hand console.Hand
}

func (a *asking) flags(cmd *cobra.Command) {
	a.remote.flags(cmd)
	cmd.Flags().StringVar(&a.hand.By, "by", "", "who asks; default: your name on this machine")
	cmd.Flags().StringVar(&a.hand.Why, "why", "", "why, for those who read the status and the history")
}

func (a *asking) client() (*client.Client, error) {
	if a.hand.By == "" {
		if u, err := user.Current(); err == nil {
			a.hand.By = u.Username
		}
	}
	if a.hand.By == "" {
		return nil, usagef("say who asks: --by NAME")
	}
	return a.remote.client()
}

// act is a command that acts on releases.
type act struct{ name, short, long, done string }

// actCommands are what people can do to releases.
func actCommands() []act {
	return []act{
		{
			"suspend", "Leave releases as they are",
			`Suspend has the daemon leave releases as they are: no new commit is taken, nothing that others
change is taken back, nothing is deleted. It is remembered in the cluster, and holds until
"trunkline resume". To suspend a project for all to see, write "suspend: true" in its declaration.`, "suspended",
		},
		{
			"resume", "Take suspended releases up again",
			"Resume ends what \"trunkline suspend\" began: everything is applied again, and the newest commit is taken.", "resumed",
		},
		{
			"reconcile", "Apply releases again, also what failed before",
			`Reconcile has the daemon apply all objects of releases again, and try a commit again that it went
back from. It is never needed to bring back what others have changed: that is seen at once.`, "asked for",
		},
		{
			"rollback", "Take releases back to the healthy state before",
			`Rollback takes releases back to the last commit but the present one at which they were healthy. The
present one is not taken again until a newer commit changes the release, or "trunkline reconcile"
asks for it. What should stay is better reverted in the repository.`, "taken back",
		},
	}
}

func newAct(act act) *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:   act.name + " PROJECT[/ENVIRONMENT[/CLUSTER]]",
		Short: act.short,
		Long:  act.long + "\n\nA project, or a project in an environment, stands for all its releases.",
		Example: fmt.Sprintf("  trunkline %s orders/prod --why \"incident 7\"\n  trunkline %s orders/prod/eu-1", act.name,
			act.name),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			p, err := c.Status(cmd.Context(), -1)
			if err != nil {
				return refused(err)
			}
			ids, err := matching(p, args[0])
			if err != nil {
				return err
			}
			var errs []error
			for _, id := range ids {
				if err := c.Act(cmd.Context(), id, act.name, a.hand); err != nil {
					errs = append(errs, refused(err))
					continue
				}
				if err := println(cmd.OutOrStdout(), fmt.Sprintf("%s %s", id, act.done)); err != nil {
					return err
				}
			}
			return errors.Join(errs...)
		},
	}
	a.flags(cmd)
	return cmd
}

func newApprove() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:   "approve ENVIRONMENT",
		Short: "Confirm that a commit removes most of an environment",
		Long: `Approve lets the daemon delete what the accepted commit does not declare any more, where that is
more than the environment's "maxRemovals" of its releases. It holds for that commit only.`,
		Example: `  trunkline approve dev --why "the old teams are gone"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := c.Approve(cmd.Context(), args[0], a.hand); err != nil {
				return refused(err)
			}
			return println(cmd.OutOrStdout(), fmt.Sprintf("what the commit removes from %s is confirmed", args[0]))
		},
	}
	a.flags(cmd)
	return cmd
}

// matching lists the releases that a name as [parseRelease] reads it stands for.
func matching(p status.Platform, name string) ([]catalog.ReleaseID, error) {
	wanted, err := parseRelease(name)
	if err != nil {
		return nil, err
	}
	var ids []catalog.ReleaseID
	for _, r := range p.Releases {
		if r.Project == wanted.Project && (wanted.Environment == "" || r.Environment == wanted.Environment) &&
			(wanted.Cluster == "" || r.Cluster == wanted.Cluster) {
			ids = append(ids, r.ReleaseID)
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("there is no release %q: \"trunkline status\" lists those that there are", name)
	}
	return ids, nil
}
