// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"trunkline.dev/trunkline/reconciler/git"
)

// releasesURL is where the project's releases are listed, in the form of GitHub's API.
const releasesURL = "https://api.github.com/repos/trunkline-dev/trunkline/releases"

const (
	// checkTimeout is how long the answer may take, and maxReleases how large it may be, in bytes.
	checkTimeout = 15 * time.Second
	maxReleases  = 8 << 20
)

// published is a release, as GitHub's API has it.
type published struct {
	Tag        string `json:"tag_name"`
	Notes      string `json:"body"`
	Page       string `json:"html_url"`
	Draft      bool   `json:"draft"`
	Prerelease bool   `json:"prerelease"`
	Published  string `json:"published_at"`

	version *semver.Version
}

// listReleases asks for the releases. What is sent is the request, and nothing about this program or machine but its version.
func listReleases(ctx context.Context, address string) ([]published, error) {
	at, err := url.Parse(address)
	if err != nil || at.Scheme != "https" && at.Scheme != "http" || at.Host == "" {
		return nil, usagef("--releases-url %q: name an address such as %s", git.Redact(address), releasesURL)
	}
	query := at.Query()
	if !query.Has("per_page") {
		query.Set("per_page", "100") // the most that there is on a page
	}
	at.RawQuery = query.Encode()
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("User-Agent", "trunkline/"+programVersion())
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		if asked, ok := errors.AsType[*url.Error](err); ok { // it would name the address with what may be secret in it
			err = asked.Err
		}
		return nil, fmt.Errorf("%s does not answer: %w; on a machine without a way to the internet, read the changelog elsewhere, or name a mirror with --releases-url", at.Host, err)
	}
	defer func() { _ = answer.Body.Close() }() // it is read
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %q%s", at.Host, answer.Status, hint(answer))
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxReleases+1))
	if err != nil {
		return nil, fmt.Errorf("reading what %s answers: %w", at.Host, err)
	}
	if len(data) > maxReleases {
		return nil, fmt.Errorf("%s answers with more than %d MiB: is --releases-url right?", at.Host, maxReleases>>20)
	}
	var out []published
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("what %s answers is no list of releases (%w): is --releases-url right?", at.Host, err)
	}
	return out, nil
}

// hint says what to do about an answer that is none.
func hint(answer *http.Response) string {
	switch {
	case answer.Header.Get("X-Ratelimit-Remaining") == "0", answer.StatusCode == http.StatusTooManyRequests:
		return ": too much was asked from this address; try again in an hour"
	case answer.StatusCode == http.StatusNotFound:
		return ": is --releases-url right?"
	}
	return ""
}

// fromCommit matches versions that the toolchain makes of commits without a tag.
var fromCommit = regexp.MustCompile(`[.-]\d{14}-[0-9a-f]{12}$`)

// newerThan are the releases that are newer than a version, the newest first. Releases to try out count only for those who have one.
func newerThan(current *semver.Version, all []published) []published {
	tries := current.Prerelease() != "" && !fromCommit.MatchString("-"+current.Prerelease())
	var out []published
	for _, r := range all {
		v, err := semver.StrictNewVersion(strings.TrimPrefix(r.Tag, "v"))
		if err != nil || r.Draft || !v.GreaterThan(current) {
			continue // what is no version is something else that the project publishes
		}
		if (r.Prerelease || v.Prerelease() != "") && !tries {
			continue
		}
		r.version = v
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b published) int {
		return cmp.Or(b.version.Compare(a.version), strings.Compare(b.version.Original(), a.version.Original()))
	})
	return out
}

// printNewer says what is newer, with its notes. It reports whether there is anything.
func printNewer(w io.Writer, current string, newer []published) (bool, error) {
	var b strings.Builder
	if len(newer) == 0 {
		fmt.Fprintf(&b, "trunkline %s is the newest version\n", current)
		_, err := io.WriteString(w, b.String())
		return false, err
	}
	fmt.Fprintf(&b, "trunkline %s is not the newest version: %s is\n", current, plain(newer[0].Tag))
	for _, r := range newer {
		fmt.Fprintf(&b, "\n%s", plain(oneLine(r.Tag)))
		if at, err := time.Parse(time.RFC3339, r.Published); err == nil {
			fmt.Fprintf(&b, ", of %s", at.UTC().Format(time.DateOnly))
		}
		b.WriteString("\n")
		notes := strings.TrimSpace(plain(strings.ReplaceAll(r.Notes, "\r\n", "\n")))
		if notes == "" {
			notes = "It has no notes."
		}
		b.WriteString(indent(notes) + "\n")
		if r.Page != "" {
			fmt.Fprintf(&b, "  %s\n", plain(oneLine(r.Page)))
		}
	}
	_, err := io.WriteString(w, b.String())
	return true, err
}

// checkVersion says what is newer than this program.
func checkVersion(ctx context.Context, w io.Writer, current, address string) error {
	version, err := semver.NewVersion(current)
	if err != nil {
		return &troubleError{fmt.Errorf("this program is of version %q, which cannot be compared: it was not built of a commit", current)}
	}
	all, err := listReleases(ctx, address)
	if err != nil {
		if _, wrong := errors.AsType[*usageError](err); wrong {
			return err
		}
		return &troubleError{fmt.Errorf("what is newer is not known: %w", err)}
	}
	found, err := printNewer(w, current, newerThan(version, all))
	if err == nil && found {
		err = errFindings
	}
	return err
}
