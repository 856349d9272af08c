// SPDX-License-Identifier: Apache-2.0

// Package registry asks registries of container images what tags and ranges of versions are now. It asks only those that it was
// made for, since whoever declares a project names the repository.
//
// Of Trunkline it may import api and promotion.
package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/api/track"
	"trunkline.dev/trunkline/promotion/images"
)

const (
	// limit bounds the time for one repository, and maxBody the size of each response.
	limit   = 30 * time.Second
	maxBody = 8 << 20
	// pageSize is how many tags are asked for at a time, and maxTags how many a repository may have to be followed by a range.
	pageSize = 1000
	maxTags  = 20_000
	// maxConfig bounds the file with credentials.
	maxConfig = 1 << 20
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
	inner, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the process has another HTTP transport")
	}
	inner = inner.Clone()
	inner.ResponseHeaderTimeout = limit
	c := &Client{keys: keychain{file, "--image-registry-config"}, transport: guarded{inner}, now: now}
	for _, r := range registries {
		parsed, err := name.NewRegistry(r, name.StrictValidation)
		if err != nil || r == "" || strings.ContainsAny(r, "/@") {
			return nil, fmt.Errorf("%q is no registry: write its host, and its port if it has one, such as ghcr.io", r)
		}
		c.allowed = append(c.allowed, parsed.RegistryStr())
	}
	if _, err := NewKeychain(file, "--image-registry-config"); err != nil {
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

// NewKeychain returns the credentials in a docker config.json, which is read whenever they are needed; empty: there are none. The
// flag is how people have named it.
func NewKeychain(file, flag string) (authn.Keychain, error) {
	if file != "" {
		if _, err := readConfig(file); err != nil {
			return nil, err
		}
	}
	return keychain{file, flag}, nil
}

// Look returns what the tags and ranges of a repository are now, as far as that was found out. Its error is for people, and has no
// secrets.
func (c *Client) Look(ctx context.Context, repository string, tracks []string) (map[string]images.Seen, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	repo, err := name.NewRepository(repository, name.StrictValidation)
	if err != nil {
		return nil, fmt.Errorf("%q is no repository of images", repository)
	}
	if host, _, _ := strings.Cut(repository, "/"); !slices.Contains(c.allowed, repo.RegistryStr()) {
		return nil, fmt.Errorf("%s is not followed: the daemon may not ask the registry %s; whoever runs it allows that by --image-registry %s", repository, host, host)
	}
	puller, err := remote.NewPuller(
		remote.WithTransport(c.transport), remote.WithAuthFromKeychain(c.keys), remote.WithPageSize(pageSize), remote.WithUserAgent("trunkline"),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}), // the next look is the retry
	)
	if err != nil {
		return nil, fmt.Errorf("looking at %s: %w", repository, err)
	}
	l := look{repo: repo, puller: puller}
	seen, failed := map[string]images.Seen{}, []error(nil)
	for _, followed := range tracks {
		tag, digest, err := l.at(ctx, followed)
		if err != nil {
			failed = append(failed, fmt.Errorf("cannot look at %s, %s: %w", repository, followed, err))
			continue
		}
		seen[followed] = images.Seen{Tag: tag, Digest: digest, At: c.now()}
	}
	return seen, errors.Join(failed...)
}

// look is one look at a repository, whose tags are listed once.
type look struct {
	repo   name.Repository
	puller *remote.Puller

	tags   []string
	listed bool
	err    error
}

