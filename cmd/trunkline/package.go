// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/pack"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/scaffold"
)

func newPackage() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "package",
		Short: "Make, release and try packages of code that projects share",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("name a subcommand: create, release, trial or list")
		},
	}
	cmd.AddCommand(newPackageCreate(), newPackageRelease(), newPackageTrial(), newPackageList())
	return cmd
}

// packaging is what a command about packages is asked for.
type packaging struct {
	from, name string
	now        time.Time
}

// command makes a command of a function that says which files are to be new and which are to change.
func (p *packaging) command(cmd *cobra.Command, write func(cmd *cobra.Command, c *catalog.Catalog) ([]scaffold.File, *change, error)) *cobra.Command {
	cmd.Flags().StringVar(&p.from, "from", ".", "folder with the platform")
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usagef("name one package: trunkline package %s NAME", cmd.Name())
		}
		if p.name = args[0]; scaffold.CheckName(p.name) != nil {
			return &usageError{scaffold.CheckName(p.name)}
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		p.now = time.Now().UTC()
		tree, err := git.OpenDir(p.from)
		if err != nil {
			return err
		}
		before, err := p.validate(cmd, tree)
		if err != nil {
			return err
		}
		if before.Catalog().Platform == nil {
			return errors.Join(show(cmd, before.Problems()), fmt.Errorf("there is no platform at %q: name its folder with --from", p.from))
		}
		files, changed, err := write(cmd, before.Catalog())
		if err != nil {
			return err
		}
		return p.write(cmd, tree, before, files, changed)
	}
	return cmd
}

func (p *packaging) validate(cmd *cobra.Command, tree fs.FS) (*evaluate.Evaluation, error) {
	s := &session{now: p.now}
	err := s.evaluate(cmd.Context(), tree, ".")
	return s.head, err
}

// write writes what is valid, as "trunkline new" does.
func (p *packaging) write(cmd *cobra.Command, tree fs.FS, before *evaluate.Evaluation, files []scaffold.File, changed *change) error {
	if err := absent(tree, files); err != nil {
		return err
	}
	all := slices.Clone(files)
	if changed != nil {
		all = append(all, changed.File)
	}
	after, err := p.validate(cmd, scaffold.Overlay(tree, all))
	if err != nil {
		return err
	}
	if problems := scaffold.NewProblems(before.Problems(), after.Problems()); len(problems) > 0 {
		if err := show(cmd, problems); err != nil {
			return err
		}
		return fmt.Errorf("nothing is written: the package %q would be wrong", p.name)
	}
	if _, ok := after.Catalog().Packages[p.name]; !ok {
		return fmt.Errorf("nothing is written: the package %q would not be found; is its folder below a root of the platform?", p.name)
	}
	if err := writeAll(p.from, files, changed); err != nil {
		return fmt.Errorf("nothing is written: %w", err)
	}
	for _, f := range files {
		if err := say(cmd.OutOrStdout(), "wrote    %s\n", f.Path); err != nil {
			return err
		}
	}
	if changed == nil {
		return nil
	}
	return say(cmd.OutOrStdout(), "changed  %s\n", changed.Path)
}

// find returns the package that is named, with the text of its declaration.
func (p *packaging) find(c *catalog.Catalog) (*catalog.Package, []byte, error) {
	of, ok := c.Packages[p.name]
	if !ok {
		return nil, nil, fmt.Errorf("there is no package %q: %s", p.name, v1alpha1.Instead(p.name, slices.Sorted(maps.Keys(c.Packages))))
	}
	text, err := fs.ReadFile(c.Tree(), of.Document.File)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the package %q: %w", p.name, err)
	}
	return of, text, nil
}

