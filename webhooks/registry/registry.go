// SPDX-License-Identifier: Apache-2.0

// Package registry asks registries of container images what tags and ranges of versions are now. It asks only those that it was
// made for, since whoever declares a project names the repository.
//
// Of Trunkline it may import api, promotion and reconciler/oci.
package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"trunkline.dev/trunkline/api/track"
	"trunkline.dev/trunkline/promotion/images"
	"trunkline.dev/trunkline/reconciler/oci"
)

const (
	// limit bounds the time for one repository, and maxBody the size of each response.
	limit   = 30 * time.Second
	maxBody = 8 << 20
)

// Client asks registries.
type Client struct {
	allowed   []string
	keys      authn.Keychain
	transport http.RoundTripper
	now       func() time.Time
}

// New makes a client that asks these registries only, such as "ghcr.io". The file is a docker config.json with credentials for
// them, and is read whenever they are needed; empty: none are needed.
func New(registries []string, file string, now func() time.Time) (*Client, error) {
	c := &Client{now: now}
	for _, r := range registries {
		parsed, err := name.NewRegistry(r, name.StrictValidation)
		if err != nil || r == "" || strings.ContainsAny(r, "/@") {
			return nil, fmt.Errorf("%q is no registry: write its host, and its port if it has one, such as ghcr.io", r)
		}
		c.allowed = append(c.allowed, parsed.RegistryStr())
	}
	var err error
	if c.transport, err = oci.NewTransport(maxBody); err != nil {
		return nil, err
	}
	if c.keys, err = oci.NewKeychain(file, "--image-registry-config"); err != nil {
		return nil, err
	}
	return c, nil
}

// With returns a client whose credentials are made of those of this one.
func (c *Client) With(credentials func(authn.Keychain) authn.Keychain) *Client {
	with := *c
	with.keys = credentials(c.keys)
	return &with
}

// Look returns what the tags and ranges of a repository are now, as far as that was found out. Its error is for people, and has no
// secrets.
func (c *Client) Look(ctx context.Context, repository string, tracks []string) (map[string]images.Seen, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	repo, err := oci.NewRepository(repository, c.transport, c.keys)
	if err != nil {
		return nil, err
	}
	if host, _, _ := strings.Cut(repository, "/"); !slices.Contains(c.allowed, repo.RegistryStr()) {
		return nil, fmt.Errorf("%s is not followed: the daemon may not ask the registry %s; whoever runs it allows that by --image-registry %s", repository, host, host)
	}
	seen, failed := map[string]images.Seen{}, []error(nil)
	for _, followed := range tracks {
		tag, digest, err := find(ctx, repo, followed)
		if err != nil {
			failed = append(failed, fmt.Errorf("cannot look at %s, %s: %w", repository, followed, err))
			continue
		}
		seen[followed] = images.Seen{Tag: tag, Digest: digest, At: c.now()}
	}
	return seen, errors.Join(failed...)
}

// find returns the tag and the digest of what is followed. The next look is the retry.
func find(ctx context.Context, repo *oci.Repository, followed string) (tag, digest string, err error) {
	t, err := track.Parse(followed)
	if err != nil {
		return "", "", err
	}
	tag, digest, err = repo.Find(ctx, t)
	if busy, ok := errors.AsType[*oci.BusyError](err); ok && busy.Limited {
		err = fmt.Errorf("%w; a longer --image-interval or credentials help", err)
	}
	return tag, digest, err
}
