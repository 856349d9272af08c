// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"slices"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/status"
)

// actors does by a reconciler what people ask for through the console.
type actors struct{ rec *reconciler.Reconciler }

// Do implements [console.Actor].
func (a actors) Do(ctx context.Context, id catalog.ReleaseID, act string, by console.Attribution) error {
	return forConsole(a.rec.Do(ctx, id, reconciler.Act(act), attributed(by)))
}

// Approve implements [console.Actor].
func (a actors) Approve(environment, digest string, by console.Attribution) error {
	return forConsole(a.rec.Approve(environment, digest, attributed(by)))
}

// Objects implements [console.Objects].
func (a actors) Objects(ctx context.Context, id catalog.ReleaseID) ([]status.Object, error) {
	all, err := a.rec.Objects(ctx, id)
	return all, forConsole(err)
}

// attributed records who asks as the sign-on says it, or as it was claimed.
func attributed(by console.Attribution) reconciler.ByHand {
	return reconciler.ByHand{By: by.Principal.String(), SignOn: string(by.Principal.SignOn), Why: by.Why}
}

// forConsole returns an error of the reconciler as one of the console, in the same words.
func forConsole(err error) error {
	for kind, as := range map[error]error{
		reconciler.ErrNotFound: console.ErrNotFound, reconciler.ErrCannot: console.ErrConflict, reconciler.ErrUnsaved: console.ErrUnsaved,
		reconciler.ErrNotSeen: console.ErrNotKnown,
	} {
		if errors.Is(err, kind) {
			return &actError{err, as}
		}
	}
	return err
}

// actError has the text of one error, and is also another.
type actError struct{ err, as error }

func (e *actError) Error() string   { return e.err.Error() }
func (e *actError) Unwrap() []error { return []error{e.err, e.as} }

// asking holds the flags of those commands that ask a daemon for something.
type asking struct {
	remote

	by, why string
}

func (a *asking) flags(cmd *cobra.Command) {
	a.remote.flags(cmd)
	cmd.Flags().StringVar(&a.by, "by", "", "who asks, unless your token tells; recorded as unverified; default: your user name on this machine")
	cmd.Flags().StringVar(&a.why, "why", "", "the reason, for readers of the status and the history")
}

func (a *asking) client() (*client.Client, error) {
	if a.by == "" {
		if u, err := user.Current(); err == nil {
			a.by = u.Username
		}
	}
	if a.by == "" {
		return nil, usagef("cannot find out who you are: add --by NAME")
	}
	return a.remote.client(a.by)
}

// act is a command that acts on releases.
type act struct{ name, short, long, done string }

// actCommands are what people can do to releases.
func actCommands() []act {
	return []act{
		{
			"suspend", "Stop applying releases until they are resumed",
			`Suspend makes the daemon leave releases alone: it applies no new commit, reverts no drift, and
deletes nothing. The suspension is saved in the cluster and lasts until "trunkline resume". To
suspend a project where everyone sees it, write "suspend: true" in its declaration.`, "is suspended",
		},
		{
			"resume", "Resume suspended releases",
			"Resume ends the suspension by \"trunkline suspend\": releases take the newest commit, and drift is reverted again.", "is resumed",
		},
		{
			"reconcile", "Apply releases again, and retry what failed",
			`Reconcile makes the daemon apply all objects of releases again, and retry a commit that was rolled
back. A hold, such as a freeze, still applies, and a suspended release has to be resumed first. Drift
never needs it: the daemon sees drift at once.`, "is applied again",
		},
		{
			"rollback", "Roll releases back to the previous healthy commit",
			`Rollback takes releases back to the last commit before the current one at which they were healthy.
The current one is not applied again until a newer commit changes the release, or "trunkline
reconcile" asks for it. To undo a change for good, revert it in the repository.`, "is rolled back",
		},
	}
}

