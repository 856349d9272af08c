// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/scaffold"
)

// templateSource reads templates of other Git repositories.
type templateSource struct {
	auth         git.Auth
	passwordFile string
	// timeout is how long a repository may take.
	timeout time.Duration
}

// templateTimeout is how long a repository with templates may take: someone waits for it.
const templateTimeout = 2 * time.Minute

func (s *templateSource) flags(f *pflag.FlagSet) {
	s.timeout = templateTimeout
	f.StringVar(&s.auth.Username, "template-username", "", "user name for http(s) of the repository of a template")
	f.StringVar(&s.passwordFile, "template-password-file", "", "file with the password or access token for it; default: what the credential helpers of Git know, if the server asks")
	f.StringVar(&s.auth.CAFile, "template-ca-file", "", "file with PEM certificates to trust for https of it besides the system's")
	f.StringVar(&s.auth.PrivateKeyFile, "template-key-file", "", "private key for ssh of it")
	f.StringVar(&s.auth.KnownHostsFile, "template-known-hosts", "", "file with the host keys to accept for ssh of it")
}

// templatesFolder is where repositories with templates are kept, in the user's cache folder.
const templatesFolder = "templates"

// The limits of a repository with templates: far above what such a one needs.
const (
	maxTemplatePack   = 256 << 20
	maxTemplateObject = 64 << 20
)

// address is where a template is in another repository.
type address struct {
	remote git.Remote
	// folder is that of the template, and written the address as it was given.
	folder, written string
}

// addressOf takes apart "https://git.acme.example/templates.git//project/ours@v1.2.0", or "NAME//project/ours" where NAME is a source of the platform.
func addressOf(c *catalog.Catalog, text string) (address, error) {
	at := 0
	if i := strings.Index(text, "://"); i >= 0 {
		at = i + len("://")
	}
	i := strings.Index(text[at:], "//")
	if i <= 0 {
		return address{}, usagef("--template %q names no folder: write REPOSITORY//FOLDER@TAG", git.Redact(text))
	}
	where, rest := text[:at+i], text[at+i+2:]
	folder, ref := rest, ""
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		folder, ref = rest[:i], rest[i+1:]
		if ref == "" {
			return address{}, usagef("--template %q ends in @: name a tag or a commit behind it", git.Redact(text))
		}
	}
	if !fs.ValidPath(folder) || folder == "." {
		return address{}, usagef("--template: %q is not a folder of the repository: write REPOSITORY//FOLDER@TAG, without \"..\"", folder)
	}
	a := address{remote: git.Remote{URL: where}, folder: folder, written: git.Redact(where) + strings.TrimPrefix(text, where)}
	if !strings.ContainsAny(where, ":/") {
		if err := a.declared(c, where); err != nil {
			return address{}, err
		}
	} else if ref == "" {
		return address{}, usagef("--template %q names no version: write REPOSITORY//FOLDER@TAG, or a commit instead of the tag", a.written)
	}
	switch {
	case ref == "":
	case git.IsHash(ref):
		a.remote.Branch, a.remote.Commit = "", ref
	default:
		a.remote.Branch, a.remote.Commit = "refs/tags/"+ref, ""
	}
	return a, nil
}

// declared is a source of the platform, at what the platform has of it.
func (a *address) declared(c *catalog.Catalog, name string) error {
	var names []string
	for _, s := range c.Platform.Spec.Sources {
		if names = append(names, s.Name); s.Name != name {
			continue
		}
		a.remote.URL, a.remote.Commit, a.folder = s.URL, s.Commit, path.Join(s.Path, a.folder)
		switch {
		case s.Commit != "":
		case s.Tag != "":
			a.remote.Branch = "refs/tags/" + s.Tag
		case s.Branch != "":
			a.remote.Branch = s.Branch
		default:
			a.remote.Branch = "main"
		}
		return nil
	}
	return fmt.Errorf("--template: the platform has no source %q: %s", name, v1alpha1.Instead(name, names))
}

