// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

func newDrift() *cobra.Command {
	var daemon remote
	var output string
	cmd := &cobra.Command{
		Use:   "drift [PROJECT[/ENVIRONMENT[/CLUSTER]]]",
		Short: "Show what others have changed in the clusters",
		Long: `Drift shows which fields of which objects someone changed, who, and when: drift that is there now,
and drift that was reverted lately. The field "drift" of the environment's declaration decides
whether the daemon reverts drift at once or only reports it.

Exit codes: 0 no drift now; 1 there is drift; 2 the daemon does not answer.`,
		Example: `  trunkline drift
  trunkline drift orders/prod -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var p status.Platform // which is asked for below: how old a change is depends on its time
			printer, err := formatNamed(output, func(w io.Writer, found []drift) error { return printDrifts(w, p, found, width(w)) })
			if err != nil {
				return err
			}
			client, err := daemon.client("")
			if err != nil {
				return err
			}
			if p, err = client.Status(cmd.Context()); err != nil {
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
				if !d.Corrected && d.What != added {
					return errFindings
				}
			}
			return nil
		},
	}
	daemon.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output format: table, json or yaml")
	return cmd
}

// drift is one of a release.
type drift struct {
	Project     string `json:"project"`
	Environment string `json:"environment"`
	Cluster     string `json:"cluster"`
	status.Drift
}

func (d drift) id() catalog.ReleaseID {
	return catalog.ReleaseID{Project: d.Project, Environment: d.Environment, Cluster: d.Cluster}
}

// added is what others have put on an object beside what is declared. It is nobody's to take away, and so is no finding.
const added = "added"

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
		for _, a := range r.Additions {
			found = append(found, drift{r.Project, r.Environment, r.Cluster, status.Drift{Object: a.Object, Fields: a.Fields, Manager: a.Manager, What: added}})
		}
	}
	return found, nil
}

func printDrifts(w io.Writer, p status.Platform, found []drift, width int) error {
	if len(found) == 0 {
		return println(w, "no drift")
	}
	paint := painter(width > 0)
	all := driftTable(p, found, paint)
	if width > 0 && text.LongestLineLen(all) > width {
		all = driftList(p, found, width, paint)
	}
	return println(w, all)
}

// driftList writes each drift in lines of its own, for where a table does not fit.
func driftList(p status.Platform, found []drift, width int, paint paintFunc) string {
	var b strings.Builder
	for i, d := range found {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s\n", text.WrapText(cell(d.id().String())+"  "+cell(d.Object), width))
		for _, field := range whatChanged(d.Drift) {
			fmt.Fprintf(&b, "%s\n", indent(text.WrapText(cell(field), max(width-2, 20))))
		}
		line := fmt.Sprintf("by %s%s: %s", cell(who(d.Manager)), ago(p.Time, d.Time), driftState(d.Drift, paint))
		fmt.Fprintf(&b, "%s\n", indent(trimLines(text.WrapSoft(line, max(width-2, 20)))))
	}
	return strings.TrimRight(b.String(), "\n")
}

// ago says when something was done, if that is known.
func ago(now, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return ", " + age(now, at) + " ago"
}

func driftTable(p status.Platform, found []drift, paint paintFunc) string {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"Release", "Object", "Fields", "Changed by", "Age", "State"})
	for _, d := range found {
		t.AppendRow(table.Row{
			plain(d.id().String()), plain(d.Object), plain(strings.Join(whatChanged(d.Drift), "\n")), plain(who(d.Manager)), age(p.Time, d.Time), driftState(d.Drift, paint),
		})
	}
	return strings.TrimRight(trimLines(t.Render()), "\n")
}

// whatChanged lists the fields that were changed, or what was done to the object as a whole.
func whatChanged(d status.Drift) []string {
	if d.What != "" && d.What != added {
		return append([]string{"(" + d.What + ")"}, d.Fields...)
	}
	return d.Fields
}

func who(manager string) string {
	if manager == "" {
		return "(removed)"
	}
	return manager
}

func driftState(d status.Drift, paint paintFunc) string {
	switch {
	case d.What == added:
		return "added, not reverted"
	case d.Corrected && d.Rounds > 1:
		return paint(text.FgYellow, fmt.Sprintf("reverted, %d times", d.Rounds))
	case d.Corrected:
		return paint(text.FgGreen, "reverted")
	case d.Rounds > 0:
		return paint(text.FgRed, fmt.Sprintf("fought over: reverted %d times, left for a while", d.Rounds))
	}
	return paint(text.FgYellow, "not reverted")
}
