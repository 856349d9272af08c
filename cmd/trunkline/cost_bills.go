// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/cost/usage"
)

func newCostImport() *cobra.Command {
	var daemon remote
	var cluster, why string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Keep what a cloud has billed, to hold it against what was counted",
		Long: `Import reads a bill in the format FOCUS 1.x, as CSV (also compressed by gzip) or
Parquet, adds it up by day, cluster and service, and has the daemon keep that. A
bill replaces one of the same account and period: the same file twice changes
nothing.

Which cluster a charge is for is read from its tags; what they do not say is for
the one of --cluster. "trunkline cost bills" shows the difference.

Exit codes: 0 the bill is kept; 1 the daemon could not keep it; 2 wrong use, it is
no such file, or the daemon does not answer.`,
		Example: "  trunkline cost import focus-2026-11.csv --cluster eu",
		Args:    cobra.ExactArgs(1),
		RunE: answering(func(cmd *cobra.Command, args []string) error {
			bills, err := readBills(args[0], cluster)
			if err != nil {
				return err
			}
			client, err := daemon.client(claimed())
			if err != nil {
				return err
			}
			for _, b := range bills {
				message, err := client.ImportBill(cmd.Context(), b, why)
				if err != nil {
					return refused(err)
				}
				if err := println(cmd.OutOrStdout(), plain(fmt.Sprintf("%s, %s: %s (%d sums of days, clusters and services)", cmp.Or(b.Account, "no account"), b.Period, message, len(b.Items)))); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	daemon.flags(cmd)
	cmd.Flags().StringVar(&cluster, "cluster", "", "cluster of what does not say of which it is; default: none")
	cmd.Flags().StringVar(&why, "why", "", "reason, for the daemon's log")
	return cmd
}

// parquet is how a file in that format begins.
const parquet = "PAR1"

// readBills reads the bills in a file.
func readBills(name, cluster string) ([]usage.Bill, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, &troubleError{fmt.Errorf("reading the bill: %w", err)}
	}
	defer f.Close()
	var begin [4]byte
	n, err := io.ReadFull(f, begin[:])
	if err != nil {
		return nil, &troubleError{fmt.Errorf("reading the bill %s: it is empty, or cannot be read: %w", name, err)}
	}
	var bills []usage.Bill
	if string(begin[:n]) == parquet {
		info, statErr := f.Stat()
		if statErr != nil {
			return nil, &troubleError{fmt.Errorf("reading the bill %s: %w", name, statErr)}
		}
		bills, err = usage.ReadParquetBill(f, info.Size(), cluster)
	} else {
		bills, err = usage.ReadBill(io.MultiReader(bytes.NewReader(begin[:n]), f), cluster)
	}
	if err != nil {
		return nil, &troubleError{fmt.Errorf("reading the bill %s: %w", name, err)}
	}
	if len(bills) == 0 {
		return nil, &troubleError{fmt.Errorf("reading the bill %s: nothing is charged in it", name)}
	}
	return bills, nil
}

func newCostBills() *cobra.Command {
	var daemon remote
	var since, until, output string
	cmd := &cobra.Command{
		Use:   "bills",
		Short: "Hold what was counted against what was billed",
		Long: `Bills shows by day and cluster what the daemon has counted, and what was billed
by what "trunkline cost import" read.

Exit codes: 0 printed; 2 wrong use, or the daemon does not answer.`,
		Example: "  trunkline cost bills --since 2026-11-01 --until 2026-12-01",
		Args:    cobra.NoArgs,
		RunE: answering(func(cmd *cobra.Command, _ []string) error {
			printer, err := formatNamed(output, printBills)
			if err != nil {
				return err
			}
			question := url.Values{}
			if err := daysAsked(question, since, until, time.Now()); err != nil {
				return err
			}
			client, err := daemon.client("")
			if err != nil {
				return err
			}
			answer, err := client.Bills(cmd.Context(), question)
			if err != nil {
				return refused(err)
			}
			return printer(cmd.OutOrStdout(), answer)
		}),
	}
	daemon.flags(cmd)
	cmd.Flags().StringVar(&since, "since", "30d", "the first day: 2026-11-01 or 7d")
	cmd.Flags().StringVar(&until, "until", "", "the day that all are before; default: up to now")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output format: table, json or yaml")
	return cmd
}

func printBills(w io.Writer, a console.BillAnswer) error {
	if len(a.Items) == 0 {
		return println(w, "nothing was counted or billed")
	}
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"Day", "Cluster", "Counted", "Billed", "Difference", "Services"})
	for _, c := range a.Items {
		var services []string
		for _, name := range slices.Sorted(maps.Keys(c.Services)) {
			services = append(services, name+" "+cents(c.Services[name]))
		}
		t.AppendRow(table.Row{c.Day, plain(cmp.Or(c.Cluster, "-")), cents(c.Counted), cents(c.Billed), cents(c.Difference), plain(strings.Join(services, ", "))})
	}
	return println(w, t.Render()+"\nall in "+cmp.Or(a.Currency, "no currency"))
}

func newCostOutlook() *cobra.Command {
	var daemon remote
	var output string
	cmd := &cobra.Command{
		Use:   "outlook",
		Short: "Say what this month is going to cost",
		Long: `Outlook says what each environment, and each project in it, did cost in this month
so far, and what it is going to: if it goes on like the last seven whole days,
and as is declared. It also says how far off the last estimates were.

Exit codes: 0 no budget is going to be exceeded; 1 one is; 2 the daemon does not
answer, or does not know yet.`,
		Args: cobra.NoArgs,
		RunE: answering(func(cmd *cobra.Command, _ []string) error {
			printer, err := formatNamed(output, printOutlook)
			if err != nil {
				return err
			}
			client, err := daemon.client("")
			if err != nil {
				return err
			}
			outlook, err := client.CostOutlook(cmd.Context())
			if err != nil {
				return refused(err)
			}
			if outlook.At.IsZero() {
				return &troubleError{fmt.Errorf("the daemon does not know yet: ask again in a minute")}
			}
			if err := printer(cmd.OutOrStdout(), outlook); err != nil {
				return err
			}
			if slices.ContainsFunc(outlook.Items, func(f console.CostForecast) bool { return f.Exceeds }) {
				return errFindings
			}
			return nil
		}),
	}
	daemon.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output format: table, json or yaml")
	return cmd
}

func printOutlook(w io.Writer, o console.CostOutlook) error {
	t := table.NewWriter()
	t.SetStyle(plainStyle())
	t.AppendHeader(table.Row{"Environment", "Project", "Spent", "By last days", "By declared", "Budget"})
	for _, f := range o.Items {
		budget := known(f.Budget)
		if f.Exceeds {
			budget += " (exceeded)"
		}
		t.AppendRow(table.Row{plain(cmp.Or(f.Environment, "-")), plain(cmp.Or(f.Project, "all")), known(f.Spent), known(f.ByRecent), known(f.ByDeclared), budget})
	}
	text := fmt.Sprintf("%s\n%s, in %s", t.Render(), o.Month, o.Currency)
	if a := o.Accuracy; a != nil {
		text += "\n" + accuracyText(*a)
	}
	return println(w, text)
}

// known is an amount in cents; a dash if it is not known.
func known(amount string) string {
	if amount == "" {
		return "-"
	}
	return cents(amount)
}

// accuracyText says how far off estimates were.
func accuracyText(a console.CostAccuracy) string {
	direction := "high"
	if a.Percent < 0 {
		direction = "low"
	}
	return fmt.Sprintf("estimates from %s to %s were %.0f %% %s", a.Since, a.Until, max(a.Percent, -a.Percent), direction)
}
