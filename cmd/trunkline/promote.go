// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/promotion"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/scaffold"
)

func newPromote() *cobra.Command {
	var folder, to, output string
	var dry bool
	cmd := &cobra.Command{
		Use:   "promote PROJECT --to ENV",
		Short: "Move the build of a project to the next environment",
		Long: `Promote changes the declaration of a project in the files on disk, so that it has
in ENV the images and parameters of the environment that ENV is promoted from.
Everything else in the file stays as it is, comments and order included. Commit
the change, and open a pull request with it.

Where the daemon is connected to GitHub, a comment on any pull request does the
same and opens the pull request: /trunkline promote PROJECT --to ENV.

Exit codes: 0 promoted, or nothing to promote; 1 declarations are refused;
2 usage error, or it cannot be promoted.`,
		Example: `  trunkline promote orders --to prod
  trunkline promote orders --to prod --dry-run -o json`,
		Args: cobra.ExactArgs(1),
		RunE: answering(func(cmd *cobra.Command, args []string) error {
			if to == "" {
				return usagef("say which environment it is promoted to: --to ENV")
			}
			printer, err := formatNamed(output, printPromotion)
			if err != nil {
				return err
			}
			p, was, err := promoteIn(cmd, folder, args[0], to)
			if err != nil {
				return err
			}
			if p.changed = !dry && len(p.Moved) > 0; p.changed {
				file := scaffold.File{Path: p.File, Data: []byte(p.content)}
				if err := writeAll(folder, nil, &change{File: file, was: was}); err != nil {
					return err
				}
			}
			return printer(cmd.OutOrStdout(), p)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&folder, "from", ".", "folder with the platform")
	f.StringVar(&to, "to", "", "environment to promote to; it declares by promotesFrom which one comes before")
	f.BoolVar(&dry, "dry-run", false, "show what would change, and change nothing")
	f.StringVarP(&output, "output", "o", "table", "output format: table, json or yaml")
	return cmd
}

// promoted is what a promotion does.
type promoted struct {
	Project string            `json:"project"`
	From    string            `json:"from"`
	To      string            `json:"to"`
	Before  promotion.BuildID `json:"before"`
	Build   promotion.BuildID `json:"build"`
	File    string            `json:"file"`
	Moved   []promotion.Moved `json:"moved"`

	content string
	changed bool
}

// promoteIn finds out what a promotion does to the files of a folder, and what is in the file before.
func promoteIn(cmd *cobra.Command, folder, project, to string) (promoted, []byte, error) {
	tree, err := git.OpenDir(folder)
	if err != nil {
		return promoted{}, nil, err
	}
	c, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil {
		return promoted{}, nil, err
	}
	if err := printProblems(cmd, problems); err != nil {
		return promoted{}, nil, err
	}
	env, known := c.Environments[to]
	if !known {
		return promoted{}, nil, unknown("environment", to, slices.Collect(maps.Keys(c.Environments)))
	}
	if env.Spec.PromotesFrom == "" {
		return promoted{}, nil, fmt.Errorf("the environment %q is promoted from no other: it declares no promotesFrom", to)
	}
	p, declared := c.Project(project)
	if !declared {
		var names []string
		for p := range c.Projects() {
			names = append(names, p.Name)
		}
		return promoted{}, nil, unknown("project", project, names)
	}
	change, err := promotion.Of(tree, p.Document).Promote(env.Spec.PromotesFrom, to)
	if err != nil {
		return promoted{}, nil, err
	}
	out := promoted{
		Project: project, From: env.Spec.PromotesFrom, To: to, Before: change.Before, Build: change.After, File: change.File, Moved: change.Moved,
		content: change.Content,
	}
	if out.Moved == nil {
		out.Moved = []promotion.Moved{}
	}
	was, err := fs.ReadFile(tree, change.File)
	return out, was, err
}

func printPromotion(w io.Writer, p promoted) error {
	if len(p.Moved) == 0 {
		return println(w, fmt.Sprintf("nothing to promote: %s has the build %s in %s and in %s", p.Project, p.Build.Short(), p.From, p.To))
	}
	lines := []string{fmt.Sprintf("%s: the build %s of %s moves to %s, in the place of %s", p.Project, p.Build.Short(), p.From, p.To, p.Before.Short())}
	for _, m := range p.Moved {
		what := "image"
		if m.Param != "" {
			what = "param " + m.Param
		}
		from, err := shown(m.From)
		if err != nil {
			return err
		}
		to, err := shown(m.To)
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("  %s %s: %s → %s", m.Workload, what, from, to))
	}
	if p.changed {
		lines = append(lines, "changed  "+p.File, "commit it, and open a pull request")
	}
	return println(w, strings.Join(lines, "\n"))
}

// shown returns a value in a line.
func shown(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "none", nil
	case string:
		return cell(v), nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return "", errors.New("a parameter cannot be shown")
	}
	return cell(string(data)), nil
}
