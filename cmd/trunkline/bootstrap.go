// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/bootstrap"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// imageOfReleases is where the images of releases are.
const imageOfReleases = "ghcr.io/trunkline-dev/trunkline"

const (
	defaultBootstrapTimeout = 10 * time.Minute
	// bootstrapInterval is how often what is waited for is looked at.
	bootstrapInterval = time.Second
)

// beginning is what "trunkline bootstrap" is asked for.
type beginning struct {
	// dir is the work tree.
	dir string
	in  bootstrap.Input

	kubeconfig, context string
	allowExec           bool
	ageFile, tokenFile  string
	ageRecipients       []string
	gitKey, knownHosts  string
	passwordFile        string
	app                 bootstrap.GitHub
	appKey, hookFile    string
	valuesFile          string
	noPush              bool
	dryRun, export      bool
	timeout             time.Duration
}

func newBootstrap() *cobra.Command {
	var b beginning
	cmd := &cobra.Command{
		Use:   "bootstrap [FOLDER]",
		Short: "Begin a platform that deploys itself",
		Long: `Bootstrap makes a platform from nothing: it writes the first files of a repository, with
the daemon as a project among them, commits and pushes them, installs the daemon in a cluster,
and waits until the daemon has accepted that commit. From then on a merge changes the daemon
as it changes everything else.

FOLDER is a work tree, by default the current one. An empty one is cloned from --url; a new one is
made. Git is the machine's own, with your credentials.

Credentials of the daemon are encrypted with SOPS for a key of age, which is made unless
--age-key-file has one. It is in that file and in the cluster, and in no repository: keep a copy.
An address for ssh gets a deploy key, whose public half is printed with where to add it.

Nothing that is there is overwritten, and a folder with other content is refused. Run again, it
goes on where it ended; if all is done, nothing changes. That of a newer version brings its chart,
its image and its rights. See docs/bootstrap.md.

Exit codes: 0 the daemon runs as declared; 1 it does not, or something failed; 2 usage error.`,
		Example: `  trunkline bootstrap acme --url git@github.com:acme/data.git \
      --kubeconfig prod.kubeconfig --cluster prod
  trunkline bootstrap --dry-run
  trunkline bootstrap acme --url https://github.com/acme/data.git \
      --github-app-id 123456 --github-app-key-file trunkline-github.pem`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b.dir = "."
			if len(args) > 0 {
				b.dir = args[0]
			}
			return b.run(cmd)
		},
	}
	f := cmd.Flags()
	r := &b.in.Repository
	f.StringVar(&r.URL, "url", "", "address of the repository, as the daemon reaches it; default: that of the remote origin")
	f.StringVar(&r.Branch, "branch", "main", "branch that is followed")
	f.StringVar(&r.Folder, "folder", ".", "folder of the repository that the platform goes to, if there is something else in it")
	f.StringVar(&b.in.Platform, "name", "", "name of the platform; default: that of the repository")
	f.StringVar(&b.in.Cluster, "cluster", "main", "name of the cluster that the daemon runs in")
	f.StringVar(&b.in.Projects, "environment", "dev", "name of the environment that projects begin with; empty for none")
	f.StringVar(&b.in.Owner, "owner", "team-platform", "team that owns the platform")
	f.StringVar(&b.kubeconfig, "kubeconfig", "", "kubeconfig of the cluster, with the rights of an administrator; default: KUBECONFIG, or .kube/config in your home folder")
	f.StringVar(&b.context, "context", "", "context of the kubeconfig; default: its current one")
	f.BoolVar(&b.allowExec, "allow-exec-credentials", false, "run the programs that the kubeconfig names to get credentials")
	f.StringVar(&b.ageFile, "age-key-file", "", "file with the private key of age, outside of the repository; it is made if it is not there; default: trunkline/NAME.agekey in your folder for configuration")
	f.StringArrayVar(&b.ageRecipients, "age-recipient", nil, "public key of age of someone else who can decrypt the daemon's credentials; repeat for more")
	f.StringVar(&b.tokenFile, "token-file", "", "file for your token for the daemon; default: beside the key of age, with the ending .token")
	f.StringVar(&b.gitKey, "git-key-file", "", "private key by which the daemon reads the repository over ssh; default: a new one")
	f.StringVar(&b.knownHosts, "git-known-hosts", "", "file with the keys of the host to accept; default: .ssh/known_hosts in your home folder")
	f.StringVar(&r.Username, "git-username", "git", "name by which the daemon reads the repository over https, with --git-password-file")
	f.StringVar(&b.passwordFile, "git-password-file", "", "file with the password or access token by which the daemon reads the repository over https")
	f.StringVar(&b.app.Repository, "github-repo", "", "`OWNER/NAME` of the repository at GitHub, for --github-app-id; default: that of --url")
	f.Int64Var(&b.app.AppID, "github-app-id", 0, "number of the GitHub App by which the daemon works on pull requests, and reads the repository over https")
	f.StringVar(&b.appKey, "github-app-key-file", "", "private key of the GitHub App")
	f.StringVar(&b.app.URL, "github-url", "", "address of GitHub Enterprise; default: https://github.com")
	f.StringVar(&b.app.PublicURL, "public-url", "", "address at which people reach the daemon, for links")
	f.StringVar(&b.hookFile, "hook-secret-file", "", "secret of the App's webhook")
	f.StringVar(&b.in.Image, "image", "", "image of the daemon, better with a digest; default: that of this version")
	f.IntVar(&b.in.Replicas, "replicas", 2, "how many replicas of the daemon there are; of two, one is left when an upgrade fails")
	f.StringVar(&b.valuesFile, "values", "", "file with more values of the daemon's chart")
	f.BoolVar(&b.noPush, "no-push", false, "leave it to you to push; the daemon cannot accept the commit before")
	f.BoolVar(&b.dryRun, "dry-run", false, "say what would be done, and change nothing")
	f.BoolVar(&b.export, "export", false, "print the files and rights instead, and change nothing")
	f.DurationVar(&b.timeout, "timeout", defaultBootstrapTimeout, "how long to wait for the daemon")
	return cmd
}

