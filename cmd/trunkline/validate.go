// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/policy/report"
	"trunkline.dev/trunkline/reconciler/git"
)

// validation is what "trunkline validate" is asked for.
type validation struct {
	// what is a folder or a revision, and base the revision to compare with.
	what, base string
	format     report.Format
	login      string
	teams      []string
	approvers  []string
	included   including
	// render has what releases render to kept, to tell what moves and what several declare.
	render bool
	// again says that files are checked again as they are saved: what did not change is not rendered again.
	again bool
	// runs has releases that do not render be problems; otherwise they are reported where they are shown.
	runs bool
	// cost is what costs are estimated for, to hold them against budgets; nil holds them against none.
	cost *cost.Terms
}

func newValidate() *cobra.Command {
	var v validation
	var format string
	var watch bool
	cmd := &cobra.Command{
		Use:   "validate [PATH|REVISION]",
		Short: "Check whether a platform can run, and report every problem",
		Long: `Validate reads every declaration of a platform, checks it against the rules
that come with Trunkline and the platform's own policies, and renders every
release: what it renders to has to be objects that an API server would take. It
works offline and changes nothing. What was rendered before is kept in a cache
of yours. At a terminal, it shows how far it is once it has taken a second.

It reads a folder, by default the current one as it is on disk, or a revision of
the repository that the current folder is in. With --base it also checks the
change: what readers of a dataset lose, whether a schema breaks them, what
leaves a protected environment, and with --author whether an owner made or
approved it. The policies, modes, exceptions and owners that apply are then
those of the base, and only what the change can affect is rendered. Checks that
lack input are reported as not done. Where an environment has a budget, what is
in it is rendered, and what that costs is checked against the budget; "trunkline
cost" shows it.

Exit codes: 0 no errors; 1 errors; 2 usage error, or some checks could not be
done.`,
		Example: `  trunkline validate
  trunkline validate --watch
  trunkline validate HEAD --base main -o sarif > trunkline.sarif
  trunkline validate examples/acme -o json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("name one folder or revision, or none for the current folder")
			}
			return nil
		},
		RunE: answering(func(cmd *cobra.Command, args []string) error {
			v.what = "."
			if len(args) == 1 {
				v.what = args[0]
			}
			var err error
			if v.format, err = report.ParseFormat(format); err != nil {
				return &usageError{err}
			}
			if err := v.complete(cmd.Flags()); err != nil {
				return err
			}
			v.cost, v.runs, v.again = &cost.Terms{Now: time.Now()}, true, watch
			if watch {
				return v.watch(cmd)
			}
			s, err := v.open(cmd)
			if err != nil {
				return err
			}
			for _, remark := range s.remarks() {
				if _, err := fmt.Fprintln(cmd.ErrOrStderr(), plain(oneLine(remark))); err != nil {
					return err
				}
			}
			return s.report(cmd.OutOrStdout())
		}),
	}
	cmd.Flags().StringVar(&v.base, "base", "", "revision before the change, whose settings and policies apply")
	cmd.Flags().StringVarP(&format, "output", "o", "text", "output format: text, json, sarif, github or junit")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "check again whenever a file is saved, until interrupted")
	cmd.Flags().StringVar(&v.login, "author", "", "login of the author of the change, to check whether an owner made it")
	cmd.Flags().StringSliceVar(&v.teams, "team", nil, "teams of the author")
	cmd.Flags().StringArrayVar(&v.approvers, "approved-by", nil, "who approved the change, with their teams: LOGIN[:TEAM,TEAM]; repeat for each")
	v.included.flags(cmd.Flags())
	cmd.Flags().BoolVar(&v.render, "render", false, "also report objects that move between releases or that several declare; with --base this renders everything twice")
	return cmd
}

// complete refuses flags without which others would silently check nothing, such as an --author from a variable that is empty.
func (v validation) complete(flags *pflag.FlagSet) error {
	for _, name := range []string{"base", "author"} {
		if f := flags.Lookup(name); f.Changed && f.Value.String() == "" {
			return usagef("--%s is empty: name one, or leave it out", name)
		}
	}
	for _, approver := range v.approvers {
		if login, _, _ := strings.Cut(approver, ":"); login == "" {
			return usagef("--approved-by %q has no login: write LOGIN or LOGIN:TEAM,TEAM", approver)
		}
	}
	switch {
	case len(v.teams) > 0 && v.login == "":
		return usagef("--team names teams of the author: add --author")
	case len(v.approvers) > 0 && v.login == "":
		return usagef("--approved-by needs the author of the change: add --author")
	case v.login != "" && v.base == "":
		return usagef("--author is for a change: add the --base that it starts from")
	}
	return nil
}

// session is a platform that is validated, perhaps again and again.
type session struct {
	v validation
	// dir is the folder on disk; empty for a revision.
	dir  string
	name string
	now  time.Time
	// renderer is what releases are rendered with.
	renderer evaluate.Renderer
	// base is what the head is compared with; nil without one.
	base *evaluate.Evaluation
	head *evaluate.Evaluation
	// progress shows how far it is.
	progress *progress
}

// open reads what is to be validated, and checks it.
func (v validation) open(cmd *cobra.Command) (*session, error) {
	o, err := openPlatform(cmd.Context(), v.what)
	if err != nil {
		return nil, err
	}
	s := &session{v: v, dir: o.dir, name: o.name, now: time.Now(), renderer: cachedRenderer(), progress: showProgress(cmd, readingDeclarations)}
	defer s.progress.end()
	tree, err := v.included.heads(o.tree)
	if err != nil {
		return nil, err
	}
	return s, s.evaluate(cmd.Context(), tree, s.folder())
}

// folder is the one whose repository has the base.
func (s *session) folder() string { return cmp.Or(s.dir, ".") }

// title names what is looked at, for people.
func (s *session) title() string {
	if s.dir != "" {
		return "the files on disk"
	}
	return revisionOf(s.v.what, s.name)
}

// evaluate checks a tree, as a change of the base if there is one. at is the folder whose repository has the base.
func (s *session) evaluate(ctx context.Context, tree fs.FS, at string) error {
	in := s.input(tree)
	if s.v.base != "" {
		if err := s.compare(ctx, &in, at); err != nil {
			return err
		}
	}
	return s.evaluateHead(ctx, in)
}

// input is what the tree is checked against. All that is wrong is found, for people to fix, and what releases render to is kept
// only if someone wants to see it.
func (s *session) input(tree fs.FS) evaluate.Input {
	return evaluate.Input{
		Tree: tree, Library: blueprints.FS, Renderer: s.renderer, Now: s.now, Thorough: true, Runs: s.v.runs, Cost: s.v.cost,
		Want: func(catalog.ReleaseID) bool { return s.v.render || s.v.again }, OnProgress: s.progress.rendering,
	}
}

// compare reads the base, and what has changed since.
func (s *session) compare(ctx context.Context, in *evaluate.Input, at string) error {
	base, err := revision(ctx, at, s.v.base)
	if err != nil {
		return fmt.Errorf("reading the base %q: %w", s.v.base, err)
	}
	joint, err := s.v.included.bases(ctx, base)
	if err != nil {
		return fmt.Errorf("reading the base %q: %w", s.v.base, err)
	}
	if s.base, err = evaluate.Load(joint, blueprints.FS); err != nil {
		return err
	}
	in.Before, in.Change = s.base, &evaluate.Change{People: s.v.people()}
	in.Changed, err = differences(joint, in.Tree)
	return err
}

// evaluateHead evaluates the head. Both sides of a change are rendered if it matters what moves between releases, or what they cost.
func (s *session) evaluateHead(ctx context.Context, in evaluate.Input) (err error) {
	if (s.v.render || s.v.cost != nil) && s.base != nil && !s.base.Catalog().Problems().Denied() {
		if s.base, err = s.base.Render(ctx, s.input(s.base.Catalog().Tree())); err != nil {
			return err
		}
		in.Before = s.base
	}
	s.head, err = evaluate.Head(ctx, in)
	return err
}

// people are those who made and approved the change, as far as that was said.
func (v validation) people() (people []policy.Person) {
	if v.login == "" {
		return nil
	}
	people = append(people, policy.Person{Login: v.login, Teams: v.teams})
	for _, approver := range v.approvers {
		login, teams, _ := strings.Cut(approver, ":")
		people = append(people, policy.Person{Login: login, Teams: strings.FieldsFunc(teams, func(r rune) bool { return r == ',' })})
	}
	return people
}

// prefix is the way from the root of the repository to the platform, for the forms that are read by those who know the
// repository and not the platform; else nothing.
func (s *session) prefix() string {
	if s.v.format != report.GitHub && s.v.format != report.SARIF {
		return ""
	}
	where, err := git.Locate(cmp.Or(s.dir, "."))
	if err != nil || where.Prefix == "." {
		return "" // outside of a repository there is no other root
	}
	return where.Prefix + "/"
}

// below returns problems of files that are below a folder.
func below(problems v1alpha1.Problems, prefix string) v1alpha1.Problems {
	out := slices.Clone(problems)
	for i := range out {
		out[i].Position.File = prefix + out[i].Position.File
		out[i].Trace = slices.Clone(out[i].Trace)
		for j := range out[i].Trace {
			out[i].Trace[j].Position.File = prefix + out[i].Trace[j].Position.File
		}
	}
	return out
}

// notes says what else is to be known of what releases render to.
func (s *session) notes() []string {
	if !s.v.render {
		return nil
	}
	var notes []string
	for rel := range s.head.Releases() {
		if out, ok := s.head.Rendered(rel.ID); ok && out.Err != nil && !s.v.runs {
			notes = append(notes, fmt.Sprintf("%s does not render: %v", rel.ID, out.Err))
		}
	}
	if s.base != nil {
		notes = append(notes, evaluate.MoveNotes(s.base, s.head)...)
	}
	return append(notes, s.head.Notes()...)
}

// remarks returns what a format has no place for, so that it is said elsewhere.
func (s *session) remarks() (out []string) {
	if s.v.format != report.SARIF && s.v.format != report.JUnit {
		return nil
	}
	for _, what := range s.head.Unjudged() {
		out = append(out, "not checked: "+what)
	}
	return append(out, s.notes()...)
}

// report writes what was found; errFindings if that denies the platform.
func (s *session) report(w io.Writer) error {
	known, err := knownRules()
	if err != nil {
		return err
	}
	counts := s.head.Catalog().Counts()
	problems, prefix := s.head.Problems(), s.prefix()
	if prefix != "" {
		problems = below(problems, prefix)
	}
	r := report.Report{
		Problems: problems, Rules: known,
		Source: func(file string) ([]byte, error) {
			return fs.ReadFile(s.head.Catalog().Tree(), strings.TrimPrefix(file, prefix))
		},
		Summary: report.Summary{
			Revision: s.name, Base: s.v.base, Projects: counts.Projects, Datasets: counts.Datasets,
			Workloads: counts.Workloads, Releases: counts.Releases, Files: counts.Files,
		},
		Tool:      report.Tool{Version: programVersion()},
		Unchecked: s.head.Unjudged(), Notes: s.notes(),
	}
	columns := width(w)
	if err := report.Write(w, s.v.format, r, report.Options{Color: columns > 0, Width: columns}); err != nil {
		return err
	}
	if s.head.Denied() {
		return errFindings
	}
	return nil
}
