// SPDX-License-Identifier: Apache-2.0

package apps

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Ref names an application: a notebook of someone, or the orchestrator of a project.
type Ref struct {
	Kind, Environment, Project, Name string
}

// part is what each part of a name is; the names of everything that is declared are.
var part = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// Check refuses what could not be a part of a path or of the name of a host.
func (r Ref) Check() error {
	for _, p := range []string{r.Kind, r.Environment, r.Project, r.Name} {
		if !part.MatchString(p) || strings.Contains(p, "..") {
			return fmt.Errorf("%.100q is no name of an application", p)
		}
	}
	return nil
}

// Prefix is the path below which an application is, with a slash at both ends.
func (r Ref) Prefix() string {
	return "/" + r.Kind + "/" + r.Environment + "/" + r.Project + "/" + r.Name + "/"
}

// refOf reads the path of a request: which application it is for, if it can be for any.
func refOf(p string) (Ref, bool) {
	parts := strings.SplitN(strings.TrimPrefix(p, "/"), "/", 5)
	if len(parts) < 5 || !strings.HasPrefix(p, "/") {
		return Ref{}, false
	}
	r := Ref{parts[0], parts[1], parts[2], parts[3]}
	return r, r.Check() == nil
}

// label is the first label of the host of an application, where each has one of its own.
func (r Ref) label() string {
	sum := sha256.Sum256([]byte(r.Prefix()))
	return "a" + hex.EncodeToString(sum[:10])
}

// Origin is where applications are: one address for all, or with "*." one for each.
type Origin struct {
	scheme, host string
	each         bool
}

// ParseOrigin reads an address like https://*.apps.acme.example, or without "*." one that all applications share.
func ParseOrigin(text string) (Origin, error) {
	u, err := url.Parse(strings.Replace(text, "://*.", "://", 1))
	each := strings.Contains(text, "://*.")
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Contains(u.Host, "*") {
		return Origin{}, fmt.Errorf("%.200q is no address for applications: write it like https://*.apps.acme.example", text)
	}
	return Origin{u.Scheme, strings.ToLower(u.Host), each}, nil
}

// Secure reports whether people come by https.
func (o Origin) Secure() bool { return o.scheme == "https" }

// Hostname is the name of the host that all are at or below, without the port.
func (o Origin) Hostname() string {
	u := url.URL{Host: o.host}
	return u.Hostname()
}

// hostOf is the host of an application.
func (o Origin) hostOf(r Ref) string {
	if o.each {
		return r.label() + "." + o.host
	}
	return o.host
}

// Of is the origin of an application, as browsers write it.
func (o Origin) Of(r Ref) string { return o.scheme + "://" + o.hostOf(r) }

// safePath returns where below an application someone is sent, as it may be part of an address; empty for its beginning.
func safePath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || strings.HasPrefix(u.Path, "/") || strings.ContainsAny(to, "\\\r\n") || u.Path != "" && strings.HasPrefix(path.Clean(u.Path), "..") {
		return ""
	}
	return to
}

// Apart reports whether a host is none that applications have: a browser sends the cookies of a host to all its ports.
func (o Origin) Apart(host string) bool {
	host = strings.ToLower(host)
	return host != o.Hostname() && (!o.each || !strings.HasSuffix(host, "."+o.Hostname()))
}