// config is how the cluster is reached.
func (b *beginning) config() (cluster.Config, error) {
	file := b.kubeconfig
	if file == "" {
		// Of several files, kubectl merges them; one has to be named here.
		file = os.Getenv("KUBECONFIG")
		if strings.ContainsRune(file, os.PathListSeparator) {
			return cluster.Config{}, usagef("KUBECONFIG names several files: name one of them with --kubeconfig")
		}
	}
	if file == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return cluster.Config{}, usagef("nothing says which cluster: name its kubeconfig with --kubeconfig")
		}
		file = filepath.Join(home, ".kube", "config")
	}
	return cluster.Config{Name: b.in.Cluster, Kubeconfig: file, Context: b.context, AllowExec: b.allowExec}, nil
}

// complete puts in what flags leave open, for a platform that is not there yet.
func (b *beginning) complete(changed func(string) bool) error {
	in := &b.in
	at, err := bootstrap.ParseAddress(in.Repository.URL)
	if err != nil {
		return &usageError{err}
	}
	in.Platform = cmp.Or(in.Platform, strings.ToLower(at.Name()))
	in.Repository.Access = bootstrap.Open
	switch {
	case at.Scheme == "ssh":
		in.Repository.Access = bootstrap.DeployKey
	case b.passwordFile != "":
		in.Repository.Access = bootstrap.Password
	}
	switch {
	case b.passwordFile != "" && at.Scheme != "https":
		return usagef("--git-password-file is for an address that begins with https://")
	case (b.gitKey != "" || b.knownHosts != "") && at.Scheme != "ssh":
		return usagef("--git-key-file and --git-known-hosts are for an address for ssh")
	case (b.app.AppID != 0) != (b.appKey != ""):
		return usagef("--github-app-id and --github-app-key-file belong together")
	case b.app.AppID == 0 && (b.hookFile != "" || b.app.URL != "" || b.app.PublicURL != "" || b.app.Repository != ""):
		return usagef("there is no GitHub App to go with that: add --github-app-id and --github-app-key-file")
	}
	if b.app.AppID != 0 {
		if slug, ok := at.GitHub(); ok {
			b.app.Repository = cmp.Or(b.app.Repository, slug)
		}
		b.app.Hook = b.hookFile != ""
		in.GitHub = &b.app
	}
	if b.valuesFile != "" {
		data, err := os.ReadFile(b.valuesFile)
		if err != nil {
			return usagef("reading --values: %w", err)
		}
		if err := yaml.Unmarshal(data, &in.Values); err != nil {
			return usagef("--values %s: %w", b.valuesFile, err)
		}
	}
	return b.image(changed)
}

