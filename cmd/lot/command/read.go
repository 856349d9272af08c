// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/flow/data"
	"trunkline.dev/trunkline/flow/filter"
	"trunkline.dev/trunkline/flow/given"
	"trunkline.dev/trunkline/flow/manifest"
)

// roleFlag names the role of what is read or written.
func roleFlag(cmd *cobra.Command, role *string) {
	cmd.Flags().StringVar(role, "role", "", `the role of the dataset; default: the only one, or else "main"`)
}

// filterFlags choose objects by their paths.
func filterFlags(cmd *cobra.Command, f *filter.Spec) {
	cmd.Flags().StringArrayVar(&f.Includes, "include", nil, `only objects whose path is like this, as in "**/*.csv"; may be repeated`)
	cmd.Flags().StringArrayVar(&f.Excludes, "exclude", nil, `no objects whose path is like this, as in "**/_*"; may be repeated`)
	cmd.Flags().BoolVar(&f.IgnoreCase, "ignore-case", false, "have capital letters match small ones")
}

func newList(p *program) *cobra.Command {
	var role string
	var former, asJSON bool
	var choose filter.Spec
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the addresses of the objects that are read, one a line",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			of := (*data.Stores).Objects
			if former {
				of = (*data.Stores).Former
			}
			return p.objects(cmd, of, role, choose, func(_ *data.Stores, o data.Object) error {
				if asJSON {
					return printObject(cmd, o)
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), o.URI)
				return err
			})
		},
	}
	roleFlag(cmd, &role)
	filterFlags(cmd, &choose)
	cmd.Flags().BoolVar(&former, "former", false, "list what the lots had before they were made again, as their retired manifests have it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write an object of JSON a line, with lot, uri, folder, key and path")
	return cmd
}

// listed is what "lot list --json" prints of an object.
type listed struct {
	Lot    string `json:"lot,omitempty"`
	URI    string `json:"uri"`
	Folder string `json:"folder"`
	Key    string `json:"key"`
	Path   string `json:"path"`
	Prefix bool   `json:"prefix,omitempty"`
}

func printObject(cmd *cobra.Command, o data.Object) error {
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetEscapeHTML(false)
	return e.Encode(listed{o.Lot, o.URI, o.Folder, o.Key(), o.Path, o.Prefix})
}

func newRead(p *program) *cobra.Command {
	var role, to string
	var choose filter.Spec
	cmd := &cobra.Command{
		Use:   "read",
		Short: "Write what is read to the standard output, or to a folder",
		Long: `Writes the content of the objects that are read to the standard output, one
after the other, in the order of the lots.

With --to, they become files in a folder, by their paths below the folder of the
attempt that wrote them. Of several lots, each has a folder of its own, lot=ID.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" {
				return p.objects(cmd, (*data.Stores).Objects, role, choose, func(s *data.Stores, o data.Object) error {
					return s.Read(cmd.Context(), o, cmd.OutOrStdout())
				})
			}
			dir, err := filepath.Abs(to)
			if err != nil {
				return err
			}
			return p.with(func(run given.Run, stores *data.Stores) error {
				in, err := run.Input(role)
				if err != nil {
					return err
				}
				copied, err := stores.Copy(cmd.Context(), in, "file://"+filepath.ToSlash(dir)+"/", data.CopyParams{Filter: choose, Parallel: data.DefaultParallel})
				if why := copied.Partial(); err == nil && why != "" {
					err = errors.New(why)
				}
				return err
			})
		},
	}
	roleFlag(cmd, &role)
	filterFlags(cmd, &choose)
	cmd.Flags().StringVar(&to, "to", "", "a folder to write files to; default: the standard output")
	return cmd
}

// finding finds objects of an input.
type finding func(*data.Stores, context.Context, given.Input) ([]data.Object, error)

// objects does something with each object that is found of an input.
func (p *program) objects(cmd *cobra.Command, find finding, role string, choose filter.Spec, do func(*data.Stores, data.Object) error) error {
	f, err := filter.New(choose)
	if err != nil {
		return &usageError{err.Error()}
	}
	return p.with(func(run given.Run, stores *data.Stores) error {
		in, err := run.Input(role)
		if err != nil {
			return err
		}
		objects, err := find(stores, cmd.Context(), in)
		if err != nil {
			return err
		}
		for _, o := range objects {
			if !o.Prefix && !f.Match(o.Path) {
				continue
			}
			if err := do(stores, o); err != nil {
				return err
			}
		}
		return nil
	})
}

// shown is what "lot show" prints.
type shown struct {
	Lot     string               `json:"lot,omitempty"`
	Start   string               `json:"start,omitempty"`
	End     string               `json:"end,omitempty"`
	Attempt string               `json:"attempt,omitempty"`
	Reads   map[string]shownRead `json:"reads"`
	Writes  map[string]string    `json:"writes"`
	Params  json.RawMessage      `json:"params"`
}

type shownRead struct {
	Location string     `json:"location"`
	Lots     []shownLot `json:"lots,omitempty"`
}

type shownLot struct {
	Lot      string         `json:"lot"`
	State    manifest.State `json:"state"`
	URIs     int            `json:"uris"`
	Manifest string         `json:"manifest"`
}

func newShow(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Print what the run is, its manifests and its params, as JSON",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(func(run given.Run, stores *data.Stores) error {
				out := shown{Attempt: run.Attempt, Reads: map[string]shownRead{}, Writes: map[string]string{}, Params: run.Params}
				if !run.Lot.IsZero() {
					out.Lot, out.Start, out.End = run.Lot.ID(), run.Lot.Start.Format(time.RFC3339), run.Lot.End().Format(time.RFC3339)
				}
				for _, in := range run.Inputs {
					read := shownRead{Location: in.Location}
					for _, m := range in.Manifests {
						found, err := stores.Manifest(cmd.Context(), in, m)
						if err != nil {
							return err
						}
						read.Lots = append(read.Lots, shownLot{m.Lot.ID(), found.State, len(found.URIs), m.Store + m.Path()})
					}
					out.Reads[in.Role] = read
				}
				for _, s := range run.Sinks {
					out.Writes[s.Role] = s.Folder
				}
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetEscapeHTML(false)
				e.SetIndent("", "  ")
				return e.Encode(out)
			})
		},
	}
}
