// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/scaffold"
)

// creation is what "trunkline new" is asked for.
type creation struct {
	kind scaffold.Kind
	name string
	// from is the folder of the platform, and to the folder below it that the declaration goes to, or empty.
	from, to string
	// project is the one that a workload goes to.
	project  string
	template string
	given    map[string]string
	// notebook is a file of Jupyter that a workload is to run, and run how.
	notebook, run string
	now           time.Time
	// dryRun is for taking a repository over and for updates, and taken for the first.
	dryRun bool
	taken  *takeover
	// update is the project to update, and conflicts what becomes of conflicts.
	update, conflicts string
	// remote is how templates of other Git repositories are read.
	remote templateSource
}

func newNew() *cobra.Command {
	var n creation
	var set []string
	var list bool
	cmd := &cobra.Command{
		Use: `new project|workload|environment|blueprint NAME
  trunkline new --update PROJECT
  trunkline new --from flux|argocd PATH
  trunkline new --from clusterless FILE...`,
		Short: "Create declarations, or take over those of another system",
		Long: `New creates a project, a workload of a project, an environment or a blueprint from a template. It
asks for what the template needs to know; without a terminal, and where CI is set, --set answers.
Trunkline comes with templates, a repository may have its own in templates/KIND/NAME, and another Git
repository may have some: --template https://git.acme.example/templates.git//project/ours@v1.2.0.

The result is validated before it is written, as by "trunkline validate". If that finds new
problems, nothing is written. Existing files are never overwritten; a workload is appended to the
list in its project's file, which otherwise stays as it is.

With --update it applies the template that a project was made from again, as it is now, and shows the
difference: what you have changed stays, and what the template has changed is taken over. Where both
have changed the same, nothing is written unless --conflicts says what becomes of it.

With --from-notebook a workload runs a notebook: by papermill, which gives it what the workload reads
and writes as the parameters read_ROLE and write_ROLE, or as a script with what is in its cells.
Outputs are left out. The image, with papermill in it, is that of the project or --set image=IMAGE.

With --from flux or --from argocd and the root of a repository, it reads what Flux or Argo CD applies from
there, and writes the declarations that do the same, beside the manifests, which stay as they are. What
is not carried over is listed with file, line and what to do instead. See docs/migrate.md.

With --from clusterless and the project files of one project and stage, or - for the standard input, it
writes what does the same in the same stores into the platform of the current folder.`,
		Example: `  trunkline new --list
  trunkline new project orders --template batch --set owner=team-orders \
      --set image=orders:1
  trunkline new --update orders --dry-run
  trunkline new workload clean --project orders --template container-job
  trunkline new workload report --project orders \
      --from-notebook report.ipynb --set image=registry.example.com/jupyter:1
  trunkline new environment prod --set cluster=prod \
      --set location=s3://acme-prod-lake
  trunkline new --from flux . --dry-run
  trunkline new --from argocd . --set owner=team-platform
  jsonnet project.jsonnet | trunkline new --from clusterless - --dry-run`,
		Args: func(_ *cobra.Command, args []string) (err error) {
			if n.taken, err = n.takeover(args, list); err != nil || n.taken != nil {
				return err
			}
			return n.arguments(args, list)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if n.given, err = answersOf(set); err != nil {
				return err
			}
			n.now = time.Now().UTC()
			if n.taken != nil {
				n.taken.given, n.taken.now = n.given, n.now
				return n.taken.run(cmd)
			}
			if list {
				return n.list(cmd.OutOrStdout())
			}
			if n.update != "" {
				return n.runUpdate(cmd)
			}
			return n.make(cmd)
		},
	}
	cmd.Flags().StringVarP(&n.template, "template", "t", "", "the template: a name, or REPOSITORY//FOLDER@TAG; default: batch, container-job, dev (or prod) or helm")
	cmd.Flags().StringVar(&n.update, "update", "", "`PROJECT` to apply its template to again, as it is now or as --template says")
	cmd.Flags().StringVar(&n.conflicts, "conflicts", refuseConflicts, "with --update, what becomes of conflicts: refuse, ours or markers")
	n.remote.flags(cmd.Flags())
	cmd.Flags().StringVar(&n.from, "from", ".", "folder with the platform; or flux or argocd, and then PATH is the folder; or clusterless")
	cmd.Flags().StringVar(&n.to, "to", "", "folder in it that the files go to; default: projects, environments or blueprints, or trunkline with --from flux, argocd or clusterless")
	cmd.Flags().BoolVar(&n.dryRun, "dry-run", false, "with --update show the difference, with --from flux, argocd or clusterless print the files, and write nothing")
	cmd.Flags().StringVar(&n.project, "project", "", "the project that a workload goes to")
	cmd.Flags().StringVar(&n.notebook, "from-notebook", "", "a notebook of Jupyter (.ipynb) that the workload is to run")
	cmd.Flags().StringVar(&n.run, "run", string(scaffold.ByPapermill), "how it runs the notebook: papermill, or script for the code in its cells")
	cmd.Flags().StringArrayVar(&set, "set", nil, "answer to a question of the template: NAME=ANSWER; repeat for each")
	cmd.Flags().BoolVar(&list, "list", false, "list the templates, and what they ask for")
	return cmd
}

