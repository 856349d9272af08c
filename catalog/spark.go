// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/pack"
	"trunkline.dev/trunkline/api/param"
	"trunkline.dev/trunkline/api/spark"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// sparks reports whether a blueprint is one of the library for Spark.
func (b *Blueprint) sparks() bool { return b != nil && b.Embedded && spark.Is(b.Name) }

// paramsIn are the params of a workload in an environment.
func (c *Catalog) paramsIn(p *Project, w *v1alpha1.Workload, env string) map[string]any {
	var defaults map[string]any
	if e := c.Environments[env]; e != nil {
		defaults = e.Spec.Defaults.Params[w.Blueprint]
	}
	return merge(merge(merge(c.Platform.Spec.Defaults.Params[w.Blueprint], defaults), w.Params), p.Spec.Environments[env].Workloads[w.Name].Params)
}

// sparkOf is what a workload of Spark is in a release; nil if it is none, or its params are refused.
func (c *Catalog) sparkOf(p *Project, w *v1alpha1.Workload, id ReleaseID, size v1alpha1.Size) *spark.Setup {
	if !c.Blueprints[w.Blueprint].sparks() {
		return nil
	}
	params, err := spark.Parse(c.paramsIn(p, w, id.Environment))
	if err != nil {
		return nil
	}
	executor := size
	if params.Executors.Size != "" {
		executor = c.sizes[id.Cluster][params.Executors.Size]
	}
	given := spark.Given{Blueprint: w.Blueprint, Command: c.command(w), Driver: sparkSize(size), Executor: sparkSize(executor)}
	given.Checkpoint, _ = c.folder(params.Checkpoint, id)
	given.EventLogs, _ = c.folder(params.EventLogs, id)
	setup := params.Set(given)
	return &setup
}

func sparkSize(s v1alpha1.Size) spark.Size {
	return spark.Size{CPU: string(s.CPU), Memory: string(s.Memory)}
}

// folder returns where a folder of a store is for a release. What a preview has is in the folder that goes with it.
func (c *Catalog) folder(declared string, id ReleaseID) (address string, ok bool) {
	store, rest, ok := splitPath(id.expand(declared))
	env := c.Environments[id.Environment]
	if !ok || env == nil {
		return "", false
	}
	if c.IsPreview(id.Environment) {
		rest = c.preview.folder + rest
	}
	base, has := env.Spec.Stores[store]
	return strings.TrimSuffix(under(base, rest), "/") + "/", has
}

// spark checks what the schema of a blueprint of Spark cannot say.
func (k *checker) spark(p *Project, bp *Blueprint, w *v1alpha1.Workload, i int) {
	if !bp.sparks() {
		return
	}
	k.told(p, bp, w, i, func(values map[string]any) error {
		params, err := spark.Parse(values)
		if err != nil {
			return err
		}
		return sparkPlaces(w, params)
	})
	k.sparkCommand(p, w, i)
}

// launchers are programs that people write in front of an application, as on a command line: spark-submit is started already.
var launchers = []string{"spark-submit", "pyspark", "python", "python3", "java"}

// sparkCommand checks that a command is what spark-submit is given: the application, which is a file of the workload or in the image.
func (k *checker) sparkCommand(p *Project, w *v1alpha1.Workload, i int) {
	if len(w.Command) == 0 || w.Blueprint == spark.History {
		return // reported, or a program of its own
	}
	application, at := w.Command[0], []any{"spec", "workloads", i, "command", 0}
	if slices.Contains(launchers, path.Base(application)) {
		k.at(RuleParams, at, fmt.Sprintf("%q is not an application of Spark", application), `write what spark-submit is given, such as "command: [clean.py, --day, today]"`)
		return
	}
	// With files, the driver begins in their folder: what the image has there is not seen. Packages are below it.
	if len(w.Files) == 0 || w.Build != nil || p.Spec.Build != nil || path.IsAbs(application) || strings.Contains(application, "://") ||
		!fs.ValidPath(path.Clean(application)) || strings.HasPrefix(application, pack.Folder+"/") {
		return
	}
	if _, err := fs.Stat(k.c.tree, path.Join(p.Dir(), application)); errors.Is(err, fs.ErrNotExist) {
		k.at(RuleFile, at, fmt.Sprintf("there is no file %q beside the declaration", application),
			`name one of the workload's files, or one of the image by its path, such as "local:///opt/app/clean.py"`)
	}
}