// at returns the tag and the digest of what is followed.
func (l *look) at(ctx context.Context, followed string) (tag, digest string, err error) {
	t, err := track.Parse(followed)
	if err != nil {
		return "", "", err
	}
	if tag = t.Tag(); t.Range() {
		if !l.listed {
			l.tags, l.err = l.list(ctx)
			l.listed = true
		}
		if l.err != nil {
			return "", "", l.err
		}
		var found bool
		if tag, found = t.Newest(l.tags); !found {
			return "", "", errors.New("no tag is a version in the range; push one, or declare another range")
		}
	}
	head, err := l.puller.Head(ctx, l.repo.Tag(tag))
	if err != nil {
		return "", "", explain(err, "there is no tag "+tag)
	}
	if digest = head.Digest.String(); !track.IsDigest(digest) {
		return "", "", errors.New("the registry names it by a digest that is not of SHA-256")
	}
	return tag, digest, nil
}

func (l *look) list(ctx context.Context) (tags []string, err error) {
	pages, err := l.puller.Lister(ctx, l.repo)
	if err != nil {
		return nil, explain(err, "there is no such repository")
	}
	for pages.HasNext() {
		page, err := pages.Next(ctx)
		if err != nil {
			return nil, explain(err, "there is no such repository")
		}
		if tags = append(tags, page.Tags...); len(tags) > maxTags {
			return nil, fmt.Errorf("it has more than %d tags; follow a tag instead of a range", maxTags)
		}
	}
	return tags, nil
}

// explain says to people what went wrong, without what a registry may repeat of a request.
func explain(err error, missing string) error {
	if refused, ok := errors.AsType[*transport.Error](err); ok {
		switch refused.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return fmt.Errorf("the registry refuses that (HTTP %d); check the repository's name, and the credentials in the file of --image-registry-config", refused.StatusCode)
		case http.StatusNotFound:
			return errors.New(missing)
		case http.StatusTooManyRequests:
			return errors.New("the registry asks for fewer requests (HTTP 429); a longer --image-interval or credentials help")
		}
		return fmt.Errorf("the registry answers with HTTP %d", refused.StatusCode)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the registry did not answer within %s: %w", limit, context.DeadlineExceeded)
	}
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err // without the address, which may have a secret
	}
	return fmt.Errorf("the registry cannot be asked: %w", err)
}

// guarded asks by plain HTTP on loopback only, and bounds responses.
type guarded struct{ inner http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !artifact.Loopback(r.URL.Hostname()) {
		r = r.Clone(r.Context())
		r.URL.Scheme = "https"
	}
	resp, err := g.inner.RoundTrip(r)
	if err == nil {
		resp.Body = bounded{http.MaxBytesReader(nil, resp.Body, maxBody), resp.Body}
	}
	return resp, err
}

type bounded struct {
	io.Reader
	io.Closer
}

// keychain is the name of a docker config.json, and of the flag that says it; without a file there are no credentials.
type keychain struct{ file, flag string }

// Resolve implements [authn.Keychain].
func (k keychain) Resolve(of authn.Resource) (authn.Authenticator, error) {
	if k.file == "" {
		return authn.Anonymous, nil
	}
	read, err := readConfig(k.file)
	if err != nil {
		return nil, err
	}
	key := of.RegistryStr()
	if key == name.DefaultRegistry {
		key = authn.DefaultAuthKey
	}
	found, err := read(key)
	if err != nil {
		return nil, fmt.Errorf("the file of %s names a helper that has no credentials for %s", k.flag, of.RegistryStr())
	}
	return authn.FromConfig(found), nil
}

// readConfig returns what finds the credentials for a registry in a file.
func readConfig(file string) (func(registry string) (authn.AuthConfig, error), error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the credentials of registries: %w", err)
	}
	defer f.Close()
	parsed, err := config.LoadFromReader(io.LimitReader(f, maxConfig))
	if err != nil {
		return nil, fmt.Errorf("%s is no docker config.json", file) // the error may repeat what is in it
	}
	return func(registry string) (authn.AuthConfig, error) {
		found, err := parsed.GetAuthConfig(registry)
		return authn.AuthConfig{
			Username: found.Username, Password: found.Password, Auth: found.Auth, IdentityToken: found.IdentityToken, RegistryToken: found.RegistryToken,
		}, err
	}, nil
}
