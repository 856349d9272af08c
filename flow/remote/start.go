// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/confidential"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/person"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/given"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/run"
)

const (
	// maxFiles and maxBytes bound what is sent: a ConfigMap has room for 1 MiB, with the paths.
	maxFiles, maxBytes = 1000, 920 << 10
	// maxPath bounds a path, and maxArgs and maxArg what a program is started with.
	maxPath, maxArgs, maxArg = 250, 200, 8 << 10
)

// Ask is what someone wants to have run.
type Ask struct {
	Environment, Project, Workload string
	// Cluster is one of the environment; empty: the first.
	Cluster string
	// Lot is the id of the lot that the program is given.
	Lot string
	// Command is that of the workload as someone has it; empty for what is deployed. Args come after it.
	Command, Args []string
	// Files are those of the workload as someone has them, by their paths.
	Files map[string][]byte
	// Code is that of its image as someone has it, by its paths in the folder of the image; Layer has it in an image instead.
	Code  map[string]jobs.CodeFile
	Layer *Layer
	// Detached has it go on while nobody follows it.
	Detached bool
	// Person tells who asks from others, and By is their name.
	Person string
	By     asking.By
}

// Start starts a run.
func (k *Keeper) Start(ctx context.Context, a Ask) (Run, error) {
	if err := a.check(); err != nil {
		return Run{}, err
	}
	c := k.opts.Accepted()
	if c == nil {
		return Run{}, asking.Errorf(asking.ErrNotYet, "no commit is accepted yet")
	}
	id, w, err := a.workload(c)
	if err != nil {
		return Run{}, err
	}
	cluster := k.opts.Cluster(id.Cluster)
	if cluster == nil {
		return Run{}, asking.Errorf(asking.ErrCannot, "the cluster %s is not reached from the daemon: its agent starts no remote runs", id.Cluster)
	}
	p, _ := c.Project(a.Project)
	as := k.as(c, id, c.Release(p, id).Namespace)
	t, err := cluster.Program(ctx, as.Namespace, a.Environment, a.Project+"/"+a.Workload)
	if err != nil {
		return Run{}, refused(a, err)
	}
	who := person.Slug(a.Person)
	o := jobs.RemoteOrder{
		Template: t, Name: nameOf(a.Workload), Person: who, By: a.By.Name, Lot: a.Lot, Detached: a.Detached, Seen: k.opts.Now(), Command: a.Command, Args: a.Args,
		Files: a.Files, Life: life(w.Timeout),
	}
	if err := a.code(c, w, t, &o); err != nil {
		return Run{}, err
	}
	writes, err := owned(c, w, a.Environment, who)
	if err != nil {
		return Run{}, err
	}
	out := Run{Writes: map[string]string{}}
	for _, role := range slices.Sorted(maps.Keys(writes)) {
		o.Elsewhere = append(o.Elsewhere, w.Writes[role].URI)
	}
	if a.Lot != "" {
		err = k.ofLot(ctx, c, id, writes, a, &o, &out)
	} else {
		for _, role := range slices.Sorted(maps.Keys(writes)) {
			out.Writes[role] = writes[role].Data
			o.Variables = append(o.Variables, run.Variable{Name: given.Variable(given.WritePrefix, role), Value: run.Text{{Literal: writes[role].Data}}})
		}
	}
	if err != nil {
		return Run{}, err
	}
	if len(a.Files)+len(a.Code) == 0 && a.Layer == nil {
		out.Notes = append(out.Notes, "no files are sent: its code is that of the image, and what else is deployed")
	}
	made, err := k.begin(ctx, c, cluster, as, o)
	if err != nil {
		return Run{}, refused(a, err)
	}
	notes, where := out.Notes, out.Writes
	out = runOf(made)
	out.Notes, out.Writes = notes, where
	k.opts.Happened(Happened{Run: out, By: a.By, Said: a.said(out.ID)})
	return out, nil
}

