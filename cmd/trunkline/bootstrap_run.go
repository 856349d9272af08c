// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/bootstrap"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/install"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/reconciler/workdir"
	"trunkline.dev/trunkline/scaffold"
)

// run takes the steps one after the other. Each looks at what is there first, so that an attempt goes on where the one before has ended.
func (b *beginning) run(cmd *cobra.Command) error {
	ctx, changed := cmd.Context(), cmd.Flags().Changed
	say := &teller{to: cmd.OutOrStdout(), dry: b.dryRun}
	if b.export {
		b.dryRun, say.to = true, cmd.ErrOrStderr()
		say.dry = true
	}
	s, err := b.begin(ctx, cmd, changed, say)
	if err != nil {
		return err
	}
	if err := s.plan(ctx, cmd); err != nil {
		return err
	}
	if b.export {
		return s.export(ctx, cmd.OutOrStdout())
	}
	if err := s.write(ctx); err != nil {
		return s.soFar(err)
	}
	if err := s.commit(ctx); err != nil {
		return s.soFar(err)
	}
	return s.soFar(s.install(ctx))
}

// begun is a platform on its way.
type begun struct {
	*beginning

	say *teller
	now time.Time
	// repo is the repository; with a dry run it may not be there.
	repo  *workdir.Repository
	there bool
	// tree is the platform as it is, and catalog what it declares; nil for nothing.
	tree    fs.FS
	catalog *catalog.Catalog
	again   bool
	key     *keyring
	creds   *credentials
	files   bootstrap.Plan
	// planned is the platform as it will be.
	planned fs.FS
	// done says what is done, for an error.
	done []string
}

// soFar adds to an error what is done, and how to go on.
func (s *begun) soFar(err error) error {
	if err == nil || len(s.done) == 0 || s.dryRun {
		return err
	}
	return fmt.Errorf("%w\nWhat is done stays: %s. Run the same command again to go on.", err, strings.Join(s.done, ", ")) //nolint:revive,staticcheck // it is two sentences, for people
}

// errNoURL says that nobody knows where the repository is.
var errNoURL = usagef("nothing says where the daemon finds the repository: give its address with --url, or add it to the work tree: git remote add origin URL")

// begin finds out what is there.
func (b *beginning) begin(ctx context.Context, cmd *cobra.Command, changed func(string) bool, say *teller) (*begun, error) {
	s := &begun{beginning: b, say: say, now: time.Now()}
	env := os.Environ()
	if _, asks := terminal(cmd.InOrStdin(), os.Getenv("CI")); !asks {
		env = append(env, "GIT_TERMINAL_PROMPT=0")
	}
	opts := workdir.Options{Dir: b.dir, URL: b.in.Repository.URL, Branch: b.in.Repository.Branch, Env: env}
	var err error
	if s.repo, s.there, err = workdir.Look(ctx, opts); err != nil {
		return nil, err
	}
	if !s.there {
		// Before anything is made: what is wrong now is wrong then.
		first := *b
		if opts.URL == "" {
			return nil, errNoURL
		}
		if err := first.complete(changed); err != nil {
			return nil, err
		}
		first.in.Recipients = []string{"one that is made"}
		if err := first.in.Check(); err != nil {
			return nil, &usageError{err}
		}
	}
	if !s.there && !b.dryRun {
		var opened workdir.Opened
		if s.repo, opened, err = workdir.Open(ctx, opts); err != nil {
			return nil, err
		}
		if s.there = true; opened == workdir.Cloned {
			say.did("cloned %s into %s", git.Redact(opts.URL), s.repo.Dir)
		} else {
			say.did("made a repository in %s", s.repo.Dir)
		}
	}
	if err := s.read(cmd); err != nil {
		return nil, err
	}
	declared, again, err := bootstrap.Declared(s.catalog)
	if err != nil {
		return nil, err
	}
	if s.again = again; again {
		if err := b.agrees(declared, s.tree, changed); err != nil {
			return nil, err
		}
		image, pinned := b.in.Image, changed("image")
		b.in = declared
		if b.in.Image, b.in.Pinned = image, pinned; !pinned && b.image(changed) != nil {
			b.in.Image = declared.Image // a program that is no release brings no image
		}
	} else {
		if s.catalog != nil && b.in.Platform == "" {
			b.in.Platform = s.catalog.Name()
		}
		if b.in.Repository.URL == "" {
			b.in.Repository.URL = s.repo.Remote(ctx)
		}
		if b.in.Repository.URL == "" {
			return nil, errNoURL
		}
		if err := b.complete(changed); err != nil {
			return nil, err
		}
	}
	say.does("the platform %q in %s, branch %s, followed as %s", b.in.Platform, filepath.Join(s.repo.Dir, b.in.Repository.Folder), b.in.Repository.Branch, git.Redact(b.in.Repository.URL))
	if s.key, err = b.key(s.repo.Dir, again); err != nil {
		return nil, err
	}
	if !again {
		if err := b.in.Check(); err != nil {
			return nil, &usageError{err}
		}
	}
	s.creds, err = b.credentials(ctx, s.tree, s.key)
	return s, err
}

