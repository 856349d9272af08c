// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/image"
	"trunkline.dev/trunkline/catalog"
)

// What the daemon is in its own platform.
const (
	Project     = "trunkline"
	Environment = "platform"
	// Namespace is that of its release, by the pattern that environments have if they name none.
	Namespace = Project + "-" + Environment
	// KeySecret has the private key of age in the cluster. It is in no repository.
	KeySecret = "trunkline-age"
	// KeyFile is the key in it.
	KeyFile = "keys.txt"
	// TokensSecret has the tokens of callers.
	TokensSecret = "trunkline-tokens"
	// GitSecret has the credentials for the repository.
	GitSecret = "trunkline-git"
	// GitHubSecret has those of the App.
	GitHubSecret = "trunkline-github" //nolint:gosec // it is a name
	// AppKey is the App's private key in it, and HookSecret the secret of its webhook.
	AppKey     = "app.pem"
	HookSecret = "hook"
)

const (
	mounted     = "/etc/trunkline/secrets/"
	maxReplicas = 100
)

// Input is what a platform is begun with.
type Input struct {
	// Platform names it, and Cluster the cluster that the daemon runs in and deploys to.
	Platform, Cluster string
	// Projects is the environment that projects begin with; empty for none.
	Projects string
	// Owner is the team that owns the platform.
	Owner      string
	Repository Repository
	// GitHub connects the daemon to pull requests; nil if it is not.
	GitHub *GitHub
	// Image is the daemon's; Pinned is set if someone asked for it. Replicas is how many of it there are.
	Image    string
	Pinned   bool
	Replicas int
	// Recipients are the public keys of age that the daemon's credentials are encrypted for.
	Recipients []string
	// Values are those of the chart that someone adds, or wants otherwise.
	Values map[string]any
}

// Repository is how the daemon reaches its repository.
type Repository struct {
	URL, Branch string
	// Folder is the platform's in the repository; "." is the root.
	Folder string
	Access Access
	// Username is the name for [Password].
	Username string
}

// Access is by what a repository is read.
type Access string

// The ways to read a repository.
const (
	// Open needs nothing, or what the App of GitHub has.
	Open Access = "open"
	// DeployKey is a private key for ssh, and Password one for https.
	DeployKey Access = "deploy key"
	Password  Access = "password"
)

// GitHub is the App by which the daemon works on pull requests.
type GitHub struct {
	// Repository is OWNER/NAME.
	Repository string
	AppID      int64
	// URL is that of GitHub Enterprise, and PublicURL where people reach the daemon; both may be empty.
	URL, PublicURL string
	// Hook is set if there is a secret of a webhook.
	Hook bool
}

// owner is a team or person, as in spec.owner of a project.
var owner = regexp.MustCompile(`^@?[A-Za-z0-9][-A-Za-z0-9_.]*(/[A-Za-z0-9][-A-Za-z0-9_.]*)?$`)

// Check finds what is wrong, all of it.
func (in Input) Check() error {
	var wrong []error
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	for what, name := range map[string]string{"platform": in.Platform, "cluster": in.Cluster, "environment": in.Projects} {
		if name == "" && what == "environment" {
			continue
		}
		if len(validation.IsDNS1123Label(name)) > 0 {
			add("%q is no name of a %s: use lower-case letters, digits and dashes, 63 at most", name, what)
		}
	}
	switch {
	case in.Projects == Environment:
		add("the environment %q is the daemon's own: give the one for projects another name", Environment)
	case strings.HasPrefix(in.Projects, "pr-"):
		add("names of environments that begin with \"pr-\" are those of previews: give the one for projects another name")
	}
	if !owner.MatchString(in.Owner) {
		add("%q is no owner: name a team, such as team-platform", in.Owner)
	}
	if in.Repository.URL == "" {
		add("nothing says where the daemon finds the repository: give its URL")
	}
	if in.Repository.Branch == "" || strings.HasPrefix(in.Repository.Branch, "-") || strings.ContainsAny(in.Repository.Branch, " ~^:?*[\\") {
		add("%q is no name of a branch", in.Repository.Branch)
	}
	if f := in.Repository.Folder; path.IsAbs(f) || path.Clean(f) != f || f == ".." || strings.HasPrefix(f, "../") {
		add("%q is no folder of the repository", f)
	}
	if err := image.Check(in.Image); err != nil || in.Image == "" {
		add("%q is not an image: name that of the daemon", in.Image)
	}
	if in.Replicas < 1 || in.Replicas > maxReplicas {
		add("%d replicas: want 1 to %d", in.Replicas, maxReplicas)
	}
	if len(in.Recipients) == 0 {
		add("there is no key of age that credentials could be encrypted for")
	}
	if g := in.GitHub; g != nil && (g.AppID < 1 || strings.Count(g.Repository, "/") != 1) {
		add("an App of GitHub needs its number and the repository, OWNER/NAME")
	}
	slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(wrong...)
}

// Release is the daemon's own.
func (in Input) Release() catalog.ReleaseID {
	return catalog.ReleaseID{Project: Project, Environment: Environment, Cluster: in.Cluster}
}
