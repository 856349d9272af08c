// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/edit"
	numbers "trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/build"
	"trunkline.dev/trunkline/build/image"
	"trunkline.dev/trunkline/build/statement"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/images"
)

// building is one run of "trunkline build".
type building struct {
	from                                 source
	push, write                          bool
	tag, repository, dir, env, formatted string
	project, workload                    string
}

// builtImage is what was built, for programs.
type builtImage struct {
	Image      string   `json:"image"`
	Repository string   `json:"repository"`
	Digest     string   `json:"digest"`
	Base       string   `json:"base"`
	Platforms  []string `json:"platforms"`
	Files      int      `json:"files"`
	Bytes      int      `json:"bytes"`
	Revision   string   `json:"revision,omitempty"`
	// Declared reports whether the declaration names this image already, or does so now.
	Declared bool `json:"declared"`
	Pushed   bool `json:"pushed"`
}

func newBuild() *cobra.Command {
	var b building
	cmd := &cobra.Command{
		Use:   "build PROJECT[/WORKLOAD]",
		Short: "Make the image of a project of its files",
		Long: `Build puts files of a project on another image, as "build" of its declaration
says, and prints the line for the declaration. Neither Docker nor a builder is
needed, and nothing is installed or compiled. The same files on the same base are
the same image, byte for byte, on any machine.

Files are those on disk, or with --rev those of a commit. What a .gitignore names
is left out of both. Files that secrets are kept in are refused.

With --push the image goes to its registry: only layers that are not there yet,
with a bill of materials (SPDX) and how it was made (SLSA provenance) beside it.
The credentials are those of docker's config.json, or the identity that a cloud
gives the process. With --write the declaration on disk names it from then on: the
merge of that deploys it.

Exit codes: 0 it is made; 1 problems were found, or something failed; 2 usage error.`,
		Example: `  # Which image is it?
  trunkline build orders

  # In a workflow: push what a commit makes, and declare it
  trunkline build orders --rev HEAD --push --write

  # As a folder in OCI's layout
  trunkline build orders --output image`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return usagef("name one project, or one of its workloads: trunkline build PROJECT[/WORKLOAD]")
			}
			b.project, b.workload, _ = strings.Cut(args[0], "/")
			if b.tag != "" && !v1alpha1.IsTag(b.tag) {
				return usagef("--tag %q is not a tag", b.tag)
			}
			if b.env != "" && !b.write {
				return usagef("--env says where --write writes: add it")
			}
			if b.write && !b.push {
				return usagef("--write needs --push: nobody could pull what is declared")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := formatNamed(b.formatted, b.table)
			if err != nil {
				return err
			}
			made, err := b.run(cmd)
			if err != nil {
				return err
			}
			return format(cmd.OutOrStdout(), made)
		},
	}
	b.from.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&b.push, "push", false, "push the image to its repository")
	f.BoolVar(&b.write, "write", false, "write the image into the declaration on disk")
	f.StringVarP(&b.env, "env", "e", "", "write it as the image of this environment alone")
	f.StringVar(&b.tag, "tag", "", "tag to push it with (default \"build-\" and the begin of its digest)")
	f.StringVar(&b.repository, "repository", "", "repository to push to instead of the declared one")
	f.StringVar(&b.dir, "output", "", "folder to write it to, with all its layers, in OCI's layout")
	f.StringVarP(&b.formatted, "format", "o", "table", "table, json or yaml")
	return cmd
}

// table writes the line for the declaration.
func (b *building) table(w io.Writer, made builtImage) error {
	return println(w, "image: "+made.Image)
}

