package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	findings "trunkline.dev/trunkline/policy/report"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/plan/preview/report"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// exitCodes is what the help of the commands that preview says at its end.
const exitCodes = `Exit codes, as of diff: 0 nothing would change; 1 something would; 2 it could not be found out, or not
for all, or something would fail.`

// previewing is what the commands that preview have in common.
type previewing struct {
	head, output string
	format       report.Format
	summary      bool
	// path is the folder of the platform.
	path   string
	picker preview.Picker
}

func (v *previewing) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&v.head, "head", "", "revision to look at instead of the files on disk, such as HEAD or a branch")
	cmd.Flags().StringVarP(&v.output, "output", "o", string(report.Text), "how to print: text, json or markdown")
	cmd.Flags().BoolVarP(&v.summary, "summary", "s", false, "leave the diffs out, in text and Markdown")
}

// read takes in the arguments: a folder with a platform may come first, then patterns of releases.
func (v *previewing) read(args []string) (err error) {
	if v.format, err = report.ParseFormat(v.output); err != nil {
		return &usageError{err}
	}
	v.path = "."
	if len(args) > 0 {
		if _, err := os.Stat(filepath.Join(args[0], catalog.PlatformFile)); err == nil {
			v.path, args = args[0], args[1:]
		} else if info, err := os.Stat(args[0]); err == nil && info.IsDir() && strings.ContainsAny(args[0], `./\`) {
			return usagef("%s is a folder without %s", args[0], catalog.PlatformFile)
		}
	}
	if v.picker, err = preview.NewPicker(args...); err != nil {
		return &usageError{err}
	}
	return nil
}

// open reads and judges the head, compared with a base if one is given. A head that is refused ends the command: nothing
// would come of it.
func (v *previewing) open(cmd *cobra.Command, base string) (*session, error) {
	ctx := cmd.Context()
	s := &session{v: validation{base: base, format: findings.Text}, dir: v.path, name: "the files on disk", began: time.Now().UTC().Truncate(24 * time.Hour)}
	var tree fs.FS
	if v.head == "" {
		files, err := git.OpenDir(v.path)
		if err != nil {
			return nil, err
		}
		tree = files
	} else {
		commit, err := revision(ctx, v.path, v.head)
		if err != nil {
			return nil, fmt.Errorf("reading the head %q: %w", v.head, err)
		}
		tree, s.name = commit, revisionName(v.head, commit)
	}
	var err error
	if base == "" {
		s.catalog, _, err = catalog.Load(tree, blueprints.FS)
	} else {
		err = s.compare(ctx, tree, v.path)
	}
	if err != nil {
		return nil, err
	}
	if s.base != nil && s.base.Problems().Denied() {
		return nil, fmt.Errorf("the base %q is refused itself, so that what runs is older: \"trunkline validate %s\" says why; choose another --base", base, base)
	}
	if err := s.judge(ctx, nil); err != nil {
		return nil, err
	}
	if !s.result.Problems.Denied() {
		return s, nil
	}
	if err := s.report(cmd.ErrOrStderr()); err != nil && !errors.Is(err, errFindings) {
		return nil, err
	}
	return nil, fmt.Errorf("%s: refused as a whole, so that nothing would happen", s.name)
}

// revisionName names a revision for people: what they have written, and what that is.
func revisionName(rev string, tree *git.Tree) string {
	short := status.Short(tree.Commit())
	if strings.HasPrefix(tree.Commit(), rev) {
		return short
	}
	return rev + " (" + short + ")"
}

// check makes sure that every pattern stands for a release.
func (v *previewing) check(sides ...preview.Side) error {
	var ids []catalog.ReleaseID
	for _, s := range sides {
		for id := range s.Releases {
			ids = append(ids, id)
		}
	}
	if unused := v.picker.Unused(ids); len(unused) > 0 {
		return usagef("no release is called %s; \"trunkline validate\" counts them, and \"trunkline graph\" shows the projects", strings.Join(unused, ", "))
	}
	return nil
}

// print writes what would happen, and ends the command with what that means.
func (v *previewing) print(cmd *cobra.Command, p preview.Preview) error {
	p.Sort()
	opts := report.Options{Color: width(cmd.OutOrStdout()) > 0, Brief: v.summary}
	if err := report.Write(cmd.OutOrStdout(), v.format, p, opts); err != nil {
		return err
	}
	switch {
	case p.Failed():
		return errTrouble
	case p.Changes():
		return errFindings
	}
	return nil
}

// answering makes every error of a command one that says that there is no answer.
func answering(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		if err == nil || errors.Is(err, errFindings) || errors.Is(err, errTrouble) {
			return err
		}
		return &troubleError{err}
	}
}

// sideRenders is what the releases of a catalog render to, and what they have read for it.
type sideRenders struct {
	side   preview.Side
	prints map[catalog.ReleaseID]string
	reads  map[catalog.ReleaseID]render.ReadSet
}

// renderSide renders the releases of a catalog. Those that are not wanted are there without being rendered, and those that
// a change does not affect are what they were before it.
func renderSide(ctx context.Context, c *catalog.Catalog, want func(catalog.ReleaseID) bool, before *sideRenders, changed []string) (*sideRenders, error) {
	out := &sideRenders{
		side:   preview.Side{Catalog: c, Releases: map[catalog.ReleaseID]preview.Rendered{}},
		prints: map[catalog.ReleaseID]string{}, reads: map[catalog.ReleaseID]render.ReadSet{},
	}
	renderer := render.New(blueprints.FS)
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for rel := range c.Releases() {
		group.Go(func() error {
			one := preview.Rendered{Suspended: rel.Suspended}
			print := render.Fingerprint(rel)
			var reads render.ReadSet
			switch {
			case !want(rel.ID):
			case before != nil && before.holds(rel.ID, print, changed):
				one.Objects, one.Err, reads = before.side.Releases[rel.ID].Objects, before.side.Releases[rel.ID].Err, before.reads[rel.ID]
			default:
				result, err := renderer.Render(ctx, c.Tree(), rel)
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				one.Objects, one.Err, reads = result.Objects, err, result.ReadSet
			}
			if access, ok := c.Access(rel.ID); ok && want(rel.ID) {
				one.Access = render.Access(rel.ID, rel.Namespace, access)
			}
			mu.Lock()
			defer mu.Unlock()
			out.side.Releases[rel.ID], out.prints[rel.ID], out.reads[rel.ID] = one, print, reads
			return nil
		})
	}
	return out, group.Wait()
}

// holds tells that a release renders to the same after a change. The maps are not written to any more.
func (s *sideRenders) holds(id catalog.ReleaseID, print string, changed []string) bool {
	reads, there := s.reads[id]
	return there && print != "" && s.prints[id] == print && !reads.Affected(changed)
}

// unnamed lists clusters for a note; at most some of them.
func unnamed(names []string) string {
	const most = 10
	slices.Sort(names)
	if more := len(names) - most; more > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return cmp.Or(strings.Join(names, ", "), "none")
}
