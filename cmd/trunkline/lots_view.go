// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	lotflow "trunkline.dev/trunkline/flow"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/record"
	"trunkline.dev/trunkline/flow/report"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

// lotsView is what the commands that look at lots are asked for.
type lotsView struct {
	from             source
	daemon           remote
	env, endpoint    string
	earliest, latest string
	now              time.Time
	// graph is what is declared in the environment, once that is loaded.
	graph *plan.Graph
}

func (v *lotsView) flags(cmd *cobra.Command) {
	v.from.flags(cmd)
	cmd.Flags().StringVarP(&v.env, "env", "e", "", "environment whose lots are looked at (default the one that keeps lots, if there is one)")
	cmd.Flags().StringVar(&v.endpoint, "s3-endpoint", "", "address of an S3 that is not AWS, for s3:// stores")
}

func (v *lotsView) rangeFlags(cmd *cobra.Command, earliest string) {
	cmd.Flags().StringVar(&v.earliest, "earliest", "", "first lot: a time, how long ago (12h, 7d) or a lot's id "+earliest)
	cmd.Flags().StringVar(&v.latest, "latest", "", "where to end: a time, how long ago or a lot's id; that lot does not belong to it (default now)")
}

// seen is what the stores of an environment have, with what is declared.
type seen struct {
	report.View
	catalog *catalog.Catalog
	env     string
	found   survey.Found
}

// open reads the declarations, and asks the stores for what they have of some datasets; of none: of all. If not all stores answer, the
// error says so, and what is known is returned with it.
func (v *lotsView) open(cmd *cobra.Command, cat *catalog.Catalog, datasets []string) (seen, error) {
	p := showProgress(cmd, "Listing manifests")
	defer p.end()
	found, err := survey.Of(cmd.Context(), cat, v.env, datasets, opener(v.endpoint))
	known := found.Seen()
	begun, failed := v.replays(cmd.Context(), cat)
	for _, r := range begun {
		known.Replay(r)
	}
	records, _ := cat.Records(v.env)
	disabled, unread := lotflow.Disabled(cmd.Context(), records, bucket.Options{Endpoint: v.endpoint})
	if unread != nil && err == nil {
		err = fmt.Errorf("reading which workloads are disabled: %w", unread)
	}
	err = errors.Join(err, v.arcStates(cmd.Context(), cat, found, known))
	planner := plan.New(v.graph, known, plan.Limits{Holds: append(disabled, lotflow.Holds(cat, v.env, v.now)...)}, v.now)
	claimed, unseen := v.claims(cmd.Context(), cat)
	return seen{report.View{Graph: v.graph, Planner: planner, Now: v.now, Refused: claimed}, cat, v.env, found}, errors.Join(err, failed, unseen)
}

// claims are those of tasks of the environment's Airflow that were refused. Nobody is asked where there is no Airflow.
func (v *lotsView) claims(ctx context.Context, cat *catalog.Catalog) (report.Refused, error) {
	address, ok := cat.Records(v.env)
	if !ok || cat.Environments[v.env].Spec.Orchestrator != v1alpha1.Airflow {
		return report.Refused{}, nil
	}
	return lotflow.Refused(ctx, address, bucket.Options{Endpoint: v.endpoint})
}

// replays are those that are declared and have begun. Nobody is asked if none is declared.
func (v *lotsView) replays(ctx context.Context, cat *catalog.Catalog) (all []plan.Replay, err error) {
	declared := plan.Replays(cat, v.env)
	address, ok := cat.Records(v.env)
	if len(declared) == 0 || !ok {
		return nil, nil
	}
	err = bucket.With(ctx, address, bucket.Options{Endpoint: v.endpoint}, func(f bucket.Folder) error {
		begun, err := record.Replays(ctx, f)
		all = record.Begun(declared, begun)
		return err
	})
	return all, err
}

func opener(endpoint string) survey.Opener {
	return func(ctx context.Context, location string) (survey.Store, error) {
		return store.Open(ctx, location, bucket.Options{Endpoint: endpoint})
	}
}

// unknown reports whether the store of a dataset did not answer.
func (s *seen) unknown(id string) bool {
	_, found := slices.BinarySearch(s.found.Unknown, id)
	return found
}

// upstream are the datasets that some depend on, themselves among them; of none: none.
func (v *lotsView) upstream(ids ...string) (out []string) {
	for _, id := range ids {
		out = append(out, v.graph.Upstream(id)...)
	}
	return out
}