// sparkPlaces checks the form of the folders that params name, and that the file that is run is one.
func sparkPlaces(w *v1alpha1.Workload, params spark.Params) error {
	const hint = `write it like "lake://orders/checkpoints/clean/"`
	for _, f := range []struct{ name, folder string }{{"checkpoint", params.Checkpoint}, {"eventLogs", params.EventLogs}} {
		if f.folder == "" && (f.name != "checkpoint" || w.Blueprint != spark.Stream) {
			continue // one that a stream has to have is there, and is empty
		}
		if _, rest, ok := splitPath(f.folder); !ok || strings.Trim(rest, "/.") == "" || strings.Contains(f.folder, sep) {
			return param.Wrong(hint, fmt.Errorf(`%q is not a folder of a store of the environment`, f.folder), f.name)
		}
		if held := placeholder.FindString(f.folder); held != "" && !slices.Contains(placeholders, held) {
			return param.Wrong("want one of: "+strings.Join(placeholders, ", "), fmt.Errorf("there is no placeholder %q", held), f.name)
		}
	}
	if params.Class != "" && len(w.Command) > 0 && strings.HasSuffix(w.Command[0], ".py") {
		return param.Wrong("leave it out", errors.New("a class is of a jar, and a program in Python has none"), "class")
	}
	if len(w.Command) == 0 && w.Blueprint != spark.History {
		return param.Wrong(`write "command: [clean.py]", or the jar`, errors.New("the workload has no command, which is the application with its arguments"))
	}
	return nil
}

// sparkPath is where a param of a workload is declared, as it is in an environment.
func sparkPath(p *Project, w *v1alpha1.Workload, i int, env string, name ...any) []any {
	first, _ := name[0].(string)
	if p.Spec.Environments[env].Workloads[w.Name].Params[first] != nil {
		return append([]any{"spec", "environments", env, "workloads", w.Name, "params"}, name...)
	}
	return append([]any{"spec", "workloads", i, "params"}, name...)
}

// sparksIn checks what an environment and its clusters decide of Spark.
func (k *checker) sparksIn(p *Project, env string) {
	e := k.c.Environments[env]
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if p.workloads[w.Name] != i || p.Excludes(env, w.Name) || !k.c.Blueprints[w.Blueprint].sparks() {
			continue
		}
		params, err := spark.Parse(k.c.paramsIn(p, w, env))
		if err != nil || sparkPlaces(w, params) != nil {
			continue // reported
		}
		for _, f := range []struct{ name, folder string }{{"checkpoint", params.Checkpoint}, {"eventLogs", params.EventLogs}} {
			store, _, ok := splitPath(f.folder)
			if _, has := e.Spec.Stores[store]; ok && !has {
				k.unknown(RuleStore, sparkPath(p, w, i, env, f.name), fmt.Sprintf("the environment %q has no store %q", env, store), store,
					func() []string { return sortedKeys(e.Spec.Stores) })
				k.findings[len(k.findings)-1].Cause = env + "/" + store
			}
		}
		k.sparkSizes(p, w, i, env, params)
		if params.Checkpoint != "" {
			k.checkpoint(p, w, i, env, params.Checkpoint)
		}
	}
}

// sparkSizes checks what driver and executors take on each cluster.
func (k *checker) sparkSizes(p *Project, w *v1alpha1.Workload, i int, env string, params spark.Params) {
	for _, cluster := range slices.Compact(slices.Sorted(slices.Values(k.c.Environments[env].Spec.Clusters))) {
		if k.c.Clusters[cluster] == nil {
			continue
		}
		k.size(params.Executors.Size, cluster, sparkPath(p, w, i, env, "executors", "size")...)
		id := ReleaseID{Project: p.Name, Environment: env, Cluster: cluster}
		setup := k.c.sparkOf(p, w, id, k.c.sizeOf(p, w, id))
		if setup == nil {
			continue
		}
		for _, of := range []struct {
			what string
			spark.Process
		}{{"the driver", setup.Driver}, {"an executor", setup.Executor}} {
			if small := of.Small(); small != "" {
				k.at(RuleParams, []any{"spec", "workloads", i}, fmt.Sprintf("%s is too small in the environment %q: %s", of.what, env, small),
					"take a larger size, such as mx.micro, or a lower overheadFactor")
				return
			}
		}
	}
}