// begin makes a run if there may be one more.
func (k *Keeper) begin(ctx context.Context, c *catalog.Catalog, cluster *jobs.Cluster, as jobs.As, o jobs.RemoteOrder) (jobs.Remote, error) {
	k.starting.Lock()
	defer k.starting.Unlock()
	all, err := cluster.Remotes(ctx)
	if err != nil {
		return jobs.Remote{}, err
	}
	mine, under := 0, 0
	var ended []jobs.Remote
	for _, r := range all {
		if !r.Ended.IsZero() && r.Person == o.Person {
			ended = append(ended, r)
		}
		if r.Ended.IsZero() {
			under++
			if r.Person == o.Person {
				mine++
			}
		}
	}
	switch {
	case mine >= maxEach:
		return jobs.Remote{}, asking.Errorf(asking.ErrCannot, "%d runs of yours are under way, and no more are at once: \"trunkline runs\" lists them", mine)
	case under >= maxAll:
		return jobs.Remote{}, asking.Errorf(asking.ErrCannot, "%d remote runs are under way in the cluster, and no more are at once", under)
	}
	slices.SortFunc(ended, func(a, b jobs.Remote) int { return a.Ended.Compare(b.Ended) })
	for _, r := range ended[:max(0, len(ended)-maxKept+1)] {
		if as, ours := k.ours(c, r); ours {
			said, _ := over(r, k.opts.Now(), k.opts.Gone)
			if err := k.remove(ctx, found{r, cluster, as}, asking.By{}, cmp.Or(said, "it had ended")); err != nil {
				return jobs.Remote{}, err
			}
		}
	}
	return cluster.StartRemote(ctx, as, o)
}

// refused says to people why a cluster has no such run.
func refused(a Ask, err error) error {
	var tells *jobs.TellsError
	if errors.Is(err, jobs.ErrNoProgram) || errors.Is(err, jobs.ErrNoPlace) || errors.As(err, &tells) {
		return asking.Errorf(asking.ErrCannot, "%s/%s in %s: %s", a.Project, a.Workload, a.Environment, err)
	}
	return err
}

// workload finds what is to be run.
func (a Ask) workload(c *catalog.Catalog) (id catalog.ReleaseID, w catalog.Workload, err error) {
	name := a.Project + "/" + a.Workload
	p, id, err := asking.Release(c, a.Project, a.Environment, a.Cluster)
	if err != nil {
		return id, w, err
	}
	release := c.Release(p, id)
	if c.Environments[a.Environment].Spec.Reviewed == v1alpha1.ReviewRequired {
		return id, w, asking.Errorf(asking.ErrCannot, "what runs in %s has to be reviewed (reviewed: required): run it in another environment", a.Environment)
	}
	i := slices.IndexFunc(release.Workloads, func(w catalog.Workload) bool { return w.Name == a.Workload })
	if i < 0 {
		var names []string
		for _, w := range release.Workloads {
			names = append(names, w.Name)
		}
		return id, w, asking.Errorf(asking.ErrNotFound, "%s has no workload %q in %s: %s", a.Project, a.Workload, a.Environment, v1alpha1.Instead(a.Workload, names))
	}
	w = release.Workloads[i]
	switch {
	case w.Blueprint != nil && w.Blueprint.Embedded && w.Blueprint.Spec.Command != nil:
		return id, w, asking.Errorf(asking.ErrCannot, "%s is a %s: what it does is declared, and a preview of a pull request runs what is declared", name, w.Blueprint.Name)
	case w.Lots && a.Lot == "":
		return id, w, asking.Errorf(asking.ErrCannot, "%s runs for a lot: add --lot ID", name)
	case !w.Lots && a.Lot != "":
		return id, w, asking.Errorf(asking.ErrCannot, "%s has no lots: leave out --lot", name)
	}
	return id, w, nil
}

// owned are the person's own places of all that the workload writes, by role.
func owned(c *catalog.Catalog, w catalog.Workload, environment, person string) (map[string]catalog.Own, error) {
	out := map[string]catalog.Own{}
	for _, role := range slices.Sorted(maps.Keys(w.Writes)) {
		own, ok := c.OwnPlace(w.Writes[role].ID, environment, person)
		if !ok {
			return nil, asking.Errorf(asking.ErrCannot, "it writes %s (%s), of which there can be no place of your own: a table of a catalog is one for all", w.Writes[role].ID, role)
		}
		out[role] = own
	}
	return out, nil
}

