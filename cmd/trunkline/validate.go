package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/policy/custom"
	"trunkline.dev/trunkline/policy/report"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/render"
)

// validation is what "trunkline validate" is asked for.
type validation struct {
	// what is a folder or a revision, and base the revision to compare with.
	what, base string
	format     report.Format
	login      string
	teams      []string
	approvers  []string
}

func newValidate() *cobra.Command {
	var v validation
	var format string
	var watch bool
	cmd := &cobra.Command{
		Use:   "validate [PATH|REVISION]",
		Short: "Check all declarations, and say exactly what is wrong",
		Long: `Validate reads every declaration of a platform, and judges it by the rules that come with
Trunkline and by the platform's own policies. It works offline and changes nothing.

It takes a folder, by default the current one as it is on disk, or a revision of the repository
that the current folder is in. With --base it also judges the change: what readers of a dataset
lose, whether a schema breaks them, what leaves a protected environment. What judges the change
is then the base: its policies, modes and exceptions.`,
		Example: `  trunkline validate
  trunkline validate --watch
  trunkline validate HEAD --base main -o sarif > trunkline.sarif
  trunkline validate examples/acme -o json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("say one folder or revision, or none for the current folder")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			v.what = "."
			if len(args) == 1 {
				v.what = args[0]
			}
			var err error
			if v.format, err = report.ParseFormat(format); err != nil {
				return &usageError{err}
			}
			if len(v.teams) > 0 && v.login == "" {
				return usagef("--team says which teams the author is in: say who that is with --author")
			}
			if v.login != "" && v.base == "" {
				return usagef("--author says who made the change: say since when with --base")
			}
			if watch {
				return v.watch(cmd)
			}
			s, err := v.open(cmd.Context())
			if err != nil {
				return err
			}
			return s.report(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&v.base, "base", "", "revision before the change; its settings and policies judge")
	cmd.Flags().StringVarP(&format, "output", "o", "text", "how to say it: text, json, sarif, github or junit")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "check again whenever a file is saved, until interrupted")
	cmd.Flags().StringVar(&v.login, "author", "", "login of who made the change, to judge whether an owner did")
	cmd.Flags().StringSliceVar(&v.teams, "team", nil, "teams that the author is in")
	cmd.Flags().StringArrayVar(&v.approvers, "approved-by", nil, "who approved the change, with the teams that he or she is in: LOGIN[:TEAM,TEAM]; repeat for each")
	return cmd
}

// session is a platform that is validated, perhaps again and again.
type session struct {
	v validation
	// dir is the folder on disk; empty for a revision.
	dir     string
	name    string
	base    *catalog.Catalog
	changed []string
	catalog *catalog.Catalog
	result  *policy.Result
	began   time.Time
}

// open reads what is to be validated, and judges it.
func (v validation) open(ctx context.Context) (*session, error) {
	s := &session{v: v, began: time.Now().UTC().Truncate(24 * time.Hour)}
	o, err := openPlatform(ctx, v.what)
	if err != nil {
		return nil, err
	}
	s.dir, s.name = o.dir, o.name
	if v.base == "" {
		s.catalog, _, err = catalog.Load(o.tree, blueprints.FS)
	} else {
		err = s.compare(ctx, o.tree, cmp.Or(o.dir, "."))
	}
	if err != nil {
		return nil, err
	}
	return s, s.judge(ctx, nil)
}

// compare reads the base, and what has changed since.
func (s *session) compare(ctx context.Context, tree fs.FS, at string) error {
	base, err := revision(ctx, at, s.v.base)
	if err != nil {
		return fmt.Errorf("reading the base %q: %w", s.v.base, err)
	}
	if s.base, _, err = catalog.Load(base, blueprints.FS); err != nil {
		return err
	}
	if s.changed, err = differences(base, tree); err != nil {
		return err
	}
	s.catalog, _, err = s.base.Update(tree, s.changed)
	return err
}

// differences lists the files that differ between a revision and another, or a folder.
func differences(base *git.Tree, tree fs.FS) ([]string, error) {
	if head, ok := tree.(*git.Tree); ok {
		changes, err := git.Diff(base, head)
		if err != nil {
			return nil, err
		}
		names := make([]string, len(changes))
		for i, c := range changes {
			names[i] = c.Path
		}
		return names, nil
	}
	seen := map[string]bool{}
	var names []string
	compare := func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case entry.IsDir() && name == ".git":
			return fs.SkipDir
		case entry.IsDir() || seen[name]:
			return nil
		}
		seen[name] = true
		was, err1 := fs.ReadFile(base, name)
		is, err2 := fs.ReadFile(tree, name)
		if (err1 == nil) != (err2 == nil) || !bytes.Equal(was, is) {
			names = append(names, name)
		}
		return nil
	}
	for _, side := range []fs.FS{tree, base} {
		if err := fs.WalkDir(side, ".", compare); err != nil {
			return nil, fmt.Errorf("comparing the files on disk with %s: %w", base.Commit(), err)
		}
	}
	slices.Sort(names)
	return names, nil
}

// judge judges the catalog, for which the previous result may be good in part.
func (s *session) judge(ctx context.Context, previous *policy.Result) (err error) {
	settings := s.catalog
	if s.base != nil && s.base.Platform != nil {
		settings = s.base
	}
	own, err := custom.Load(settings)
	if err != nil {
		return err
	}
	in := policy.Input{
		Catalog: s.catalog, Base: s.base, Changed: s.changed, Now: s.began, Custom: own, Previous: previous,
		People: s.v.people(),
	}
	if s.result, err = policy.Check(ctx, in); err != nil || !own.JudgesObjects() || s.catalog.Problems().Denied() {
		return err // what cannot be linked cannot be rendered either
	}
	if in.Objects, err = s.objects(ctx, own); err != nil {
		return err
	}
	in.Previous = s.result
	s.result, err = policy.Check(ctx, in)
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

// objects renders every release, and judges what comes of it by the platform's own policies.
func (s *session) objects(ctx context.Context, own *custom.Set) (problems v1alpha1.Problems, err error) {
	renderer := render.New(blueprints.FS)
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for p := range s.catalog.Projects() {
		for _, id := range s.catalog.ReleasesOf(p) {
			group.Go(func() error {
				result, err := renderer.Render(ctx, s.catalog.Tree(), s.catalog.Release(p, id))
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				var found v1alpha1.Problems
				if err != nil {
					found = v1alpha1.Problems{{
						Rule: policy.RuleUnevaluated, Severity: v1alpha1.Deny, Position: p.Document.Position("metadata", "name"),
						About:   v1alpha1.About{Project: p.Name, Environment: id.Environment},
						Message: fmt.Sprintf("%s cannot be rendered, so that its objects cannot be judged: %v", id, err),
					}}
				} else {
					found = own.Objects(ctx, s.catalog, p, id, result.Objects)
				}
				mu.Lock()
				defer mu.Unlock()
				problems = append(problems, found...)
				return nil
			})
		}
	}
	return problems, group.Wait()
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

// below gives problems of files that are below a folder.
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

// report writes what was found; errFindings if that denies the platform.
func (s *session) report(w io.Writer) error {
	known, err := knownRules()
	if err != nil {
		return err
	}
	counts := s.catalog.Counts()
	problems, prefix := s.result.Problems, s.prefix()
	if prefix != "" {
		problems = below(problems, prefix)
	}
	r := report.Report{
		Problems: problems, Rules: known,
		Source: func(file string) ([]byte, error) {
			return fs.ReadFile(s.catalog.Tree(), strings.TrimPrefix(file, prefix))
		},
		Summary: report.Summary{
			Revision: s.name, Base: s.v.base, Projects: counts.Projects, Datasets: counts.Datasets,
			Workloads: counts.Workloads, Releases: counts.Releases, Files: counts.Files,
		},
		Tool: report.Tool{Version: programVersion()},
	}
	columns := width(w)
	if err := report.Write(w, s.v.format, r, report.Options{Color: columns > 0, Width: columns}); err != nil {
		return err
	}
	if s.result.Problems.Denied() {
		return errFindings
	}
	return nil
}