// read reads the platform, as far as it is there.
func (s *begun) read(cmd *cobra.Command) error {
	dir := filepath.Join(s.repo.Dir, s.in.Repository.Folder)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.tree = embed.FS{}
		return nil
	case err != nil:
		return fmt.Errorf("looking at the folder: %w", err)
	case !info.IsDir():
		return usagef("%s is a file, not a folder", dir)
	}
	if s.tree, err = git.OpenDir(dir); err != nil {
		return err
	}
	if _, err := fs.Stat(s.tree, catalog.PlatformFile); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	c, problems, err := catalog.Load(s.tree, blueprints.FS)
	if err != nil {
		return err
	}
	if problems.Denied() {
		if err := show(cmd, problems); err != nil {
			return err
		}
		return errors.New("nothing is done: the platform that is there is wrong; fix it first")
	}
	s.catalog = c
	return nil
}

// plan says what becomes of the files, and reports whether the platform is valid then.
func (s *begun) plan(ctx context.Context, cmd *cobra.Command) error {
	sealed, err := s.creds.seal(s.key, s.now)
	if err != nil {
		return err
	}
	if s.files, err = bootstrap.Compare(s.tree, s.catalog, s.in, sealed); err != nil {
		return err
	}
	s.planned = s.files.Tree(s.tree, overlaid)
	var before v1alpha1.Problems
	if s.catalog != nil {
		if s.files.Empty() {
			return nil
		}
		e, err := s.evaluate(ctx, s.tree, nil)
		if err != nil {
			return err
		}
		before = e.Problems()
	}
	after, err := s.evaluate(ctx, s.planned, nil)
	if err != nil {
		return err
	}
	if problems := scaffold.NewProblems(before, after.Problems()); problems.Denied() {
		if err := show(cmd, problems); err != nil {
			return err
		}
		return errors.New("nothing is written: the platform would be wrong")
	}
	return nil
}

// overlaid is a tree with files over it.
func overlaid(tree fs.FS, files []bootstrap.File) fs.FS {
	over := make([]scaffold.File, len(files))
	for i, f := range files {
		over[i] = scaffold.File{Path: f.Path, Data: f.Data}
	}
	return scaffold.Overlay(tree, over)
}

// evaluate reads and checks a tree as "trunkline validate" does; with want, of one release only what it renders to.
func (s *begun) evaluate(ctx context.Context, tree fs.FS, want func(catalog.ReleaseID) bool) (*evaluate.Evaluation, error) {
	return evaluate.Head(ctx, evaluate.Input{
		Tree: tree, Library: blueprints.FS, Now: s.now, Renderer: offlineRenderer(), Thorough: want == nil, Runs: want == nil, Want: want,
	})
}

// write saves the keys, and then the files.
func (s *begun) write(ctx context.Context) error {
	if s.key.made {
		if !s.dryRun {
			if err := s.key.save(); err != nil {
				return err
			}
			s.done = append(s.done, "the key of age is in "+s.key.file)
		}
		s.say.did("made the key of age %s: keep a copy of it where others do not get at it, and never in the repository", s.key.file)
	}
	if s.creds.newToken {
		file := s.tokens(s.key)
		if !s.dryRun {
			if err := saveSecret(file, s.creds.token+"\n"); err != nil {
				return err
			}
		}
		s.say.did("wrote your token for the daemon to %s", file)
	}
	if s.files.Empty() {
		s.say.did("all files are there")
		return nil
	}
	base := s.in.Repository.Folder
	var files []workdir.File
	var replaced []string
	for _, f := range s.files.New {
		files = append(files, workdir.File{Path: path.Join(base, f.Path), Data: f.Data})
	}
	for _, f := range s.files.Changed {
		was, err := fs.ReadFile(s.tree, f.Path)
		if err != nil {
			return fmt.Errorf("reading %q: %w", f.Path, err)
		}
		files = append(files, workdir.File{Path: path.Join(base, f.Path), Data: f.Data, Replaces: was})
		replaced = append(replaced, path.Join(base, f.Path))
	}
	var gone []string
	for _, name := range s.files.Gone {
		gone = append(gone, path.Join(base, name))
	}
	if s.there {
		open, err := s.repo.Uncommitted(ctx, append(slices.Clone(replaced), gone...))
		if err != nil {
			return err
		}
		if len(open) > 0 {
			return fmt.Errorf("nothing is written: %s would be replaced, and has changes that are not committed; commit or discard them first", strings.Join(open, ", "))
		}
	}
	if !s.dryRun {
		if err := s.repo.Write(files, gone); err != nil {
			return err
		}
		s.done = append(s.done, "the files are written")
	}
	s.say.files(s.files)
	return nil
}