// ofLot has the program given what a run for the lot is given, but for where it writes.
func (k *Keeper) ofLot(ctx context.Context, c *catalog.Catalog, id catalog.ReleaseID, writes map[string]catalog.Own, a Ask, o *jobs.RemoteOrder, out *Run) error {
	l, err := lot.ParseID(a.Lot)
	if err != nil {
		return asking.Errorf(asking.ErrCannot, "%s", err)
	}
	now := k.opts.Now()
	r, err := run.Of(c, plan.Of(c, a.Environment), id, a.Workload, l, run.AttemptAt(now))
	if err != nil {
		return asking.Errorf(asking.ErrCannot, "%s", err)
	}
	standing, err := k.stores.Look(ctx, r)
	if err != nil {
		return asking.Errorf(asking.ErrCannot, "what there is for the lot cannot be read: %s", confidential.Addresses(err.Error()))
	}
	if waits := r.Waits(standing.Seen, false); len(waits) > 0 {
		return asking.Errorf(asking.ErrCannot, "what it reads is not there: %s", strings.Join(waits, "; "))
	}
	standing.Now, standing.Partial = now, nil
	for i, s := range r.Sinks {
		own := writes[s.Role]
		s.Location, s.Attempt = own.Data, own.Data
		if s.Store != "" {
			s.Store, s.Attempt = own.Manifests, run.AttemptLocation(own.Data, l, r.Attempt)
		}
		r.Sinks[i] = s
		out.Writes[s.Role] = s.Attempt
	}
	t := o.Template
	r.Workload.Env, r.Workload.Secrets = t.Env, map[string]v1alpha1.SecretRef{}
	for _, name := range t.Secrets {
		r.Workload.Secrets[name] = v1alpha1.SecretRef{}
	}
	command := a.Command
	if len(command) == 0 {
		command = t.Command
	}
	if r.Workload.Command = command; len(command) == 0 {
		r.Workload.Command = []string{"of the image"} // it is not replaced
	}
	process, err := r.Process(standing.Seen)
	if err != nil {
		return asking.Errorf(asking.ErrCannot, "%s", err)
	}
	o.Whole, o.Variables = true, process.Variables
	if len(command) > 0 {
		o.Command = jobs.Written(process.Command)
	}
	out.Notes = append(out.Notes, process.Notes...)
	return nil
}

// filePath is one of a file in the folder of a project.
var filePath = regexp.MustCompile(`^[^\x00-\x1f\\:]+$`)

// check refuses what is too large, or could be something else than what it says.
func (a Ask) check() error {
	size, count := 0, len(a.Files)+len(a.Code)
	for name, data := range a.Files {
		size += len(data) + len(name)
	}
	for name, file := range a.Code {
		size += len(file.Data) + len(name)
	}
	args := slices.Concat(a.Command, a.Args)
	tooLong := slices.ContainsFunc(args, func(arg string) bool { return len(arg) > maxArg })
	switch {
	case a.Person == "":
		return asking.Errorf(asking.ErrCannot, "it is not known who asks")
	case count > maxFiles || size > maxBytes:
		return asking.Errorf(asking.ErrCannot, "its %s have %s: %s and %s are the most that is sent", number.Count(count, "file"), number.Count(size, "byte"), number.Count(maxFiles, "file"), number.Count(maxBytes, "byte"))
	case len(args) > maxArgs || tooLong:
		return asking.Errorf(asking.ErrCannot, "the command is too long: %s of %s are the most", number.Count(maxArgs, "argument"), number.Count(maxArg, "byte"))
	}
	code := map[string][]byte{}
	for name, file := range a.Code {
		code[name] = file.Data
	}
	if err := errors.Join(checkFiles(a.Files), checkFiles(code)); err != nil {
		return err
	}
	for _, arg := range args {
		if what := confidential.What("", arg); what != "" {
			return asking.Errorf(asking.ErrCannot, "an argument has what looks like %s: what is secret comes from a Secret", what)
		}
	}
	return nil
}

// checkFiles refuses files that could be something else than what they are called, or secret.
func checkFiles(files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Clean(name) != name || path.IsAbs(name) || name == "." || strings.HasPrefix(name, "..") || !filePath.MatchString(name) || len(name) > maxPath {
			return asking.Errorf(asking.ErrCannot, "%.100q is no path of a file in a project", name)
		}
		for folder := path.Dir(name); folder != "."; folder = path.Dir(folder) {
			if _, file := files[folder]; file {
				return asking.Errorf(asking.ErrCannot, "%.100q is a file, and the folder of %.100q", folder, name)
			}
		}
		if what := confidential.In(files[name]); what != "" {
			return asking.Errorf(asking.ErrCannot, "%s has what looks like %s: what is secret comes from a Secret", name, what)
		}
	}
	return nil
}

// life is how long a run may take.
func life(timeout time.Duration) time.Duration {
	if timeout <= 0 || timeout > maxLife {
		return maxLife
	}
	return timeout
}

// digestOf tells the files of a run from others.
func digestOf(a Ask) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(a.Files)) {
		fmt.Fprintf(h, "%q %x\n", name, sha256.Sum256(a.Files[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Code)) {
		fmt.Fprintf(h, "%q %x %t\n", name, sha256.Sum256(a.Code[name].Data), a.Code[name].Executable)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// nameOf is the name of a run: one that there is not yet.
func nameOf(workload string) string {
	const most = 40
	return strings.TrimRight(workload[:min(len(workload), most)], "-") + "-run-" + strings.ToLower(rand.Text()[:8])
}