// arguments reads what is to be made.
func (n *creation) arguments(args []string, list bool) error {
	if n.update != "" {
		return n.updateArguments(args, list)
	}
	if len(args) > 0 {
		n.kind = scaffold.Kind(args[0])
		if !slices.Contains(scaffold.Kinds(), n.kind) {
			var kinds []string
			for _, k := range scaffold.Kinds() {
				kinds = append(kinds, string(k))
			}
			return usagef("there is no kind %q to create: %s", args[0], v1alpha1.Instead(args[0], kinds))
		}
	}
	switch {
	case n.conflicts != refuseConflicts:
		return usagef("--conflicts goes with --update")
	case list && len(args) <= 1:
		return nil
	case list:
		return usagef("--list accepts one kind at most")
	case len(args) != 2:
		return usagef("name a kind and a name, as in \"trunkline new project orders\"")
	case (n.kind == scaffold.Workload) != (n.project != ""):
		return usagef("--project is required for a workload and invalid for other kinds")
	case n.kind == scaffold.Workload && n.to != "":
		return usagef("--to is invalid for a workload: its files go beside the declaration of its project")
	}
	if n.notebook == "" && n.run != string(scaffold.ByPapermill) {
		return usagef("--run goes with --from-notebook")
	}
	if n.notebook != "" {
		switch {
		case n.kind != scaffold.Workload:
			return usagef("--from-notebook is for a workload: trunkline new workload NAME --project PROJECT --from-notebook FILE")
		case n.template != "":
			return usagef("--template is invalid with --from-notebook, which has one of its own")
		case n.run != string(scaffold.ByPapermill) && n.run != string(scaffold.ByScript):
			return usagef("--run is papermill or script")
		}
	}
	n.name = args[1]
	if err := scaffold.CheckName(n.name); err != nil {
		return &usageError{err}
	}
	return nil
}

// answersOf takes the answers out of the flags.
func answersOf(set []string) (map[string]string, error) {
	out := map[string]string{}
	for _, s := range set {
		name, answer, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, usagef("--set takes NAME=ANSWER, not %q", s)
		}
		if _, twice := out[name]; twice {
			return nil, usagef("--set sets %q twice", name)
		}
		out[name] = answer
	}
	return out, nil
}