// checkpoint has a stream keep its checkpoint for itself: with two that write to one, each takes what the other one has done for its own work.
func (k *checker) checkpoint(p *Project, w *v1alpha1.Workload, i int, env, declared string) {
	at := sparkPath(p, w, i, env, "checkpoint")
	e := k.c.Environments[env]
	if clusters := slices.Compact(slices.Sorted(slices.Values(e.Spec.Clusters))); len(clusters) > 1 && !strings.Contains(declared, "<cluster>") {
		k.at(RuleCheckpoint, at, fmt.Sprintf("the streams of %s/%s on the clusters %s of %q would share a checkpoint", p.Name, w.Name, strings.Join(clusters, ", "), env),
			`put "<cluster>" into the folder, or run the stream in an environment with one cluster`)
		return
	}
	mine, ok := k.c.folder(declared, ReleaseID{Project: p.Name, Environment: env, Cluster: e.Spec.Clusters[0]})
	if !ok {
		return
	}
	for _, other := range sortedKeys(p.Spec.Environments) {
		theirs := k.c.Environments[other]
		if other == env {
			break
		}
		if theirs == nil || len(theirs.Spec.Clusters) == 0 || p.Excludes(other, w.Name) {
			continue
		}
		params, err := spark.Parse(k.c.paramsIn(p, w, other))
		if err != nil {
			continue
		}
		if folder, ok := k.c.folder(params.Checkpoint, ReleaseID{Project: p.Name, Environment: other, Cluster: theirs.Spec.Clusters[0]}); ok && folder == mine {
			k.at(RuleCheckpoint, at, fmt.Sprintf("the checkpoint of %s/%s in %q is that of %q, in %s", p.Name, w.Name, env, other, mine),
				`put "<environment>" into the folder, or give the environments stores of their own`)
			return
		}
	}
	store, rest, _ := splitPath(declared)
	key := placeOf(store, rest) + sep + p.Name + "/" + w.Name
	if !slices.Contains(p.places, key) {
		p.places = append(p.places, key)
	}
}

// sizeOf is the size class of a workload in a release.
func (c *Catalog) sizeOf(p *Project, w *v1alpha1.Workload, id ReleaseID) v1alpha1.Size {
	over := p.Spec.Environments[id.Environment]
	return c.sizes[id.Cluster][cmp.Or(over.Workloads[w.Name].Size, over.Size, w.Size, c.baseSizeOf(p, w, id.Environment), c.Environments[id.Environment].Spec.Defaults.Size, c.Platform.Spec.Defaults.Size, defaultSize)]
}

// SizeNamed returns a size class in a cluster, and the names of all; the zero one if there is none.
func (c *Catalog) SizeNamed(cluster, name string) (v1alpha1.Size, []string) {
	return c.sizes[cluster][name], sortedKeys(c.sizes[cluster])
}

// sparkFolders are what a workload of Spark writes to beside datasets, as uses of data.
func (c *Catalog) sparkFolders(p *Project, w *v1alpha1.Workload, env string) (out []DataUse) {
	e := c.Environments[env]
	if !c.Blueprints[w.Blueprint].sparks() || e == nil || len(e.Spec.Clusters) == 0 {
		return nil
	}
	params, err := spark.Parse(c.paramsIn(p, w, env))
	if err != nil {
		return nil
	}
	for _, f := range []struct{ role, folder string }{{"checkpoint", params.Checkpoint}, {"eventLogs", params.EventLogs}} {
		seen := map[string]bool{}
		for _, cluster := range e.Spec.Clusters {
			address, ok := c.folder(f.folder, ReleaseID{Project: p.Name, Environment: env, Cluster: cluster})
			if !ok || seen[address] {
				continue
			}
			seen[address] = true
			store, _, _ := splitPath(f.folder)
			kind := Writes
			if w.Blueprint == spark.History && params.Days == 0 {
				kind = Reads
			}
			out = append(out, DataUse{Workload: w.Name, Role: f.role, Kind: kind, Dataset: p.Name + "/" + w.Name + "#" + f.role, Store: store, Location: address})
		}
	}
	return out
}

// placedCheckpoint finds the stream that has a checkpoint. Several environments may have it in several folders: it is the one of the place, or else
// the first.
func (c *Catalog) placedCheckpoint(id, place string) holder {
	project, name, _ := strings.Cut(id, "/")
	p, _ := c.projects.Get(project)
	w, i, _ := p.Workload(name)
	out := holder{project: p, checkpoint: true, title: id}
	for _, env := range sortedKeys(p.Spec.Environments) {
		params, err := spark.Parse(c.paramsIn(p, w, env))
		store, rest, ok := splitPath(params.Checkpoint)
		if err != nil || !ok || out.at != nil && placeOf(store, rest) != place {
			continue
		}
		out.at, out.folder = sparkPath(p, w, i, env, "checkpoint"), fmt.Sprintf("checkpoint %q of %s", params.Checkpoint, id)
		if placeOf(store, rest) == place {
			break
		}
	}
	return out
}

// Stream returns the params of a stream of Spark in an environment; false if the workload is none there, or was refused.
func (c *Catalog) Stream(p *Project, w *v1alpha1.Workload, env string) (spark.Params, bool) {
	if c.Environments[env] == nil || w.Blueprint != spark.Stream || !c.Blueprints[w.Blueprint].sparks() || p.Excludes(env, w.Name) {
		return spark.Params{}, false
	}
	params, err := spark.Parse(c.paramsIn(p, w, env))
	return params, err == nil
}