func newPackageCreate() *cobra.Command {
	var p packaging
	var owner, description, to string
	cmd := p.command(&cobra.Command{
		Use:   "create NAME --owner OWNER",
		Short: "Make a package",
		Long: `Create writes the declaration of a package, and a module of Python to begin with in its
folder "src". Nothing of it may be used before a version is released, or a project tries it.`,
		Example: `  trunkline package create acme-utils --owner team-platform`,
	}, func(_ *cobra.Command, c *catalog.Catalog) ([]scaffold.File, *change, error) {
		if owner == "" {
			return nil, nil, usagef("say who owns the package: --owner TEAM")
		}
		if _, ok := c.Packages[p.name]; ok {
			return nil, nil, fmt.Errorf("nothing is written: the package %q already exists", p.name)
		}
		dir, err := scaffold.Place(c, scaffold.Package, to, p.name)
		if err != nil {
			return nil, nil, err
		}
		files, err := scaffold.NewPackage(dir, p.name, owner, description)
		return files, nil, err
	})
	cmd.Flags().StringVar(&owner, "owner", "", "GitHub team or user that owns the package")
	cmd.Flags().StringVar(&description, "description", "", "what the package is for, in a sentence")
	cmd.Flags().StringVar(&to, "to", "", "folder that it goes to; default: packages")
	return cmd
}

func newPackageRelease() *cobra.Command {
	var p packaging
	var version string
	cmd := p.command(&cobra.Command{
		Use:   "release NAME --version VERSION",
		Short: "Make what is in the folder src of a package a version of it",
		Long: `Release copies the folder "src" of a package to "versions/VERSION", and declares the version with
its digest. From the merge on it never changes; what is new is released as another version.`,
		Example: `  trunkline package release acme-utils --version 1.2.0`,
	}, func(_ *cobra.Command, c *catalog.Catalog) ([]scaffold.File, *change, error) {
		if !pack.IsVersion(version) {
			return nil, nil, usagef("--version %q is not a semantic version: write it like 1.2.0", version)
		}
		of, text, err := p.find(c)
		if err != nil {
			return nil, nil, err
		}
		if _, _, released := of.Version(version); released {
			return nil, nil, fmt.Errorf("nothing is written: the version %s of the package %q is released, and never changes: choose another number", version, p.name)
		}
		held, err := render.PackageFiles(c.Tree(), []catalog.PackageUse{{Name: p.name, Version: pack.Trial, Dir: path.Join(of.Dir, pack.Source), Root: of.Root}})
		if err != nil {
			return nil, nil, err
		}
		var files []scaffold.File
		holds := map[string][]byte{}
		for _, name := range slices.Sorted(maps.Keys(held)) {
			rest := strings.TrimPrefix(name, path.Join(pack.Folder, p.name)+"/")
			holds[rest] = held[name]
			files = append(files, scaffold.File{Path: path.Join(of.Dir, pack.Dir(version), rest), Data: held[name]})
		}
		if err := scaffold.CheckRelease(files); err != nil {
			return nil, nil, fmt.Errorf("nothing is written: %w", err)
		}
		now, err := scaffold.AppendVersion(text, p.name, fmt.Appendf(nil, "- {version: %s, digest: %q}\n", version, pack.Digest(holds)))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", of.Document.File, err)
		}
		return files, &change{File: scaffold.File{Path: of.Document.File, Data: now}, was: text}, nil
	})
	cmd.Flags().StringVar(&version, "version", "", "number of the version, such as 1.2.0")
	return cmd
}

func newPackageTrial() *cobra.Command {
	var p packaging
	var project string
	var end bool
	cmd := p.command(&cobra.Command{
		Use:   "trial NAME --project PROJECT",
		Short: "Have one project try what is in the folder src of a package",
		Long: `Trial lets one project, and no other, use what is not released yet, as the version "trial":
packages: [{name: NAME, version: trial}]. It follows each change of the folder "src".`,
		Example: `  trunkline package trial acme-utils --project orders
  trunkline package trial acme-utils --end`,
	}, func(_ *cobra.Command, c *catalog.Catalog) ([]scaffold.File, *change, error) {
		if (project == "") != end {
			return nil, nil, usagef("say which project tries it, --project PROJECT, or that nobody does any more, --end")
		}
		of, text, err := p.find(c)
		if err != nil {
			return nil, nil, err
		}
		if _, ok := c.Project(project); !ok && !end {
			return nil, nil, fmt.Errorf("there is no project %q: %s", project, v1alpha1.Instead(project, c.ProjectNames()))
		}
		now, err := scaffold.SetTrial(text, p.name, project)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", of.Document.File, err)
		}
		return nil, &change{File: scaffold.File{Path: of.Document.File, Data: now}, was: text}, nil
	})
	cmd.Flags().StringVar(&project, "project", "", "the project that tries it")
	cmd.Flags().BoolVar(&end, "end", false, "nobody tries it any more")
	return cmd
}
