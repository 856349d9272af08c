// SPDX-License-Identifier: Apache-2.0

package workspaces

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	names "trunkline.dev/trunkline/api/person"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/api/workspace"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/asking"
	plans "trunkline.dev/trunkline/plan/workspace"
)

// Ask is what someone wants to have.
type Ask struct {
	Environment, Project string
	// Workload is one of the project; empty: the only one of the kind. Kind is a blueprint; empty: any.
	Workload, Kind string
	// Cluster is one of the environment; empty: the first.
	Cluster string
	// Repository and Branch are what is cloned at the first start; an empty repository: nothing is.
	Repository, Branch string
	// GitUsername and GitPassword are the person's own credentials for it; empty: it takes none.
	GitUsername, GitPassword string
	// Size is a size class; empty: that of the workload.
	Size string
	// Person tells who asks from others, and By is their name.
	Person string
	By     asking.By
}

const (
	// maxText bounds an address or a name, and maxSecret a password.
	maxText, maxSecret = 500, 4 << 10
)

// branchName is what a branch can be called, as far as a command line takes it for one.
var branchName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/+@-]*$`)

func (a Ask) check() error {
	switch {
	case a.Person == "":
		return asking.Errorf(asking.ErrCannot, "it is not known who asks")
	case len(a.Repository) > maxText || len(a.Branch) > maxText || len(a.GitUsername) > maxText || len(a.GitPassword) > maxSecret:
		return asking.Errorf(asking.ErrCannot, "the repository, the branch or the credentials are too long")
	case a.Repository == "" && (a.Branch != "" || a.GitPassword != ""):
		return asking.Errorf(asking.ErrCannot, "say which repository is meant, by its https address")
	case a.Repository == "":
		return nil
	case a.Branch != "" && !branchName.MatchString(a.Branch):
		return asking.Errorf(asking.ErrCannot, "%.100q is no name of a branch", a.Branch)
	case (a.GitUsername == "") != (a.GitPassword == ""):
		return asking.Errorf(asking.ErrCannot, "credentials for Git are a name and a password or token")
	}
	u, err := url.Parse(a.Repository)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.ContainsAny(a.Repository, " '\"\n\t") {
		return asking.Errorf(asking.ErrCannot, "the repository has to be an https address without credentials in it, such as https://github.com/acme/data.git")
	}
	if u.Scheme == "http" && a.GitPassword != "" {
		return asking.Errorf(asking.ErrCannot, "credentials are sent by https only")
	}
	return nil
}

// Open makes a workspace for who asks, or wakes the one that they have.
func (k *Keeper) Open(ctx context.Context, a Ask) (Workspace, error) {
	if err := a.check(); err != nil {
		return Workspace{}, err
	}
	c := k.opts.Accepted()
	if c == nil {
		return Workspace{}, asking.Errorf(asking.ErrNotYet, "no commit is accepted yet")
	}
	id, w, err := a.workload(c)
	if err != nil {
		return Workspace{}, err
	}
	at, err := k.opts.Cluster(id.Cluster)
	if err != nil {
		return Workspace{}, asking.Errorf(asking.ErrCannot, "%s", err)
	}
	size := v1alpha1.Size{}
	if a.Size != "" {
		var known []string
		if size, known = c.SizeNamed(id.Cluster, a.Size); size.CPU == "" {
			return Workspace{}, asking.Errorf(asking.ErrCannot, "there is no size class %q: %s", a.Size, v1alpha1.Instead(a.Size, known))
		}
	}
	defer k.turn(names.Slug(a.Person))()
	p, _ := c.Project(a.Project)
	namespace := c.Release(p, id).Namespace
	name := plans.Name(a.Project, a.Environment, w.Name, a.Person)
	template, err := at.Set(ctx, k.as(c, id, namespace), w.Name)
	if err != nil {
		return Workspace{}, err
	}
	if template == nil {
		return Workspace{}, asking.Errorf(asking.ErrCannot, "%s/%s is not deployed in %s yet: \"trunkline status\" says why", a.Project, w.Name, a.Environment)
	}
	o := plans.Order{
		Template: template, Name: name, Kind: w.Blueprint.Name, Owner: names.Slug(a.Person), By: a.By.Name, Repository: a.Repository, Branch: a.Branch, Git: a.GitPassword != "",
		Size: a.Size, CPU: string(size.CPU), Memory: string(size.Memory), Woken: k.opts.Now(),
		Path: Workspace{Kind: w.Blueprint.Name, Environment: a.Environment, Project: a.Project, Name: name}.path(),
	}
	if a.Repository != "" {
		o.Branch = cmp.Or(a.Branch, "main")
	}
	have, err := at.Set(ctx, k.as(c, id, namespace), name)
	if err != nil {
		return Workspace{}, err
	}
	if have != nil {
		f, is := readSet(at, have)
		if !is || f.owner != o.Owner || !k.ours(c, &f) {
			return Workspace{}, asking.Errorf(asking.ErrCannot, "there is something else of the name %s", name)
		}
		return k.again(ctx, c, f, o, a)
	}
	return k.make(ctx, c, at, o, a)
}

// make makes a workspace that there is not yet, if its owner may have one more.
func (k *Keeper) make(ctx context.Context, c *catalog.Catalog, at Cluster, o plans.Order, a Ask) (Workspace, error) {
	_, all, err := k.all(ctx)
	if err != nil {
		return Workspace{}, err
	}
	all = slices.DeleteFunc(all, func(f found) bool { return f.owner != o.Owner })
	for _, f := range all {
		if f.Name == o.Name && f.Project == a.Project && f.Environment == a.Environment {
			return Workspace{}, asking.Errorf(asking.ErrCannot, "you have this workspace in the cluster %s: open it there, or delete it first", f.Cluster)
		}
	}
	if most := c.WorkspacesPerPerson(); len(all) >= most {
		names := make([]string, len(all))
		for i, f := range all {
			names[i] = f.Project + " in " + f.Environment
		}
		return Workspace{}, asking.Errorf(asking.ErrCannot, "you have %d workspaces (%s), and nobody has more than %d: delete one, with \"trunkline notebook delete\"", len(all), strings.Join(names, ", "), most)
	}
	set, err := plans.Build(o)
	if err != nil {
		return Workspace{}, asking.Errorf(asking.ErrCannot, "%s/%s: %s", a.Project, a.Workload, err)
	}
	as := k.as(c, catalog.ReleaseID{Project: a.Project, Environment: a.Environment, Cluster: at.Name()}, o.Template.GetNamespace())
	made, err := at.Create(ctx, as, set)
	if err != nil {
		return Workspace{}, err
	}
	f, _ := readSet(at, made)
	f.as = as
	if err := k.give(ctx, f, made, a); err != nil {
		_ = f.remove(context.WithoutCancel(ctx), "") // what could not be begun is not left; it can be woken otherwise
		return Workspace{}, err
	}
	k.opts.Happened(Happened{Workspace: f.Workspace, By: a.By, Said: "opened"})
	f.Phase = plans.Starting
	return f.Workspace, nil
}

// give makes the Secret of a workspace, and has it start.
func (k *Keeper) give(ctx context.Context, f found, set *unstructured.Unstructured, a Ask) error {
	if err := f.hold(ctx, set, a); err != nil {
		return err
	}
	return f.change(ctx, operation{"replace", "/spec/replicas", 1})
}

// hold makes the Secret of a workspace. One that is left of a workspace of the same name goes first: the cluster would remove it in a while.
func (f found) hold(ctx context.Context, set *unstructured.Unstructured, a Ask) error {
	_, left, err := f.secret(ctx)
	if err != nil {
		return err
	}
	if left != nil {
		if err := f.cluster.Remove(ctx, f.as, left); err != nil {
			return err
		}
	}
	values := map[string]string{plans.KeyToken: rand.Text() + rand.Text()}
	if a.GitPassword != "" {
		values[plans.KeyGitUsername], values[plans.KeyGitPassword] = a.GitUsername, a.GitPassword
	}
	_, err = f.cluster.Create(ctx, f.as, plans.Secret(set, values))
	return err
}

// again opens a workspace that there is, so that the same request comes to the same as the first time, whatever came of that.
func (k *Keeper) again(ctx context.Context, c *catalog.Catalog, f found, o plans.Order, a Ask) (Workspace, error) {
	has, _, err := f.secret(ctx)
	if err != nil {
		return Workspace{}, err
	}
	switch {
	case a.Repository != "" && a.Repository != f.Repository || a.Branch != "" && a.Branch != f.Branch:
		return Workspace{}, asking.Errorf(asking.ErrCannot, "you have a workspace there, with %s: change the branch in it, or delete it first", cmp.Or(strings.TrimSpace(f.Repository+" "+f.Branch), "no repository"))
	case a.GitPassword != "" && (!f.git || has != nil && (has.username != a.GitUsername || has.password != a.GitPassword)):
		return Workspace{}, asking.Errorf(asking.ErrCannot, "you have a workspace there, with other credentials for Git: use these in it, or delete it first")
	case has == nil && f.wanted:
		return Workspace{}, asking.Errorf(asking.ErrCannot, "the Secret of your workspace is gone: stop it, and open it again")
	case has == nil && f.git && a.GitPassword == "":
		return Workspace{}, asking.Errorf(asking.ErrCannot, "the Secret with your credentials for Git is gone: open it with them again, or delete the workspace")
	case f.wanted && a.Size != "" && a.Size != f.Size:
		return Workspace{}, asking.Errorf(asking.ErrCannot, "it runs, with %s: stop it first, and open it with %s then", cmp.Or(f.Size, "the size of its workload"), a.Size)
	case f.wanted:
		s, err := k.look(ctx, c, f, true)
		return s.Workspace, err
	}
	return k.wake(ctx, c, f, o, a, has == nil)
}

// wake has a workspace start, as what is deployed of its workload is now.
func (k *Keeper) wake(ctx context.Context, c *catalog.Catalog, f found, o plans.Order, a Ask, bare bool) (Workspace, error) {
	o.Repository, o.Branch, o.Git, o.By = f.Repository, f.Branch, f.git, f.By
	if o.Size == "" && f.Size != "" {
		size, _ := c.SizeNamed(f.Cluster, f.Size)
		o.Size, o.CPU, o.Memory = f.Size, string(size.CPU), string(size.Memory)
		if size.CPU == "" {
			o.Size = ""
		}
	}
	set, err := plans.Build(o)
	if err != nil {
		return Workspace{}, asking.Errorf(asking.ErrCannot, "%s/%s: %s", f.Project, f.Workload, err)
	}
	if bare { // whoever made it ended meanwhile, or someone has deleted its Secret
		set.SetUID(f.uid)
		if err := f.hold(ctx, set, a); err != nil {
			return Workspace{}, err
		}
	}
	template, _, _ := unstructured.NestedMap(set.Object, "spec", "template")
	changes := []operation{{"replace", "/spec/template", template}, {"replace", "/spec/replicas", 1}, note(plans.AnnotationWoken, k.opts.Now().UTC().Format(time.RFC3339))}
	if o.Size != f.Size {
		changes = append(changes, note(plans.AnnotationSize, o.Size))
	}
	if err := f.change(ctx, changes...); err != nil {
		return Workspace{}, err
	}
	k.opts.Happened(Happened{Workspace: f.Workspace, By: a.By, Said: "woken"})
	f.Phase, f.Used, f.Size = plans.Starting, k.opts.Now(), o.Size
	return f.Workspace, nil
}

// workload finds what is to be opened.
func (a Ask) workload(c *catalog.Catalog) (id catalog.ReleaseID, w catalog.Workload, err error) {
	p, id, err := asking.Release(c, a.Project, a.Environment, a.Cluster)
	if err != nil {
		return id, w, err
	}
	if c.Environments[a.Environment].Spec.Reviewed == v1alpha1.ReviewRequired {
		return id, w, asking.Errorf(asking.ErrCannot, "what runs in %s has to be reviewed (reviewed: required), and what is done in a workspace is not: have one in another environment", a.Environment)
	}
	var all []catalog.Workload
	for _, w := range c.Release(p, id).Workloads {
		if w.Blueprint.IsWorkspace() && (a.Kind == "" || w.Blueprint.Name == a.Kind) && (a.Workload == "" || w.Name == a.Workload) {
			all = append(all, w)
		}
	}
	switch {
	case len(all) == 0:
		return id, w, asking.Errorf(asking.ErrNotFound, "%s declares no %s in %s: add a workload with \"blueprint: %s\" to it", a.Project, cmp.Or(a.Workload, a.Kind, "notebook"), a.Environment, cmp.Or(a.Kind, workspace.Notebook))
	case len(all) > 1:
		names := make([]string, len(all))
		for i, w := range all {
			names[i] = w.Name
		}
		return id, w, asking.Errorf(asking.ErrCannot, "%s has several: say which, as PROJECT/WORKLOAD (%s)", a.Project, strings.Join(names, ", "))
	}
	return id, all[0], nil
}