// make makes what was asked for, or nothing at all.
func (n *creation) make(cmd *cobra.Command) error {
	tree, err := git.OpenDir(n.from)
	if err != nil {
		return err
	}
	before, err := n.validate(cmd.Context(), tree)
	if err != nil {
		return err
	}
	c := before.Catalog()
	if c.Platform == nil {
		if err := show(cmd, before.Problems()); err != nil {
			return err
		}
		return fmt.Errorf("there is no platform at %q to add to: name its folder with --from", n.from)
	}
	if _, ok := c.Project(n.project); n.kind == scaffold.Workload && !ok {
		return noProject(cmd, before, n.project)
	}
	files, changed, err := n.fill(cmd, c)
	if err != nil {
		return err
	}
	if err := absent(tree, files); err != nil {
		return err
	}
	all := files
	if changed != nil {
		all = append(slices.Clone(files), changed.File)
	}
	after, err := n.validate(cmd.Context(), scaffold.Overlay(tree, all))
	if err != nil {
		return err
	}
	if problems := scaffold.NewProblems(before.Problems(), after.Problems()); len(problems) > 0 {
		if err := show(cmd, problems); err != nil {
			return err
		}
		return fmt.Errorf("nothing is written: the new %s %q would be wrong", n.kind, n.name)
	}
	if !n.declared(after.Catalog()) {
		return fmt.Errorf("nothing is written: the template %q does not declare the %s %q", n.template, n.kind, n.name)
	}
	if err := writeAll(n.from, files, changed); err != nil {
		return fmt.Errorf("nothing is written: %w", err)
	}
	return n.report(cmd.OutOrStdout(), after.Catalog(), files, changed)
}

// validate reads and checks a tree as "trunkline validate" does.
func (n *creation) validate(ctx context.Context, tree fs.FS) (*evaluate.Evaluation, error) {
	s := &session{now: n.now}
	err := s.evaluate(ctx, tree, ".")
	return s.head, err
}

// show prints problems in front of the error that follows.
func show(cmd *cobra.Command, problems v1alpha1.Problems) error {
	if err := printProblems(cmd, problems); err != nil && !errors.Is(err, errFindings) {
		return err
	}
	return nil
}

// noProject says that there is no such project, after what is wrong with the declarations: it may be there, and not be readable.
func noProject(cmd *cobra.Command, e *evaluate.Evaluation, name string) error {
	return errors.Join(show(cmd, e.Problems()), fmt.Errorf("there is no project %q: %s", name, v1alpha1.Instead(name, e.Catalog().ProjectNames())))
}

// fill asks what is to be asked, and returns the files that are new and the one that is to be changed, if there is one.
func (n *creation) fill(cmd *cobra.Command, c *catalog.Catalog) ([]scaffold.File, *change, error) {
	if n.notebook != "" {
		return n.fromNotebook(cmd, c)
	}
	if n.template == "" {
		n.template = n.kind.Usual(n.name)
	}
	template, err := n.open(cmd, c, n.template)
	if err != nil {
		return nil, nil, err
	}
	facts := scaffold.FactsOf(c, n.name, n.now.Format(time.DateOnly))
	var project *catalog.Project
	base := n.to
	if n.kind == scaffold.Workload {
		project, _ = c.Project(n.project)
		facts, base = facts.In(project), project.Dir()
	}
	if base != "" && !fs.ValidPath(path.Clean(base)) {
		return nil, nil, usagef("--to %q is not a folder of the platform", base)
	}
	below, err := scaffold.Place(c, n.kind, base, n.name)
	if err != nil {
		return nil, nil, err
	}
	answers, err := answered(cmd, template, facts, n.given)
	if err != nil {
		return nil, nil, err
	}
	files, err := template.Files(below, facts, answers)
	switch {
	case err != nil:
		return nil, nil, err
	case project != nil:
		return n.insert(c, project, files)
	case n.kind != scaffold.Project:
		return files, nil, nil
	}
	record, err := scaffold.RecordOf(template, facts, answers, below, files)
	if err != nil {
		return nil, nil, err
	}
	data, err := record.Encode()
	return append(files, scaffold.File{Path: path.Join(below, scaffold.RecordFile), Data: data}), nil, err
}

// open opens a template by its name, or by its address in another repository.
func (n *creation) open(cmd *cobra.Command, c *catalog.Catalog, name string) (*scaffold.Template, error) {
	if strings.Contains(name, "//") {
		return n.remote.open(cmd, c, n.kind, name)
	}
	return scaffold.Open(c.Tree(), n.kind, name)
}

