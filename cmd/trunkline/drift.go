package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/reconciler/status"
)

func newDrift() *cobra.Command {
	var daemon remote
	var output string
	cmd := &cobra.Command{
		Use:   "drift [PROJECT[/ENVIRONMENT[/CLUSTER]]]",
		Short: "Show what others have changed in the clusters",
		Long: `Drift shows which fields of which objects somebody has changed, who, and when: what is so now, and
what was taken back lately. Whether changes are taken back at once or only reported is said by
"drift" in the environment's declaration.

It ends with 0 if nothing is changed now, and with 1 if something is.`,
		Example: `  trunkline drift
  trunkline drift orders/prod -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var p status.Platform // which is asked for below: how old a change is depends on its time
			printer, err := formatNamed(output, func(w io.Writer, found []drift) error { return printDrifts(w, p, found, width(w)) })
			if err != nil {
				return err
			}
			client, err := daemon.client()
			if err != nil {
				return err
			}
			if p, err = client.Status(cmd.Context(), -1); err != nil {
				return refused(err)
			}
			found, err := driftsOf(p, args)
			if err != nil {
				return err
			}
			if err := printer(cmd.OutOrStdout(), found); err != nil {
				return err
			}
			for _, d := range found {
				if !d.Corrected {
					return errFindings
				}
			}
			return nil
		},
	}
	daemon.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "how to print: table, json or yaml")
	return cmd
}

// drift is one of a release.
type drift struct {
	Project     string `json:"project"`
	Environment string `json:"environment"`
	Cluster     string `json:"cluster"`
	status.Drift
}

func driftsOf(p status.Platform, args []string) ([]drift, error) {
	wanted := map[string]bool{}
	if len(args) > 0 {
		ids, err := matching(p, args[0])
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			wanted[id.String()] = true
		}
	}
	found := []drift{}
	for _, r := range p.Releases {
		if len(args) > 0 && !wanted[r.String()] {
			continue
		}
		for _, d := range r.Drifts {
			found = append(found, drift{r.Project, r.Environment, r.Cluster, d})
		}
	}
	return found, nil
}

func printDrifts(w io.Writer, p status.Platform, found []drift, width int) error {
	if len(found) == 0 {
		return println(w, "nobody has changed anything")
	}
	paint := painter(width > 0)
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"Release", "Object", "Fields", "Changed by", "Age", "State"})
	for _, d := range found {
		release := fmt.Sprintf("%s/%s@%s", d.Project, d.Environment, d.Cluster)
		t.AppendRow(table.Row{
			plain(release), plain(d.Object), plain(strings.Join(d.Fields, "\n")), plain(who(d.Manager)), age(p.Time, d.Time), driftState(d.Drift, paint),
		})
	}
	return println(w, strings.TrimRight(trimLines(t.Render()), "\n"))
}

func who(manager string) string {
	if manager == "" {
		return "(removed)"
	}
	return manager
}

func driftState(d status.Drift, paint paintFunc) string {
	switch {
	case d.Corrected && d.Rounds > 1:
		return paint(text.FgYellow, fmt.Sprintf("taken back, %d times", d.Rounds))
	case d.Corrected:
		return paint(text.FgGreen, "taken back")
	case d.Rounds > 0:
		return paint(text.FgRed, fmt.Sprintf("fought about: taken back %d times, left for a while", d.Rounds))
	}
	return paint(text.FgYellow, "left as it is")
}
