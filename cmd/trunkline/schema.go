// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/jsonschema"
	"trunkline.dev/trunkline/api/reference"
	"trunkline.dev/trunkline/api/v1alpha1"
)

func newSchema() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "schema [KIND]",
		Short: "Write JSON Schemas of the declarations, for editors",
		Long: `Schema prints the JSON Schema (draft 2020-12) of a kind of declaration; without a kind, the one that covers
all of them. With --dir it writes them all as files.

An editor that uses them completes and explains fields while you type, and marks mistakes. "trunkline
validate" finds more: problems that only show when all declarations are read together.`,
		Example: `  # For an editor with the YAML language server: all kinds, into a folder
  trunkline schema --dir .schemas

  # One kind
  trunkline schema project > project.json`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return kindNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if folder != "" {
				if len(args) > 0 {
					return usagef("--dir writes all kinds: remove %q", args[0])
				}
				return writeSchemas(cmd.OutOrStdout(), folder)
			}
			schema := jsonschema.All(reference.Kinds())
			if len(args) == 1 {
				kind, err := findKind(args[0])
				if err != nil {
					return err
				}
				schema = jsonschema.Of(kind)
			}
			text, err := schema.JSON()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	cmd.Flags().StringVar(&folder, "dir", "", "write all schemas as files into this `folder`, which is created if needed")
	return cmd
}

// writeSchemas writes the schema of each kind and that of all, and says how an editor finds them.
func writeSchemas(w io.Writer, folder string) error {
	files := map[string]*jsonschema.Schema{jsonschema.AllFileName: jsonschema.All(reference.Kinds())}
	for _, k := range reference.All() {
		files[jsonschema.FileName(k.Name)] = jsonschema.Of(k)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // schemas are no secret
		return err
	}
	for name, schema := range files {
		text, err := schema.JSON()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil { //nolint:gosec // schemas are no secret
			return err
		}
	}
	at := filepath.ToSlash(filepath.Join(folder, jsonschema.AllFileName))
	_, err := fmt.Fprintf(w, `%d schemas are in %s.

For an editor with the YAML language server, put this on top of a file of declarations:
  # yaml-language-server: $schema=%s
or, for all of them, into .vscode/settings.json:
  "yaml.schemas": {%q: ["trunkline.yaml", "projects/**/*.yaml"]}
`, len(files), folder, at, at)
	return err
}

func kindNames() []string {
	var names []string
	for _, k := range reference.All() {
		names = append(names, strings.ToLower(string(k.Name)))
	}
	return names
}

// findKind finds a kind by its name in letters of any case, and in the plural.
func findKind(name string) (reference.Kind, error) {
	for _, k := range reference.All() {
		if strings.EqualFold(name, string(k.Name)) || strings.EqualFold(strings.TrimSuffix(name, "s"), string(k.Name)) {
			return k, nil
		}
	}
	return reference.Kind{}, usagef("there is no kind %q: %s", name, v1alpha1.Suggest(strings.ToLower(name), kindNames()))
}
