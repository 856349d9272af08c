// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/pack"
	"trunkline.dev/trunkline/catalog"
)

// packageVersion is a version of a package, as programs read it.
type packageVersion struct {
	Package string   `json:"package"`
	Version string   `json:"version"`
	Owner   string   `json:"owner"`
	UsedBy  []string `json:"usedBy"`
	// Withdrawn is why nobody may use it any more, and Trial the project that may try what is not released.
	Withdrawn string `json:"withdrawn,omitempty"`
	Trial     string `json:"trial,omitempty"`
}

func newPackageList() *cobra.Command {
	var from source
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the packages, their versions, and who uses them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			print, err := rowsNamed(output, packageTable())
			if err != nil {
				return err
			}
			_, c, err := from.load(cmd)
			if err != nil {
				return err
			}
			return print(cmd.OutOrStdout(), packageVersions(c))
		},
	}
	from.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json, yaml, csv or tsv")
	return cmd
}

// packageVersions are the versions of all packages, and what is not released of each.
func packageVersions(c *catalog.Catalog) []packageVersion {
	out := []packageVersion{}
	for _, name := range slices.Sorted(maps.Keys(c.Packages)) {
		of, users := c.Packages[name], c.PackageUsers(name)
		add := func(v packageVersion) {
			v.Package, v.Owner, v.UsedBy = name, of.Spec.Owner, append([]string{}, users[v.Version]...)
			out = append(out, v)
		}
		for _, v := range of.Spec.Versions {
			add(packageVersion{Version: v.Version, Withdrawn: v.Withdrawn})
		}
		trial := packageVersion{Version: pack.Trial}
		if of.Spec.Trial != nil {
			trial.Trial = of.Spec.Trial.Project
		}
		add(trial)
	}
	return out
}

func packageTable() columns[packageVersion] {
	note := func(v packageVersion) string {
		switch {
		case v.Withdrawn != "":
			return "withdrawn: " + v.Withdrawn
		case v.Trial != "":
			return "tried by " + v.Trial
		case v.Version == pack.Trial:
			return "nobody may try it"
		}
		return ""
	}
	return columns[packageVersion]{
		names:  []string{"Package", "Version", "Owner", "Used by", "Note"},
		fields: []string{"package", "version", "owner", "usedBy", "withdrawn", "trial"},
		row: func(v packageVersion, _ paintFunc) []string {
			return []string{cell(v.Package), cell(v.Version), cell(v.Owner), cell(strings.Join(v.UsedBy, ", ")), cell(note(v))}
		},
		values: func(v packageVersion) []string {
			return []string{v.Package, v.Version, cell(v.Owner), strings.Join(v.UsedBy, " "), cell(v.Withdrawn), v.Trial}
		},
		none: "no package is declared",
	}
}