// answered asks for what is not given, on a terminal.
func answered(cmd *cobra.Command, template *scaffold.Template, facts scaffold.Facts, given map[string]string) (map[string]string, error) {
	asked, err := template.Ask(facts, given)
	if err != nil {
		return nil, err
	}
	if input, ok := terminal(cmd.InOrStdin(), os.Getenv("CI")); ok {
		if err := ask(cmd.Context(), input, cmd.ErrOrStderr(), asked); err != nil {
			return nil, err
		}
	}
	if err := scaffold.Missing(asked); err != nil {
		return nil, &usageError{err}
	}
	return scaffold.Answers(asked), nil
}

// insert takes the workload out of the files, and puts it into the project's.
func (n *creation) insert(c *catalog.Catalog, p *catalog.Project, files []scaffold.File) ([]scaffold.File, *change, error) {
	at := slices.IndexFunc(files, func(f scaffold.File) bool { return f.Path == scaffold.ItemFile })
	item := files[at].Data
	file := p.Document.File
	old, err := fs.ReadFile(c.Tree(), file)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the project %q: %w", p.Name, err)
	}
	now, err := scaffold.AppendWorkload(old, p.Name, item)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w; it is:\n%s", file, err, item)
	}
	return slices.Delete(files, at, at+1), &change{File: scaffold.File{Path: file, Data: now}, was: old}, nil
}

// absent refuses to write what is there.
func absent(tree fs.FS, files []scaffold.File) error {
	var there []string
	for _, f := range files {
		if _, err := fs.Lstat(tree, f.Path); err == nil {
			there = append(there, f.Path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("looking for %q: %w", f.Path, err)
		}
	}
	if len(there) > 0 {
		return fmt.Errorf("nothing is written: %s already exists, and files are never overwritten", strings.Join(there, ", "))
	}
	return nil
}

// declared reports whether what was asked for is in a catalog.
func (n *creation) declared(c *catalog.Catalog) bool {
	switch n.kind {
	case scaffold.Workload:
		p, ok := c.Project(n.project)
		if ok {
			_, _, ok = p.Workload(n.name)
		}
		return ok
	case scaffold.Project:
		_, ok := c.Project(n.name)
		return ok
	case scaffold.Environment:
		_, ok := c.Document(v1alpha1.KindEnvironment, n.name)
		return ok
	default:
		_, ok := c.Document(v1alpha1.KindBlueprint, n.name)
		return ok
	}
}

// report says what was written, and what to do next.
func (n *creation) report(w io.Writer, c *catalog.Catalog, files []scaffold.File, changed *change) error {
	var b strings.Builder
	for _, f := range files {
		fmt.Fprintf(&b, "wrote    %s\n", f.Path)
	}
	if changed != nil {
		fmt.Fprintf(&b, "changed  %s\n", changed.Path)
	}
	at := ""
	if n.from != "." {
		at = " --from " + n.from
	}
	switch n.kind { //nolint:exhaustive // a package is not made here
	case scaffold.Project:
		if nobodyRunsDags(c, n.name) {
			b.WriteString("None of its environments runs its DAGs: have one say \"orchestrator: airflow\", and deploy an Airflow there (docs/airflow.md).\n")
		}
		fmt.Fprintf(&b, "Next: look at it, then \"trunkline render %s --env ENVIRONMENT%s\".\n", n.name, at)
	case scaffold.Workload:
		fmt.Fprintf(&b, "Next: look at it, then \"trunkline render %s --env ENVIRONMENT%s\".\n", n.project, at)
	case scaffold.Environment:
		fmt.Fprintf(&b, "Next: name it under \"environments\" of the projects that go there.\n")
	case scaffold.Blueprint:
		fmt.Fprintf(&b, "Next: use it in a workload: \"blueprint: %s\".\n", n.name)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// nobodyRunsDags reports whether a project has DAG files that are checked, and then deployed nowhere. That is fine where there is an Airflow of the owner's.
func nobodyRunsDags(c *catalog.Catalog, project string) bool {
	p, ok := c.Project(project)
	if !ok || len(p.Spec.Dags) == 0 {
		return false
	}
	for env := range p.Spec.Environments {
		if c.DagsKindIn(p, env) != (catalog.DagsKind{}) {
			return false
		}
	}
	return true
}