// commit commits what was written, by this attempt or one before, and pushes it.
func (s *begun) commit(ctx context.Context) error {
	ours := slices.Concat(s.files.Paths(), s.files.Same)
	for name := range s.in.Secrets() {
		ours = append(ours, bootstrap.SecretFile(name))
	}
	slices.Sort(ours)
	ours = slices.Compact(ours)
	for i := range ours {
		ours[i] = path.Join(s.in.Repository.Folder, ours[i])
	}
	if s.dryRun {
		if !s.files.Empty() {
			s.say.did("committed them to %s, and push", s.in.Repository.Branch)
		}
		return nil
	}
	open, err := s.repo.Uncommitted(ctx, ours)
	if err != nil {
		return err
	}
	if len(open) > 0 {
		message := fmt.Sprintf("%s: begin the platform %s", bootstrap.Project, s.in.Platform)
		if s.again {
			message = fmt.Sprintf("%s: %s", bootstrap.Project, s.in.Image)
		}
		if err := s.repo.Commit(ctx, open, message); err != nil {
			return err
		}
		s.say.did("committed %s %q", status.Short(s.repo.Head(ctx)), message)
		s.done = append(s.done, "they are committed")
	}
	if s.noPush {
		s.say.does("push it yourself: git push origin %s", s.in.Repository.Branch)
		return nil
	}
	if s.repo.Remote(ctx) == "" {
		return errors.New("the work tree has no remote to push to: git remote add origin URL, or add --no-push")
	}
	pushed, err := s.repo.Pushed(ctx, s.in.Repository.Branch)
	if err != nil || pushed {
		return err
	}
	if err := s.repo.Push(ctx, s.in.Repository.Branch); err != nil {
		return fmt.Errorf("%w; if the remote has commits that are not here: git pull --rebase origin %s", err, s.in.Repository.Branch)
	}
	s.say.did("pushed it to %s", git.Redact(s.repo.Remote(ctx)))
	s.done = append(s.done, "they are pushed")
	return nil
}

// head is the platform of the commit; with a dry run, as it would be.
func (s *begun) head(ctx context.Context) (fs.FS, string, error) {
	if s.dryRun {
		return s.planned, "", nil
	}
	whole, err := git.OpenTree(ctx, s.repo.Dir, "HEAD")
	if err != nil {
		return nil, "", err
	}
	if s.in.Repository.Folder == "." {
		return whole, whole.Commit(), nil
	}
	tree, err := whole.At(s.in.Repository.Folder)
	return tree, whole.Commit(), err
}

// install brings the daemon into the cluster, and waits for it.
func (s *begun) install(ctx context.Context) error {
	tree, commit, err := s.head(ctx)
	if err != nil {
		return err
	}
	id := s.in.Release()
	e, err := s.evaluate(ctx, tree, func(is catalog.ReleaseID) bool { return is == id })
	if err != nil {
		return err
	}
	rendered, ok := e.Rendered(id)
	if !ok || rendered.Err != nil {
		return errors.Join(fmt.Errorf("the commit does not have the daemon as it was written"), rendered.Err)
	}
	rights, err := bootstrap.Rights(ctx, tree, e.Catalog())
	if err != nil {
		return err
	}
	config, err := s.config()
	if err != nil {
		return err
	}
	quietClients(slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("it has taken longer than %s (--timeout)", s.timeout))
	defer cancel()
	c, err := install.Connect(ctx, install.Options{Config: config, Interval: bootstrapInterval, Now: time.Now})
	if err != nil {
		return err
	}
	defer c.Close()
	applied, err := c.Rights(ctx, rights, s.dryRun)
	if err != nil {
		return err
	}
	if len(applied) > 0 {
		s.say.did("gave the daemon its rights in cluster %s: %s", s.in.Cluster, strings.Join(applied, ", "))
		s.done = append(s.done, "its rights are in the cluster")
	}
	running, err := c.Running(ctx, bootstrap.Namespace, bootstrap.Project)
	if err != nil {
		return err
	}
	if !running && !s.dryRun {
		if s.key.text == "" {
			return fmt.Errorf("no daemon runs, and to install it takes the private key of age: it is not in %s; name its file with --age-key-file", s.key.file)
		}
		n, err := c.Deploy(ctx, install.Release{ID: id, Commit: commit, Catalog: e.Catalog(), Objects: rendered.Objects, Secrets: s.key.opener()}, func(err error) {
			s.say.waits(oneLine(err.Error()))
		})
		if err != nil {
			return fmt.Errorf("installing the daemon: %w", err)
		}
		if n > 0 {
			s.say.did("installed the daemon in the namespace %s: %d objects", bootstrap.Namespace, n)
		}
		s.done = append(s.done, "the daemon is installed")
	} else if !running {
		s.say.did("installed the daemon in the namespace %s", bootstrap.Namespace)
	}
	if s.key.text != "" {
		made, err := c.Key(ctx, bootstrap.Namespace, bootstrap.KeySecret, bootstrap.KeyFile, []byte(s.key.text), s.dryRun)
		if err != nil {
			return err
		}
		if made {
			s.say.did("put the key of age into the Secret %s/%s", bootstrap.Namespace, bootstrap.KeySecret)
		}
	}
	if s.dryRun {
		return nil
	}
	if s.noPush && !s.pushed(ctx) {
		s.say.does("the daemon is installed, and waits for the commit")
		return nil
	}
	return s.await(ctx, c, commit, rendered)
}

