// SPDX-License-Identifier: Apache-2.0

package signon

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"trunkline.dev/trunkline/access"
)

// Machine is an issuer of tokens for machines, such as that of GitHub's Actions or of a Kubernetes cluster, and whom of it to let in.
type Machine struct {
	// Name begins the names of its machines: "NAME:SUBJECT".
	Name string
	// Issuer is its URL, and Audience what its tokens have to be for.
	Issuer, Audience string
	// Subjects are patterns of whom to let in: "*" is any text without a colon at its ends, as in "repo:acme/*:ref:refs/heads/main".
	Subjects []string
	// Groups are those of each of them.
	Groups []string
}

// machine is a [Machine] that is ready.
type machine struct {
	Machine
	issuer   *issuer
	patterns []*regexp.Regexp
}

// Machines signs machines on.
type Machines struct{ all []machine }

// machineName is what a machine's issuer can be called: it must not pass for another sign-on.
var machineName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// NewMachines returns what signs machines on.
func NewMachines(all []Machine, client *http.Client, now func() time.Time) (*Machines, error) {
	out := &Machines{}
	for _, m := range all {
		u, err := url.Parse(m.Issuer)
		switch {
		case !machineName.MatchString(m.Name) || m.Name == "github" || m.Name == "project":
			return nil, fmt.Errorf("%q is no name for an issuer: use lower-case letters, digits and dashes; github and project are taken", m.Name)
		case err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
			return nil, fmt.Errorf("the issuer of %s is not an https address", m.Name)
		case m.Audience == "":
			return nil, fmt.Errorf("the audience of %s is missing: without one, tokens that are for others would count", m.Name)
		case len(m.Subjects) == 0:
			return nil, fmt.Errorf("%s lets nobody in: name subjects", m.Name)
		case slices.ContainsFunc(out.all, func(o machine) bool { return o.Name == m.Name || o.Issuer == m.Issuer }):
			return nil, fmt.Errorf("%s or its issuer is there twice", m.Name)
		}
		made := machine{Machine: m, issuer: &issuer{url: m.Issuer, client: client, now: now}}
		for _, s := range m.Subjects {
			if strings.Trim(s, "*:/") == "" {
				return nil, fmt.Errorf("the subject %q of %s lets everybody in whom its issuer knows", s, m.Name)
			}
			made.patterns = append(made.patterns, subjectPattern(s))
		}
		out.all = append(out.all, made)
	}
	return out, nil
}

// subjectPattern makes an expression of a pattern. A star stays within a part between colons.
func subjectPattern(pattern string) *regexp.Regexp {
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, "[^:]*") + "$")
}

// Bearer finds out which machine a token is of; false if it is of none of the issuers.
func (m *Machines) Bearer(ctx context.Context, token string) (access.Principal, bool, error) {
	from := issuerOf(token)
	i := slices.IndexFunc(m.all, func(o machine) bool { return from != "" && o.Issuer == from })
	if i < 0 {
		return access.Principal{}, false, nil
	}
	of := &m.all[i]
	c, err := of.issuer.verify(ctx, token, []string{of.Audience}, false)
	switch {
	case err != nil:
		return access.Principal{}, true, err
	case c.subject == "" || len(c.subject) > access.MaxName || strings.ContainsFunc(c.subject, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }):
		return access.Principal{}, true, fmt.Errorf("%w: the subject is empty, or no name", ErrRefused)
	case !slices.ContainsFunc(of.patterns, func(p *regexp.Regexp) bool { return p.MatchString(c.subject) }):
		return access.Principal{}, true, fmt.Errorf("%w: %s does not let the subject %q in", ErrRefused, of.Name, c.subject)
	}
	return access.Principal{Name: of.Name + ":" + c.subject, SignOn: access.ByFederation, Groups: slices.Clone(of.Groups)}, true, nil
}

// issuerOf is what a token says of where it comes from, which is not believed: it says whose keys to try.
func issuerOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > maxToken {
		return ""
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	var said struct {
		Issuer string `json:"iss"`
	}
	if err != nil || json.Unmarshal(data, &said) != nil {
		return ""
	}
	return said.Issuer
}

// Service is all by which people and machines sign on at issuers.
type Service struct {
	// People is nil if none sign on, and Machines if none do.
	People   *People
	Machines *Machines
}

// Bearer finds out who sends a token that an issuer has made.
func (s *Service) Bearer(ctx context.Context, token string) (access.Principal, error) {
	if s.Machines != nil {
		if who, is, err := s.Machines.Bearer(ctx, token); is {
			return who, err
		}
	}
	if s.People == nil || issuerOf(token) != s.People.Issuer() {
		return access.Principal{}, fmt.Errorf("%w: no issuer that is known has made the token", ErrRefused)
	}
	return s.People.Bearer(ctx, token)
}

// Away reports whether an error is about an issuer that cannot be asked, and not about who asks.
func Away(err error) bool { return errors.Is(err, ErrAway) }
