// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/flow/rights"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/plan/resource"
)

func newPlan() *cobra.Command {
	var v previewing
	var base string
	cmd := &cobra.Command{
		Use:   "plan [PATH] [RELEASE...]",
		Short: "Show what merging a change would do",
		Long: `Plan shows what a merge would do to every release: which are created, changed
and removed, which of their objects and how, which objects move between
releases or are declared by several, which lots would be computed and which
nobody would make any more, which buckets, databases and tables would be made,
which accounts need more or fewer rights on data in the cloud, and what would be
held: by a deploy
window, a freeze, a promotion, the protection of an environment, or because too
much would be deleted. It works offline and changes nothing: it compares what
the releases of two states of the repository render to. "trunkline diff"
compares with live clusters.

It compares the files on disk with HEAD, or --head with --base, which defaults to
the commit before --head. PATH is the folder of the platform, by
default the current one. A RELEASE is PROJECT, PROJECT/ENVIRONMENT or
PROJECT/ENVIRONMENT/CLUSTER, where * stands for any part of a name. It
shows that Secrets change, but never their values.

` + exitCodes,
		Example: `  trunkline plan
  trunkline plan --base main -s
  trunkline plan 'orders/prod' 'fx-*'
  trunkline plan --base origin/main --head HEAD -o markdown \
    > comment.md || [ $? -eq 1 ]`,
		RunE: answering(func(cmd *cobra.Command, args []string) error {
			if err := v.read(args); err != nil {
				return err
			}
			if base == "" {
				if base = "HEAD"; v.head != "" {
					base = v.head + "~1"
				}
			}
			s, err := v.open(cmd, base, func(catalog.ReleaseID) bool { return false })
			if err != nil {
				return err
			}
			p, err := v.plan(cmd, s, base)
			if err != nil {
				return err
			}
			return v.print(cmd, p)
		}),
	}
	cmd.Flags().StringVar(&base, "base", "", "revision that is merged into; default: HEAD for the files on disk, else the commit before --head")
	v.flags(cmd)
	return cmd
}

// plan compares what both sides render to. All releases count, also those that are not asked for: how many are removed,
// and what is promoted first, depends on them.
func (v *previewing) plan(cmd *cobra.Command, s *session, base string) (preview.Preview, error) {
	s.progress = showProgress(cmd, "comparing")
	defer s.progress.end()
	in := s.input(nil)
	in.Want = nil
	was, err := s.base.Render(cmd.Context(), in)
	if err != nil {
		return preview.Preview{}, err
	}
	in.Before = was
	is, err := s.head.Render(cmd.Context(), in)
	if err != nil {
		return preview.Preview{}, err
	}
	if err := v.check(releaseIDs(was), releaseIDs(is)); err != nil {
		return preview.Preview{}, err
	}
	commit, err := revision(cmd.Context(), v.path, base)
	if err != nil {
		return preview.Preview{}, fmt.Errorf("reading the base %q: %w", base, err)
	}
	p := preview.Preview{From: revisionName(base, commit), To: s.name}
	merged, err := evaluate.Merge(was, is, s.now)
	p.Notes = append(unknownSources(is.Catalog()), merged.Notes...)
	picked := map[string]bool{}
	for _, r := range append(merged.Releases, evaluate.Same(was, is)...) {
		if v.picker.Picks(r.ID) {
			p.Releases = append(p.Releases, r)
			picked[r.ID.Environment+"/"+r.ID.Project] = true
		}
	}
	wanted := func(environment, project string) bool { return picked[environment+"/"+project] }
	p.Lots, p.Resources, p.Data = merged.Lots.Of(wanted), resource.Of(merged.Resources, wanted), rights.ChangesOf(merged.Data, wanted)
	return p, err
}
