// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing/fstest"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// engine is one of the two, with the same three small objects for it.
type engine struct {
	name string
	// dir is the folder of the chart or base, with these files.
	dir   string
	files tree
	// bare renders with the engine's own library.
	bare func(files tree) error
	// commands are what people would call in a folder that holds the files; the first that is installed is.
	commands [][]string
}

// engineProject is the name of the project, and of its one workload, that each engine renders.
const engineProject = "small"

func theEngines() []engine {
	return []engine{
		{name: "Helm", dir: "platform/blueprint/chart", files: chartFiles, bare: bareHelm, commands: [][]string{{"helm", "template", engineProject, "."}}},
		{name: "Kustomize", dir: "platform/blueprint/base", files: baseFiles, bare: bareKustomize, commands: [][]string{
			{"kustomize", "build", "."}, {"kubectl", "kustomize", "."},
		}},
	}
}

// engines measures how many releases a second are rendered.
func (b *bench) engines(ctx context.Context) error {
	for _, e := range theEngines() {
		b.progress("rendering with %s", e.name)
		if err := b.engine(ctx, e); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
	}
	return nil
}

func (b *bench) engine(ctx context.Context, e engine) error {
	fsys, rel, err := e.release()
	if err != nil {
		return err
	}
	renderer := render.New(blueprints.FS)
	one := func(ctx context.Context) error {
		result, err := renderer.Render(ctx, fsys, rel)
		// The release has a Namespace and a ServiceAccount of its own.
		if err == nil && len(result.Objects) != 5 {
			err = fmt.Errorf("rendered %d objects, want 5", len(result.Objects))
		}
		return err
	}
	// In turns, so that both meet the same machine; the first of each warms up and does not count.
	var ours, bare time.Duration
	n := -1
	for end := time.Now().Add(b.opts.engineTime); n < 1 || time.Now().Before(end); n++ {
		began := time.Now()
		if err := one(ctx); err != nil {
			return err
		}
		took := time.Since(began)
		began = time.Now()
		if err := e.bare(e.files); err != nil {
			return fmt.Errorf("with the bare library: %w", err)
		}
		if n >= 0 {
			ours, bare = ours+took, bare+time.Since(began)
		}
	}
	b.sheet.add(row{
		what:   fmt.Sprintf("%s, a release of three small objects", e.name),
		figure: fmt.Sprintf("%s a second (%s each)", number.Of(perSecond(n, ours)), span(ours/time.Duration(n))),
		beside: fmt.Sprintf("%s a second (%s each): the bare library", number.Of(perSecond(n, bare)), span(bare/time.Duration(n))),
		ratio:  ratio(ours, bare),
	})
	many, err := together(ctx, b.opts.engineTime, one)
	if err != nil {
		return err
	}
	b.sheet.add(row{
		what:   fmt.Sprintf("%s, on %d cores at once", e.name, runtime.GOMAXPROCS(0)),
		figure: fmt.Sprintf("%s a second", number.Of(many)),
		beside: fmt.Sprintf("%s a second: on one", number.Of(perSecond(n, ours))), ratio: float64(many) / float64(max(perSecond(n, ours), 1)),
	})
	return b.command(ctx, e, ours/time.Duration(n))
}

func perSecond(n int, took time.Duration) int { return int(float64(n)/took.Seconds() + 0.5) }

// together runs something on all cores for a while and returns how often a second it ran.
func together(ctx context.Context, limit time.Duration, run func(context.Context) error) (int, error) {
	var n atomic.Int64
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			for time.Since(began) < limit {
				if err := run(ctx); err != nil {
					return err
				}
				n.Add(1)
			}
			return nil
		})
	}
	err := group.Wait()
	return perSecond(int(n.Load()), time.Since(began)), err
}

// release is a project with one workload of a blueprint in the repository, which is the engine's files.
func (e engine) release() (fstest.MapFS, catalog.Release, error) {
	p := platform{name: "render", clusters: []string{clusterName}}
	all := p.base().with(tree{
		"platform/blueprint/blueprint.yaml": fmt.Sprintf("apiVersion: trunkline.dev/v1alpha1\nkind: Blueprint\nmetadata: {name: small}\n"+
			"spec:\n  description: Three small objects.\n  engine: %s\n  source: %s\n", strings.ToLower(e.name), filepath.Base(e.dir)),
		"apps/small/project.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: " + engineProject + "}\n" +
			"spec:\n  owner: team\n  environments: [" + environmentName + "]\n  workloads: [{name: " + engineProject + ", blueprint: small}]\n",
	})
	fsys := fstest.MapFS{}
	for path, text := range all {
		fsys[path] = &fstest.MapFile{Data: []byte(text)}
	}
	for path, text := range e.files {
		fsys[e.dir+"/"+path] = &fstest.MapFile{Data: []byte(text)}
	}
	cat, problems, err := catalog.Load(fsys, blueprints.FS)
	if err != nil {
		return nil, catalog.Release{}, err
	}
	if problems.Denied() {
		return nil, catalog.Release{}, fmt.Errorf("the platform of the benchmark is refused: %s", problems[0])
	}
	for rel := range cat.Releases() {
		return fsys, rel, nil
	}
	return nil, catalog.Release{}, errors.New("the platform of the benchmark has no release")
}

// commandRuns is how often a command is called.
const commandRuns = 10

// command measures the engine's command, where one is installed.
func (b *bench) command(ctx context.Context, e engine, ours time.Duration) error {
	what := fmt.Sprintf("%s, by its command", e.name)
	var args []string
	for _, c := range e.commands {
		if path, err := exec.LookPath(c[0]); err == nil {
			args = append([]string{path}, c[1:]...)
			what = fmt.Sprintf("%s, beside `%s %s`", e.name, c[0], c[1])
			break
		}
	}
	if args == nil {
		b.sheet.add(row{what: what, figure: span(ours) + " each", beside: "not measured: `" + e.commands[0][0] + "` is not installed"})
		return nil
	}
	dir, err := b.folder("command")
	if err != nil {
		return err
	}
	for path, text := range e.files {
		file := filepath.Join(dir, filepath.FromSlash(path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			return fmt.Errorf("writing files for %s: %w", args[0], err)
		}
	}
	var took []time.Duration
	for range commandRuns {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Dir = dir
		began := time.Now()
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("running %s: %w", args[0], err)
		}
		if kinds := bytes.Count(out, []byte("\nkind: ")); kinds != 3 {
			return fmt.Errorf("running %s: it gave %d objects, want 3", args[0], kinds)
		}
		took = append(took, time.Since(began))
	}
	b.sheet.add(row{what: what, figure: span(ours) + " each", beside: span(median(took)) + " a call", ratio: ratio(ours, median(took))})
	return nil
}