func newAct(act act) *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:   act.name + " PROJECT[/ENVIRONMENT[/CLUSTER]]",
		Short: act.short,
		Long: act.long + `

A project, or a project in an environment, stands for all its releases.

Exit codes: 0 done; 1 refused for some of the releases; 2 no such release, or the daemon does not answer.`,
		Example: fmt.Sprintf("  trunkline %s orders/prod --why \"incident 7\"\n  trunkline %s orders/prod/eu-1", act.name,
			act.name),
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.act(cmd, act, args[0]) },
	}
	a.flags(cmd)
	return cmd
}

// act acts on all releases that a name stands for, and says what comes of each.
func (a *asking) act(cmd *cobra.Command, act act, name string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	p, err := c.Status(cmd.Context())
	if err != nil {
		return refused(err)
	}
	ids, err := matching(p, name)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		release, err := c.Act(cmd.Context(), id, act.name, a.why)
		if err != nil {
			errs = append(errs, refused(err))
			continue
		}
		if err := println(cmd.OutOrStdout(), acted(release, act.done)); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// acted says what came of an act: what holds a release holds it still.
func acted(r status.Release, done string) string {
	line := fmt.Sprintf("%s: %s", r, done)
	if r.Held != nil {
		line += fmt.Sprintf("; %s stays held: %s", status.Short(r.Held.Commit), r.Held.Reason)
	}
	return plain(oneLine(line))
}

func newApprove() *cobra.Command {
	var a asking
	cmd := &cobra.Command{
		Use:   "approve ENVIRONMENT",
		Short: "Approve what is held in an environment",
		Long: `Approve lets the daemon remove the releases that the accepted commit no longer declares, where that
is more of them than the environment's "maxRemovals" allows, and apply changes that no pull request
showed, where the environment has "reviewed: required". It covers exactly what it lists: what comes
later needs another approval.

Exit codes: 0 approved; 1 nothing to approve; 2 no such environment, or the daemon does not answer.`,
		Example: `  trunkline approve dev --why "the old teams are gone"`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.approve(cmd, args[0]) },
	}
	a.flags(cmd)
	return cmd
}

// approve confirms what is held in an environment as the status shows it.
func (a *asking) approve(cmd *cobra.Command, environment string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	if _, err := c.Environment(cmd.Context(), environment); err != nil {
		return refused(err)
	}
	p, err := c.Status(cmd.Context())
	if err != nil {
		return refused(err)
	}
	held, digest := status.ToApprove(p.Releases, environment)
	if len(held) == 0 {
		return fmt.Errorf("nothing to approve: nothing in %s waits for an approval", environment)
	}
	if err := c.Approve(cmd.Context(), environment, digest, a.why); err != nil {
		return refused(err)
	}
	for _, r := range held {
		what := "change"
		if r.Held.Removed() {
			what = "removal"
		}
		if err := println(cmd.OutOrStdout(), plain(r.String())+": "+what+" approved"); err != nil {
			return err
		}
	}
	return nil
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
		return nil, unknownRelease(p, wanted)
	}
	return ids, nil
}

// unknownRelease says which part of a name there is none of, and which there are.
func unknownRelease(p status.Platform, wanted catalog.ReleaseID) error {
	var projects, environments, clusters []string
	for _, r := range p.Releases {
		projects = append(projects, r.Project)
		if r.Project == wanted.Project {
			environments = append(environments, r.Environment)
			if r.Environment == wanted.Environment {
				clusters = append(clusters, r.Cluster)
			}
		}
	}
	what, name, known := "project", wanted.Project, projects
	switch {
	case len(projects) == 0:
		return &troubleError{errors.New("there are no releases yet")}
	case len(environments) > 0 && len(clusters) == 0:
		what, name, known = "environment of "+wanted.Project, wanted.Environment, environments
	case len(clusters) > 0:
		what, name, known = "cluster of "+wanted.Project+"/"+wanted.Environment, wanted.Cluster, clusters
	}
	slices.Sort(known)
	return &troubleError{fmt.Errorf("there is no %s %q: %s", what, name, v1alpha1.Instead(name, slices.Compact(known)))}
}
