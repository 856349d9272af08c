// SPDX-License-Identifier: Apache-2.0

package access

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SignOn is how a [Principal] is known.
type SignOn string

// The ways to sign on.
const (
	// ByToken is a bearer token of the daemon's own configuration.
	ByToken SignOn = "token"
	// ByHook is GitHub's signature of a delivery.
	ByHook SignOn = "github-hook"
	// ByLoopback is a connection from this machine, to a daemon that asks for no token.
	ByLoopback SignOn = "loopback"
	// BySession is a page of the console, whose user has signed on at the issuer.
	BySession SignOn = "session"
	// ByIssuer is a bearer token that the issuer has made for a person.
	ByIssuer SignOn = "oidc"
	// ByFederation is a bearer token that the issuer of a machine has made.
	ByFederation SignOn = "federation"
	// ByOwnToken is a token that a person has made for themselves.
	ByOwnToken SignOn = "personal-token"
	// ByProjectToken is a token that was made for a project.
	ByProjectToken SignOn = "project-token"
	// ByGitHub is a command in a pull request.
	ByGitHub SignOn = "github"
)

const (
	// Anonymous is whoever connects from this machine.
	Anonymous = "anonymous@loopback"
	// SharedToken is whoever has the one token that is not a person's own.
	SharedToken = "token"
	// Hook is GitHub, and daemon what is done by no person.
	Hook, daemon = "github", "trunkline"
	// MaxName bounds a name, in bytes.
	MaxName = 200
	// GitHubPrefix begins the names of users of GitHub.
	GitHubPrefix = "github:"
	// maxGroups bounds what is taken of a claim.
	maxGroups = 1000
)

// Principal is who makes a request, and how that is known.
type Principal struct {
	// Name is that of a person or machine, as its sign-on proves it.
	Name   string
	SignOn SignOn
	// Groups are those of the issuer, and Teams those of GitHub.
	Groups, Teams []string
	// Claim is the name that someone gives who is not known by name.
	Claim string
	// Limits bound what may be done, whatever the bindings say; nil: they do not.
	Limits *Limits
	// Token is the id of the token that was used, if it is one that has an id.
	Token string
}

// String is how records name the principal. A name that is only claimed says so.
func (p Principal) String() string {
	if p.Claim != "" {
		return p.Claim + " (unverified)"
	}
	return p.Name
}

// Nameless reports whether the sign-on does not say who it is.
func (p Principal) Nameless() bool {
	return p.SignOn == ByLoopback || p.SignOn == ByToken && p.Name == SharedToken
}

// Limits are what a token is for. An empty list does not bound.
type Limits struct {
	Rights                 []Right
	Projects, Environments []string
}

// ErrName means that a name cannot be that of anybody.
var ErrName = errors.New("not a name")

// CheckName refuses a name that an issuer gives which is nobody's, or could pass for that of someone else: of another sign-on, or of
// the daemon. Whoever has no name is nobody, and may do nothing.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: the identity is empty", ErrName)
	case len(name) > MaxName || !utf8.ValidString(name):
		return fmt.Errorf("%w: the identity is no text of at most %d bytes", ErrName, MaxName)
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }):
		return fmt.Errorf("%w: the identity has spaces or characters that cannot be seen", ErrName)
	case strings.ContainsAny(name, ":*()"):
		return fmt.Errorf("%w: the identity has one of : * ( ), which could pass for another sign-on", ErrName)
	case name == Anonymous || name == SharedToken || name == Hook || name == daemon:
		return fmt.Errorf("%w: %q is reserved", ErrName, name)
	}
	return nil
}

// CheckGroups returns the groups of a claim, without those that are none.
func CheckGroups(groups []string) []string {
	var out []string
	for _, g := range groups {
		if g != "" && len(g) <= MaxName && utf8.ValidString(g) && len(out) < maxGroups {
			out = append(out, g)
		}
	}
	return out
}