// open fetches the repository, unless it has what is asked for, and reads the template of it. Nothing is checked out. What was fetched stays: if
// the repository cannot be asked, the template is the one that was read last.
func (s *templateSource) open(cmd *cobra.Command, c *catalog.Catalog, kind scaffold.Kind, text string) (*scaffold.Template, error) {
	a, err := addressOf(c, text)
	if err != nil {
		return nil, err
	}
	if a.remote.Auth, err = s.read(); err != nil {
		return nil, err
	}
	if err := a.remote.Validate(); err != nil {
		if refused, ok := errors.AsType[*git.RefusedError](err); ok && refused.What == git.RefusedAuth {
			err = fmt.Errorf("%w: --template-username and --template-password-file say as whom it is read; ssh takes --template-key-file and --template-known-hosts", err)
		}
		return nil, &usageError{fmt.Errorf("--template: %w", err)}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("finding where repositories with templates are kept: %w", err)
	}
	id := sha256.Sum256([]byte(a.remote.URL))
	store, err := git.Open(filepath.Join(cache, "trunkline", templatesFolder, hex.EncodeToString(id[:12])), func(l *git.Limits) {
		l.MaxPack, l.MaxObject = maxTemplatePack, maxTemplateObject
	})
	if err != nil {
		return nil, err
	}
	template, err := s.fetch(cmd, store, a, kind)
	if err := errors.Join(err, store.Close()); err != nil {
		return nil, err
	}
	return template, nil
}

func (s *templateSource) fetch(cmd *cobra.Command, store *git.Store, a address, kind scaffold.Kind) (*scaffold.Template, error) {
	track, err := store.Track("templates")
	if err != nil {
		return nil, err
	}
	p := showProgress(cmd, "Fetching the template")
	defer p.end()
	head, err := s.ask(cmd.Context(), track, a.remote)
	if _, ok := errors.AsType[*git.FetchError](err); ok {
		kept, known, lost := track.Picked(a.remote)
		if known && lost == nil {
			if err := say(cmd.ErrOrStderr(), "%v; the template is the one that was read last, of %s\n", err, kept.Commit); err != nil {
				return nil, err
			}
			head, err = kept, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the template %q: %w", a.written, err)
	}
	tree, err := track.Tree(cmd.Context(), head.Commit)
	if err != nil {
		return nil, fmt.Errorf("reading the template %q: %w", a.written, err)
	}
	folder, err := tree.At(a.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the template %q: the commit %s has no folder %q: %s", a.written, head.Commit, a.folder, v1alpha1.Instead(a.folder, templatesIn(tree)))
	}
	if err != nil {
		return nil, fmt.Errorf("reading the template %q of the commit %s: %w", a.written, head.Commit, err)
	}
	return scaffold.Read(folder, kind, a.written, head.Commit)
}

// ask fetches the template. If the server wants to know who asks, and nobody said, it is what the credential helpers of Git say.
func (s *templateSource) ask(ctx context.Context, track *git.Track, remote git.Remote) (git.Head, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	head, err := track.Fetch(ctx, remote)
	if git.WantsCredentials(err) && remote.Auth.String() == (git.Auth{}).String() {
		known, found := askHelpers(ctx, remote.URL)
		if !found {
			return head, fmt.Errorf("%w; give --template-username and --template-password-file, or have a credential helper of Git know them (git help credentials)", err)
		}
		if head, err = track.Fetch(ctx, known.remote(remote)); err == nil {
			known.tell(ctx, "approve")
		} else if git.WantsCredentials(err) {
			known.tell(ctx, "reject")
		}
	}
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("%w; it was waited for %s", err, s.timeout)
	}
	return head, err
}

// templatesIn are the folders of a repository that templates are in, as far as they are where one looks for them.
func templatesIn(tree fs.FS) []string {
	var folders []string
	for _, pattern := range []string{"*", "*/*", "*/*/*"} {
		found, _ := fs.Glob(tree, path.Join(pattern, scaffold.About)) // what cannot be read is no choice
		for _, file := range found {
			folders = append(folders, path.Dir(file))
		}
	}
	return folders
}

// read returns the credentials.
func (s *templateSource) read() (git.Auth, error) {
	auth := s.auth
	if s.passwordFile == "" {
		return auth, nil
	}
	data, err := os.ReadFile(s.passwordFile)
	if err != nil {
		return git.Auth{}, fmt.Errorf("--template-password-file: %w", err)
	}
	auth.Password = strings.TrimSpace(string(data))
	return auth, nil
}