func (b *building) run(cmd *cobra.Command) (builtImage, error) {
	ctx, notes := cmd.Context(), cmd.ErrOrStderr()
	tree, commit, cat, err := b.from.loadCommit(cmd)
	if err != nil {
		return builtImage{}, err
	}
	p, settings, declared, err := b.declared(cat)
	if err != nil {
		return builtImage{}, err
	}
	repository, err := b.repositoryOf(settings, declared)
	if err != nil {
		return builtImage{}, err
	}
	client, err := userImages()
	if err != nil {
		return builtImage{}, err
	}
	code, err := codeOf(ctx, b.from, tree, p, settings)
	if err != nil {
		return builtImage{}, err
	}
	base, err := client.Base(ctx, settings.Base, settings.Platforms)
	if err != nil {
		return builtImage{}, errors.New(plain(oneLine(err.Error())))
	}
	made, err := image.Of(base, code, path.Join(b.project, b.workload), settings)
	if err != nil {
		return builtImage{}, err
	}
	out := builtImage{
		Repository: repository, Digest: made.Digest.String(), Image: repository + "@" + made.Digest.String(), Base: settings.Base, Files: len(code.Files), Revision: commit.Hash,
	}
	for _, f := range code.Files {
		out.Bytes += len(f.Data)
	}
	for _, p := range made.Images {
		out.Platforms = append(out.Platforms, p.Platform.String())
	}
	out.Declared = declared.Reference() == out.Image
	_, _ = fmt.Fprintf(notes, "%s of %s, in %s on %s for %s\n", numbers.Count(out.Files, "file"), numbers.Count(out.Bytes, "byte"), code.Folder, plain(settings.Base), strings.Join(out.Platforms, ", "))
	locks, err := build.Locks(tree, p.Dir(), settings.Exclude)
	if err != nil {
		return out, fmt.Errorf("looking for files that name packages: %w", err)
	}
	for _, name := range locks {
		_, _ = fmt.Fprintf(notes, "%s names packages, and none of them is installed: they have to be in the base, or in a folder of the project (docs/build.md#packages-of-python)\n", plain(path.Join(p.Dir(), name)))
	}
	beside, err := image.Beside(made, code, base, statement.Origin{
		Repository: repository, Project: b.project, Workload: b.workload, Files: settings.Files, Exclude: settings.Exclude, Revision: commit.Hash,
		Source: forgeAddress(os.Getenv), Time: time.Unix(0, 0), Version: programVersion(),
	})
	if err != nil {
		return out, err
	}
	return out, b.deliver(ctx, cmd, client, p, made, beside, &out)
}

// deliver has the image where it was asked for.
func (b *building) deliver(ctx context.Context, cmd *cobra.Command, client *images.Client, p *catalog.Project, made image.Built, beside []v1.Image, out *builtImage) error {
	const digits = 12
	tag := b.tag
	if tag == "" {
		tag = "build-" + made.Digest.Hex[:digits]
	}
	notes := cmd.ErrOrStderr()
	if b.dir != "" {
		if err := images.Write(b.dir, out.Repository+":"+tag, made, beside); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(notes, "written to %s\n", b.dir)
	}
	if b.push {
		if err := client.Push(ctx, out.Repository, tag, made, beside); err != nil {
			return errors.New(plain(oneLine(err.Error())))
		}
		out.Pushed = true
		_, _ = fmt.Fprintf(notes, "pushed as %s:%s, with a bill of materials and provenance\n", out.Repository, tag)
	}
	if b.write && (!out.Declared || b.env != "") {
		at, err := b.declare(p, out.Image)
		if err != nil {
			return err
		}
		out.Declared = true
		_, _ = fmt.Fprintf(notes, "%s names it in %s\n", p.Document.File, at)
	}
	return nil
}

// declared finds what the declaration says of the image, and which one is declared.
func (b *building) declared(cat *catalog.Catalog) (*catalog.Project, v1alpha1.Build, v1alpha1.Image, error) {
	fail := func(err error) (*catalog.Project, v1alpha1.Build, v1alpha1.Image, error) {
		return nil, v1alpha1.Build{}, v1alpha1.Image{}, err
	}
	p, ok := cat.Project(b.project)
	if !ok {
		return fail(unknown("project", b.project, cat.ProjectNames()))
	}
	if b.workload == "" {
		if p.Spec.Build == nil {
			return fail(fmt.Errorf("%s does not say how its image is made: write build: {base: IMAGE@sha256:…, files: [src]} (docs/build.md)", b.project))
		}
		return p, *p.Spec.Build, p.Spec.Image, nil
	}
	var names []string
	for i := range p.Spec.Workloads {
		w := &p.Spec.Workloads[i]
		if names = append(names, w.Name); w.Name != b.workload {
			continue
		}
		if w.Build == nil {
			return fail(fmt.Errorf("%s/%s has no build of its own: name the project alone, or write one (docs/build.md)", b.project, b.workload))
		}
		return p, *w.Build, w.Image, nil
	}
	return fail(unknown("workload", b.workload, names))
}

