// SPDX-License-Identifier: Apache-2.0

// Package artifact reads where blueprints are that are not in the repository: in a registry, or in a Helm repository. It is pure.
//
// Of Trunkline it may import api/track and api/v1alpha1.
package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strings"

	"trunkline.dev/trunkline/api/track"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// OCI begins the sources that are repositories of registries.
const OCI = "oci://"

// maxSource bounds a source.
const maxSource = 512

// IsRemote reports whether a blueprint's source is no folder.
func IsRemote(source string) bool { return strings.Contains(source, "://") }

// Source is where artifacts are.
type Source struct {
	// Host is the registry or the server, with its port if it names one.
	Host string
	// Repository is that of a registry, with the host; empty for a Helm repository, which has an address.
	Repository string
	// URL is the address of a Helm repository, without a slash at the end.
	URL string
}

// Parse reads a source. The error is for people, and repeats no credentials.
func Parse(source string) (Source, error) {
	if len(source) > maxSource {
		return Source{}, fmt.Errorf("a source has at most %d characters", maxSource)
	}
	if repository, ok := strings.CutPrefix(source, OCI); ok {
		return parseOCI(repository)
	}
	u, err := url.Parse(source)
	if err != nil {
		return Source{}, errors.New("it is no address") // the error would repeat it, with a password perhaps
	}
	switch {
	case u.User != nil:
		return Source{}, errors.New("an address has no name and password: whoever runs the daemon has the credentials, and your own are in docker's config.json")
	case u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Hostname())):
		return Source{}, fmt.Errorf("%s:// is no source: write oci://REGISTRY/REPOSITORY, or https:// and the address of a Helm repository", u.Scheme)
	case u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "":
		return Source{}, errors.New("it is no address of a Helm repository: write https://, the host and the folder that has index.yaml")
	}
	return Source{Host: strings.ToLower(u.Host), URL: strings.TrimSuffix(source, "/")}, nil
}

func parseOCI(repository string) (Source, error) {
	if strings.Contains(repository, "@") {
		return Source{}, errors.New("a digest is written as artifact.digest, and credentials nowhere in the repository")
	}
	host, name, _ := strings.Cut(repository, "/")
	if _, ok := track.Registry(repository); !ok {
		if strings.Contains(name, ":") {
			return Source{}, errors.New("a tag is written as artifact.track, without it in the source")
		}
		return Source{}, fmt.Errorf("%q is no repository: write it with its registry, such as oci://ghcr.io/acme/charts/web", repository)
	}
	return Source{Host: strings.ToLower(host), Repository: repository}, nil
}

// Loopback reports whether a host is this machine, where plain HTTP is allowed.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Ref is one artifact.
type Ref struct {
	// Source is as it is declared, and Chart the name of a chart in a Helm repository.
	Source, Chart string
	// Tag is for people, and finds the chart in a Helm repository.
	Tag string
	// Digest is what it is.
	Digest string
	// Signers are those who have to have signed it, one of each group; none if it need not be signed.
	Signers [][]v1alpha1.Signer
}

// String names the artifact, for people.
func (r Ref) String() string {
	text := r.Source
	if r.Chart != "" {
		text += ", chart " + r.Chart
	}
	if r.Tag != "" {
		text += " " + r.Tag
	}
	if r.Digest != "" {
		text += "@" + r.Digest
	}
	return text
}

// Problem is what is wrong with the declaration of an artifact.
type Problem struct {
	// Field is that of the artifact; empty for the source.
	Field         string
	Message, Hint string
}

var chartForm = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$`)

// Check finds what is wrong with a blueprint's source that is no folder.
func Check(blueprint string, spec v1alpha1.BlueprintSpec) (out []Problem) {
	wrong := func(field, message, hint string) { out = append(out, Problem{field, message, hint}) }
	source, err := Parse(spec.Source)
	if err != nil {
		wrong("", "spec.source: "+err.Error(), "")
		return out
	}
	a := spec.Artifact
	lock := fmt.Sprintf("run: trunkline lock %s", blueprint)
	if a == nil {
		wrong("", "it is not said which artifact of the source the blueprint is",
			`write artifact: {track: "^1.4"} or another range or tag beside it, and `+lock)
		return out
	}
	switch {
	case source.URL != "" && a.Chart == "":
		wrong("", "a Helm repository has many charts", "name one: artifact.chart")
	case source.URL != "" && spec.Engine != v1alpha1.Helm:
		wrong("", fmt.Sprintf("a Helm repository has charts only, and the engine is %s", spec.Engine), "")
	case source.URL == "" && a.Chart != "":
		wrong("chart", "a repository of a registry has one chart", "remove it, and name the repository of the chart in the source")
	case a.Chart != "" && !chartForm.MatchString(a.Chart):
		wrong("chart", fmt.Sprintf("%q is no name of a chart", a.Chart), "")
	}
	if a.Folder != "" && (!fs.ValidPath(a.Folder) || path.Clean(a.Folder) != a.Folder) {
		wrong("folder", fmt.Sprintf("%q is no folder of the artifact", a.Folder), "write its path from the root of the artifact, such as charts/web")
	}
	out = append(out, checkForce(a, lock)...)
	return out
}

// checkForce finds what is wrong with what is followed and in force.
func checkForce(a *v1alpha1.Artifact, lock string) (out []Problem) {
	if a.Track != "" {
		if _, err := track.Parse(a.Track); err != nil {
			out = append(out, Problem{"track", err.Error(), `write a tag, such as "stable", or a range, such as "^1.4" or ">=1.4 <2"`})
		}
	}
	switch {
	case a.Tag != "" && !IsVersion(a.Tag):
		out = append(out, Problem{"tag", fmt.Sprintf("%q is no tag or version", a.Tag), ""})
	case a.Tag != "" && v1alpha1.IsTag(a.Track):
		out = append(out, Problem{"tag", "the tag in force is that of a range, and track is a tag", "remove it"})
	}
	switch {
	case a.Digest != "" && !track.IsDigest(a.Digest):
		out = append(out, Problem{"digest", fmt.Sprintf("%q is not a digest", a.Digest), "write sha256: and 64 digits from 0 to 9 and a to f"})
	case a.Digest == "" && a.Track == "" && a.Tag == "":
		out = append(out, Problem{"digest", "it is not said which artifact of the source the blueprint is", `write track: "^1.4" or another range or tag, and ` + lock})
	case a.Digest == "":
		out = append(out, Problem{"digest", "what is followed is not resolved to a digest: it would be something else tomorrow", lock})
	case a.Chart != "" && a.InForce() == "":
		out = append(out, Problem{"tag", "the version of the chart is missing, by which it is found in the index", lock})
	}
	return out
}

var versionForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}$`)

// IsVersion reports whether a text can be a tag, or the version of a chart, which may have a plus sign.
func IsVersion(text string) bool { return versionForm.MatchString(text) }

// Match reports whether a pattern, in which a star is any text, matches a source.
func Match(pattern, source string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == source
	}
	if !strings.HasPrefix(source, first) {
		return false
	}
	source = source[len(first):]
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(source, part)
		}
		i := strings.Index(source, part)
		if i < 0 {
			return false
		}
		source, rest = source[i+len(part):], more
	}
}

// Signers returns who has to have signed what is at a source, by the platform's rules.
func Signers(rules []v1alpha1.SignatureRule, source string) (out [][]v1alpha1.Signer) {
	for _, r := range rules {
		if Match(strings.ToLower(strings.TrimSuffix(r.Sources, "/")), strings.ToLower(strings.TrimSuffix(source, "/"))) {
			out = append(out, r.Signers)
		}
	}
	return out
}
