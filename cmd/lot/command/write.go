// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/flow/data"
	"trunkline.dev/trunkline/flow/given"
)

// writing is what "lot write" is told.
type writing struct {
	role, name, partial, list string
	manifest                  bool
}

func newWrite(p *program) *cobra.Command {
	var w writing
	cmd := &cobra.Command{
		Use:   "write [FILE|FOLDER|-]...",
		Short: "Write files to the folder of this attempt, and its manifest",
		Long: `Writes files to the folder of this attempt: a file by its name, of a folder what
is in it by its path, and "-" is the standard input, which --name names.

Trunkline finds by itself what a program leaves that ends well. A manifest says
it at once: with --manifest, that what is in the folder now is all, and with
--partial, why it is not. Write it last, and once.

What is in a table of a catalog cannot be listed: --list names a file with what
the manifest lists, one address a line.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			told := cmd.Flags().Changed("partial")
			switch {
			case w.list != "" && !w.manifest && !told:
				return &usageError{"--list is for a manifest: add --manifest or --partial"}
			case len(args) == 0 && !w.manifest && !told:
				return &usageError{"name what is to be written, or add --manifest or --partial"}
			case told && w.partial == "":
				return &usageError{"--partial needs a text that says why"}
			case told && w.manifest:
				return &usageError{"what is partial is not complete: --partial and --manifest cannot be together"}
			}
			files, err := w.files(args)
			if err != nil {
				return err
			}
			return p.with(func(run given.Run, stores *data.Stores) error {
				to, err := run.Sink(w.role)
				if err != nil {
					return err
				}
				if err := upload(cmd.Context(), stores, to.Folder, files, cmd.InOrStdin()); err != nil || !w.manifest && !told {
					return err
				}
				return w.tell(cmd, stores, run, to)
			})
		},
	}
	roleFlag(cmd, &w.role)
	cmd.Flags().StringVar(&w.name, "name", "", "what the standard input is called")
	cmd.Flags().BoolVar(&w.manifest, "manifest", false, "write a manifest that is complete, or empty if nothing is there")
	cmd.Flags().StringVar(&w.list, "list", "", "a file with what the manifest lists; default: what is in the folder of this attempt")
	cmd.Flags().StringVar(&w.partial, "partial", "", "write a manifest that is partial, and why")
	return cmd
}

// tell writes the manifest.
func (w writing) tell(cmd *cobra.Command, stores *data.Stores, run given.Run, to given.Sink) error {
	if w.list == "" && !location.IsTable(to.Folder) {
		_, err := stores.Tell(cmd.Context(), run, to, w.partial)
		return err
	}
	var uris []string
	if w.list != "" {
		text, err := os.ReadFile(w.list)
		if err != nil {
			return err
		}
		uris = strings.Fields(string(text)) // no URI has a space
	} else if w.partial == "" {
		return &usageError{to.Folder + " is a table, of which nothing can be listed: add --list FILE"}
	}
	_, err := stores.TellListed(cmd.Context(), run, to, uris, w.partial)
	return err
}

// file is one to be written: a path of this machine, or "-", and the one it has in the folder.
type file struct{ from, to string }

// files finds what is to be written.
func (w writing) files(args []string) ([]file, error) {
	var out []file
	seen := map[string]string{}
	add := func(from, to string) error {
		if before, twice := seen[to]; twice {
			return &usageError{fmt.Sprintf("%s and %s would both be %s", before, from, to)}
		}
		seen[to] = from
		out = append(out, file{from, to})
		return nil
	}
	stdin := false
	for _, arg := range args {
		if arg == "-" {
			if stdin = true; !fs.ValidPath(w.name) || w.name == "." {
				return nil, &usageError{"the standard input needs a name, such as --name all.csv"}
			}
			if err := add(arg, w.name); err != nil {
				return nil, err
			}
			continue
		}
		if err := walk(arg, add); err != nil {
			return nil, err
		}
	}
	if w.name != "" && !stdin {
		return nil, &usageError{`--name is for the standard input, which is "-"`}
	}
	return out, nil
}

// walk adds a file, or what is in a folder.
func walk(root string, add func(from, to string) error) error {
	info, err := os.Stat(root)
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() {
		return add(root, filepath.Base(root))
	}
	return filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("%s is no regular file", name)
		}
		to, err := filepath.Rel(root, name)
		return errors.Join(err, add(name, path.Clean(filepath.ToSlash(to))))
	})
}

// upload writes files to a folder of a store, a few at a time.
func upload(ctx context.Context, stores *data.Stores, folder string, files []file, stdin io.Reader) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(data.DefaultParallel)
	for _, one := range files {
		group.Go(func() error {
			if one.from == "-" {
				return stores.Write(ctx, folder, one.to, stdin)
			}
			f, err := os.Open(one.from)
			if err != nil {
				return err
			}
			return errors.Join(stores.Write(ctx, folder, one.to, f), f.Close())
		})
	}
	return group.Wait()
}
