package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/user"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/git"
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
	server, tokenFile string
	hand              console.Hand
}

func (a *asking) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.server, "server", "http://"+defaultListen, "address of the daemon")
	cmd.Flags().StringVar(&a.tokenFile, "token-file", "", "file with the daemon's token, if it asks for one")
	cmd.Flags().StringVar(&a.hand.By, "by", "", "who asks; default: your name on this machine")
	cmd.Flags().StringVar(&a.hand.Why, "why", "", "why, for those who read the status and the history")
}

func (a *asking) client() (*client, error) {
	if a.hand.By == "" {
		if u, err := user.Current(); err == nil {
			a.hand.By = u.Username
		}
	}
	if a.hand.By == "" {
		return nil, usagef("say who asks: --by NAME")
	}
	return newClient(a.server, a.tokenFile)
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
			p, err := c.status(cmd.Context(), -1)
			if err != nil {
				return err
			}
			ids, err := matching(p, args[0])
			if err != nil {
				return err
			}
			var errs []error
			for _, id := range ids {
				at := "/api/v1/releases/" + url.PathEscape(id.Project) + "/" + url.PathEscape(id.Environment) + "/" + url.PathEscape(id.Cluster) + "/" + act.name
				if err := c.post(cmd.Context(), at, a.hand); err != nil {
					errs = append(errs, err)
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
			if err := c.post(cmd.Context(), "/api/v1/environments/"+url.PathEscape(args[0])+"/approve", a.hand); err != nil {
				return err
			}
			return println(cmd.OutOrStdout(), fmt.Sprintf("what the commit removes from %s is confirmed", args[0]))
		},
	}
	a.flags(cmd)
	return cmd
}

// matching lists the releases that "PROJECT", "PROJECT/ENVIRONMENT" or "PROJECT/ENVIRONMENT/CLUSTER" stands for; as the
// daemon writes them, with an "@" before the cluster, they are understood as well.
func matching(p status.Platform, name string) ([]catalog.ReleaseID, error) {
	parts := strings.Split(strings.Replace(name, "@", "/", 1), "/")
	if len(parts) > 3 || slices.Contains(parts, "") {
		return nil, usagef("%q names no release: write PROJECT, PROJECT/ENVIRONMENT or PROJECT/ENVIRONMENT/CLUSTER", name)
	}
	var ids []catalog.ReleaseID
	for _, r := range p.Releases {
		if slices.Equal([]string{r.Project, r.Environment, r.Cluster}[:len(parts)], parts) {
			ids = append(ids, r.ReleaseID)
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("there is no release %q: \"trunkline status\" lists those that there are", name)
	}
	return ids, nil
}

// post asks the daemon to do something.
func (c *client) post(ctx context.Context, path string, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("asking the daemon: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server+path, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("asking the daemon: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("asking the daemon: %w; is it running, and is --server right?", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	switch {
	case resp.StatusCode == http.StatusAccepted:
		return nil
	case resp.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("asking the daemon at %s: it wants its token; give the file that holds it with --token-file", git.Redact(c.server))
	case err != nil:
		return fmt.Errorf("asking the daemon at %s: %w", git.Redact(c.server), err)
	}
	return fmt.Errorf("the daemon says: %s", plain(oneLine(string(answer))))
}
