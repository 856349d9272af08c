// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/history"
)

func newHistory() *cobra.Command {
	var daemon remote
	var output, since, folder string
	var builds bool
	var kinds []string
	var number int
	var before int64
	cmd := &cobra.Command{
		Use:   "history [PROJECT[/ENVIRONMENT[/CLUSTER]]]",
		Short: "Show what happened, and who did it",
		Long: `History asks a running daemon what happened, the newest first: which commits were accepted and
refused, what was applied to which release and how long it took, what failed and why.

With --builds it shows which build of a project was in which environment, since
when, and by whose merge. A build is the images, parameters, declarations and
files of a project; its id is the same wherever it is. What a commit declares is
read from the checkout in the current folder, or in --from.

Lots that were made are many, and are shown only with --kind lot-made.

It goes back as far as the daemon is configured to keep events, and shows the newest 50, or as
many as -n asks for. Times are UTC.

Exit codes: 0 events printed; 2 no such release or kind, or the daemon does not answer.`,
		Example: `  trunkline history
  trunkline history orders/prod --since 24h
  trunkline history --kind failed --kind refused -n 10
  trunkline history --builds orders
  trunkline history orders -o json |
      jq -r '.events[] | [.time, .kind, .commit] | @tsv'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if builds {
				return showBuilds(cmd, daemon, args, folder, output)
			}
			printer, err := formatNamed(output, func(w io.Writer, p history.Page) error { return printEvents(w, p, width(w)) })
			if err != nil {
				return err
			}
			if err := knownKinds(kinds); err != nil {
				return err
			}
			if number < 1 || number > history.MaxLimit {
				return usagef("-n %d: from 1 to %d events can be asked for; the ones before them with --before", number, history.MaxLimit)
			}
			question := url.Values{"limit": {strconv.Itoa(number)}, "kind": kinds}
			if err := askFor(question, args, since, before, time.Now()); err != nil {
				return err
			}
			client, err := daemon.client("")
			if err != nil {
				return err
			}
			page, err := client.History(cmd.Context(), question)
			if err != nil {
				return refused(err)
			}
			if len(page.Events) == 0 && len(args) > 0 {
				if err := everKnown(cmd.Context(), client, args[0]); err != nil {
					return err
				}
			}
			return printer(cmd.OutOrStdout(), page)
		},
	}
	f := cmd.Flags()
	daemon.flags(cmd)
	f.StringVarP(&output, "output", "o", "table", "output format: table, json or yaml")
	f.StringArrayVar(&kinds, "kind", nil, "show events of this kind only, such as accepted, refused, run or failed; repeat for more")
	f.StringVar(&since, "since", "", "show events since then: 90m, 24h, 7d, 2026-01-31 or 2026-01-31T12:00:00Z")
	f.IntVarP(&number, "number", "n", history.DefaultLimit, "how many events to show")
	f.BoolVar(&builds, "builds", false, "show which builds of a project were where")
	f.StringVar(&folder, "from", ".", "folder with the platform, in a checkout, for --builds")
	f.Int64Var(&before, "before", 0, "show the events before the one with this number, which the page before ends with")
	return cmd
}

// showBuilds answers --builds.
func showBuilds(cmd *cobra.Command, daemon remote, args []string, folder, output string) error {
	if err := onlyBuilds(args, cmd.Flags().Changed); err != nil {
		return err
	}
	printer, err := formatNamed(output, printBuilds)
	if err != nil {
		return err
	}
	client, err := daemon.client("")
	if err != nil {
		return err
	}
	found, err := buildsOf(cmd.Context(), client, folder, args[0])
	if err != nil {
		return err
	}
	return printer(cmd.OutOrStdout(), found)
}

// askFor adds to a question what the arguments say.
func askFor(question url.Values, args []string, since string, before int64, now time.Time) error {
	if len(args) > 0 {
		id, err := parseRelease(args[0])
		if err != nil {
			return err
		}
		for name, value := range map[string]string{"project": id.Project, "environment": id.Environment, "cluster": id.Cluster} {
			if value != "" {
				question.Set(name, value)
			}
		}
	}
	if since != "" {
		t, err := parseSince(since, now)
		if err != nil {
			return err
		}
		question.Set("since", t.UTC().Format(time.RFC3339))
	}
	if before < 0 {
		return usagef("--before %d is not the number of an event", before)
	}
	if before > 0 {
		question.Set("cursor", strconv.FormatInt(before, 10))
	}
	return nil
}

// knownKinds refuses a kind that no daemon writes: nothing would be of it, which looks like an answer.
func knownKinds(kinds []string) error {
	var known []string
	for _, k := range history.Kinds() {
		known = append(known, string(k))
	}
	slices.Sort(known)
	for _, k := range kinds {
		if !slices.Contains(known, k) {
			return usagef("--kind %q: choose one of %s", k, strings.Join(known, ", "))
		}
	}
	return nil
}

// everKnown returns an error if nothing was ever known of a release: it is not there, and nothing happened to it. That
// nothing happened to one that is there is an answer.
func everKnown(ctx context.Context, c *client.Client, name string) error {
	p, err := c.Status(ctx)
	if err != nil {
		return refused(err)
	}
	_, unknown := matching(p, name)
	if unknown == nil {
		return nil
	}
	question := url.Values{"limit": {"1"}}
	if err := askFor(question, []string{name}, "", 0, time.Time{}); err != nil {
		return err
	}
	page, err := c.History(ctx, question)
	if err != nil {
		return refused(err)
	}
	if len(page.Events) > 0 {
		return nil
	}
	return unknown
}

// parseRelease reads PROJECT[/ENVIRONMENT[/CLUSTER]], and PROJECT/ENVIRONMENT@CLUSTER as the status and the log write it.
func parseRelease(s string) (catalog.ReleaseID, error) {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == '@' })
	if len(parts) == 0 || len(parts) > 3 || strings.Join(parts, "/") != strings.ReplaceAll(s, "@", "/") {
		return catalog.ReleaseID{}, usagef("%q is not the name of a release: write PROJECT, PROJECT/ENVIRONMENT or PROJECT/ENVIRONMENT/CLUSTER", s)
	}
	parts = slices.Concat(parts, []string{"", ""})
	return catalog.ReleaseID{Project: parts[0], Environment: parts[1], Cluster: parts[2]}, nil
}

// maxSince is further back than any history goes; a number that is larger would overflow.
const maxSince = 100 * 365

// parseSince reads a moment, or how long ago it was.
func parseSince(s string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= maxSince {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--since %q is not a time: write 90m, 24h, 7d, 2026-01-31 or 2026-01-31T12:00:00Z", s)
}