// image chooses the daemon's: that of this version, unless someone names another.
func (b *beginning) image(changed func(string) bool) error {
	if b.in.Pinned = changed("image"); b.in.Pinned {
		return nil
	}
	version := programVersion()
	if !strings.HasPrefix(version, "v") || strings.ContainsRune(version, '+') {
		return usagef("this program is no release (%s), and has no image: name one with --image", version)
	}
	b.in.Image = imageOfReleases + ":" + version
	return nil
}

// agrees refuses flags that say something else than a platform that is there already. Those that it was begun with are none: who runs the same
// command again has it go on.
func (b *beginning) agrees(declared bootstrap.Input, tree fs.FS, changed func(string) bool) error {
	given, is := b.in, declared
	for _, f := range []struct{ flag, given, declared string }{
		{"name", given.Platform, is.Platform},
		{"cluster", given.Cluster, is.Cluster},
		{"url", given.Repository.URL, is.Repository.URL},
		{"branch", given.Repository.Branch, is.Repository.Branch},
		{"folder", given.Repository.Folder, is.Repository.Folder},
		{"owner", given.Owner, is.Owner},
		{"replicas", strconv.Itoa(given.Replicas), strconv.Itoa(is.Replicas)},
	} {
		if changed(f.flag) && f.given != f.declared {
			return usagef("--%s %s: the platform is begun already, and says %s; leave the flag out, or change %s", f.flag, f.given, f.declared, bootstrap.ProjectFile)
		}
	}
	if file := "environments/" + given.Projects + ".yaml"; changed("environment") && given.Projects != "" {
		if _, err := fs.Stat(tree, file); err != nil {
			return usagef("--environment %s: the platform is begun already, and has no %s: trunkline new environment makes one", given.Projects, file)
		}
	}
	var others []string
	for _, flag := range []string{"git-username", "git-password-file", "git-key-file", "git-known-hosts", "github-repo", "github-app-id", "github-app-key-file", "github-url", "public-url", "hook-secret-file", "values"} {
		if changed(flag) {
			others = append(others, "--"+flag)
		}
	}
	if len(others) == 0 {
		return nil
	}
	same, err := b.wouldBe(declared, tree, changed)
	if err != nil {
		return err
	}
	if !same {
		return usagef("%s: the platform is begun already, and not so; leave it out, and change its files instead, below %s", strings.Join(others, ", "), filepath.Dir(bootstrap.ProjectFile))
	}
	return nil
}

// wouldBe reports whether a platform with these flags would have the daemon that is declared.
func (b *beginning) wouldBe(declared bootstrap.Input, tree fs.FS, changed func(string) bool) (bool, error) {
	other := *b
	other.in.Owner, other.in.Cluster, other.in.Replicas, other.in.Platform = declared.Owner, declared.Cluster, declared.Replicas, declared.Platform
	other.in.Repository.URL, other.in.Repository.Branch, other.in.Repository.Folder = declared.Repository.URL, declared.Repository.Branch, declared.Repository.Folder
	if err := other.complete(func(flag string) bool { return flag == "image" || changed(flag) }); err != nil {
		return false, err
	}
	other.in.Image = declared.Image
	files, err := bootstrap.Files(other.in)
	if err != nil {
		return false, err
	}
	is, err := fs.ReadFile(tree, bootstrap.ProjectFile)
	if err != nil {
		return false, fmt.Errorf("reading the daemon's project: %w", err)
	}
	at := slices.IndexFunc(files, func(f bootstrap.File) bool { return f.Path == bootstrap.ProjectFile })
	return bytes.Equal(is, files[at].Data), nil
}
