// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"trunkline.dev/trunkline/api/track"
)

const (
	// UserAgent is who asks.
	UserAgent = "trunkline"
	// pageSize is how many tags are asked for at a time, and maxTags how many a repository may have to be followed by a range.
	pageSize = 1000
	maxTags  = 20_000
)

// Repository is one of a registry, for as long as something is asked of it: its tags are listed once.
type Repository struct {
	name.Repository
	*remote.Puller

	// Asking are the options of whatever else is asked.
	Asking []remote.Option

	tags   []string
	listed bool
	err    error
}

// NewRepository returns the repository of a name with its registry. What is tried again is up to the caller.
func NewRepository(repository string, transport http.RoundTripper, keys authn.Keychain) (*Repository, error) {
	repo, err := name.NewRepository(repository, name.StrictValidation)
	if err != nil {
		return nil, fmt.Errorf("%q is no repository", repository)
	}
	asking := []remote.Option{
		remote.WithTransport(transport), remote.WithAuthFromKeychain(keys), remote.WithPageSize(pageSize), remote.WithUserAgent(UserAgent),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
	}
	puller, err := remote.NewPuller(asking...)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", repository, err)
	}
	return &Repository{Repository: repo, Puller: puller, Asking: asking}, nil
}

// Find returns the tag and the digest of what is followed, as it is now.
func (r *Repository) Find(ctx context.Context, follow track.Track) (tag, digest string, err error) {
	if tag = follow.Tag(); follow.Range() {
		if !r.listed {
			r.tags, r.err = r.list(ctx)
			r.listed = true
		}
		if r.err != nil {
			return "", "", r.err
		}
		var found bool
		if tag, found = follow.Newest(r.tags); !found {
			return "", "", errors.New("no tag is a version in the range; push one, or declare another range")
		}
	}
	head, err := r.Head(ctx, r.Tag(tag))
	if err != nil {
		return "", "", Explain(err, "there is no tag "+tag)
	}
	if digest = head.Digest.String(); !track.IsDigest(digest) {
		return "", "", errors.New("the registry names it by a digest that is not of SHA-256")
	}
	return tag, digest, nil
}

func (r *Repository) list(ctx context.Context) (tags []string, err error) {
	pages, err := r.Lister(ctx, r.Repository)
	if err != nil {
		return nil, Explain(err, "there is no such repository")
	}
	for pages.HasNext() {
		page, err := pages.Next(ctx)
		if err != nil {
			return nil, Explain(err, "there is no such repository")
		}
		if tags = append(tags, page.Tags...); len(tags) > maxTags {
			return nil, fmt.Errorf("it has more than %d tags; follow a tag instead of a range", maxTags)
		}
	}
	return tags, nil
}