// repositoryOf is where the image goes.
func (b *building) repositoryOf(settings v1alpha1.Build, declared v1alpha1.Image) (string, error) {
	switch named := repositoryIn(declared.Reference()); {
	case b.repository != "":
		return b.repository, nil
	case settings.Repository != "":
		return settings.Repository, nil
	case named != "" && named != repositoryIn(settings.Base):
		return named, nil
	}
	return "", errors.New("it is not said where the image goes: write build.repository, such as ghcr.io/acme/orders, or give --repository")
}

// repositoryIn is the repository of an image, without tag and digest.
func repositoryIn(reference string) string {
	named, _, _ := strings.Cut(reference, "@")
	if i := strings.LastIndexByte(named, ':'); i > strings.LastIndexByte(named, '/') {
		named = named[:i]
	}
	return named
}

// declare writes an image into the declaration on disk.
func (b *building) declare(p *catalog.Project, reference string) (field string, err error) {
	at := []any{"spec"}
	held := p.Spec.Image
	if b.env != "" {
		if _, there := p.Spec.Environments[b.env]; !there {
			return "", fmt.Errorf("%s is not deployed in %q", b.project, b.env)
		}
		at, held = append(at, "environments", b.env), p.Spec.Environments[b.env].Image
	}
	if b.workload != "" {
		i := slices.IndexFunc(p.Spec.Workloads, func(w v1alpha1.Workload) bool { return w.Name == b.workload })
		switch {
		case b.env != "":
			at, held = append(at, "workloads", b.workload), p.Spec.Environments[b.env].Workloads[b.workload].Image
		default:
			at, held = append(at, "workloads", i), p.Spec.Workloads[i].Image
		}
	}
	if held.Follows() {
		return "", fmt.Errorf("the declared image follows %s: a pull request of the daemon moves it once that tag is pushed; write a text to have it here", held.Track)
	}
	at = append(at, "image")
	name := filepath.Join(b.from.from, filepath.FromSlash(p.Document.File))
	data, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("reading the declaration: %w", err)
	}
	changed, err := edit.Apply(data, p.Document.Ordinal(), edit.Change{Path: at, Value: reference})
	if err != nil {
		return "", fmt.Errorf("%s: %w", p.Document.File, err)
	}
	if err := os.WriteFile(name, changed, 0o644); err != nil { //nolint:gosec // it is there, and keeps its own mode
		return "", fmt.Errorf("writing the declaration: %w", err)
	}
	return v1alpha1.FieldPath(at...), nil
}

// userImages asks registries for a person: with the credentials of their own docker, or of what a cloud says that the process is.
func userImages() (*images.Client, error) {
	return images.New(newClouds().Keychain(authn.DefaultKeychain))
}

// codeOf makes the layer of files of a project.
func codeOf(ctx context.Context, from source, tree fs.FS, p *catalog.Project, settings v1alpha1.Build) (image.Code, error) {
	files, err := codeFiles(ctx, from, tree, p.Dir(), p.Document.File, settings)
	if err != nil {
		return image.Code{}, err
	}
	return image.Layer(files, settings.Folder())
}

// codeFiles finds the files of a project that its image is made of.
func codeFiles(ctx context.Context, from source, tree fs.FS, dir, declaration string, settings v1alpha1.Build) ([]build.File, error) {
	s := build.Source{Tree: tree, Dir: dir, Declaration: declaration, Prefix: "."}
	where, err := git.Locate(from.from)
	if errors.Is(err, git.ErrNoRepository) {
		return build.Files(s, settings)
	}
	if err != nil {
		return nil, err
	}
	s.Prefix = where.Prefix
	if where.Prefix == "." {
		return build.Files(s, settings)
	}
	var whole fs.FS
	if from.rev == "" {
		whole, err = git.OpenDir(where.Root)
	} else {
		whole, err = git.OpenTree(ctx, from.from, from.rev)
	}
	if err != nil {
		return nil, err
	}
	for at := path.Dir(where.Prefix); ; at = path.Dir(at) {
		content, err := fs.ReadFile(whole, path.Join(at, ".gitignore"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading what is ignored: %w", err)
		}
		if err == nil {
			s.Above = append([]build.Above{{Folder: at, Content: content}}, s.Above...) // the nearest counts last
		}
		if at == "." {
			break
		}
	}
	return build.Files(s, settings)
}

// forgeAddress is the address of the repository that a workflow of GitHub is of; empty elsewhere.
func forgeAddress(env func(string) string) string {
	server, repository := env("GITHUB_SERVER_URL"), env("GITHUB_REPOSITORY")
	if server == "" || repository == "" {
		return ""
	}
	return server + "/" + repository
}
