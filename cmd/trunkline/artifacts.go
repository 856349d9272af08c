// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/spf13/pflag"

	refs "trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/promotion/images"
	"trunkline.dev/trunkline/reconciler/artifact"
	"trunkline.dev/trunkline/reconciler/cloud"
	"trunkline.dev/trunkline/reconciler/oci"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/webhooks/registry"
)

// artifactsFolder is where artifacts are kept, in the data folder or the user's own.
const artifactsFolder = "artifacts"

// fetched holds the flags of the daemon about registries and Helm repositories that blueprints are fetched from.
type fetched struct {
	hosts  []string
	config string
	cloud  bool
}

func (a *fetched) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&a.hosts, "artifact-host", nil, "`HOST` of a registry or Helm repository that blueprints are fetched from, such as ghcr.io; may be given several times; default: nothing is fetched")
	f.StringVar(&a.config, "artifact-config", "", "docker config.json with credentials for these hosts")
	f.BoolVar(&a.cloud, "artifact-cloud-identity", false, "sign on to registries of ECR, Artifact Registry and ACR that the file has no credentials for with the identity that the cloud gives this process")
}

// store makes what fetches blueprints for a daemon.
func (a *fetched) store(data string, clouds *cloud.Clouds) (*artifact.Store, error) {
	hosts := []string{} // which is none, and not any
	for _, h := range a.hosts {
		h = strings.ToLower(h)
		if h == "" || strings.ContainsAny(h, "/@ ") {
			return nil, usagef("--artifact-host %q is no host: write it, and its port if it has one, such as ghcr.io", h)
		}
		hosts = append(hosts, h)
	}
	if len(hosts) == 0 && (a.config != "" || a.cloud) {
		return nil, usagef("say which hosts blueprints are fetched from: --artifact-host HOST")
	}
	keys, err := oci.NewKeychain(a.config, "--artifact-config")
	if err != nil {
		return nil, &usageError{err}
	}
	if a.cloud {
		keys = clouds.Keychain(keys)
	}
	return artifact.New(artifact.Options{
		Dir: filepath.Join(data, artifactsFolder), Hosts: hosts, Keys: keys, Now: time.Now, Allow: "whoever runs the daemon allows it by --artifact-host %s",
	})
}

// userArtifacts is what fetches blueprints for a person: from anywhere, with the credentials of their own docker.
func userArtifacts() (*artifact.Store, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	return artifact.New(artifact.Options{Dir: filepath.Join(dir, "trunkline", artifactsFolder), Keys: authn.DefaultKeychain, Now: time.Now})
}

// newRenderer renders for a person.
func newRenderer(opts ...render.Option) *render.Renderer {
	return render.New(blueprints.FS, append(slices.Clip(opts), render.WithArtifacts(lateArtifacts(sync.OnceValues(userArtifacts))))...)
}

// lateArtifacts are a person's, which most platforms do not need.
type lateArtifacts func() (*artifact.Store, error)

// Open implements [render.Artifacts].
func (l lateArtifacts) Open(ctx context.Context, ref refs.Ref) (fs.FS, error) {
	s, err := l()
	if err != nil {
		return nil, fmt.Errorf("there is no folder for what is fetched: %w", err)
	}
	return s.Open(ctx, ref)
}

// lookers ask for what is followed: images, and artifacts that blueprints are.
type lookers struct {
	images    *registry.Client
	artifacts *artifact.Store
}

// Look implements [webhooks.Registries].
func (l lookers) Look(ctx context.Context, repository string, tracks []string) (map[string]images.Seen, error) {
	source, chart, ok := images.Artifact(repository)
	if !ok {
		return l.images.Look(ctx, repository, tracks)
	}
	seen, failed := map[string]images.Seen{}, []error(nil)
	for _, followed := range tracks {
		found, err := l.artifacts.Find(ctx, refs.Ref{Source: source, Chart: chart}, followed)
		if err != nil {
			failed = append(failed, fmt.Errorf("cannot look at %s, %s: %w", repository, followed, err))
			continue
		}
		seen[followed] = images.Seen{Tag: found.Tag, Digest: found.Digest, At: time.Now()}
	}
	return seen, errors.Join(failed...)
}
