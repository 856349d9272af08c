// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/opencontainers/go-digest"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/api/track"
	"trunkline.dev/trunkline/reconciler/oci"
)

// index is the index.yaml of a Helm repository, as far as charts are found by it.
type index struct {
	Entries map[string][]entry `json:"entries"`
}

type entry struct {
	Version string   `json:"version"`
	Digest  string   `json:"digest"`
	URLs    []string `json:"urls"`
}

// digest is that of the archive as the index has it, which may leave out what it is of.
func (e entry) digest() string {
	of := strings.ToLower(e.Digest)
	if of != "" && !strings.Contains(of, ":") {
		of = "sha256:" + of
	}
	return of
}

// fetchChart fetches a chart from a Helm repository.
func (s *Store) fetchChart(ctx context.Context, source artifact.Source, ref artifact.Ref) (kept, error) {
	of, err := s.entryOf(ctx, source, ref.Chart, ref.Tag)
	if err != nil {
		return kept{}, err
	}
	if in := of.digest(); in != "" && in != ref.Digest {
		return kept{}, fmt.Errorf("the repository has another chart by this version now, %s; find out why, and then run trunkline lock --update", in)
	}
	content, err := s.download(ctx, source, of)
	if err == nil && digest.FromBytes(content).String() != ref.Digest {
		err = oci.Busy("the server sends other content than the digest says")
	}
	return kept{content: content}, err
}

// findChart returns the version and digest of what is followed in a Helm repository.
func (s *Store) findChart(ctx context.Context, source artifact.Source, chart string, follow track.Track) (Found, error) {
	version := follow.Tag()
	entries, err := s.entries(ctx, source, chart)
	if err != nil {
		return Found{}, err
	}
	if follow.Range() {
		var all []string
		for _, e := range entries {
			all = append(all, e.Version)
		}
		var found bool
		if version, found = follow.Newest(all); !found {
			return Found{}, errors.New("no version of the chart is in the range; declare another range")
		}
	}
	of, err := pick(entries, version)
	if err != nil {
		return Found{}, err
	}
	if in := of.digest(); track.IsDigest(in) {
		return Found{version, in}, nil
	}
	content, err := s.download(ctx, source, of)
	if err != nil {
		return Found{}, err
	}
	return Found{version, digest.FromBytes(content).String()}, nil
}

func (s *Store) entries(ctx context.Context, source artifact.Source, chart string) ([]entry, error) {
	data, err := s.get(ctx, source, source.URL+"/index.yaml", "there is no index.yaml, so that this is no Helm repository")
	if err != nil {
		return nil, err
	}
	var in index
	if err := yaml.Unmarshal(data, &in); err != nil {
		return nil, errors.New("its index.yaml cannot be read")
	}
	entries := in.Entries[chart]
	if len(entries) == 0 {
		return nil, fmt.Errorf("there is no chart %q in it", chart)
	}
	return entries, nil
}

func (s *Store) entryOf(ctx context.Context, source artifact.Source, chart, version string) (entry, error) {
	entries, err := s.entries(ctx, source, chart)
	if err != nil {
		return entry{}, err
	}
	return pick(entries, version)
}

func pick(entries []entry, version string) (entry, error) {
	for _, e := range entries {
		if e.Version == version && len(e.URLs) > 0 {
			return e, nil
		}
	}
	return entry{}, fmt.Errorf("there is no version %s of the chart; was it removed?", version)
}

// download fetches the archive of a chart from where the index says.
func (s *Store) download(ctx context.Context, source artifact.Source, of entry) ([]byte, error) {
	base, err := url.Parse(source.URL + "/")
	if err != nil {
		return nil, errors.New("it is no address")
	}
	at, err := base.Parse(of.URLs[0])
	if err != nil || at.User != nil {
		return nil, errors.New("the index names no address of the chart")
	}
	if at.Scheme == "oci" {
		return nil, fmt.Errorf("the repository says that the chart is in a registry: write source: oci://%s%s", at.Host, strings.TrimSuffix(at.Path, ":"+of.Version))
	}
	if err := s.allowed(strings.ToLower(at.Host)); err != nil {
		return nil, err
	}
	content, err := s.get(ctx, source, at.String(), "the server does not have the archive that the index names")
	if err == nil && len(content) > maxArchive {
		return nil, unfitf("its archive has more than %d MiB", maxArchive>>20)
	}
	return content, err
}

// get reads what is at an address. Credentials are sent to the host of the source only.
func (s *Store) get(ctx context.Context, source artifact.Source, at, missing string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return nil, errors.New("it is no address")
	}
	r.Header.Set("User-Agent", oci.UserAgent)
	if strings.EqualFold(r.URL.Host, source.Host) {
		if err := s.authorize(r, source.Host); err != nil {
			return nil, err
		}
	}
	client := http.Client{Transport: s.transport, CheckRedirect: oci.Redirect}
	resp, err := client.Do(r)
	if err != nil {
		return nil, oci.Explain(err, missing)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	if resp.StatusCode != http.StatusOK {
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // else there is none
		return nil, oci.Status(resp.StatusCode, time.Duration(seconds)*time.Second, missing)
	}
	data, err := io.ReadAll(resp.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, unfitf("the server sends more than %d MiB", maxBody>>20)
	}
	if err != nil {
		return nil, oci.Explain(err, missing)
	}
	return data, nil
}

// server is a host as credentials are found by it.
type server string

func (s server) String() string      { return string(s) }
func (s server) RegistryStr() string { return string(s) }

func (s *Store) authorize(r *http.Request, host string) error {
	auth, err := s.opts.Keys.Resolve(server(host))
	if err != nil {
		return err
	}
	c, err := authn.Authorization(r.Context(), auth)
	if err != nil {
		return fmt.Errorf("the credentials for %s cannot be read", host)
	}
	switch {
	case c.Username != "":
		r.SetBasicAuth(c.Username, c.Password)
	case c.RegistryToken != "":
		r.Header.Set("Authorization", "Bearer "+c.RegistryToken)
	}
	return nil
}