// datasetArg refuses what names no dataset.
func datasetArg(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	project, name, whole := strings.Cut(args[0], "/")
	if !whole && cmd.HasSubCommands() {
		return noCommand(cmd, args[0])
	}
	if !whole || project == "" || name == "" {
		return usagef("%q names no dataset: write PROJECT/DATASET, or PROJECT/DATASET@VERSION", args[0])
	}
	return nil
}

// load reads the declarations, and finds the environment.
func (v *lotsView) load(cmd *cobra.Command) (*catalog.Catalog, error) {
	_, cat, err := v.from.load(cmd)
	if err != nil {
		return nil, err
	}
	keeps := []string{}
	for _, name := range slices.Sorted(maps.Keys(cat.Environments)) {
		if cat.Environments[name].Spec.Lots != nil {
			keeps = append(keeps, name)
		}
	}
	env, ok := cat.Environments[v.env]
	switch {
	case v.env != "" && !ok:
		return nil, unknown("environment", v.env, slices.Collect(maps.Keys(cat.Environments)))
	case v.env != "" && env.Spec.Lots == nil:
		return nil, fmt.Errorf("the environment %q keeps no lots: spec.lots.manifests of it says where manifests are%s", v.env, amongOthers(keeps))
	case v.env != "":
	case len(keeps) == 0:
		return nil, fmt.Errorf("no environment keeps lots: spec.lots.manifests of one says where manifests are")
	case len(keeps) > 1:
		return nil, usagef("say which environment is meant, with --env: %s", strings.Join(keeps, ", "))
	default:
		v.env = keeps[0]
	}
	v.graph = plan.Of(cat, v.env)
	return cat, nil
}

func amongOthers(keeps []string) string {
	if len(keeps) == 0 {
		return ""
	}
	return "; these keep some: " + strings.Join(keeps, ", ")
}

// dataset finds a dataset with lots that is named as "project/name" or "project/name@version": without a version, the one that there is.
func (v *lotsView) dataset(cat *catalog.Catalog, name string) (string, error) {
	ids := v.graph.Datasets()
	var match []string
	for _, id := range ids {
		if bare, _, _ := strings.Cut(id, "@"); id == name || bare == name {
			match = append(match, id)
		}
	}
	switch {
	case len(match) == 1:
		return match[0], nil
	case len(match) > 1:
		return "", usagef("%s has several versions: name one of %s", name, strings.Join(match, ", "))
	}
	if _, _, there := cat.Dataset(name); there {
		return "", fmt.Errorf("%s has no lots in %s: it declares none, or its project is not deployed there", name, v.env)
	}
	return "", fmt.Errorf("there is no dataset with lots %q in %s: %s", name, v.env, v1alpha1.Instead(name, ids))
}

// prepare checks what is asked for before anything is read, and then reads the declarations.
func prepare[T any](v *lotsView, cmd *cobra.Command, output string, c columns[T]) (print format[[]T], r report.Range, cat *catalog.Catalog, err error) {
	if print, err = rowsNamed(output, c); err != nil {
		return nil, r, nil, err
	}
	if r, err = v.bounds(); err != nil {
		return nil, r, nil, err
	}
	cat, err = v.load(cmd)
	return print, r, cat, err
}

// bounds is the range that is asked for.
func (v *lotsView) bounds() (report.Range, error) {
	from, err := v.when("--earliest", v.earliest)
	if err != nil {
		return report.Range{}, err
	}
	until, err := v.when("--latest", v.latest)
	if err == nil && !from.IsZero() && !until.IsZero() && !from.Before(until) {
		err = usagef("--latest %s is not after --earliest %s", v.latest, v.earliest)
	}
	return report.Range{From: from, Until: until}, err
}

// when reads a time: one of RFC 3339, a day, a lot's id, or how long ago.
func (v *lotsView) when(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	if l, err := lot.ParseID(text); err == nil {
		return l.Start, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if d, err := time.ParseDuration(days + "h"); err == nil && d >= 0 {
			return v.now.Add(-24 * d), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return v.now.Add(-d), nil
	}
	return time.Time{}, usagef("%s %q is no time: write one such as 2026-01-01, 2026-01-01T06:00:00Z, 12h, 7d or 20260101PT1H006", flag, text)
}