func (s *begun) pushed(ctx context.Context) bool {
	if s.repo.Remote(ctx) == "" {
		return false
	}
	pushed, err := s.repo.Pushed(ctx, s.in.Repository.Branch)
	return err == nil && pushed
}

// await waits until the daemon has accepted the commit.
func (s *begun) await(ctx context.Context, c *install.Cluster, commit string, rendered evaluate.Rendered) error {
	objects, err := rendered.Objects.Unpack()
	if err != nil {
		return err
	}
	want := install.Wanted{Commit: commit, Namespace: bootstrap.Namespace, Name: bootstrap.Project, Group: s.in.Platform}
	if i := slices.IndexFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() == "StatefulSet" }); i >= 0 {
		want.Template = objects[i]
	}
	seen, err := c.Look(ctx, want)
	if err == nil && seen.Accepted && seen.Rolled {
		s.finished(commit)
		return nil
	}
	asked := false
	err = c.Await(ctx, want, func(seen install.Seen) {
		if s.creds.public != "" && !asked {
			at, _ := bootstrap.ParseAddress(s.in.Repository.URL) // it was read before
			s.say.does("the daemon reads the repository by this deploy key, unless it was added already. Add it at %s:", at.AddKey())
			s.say.quote(s.creds.public)
			asked = true
		}
		switch {
		case seen.Trouble != "":
			s.say.waits(oneLine(seen.Trouble))
		case !seen.Rolled:
			s.say.waits("the pods of the daemon are not ready yet")
		default:
			s.say.waits("commit " + status.Short(commit) + " is not accepted yet")
		}
	})
	if err != nil {
		return fmt.Errorf("the daemon does not run as declared after %s: %w; kubectl --namespace %s describe pods, and logs, say more", s.timeout, err, bootstrap.Namespace)
	}
	s.finished(commit)
	return nil
}

func (s *begun) finished(commit string) {
	s.say.did("the daemon runs as declared, and keeps the cluster at commit %s", status.Short(commit))
	s.say.does("next: trunkline new project NAME, in %s", filepath.Join(s.repo.Dir, s.in.Repository.Folder))
}

// export prints what would be in the repository and the cluster.
func (s *begun) export(ctx context.Context, to io.Writer) error {
	var out bytes.Buffer
	for _, f := range slices.Concat(s.files.New, s.files.Changed) {
		if strings.HasPrefix(f.Path, bootstrap.SecretsFolder+"/") {
			fmt.Fprintf(&out, "-- %s --\n# encrypted when it is written\n", f.Path)
			continue
		}
		fmt.Fprintf(&out, "-- %s --\n%s", f.Path, f.Data)
	}
	e, err := s.evaluate(ctx, s.planned, func(catalog.ReleaseID) bool { return false })
	if err != nil {
		return err
	}
	rights, err := bootstrap.Rights(ctx, s.planned, e.Catalog())
	if err != nil {
		return err
	}
	out.WriteString("-- rights.yaml --\n# given by whoever runs trunkline bootstrap, and in no repository\n")
	for _, o := range rights {
		if err := writeYAML(&out, o.Object); err != nil {
			return err
		}
	}
	_, err = to.Write(out.Bytes())
	return err
}
