// SPDX-License-Identifier: Apache-2.0

// Package tokens keeps the tokens that people make for themselves and for projects: what they are for, until when, and a hash of
// each, and which sessions of people are good. It is the one owner of that. What a token may do is decided when it is used, by the
// rights of its owner then.
//
// Of Trunkline it may import access and reconciler/history, beside whose tables its own are.
package tokens

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/access"
)

const (
	// prefix begins each token, so that it is known where it turns up, such as in a repository.
	prefix = "tlt_"
	// idBytes and secretBytes are what a token is made of.
	idBytes, secretBytes = 8, 32
	// MaxLife bounds how long a token is good for.
	MaxLife = 366 * 24 * time.Hour
	// DefaultLife is how long one is good for unless it is said.
	DefaultLife = 90 * 24 * time.Hour
	// ownerSeen bounds how long the groups of an owner count who has not signed on since.
	ownerSeen = 30 * 24 * time.Hour
	// maxOwned bounds how many good ones one owner has.
	maxOwned = 100
)

// The errors of this package.
var (
	// ErrUnknown means that there is no such token, or not for whoever asks.
	ErrUnknown = errors.New("there is no such token")
	// ErrInvalid means that a token cannot be as it is asked for; the text is for people.
	ErrInvalid = errors.New("the token cannot be made")
	// errDead means that a token is revoked, has expired, or is no good.
	errDead = errors.New("the token is not good")
)

// Token is one that was made. Its secret is not in it.
type Token struct {
	ID string `json:"id"`
	// Name is what its maker calls it, and Owner as whom it acts; Project is set if it is one of a project.
	Name    string `json:"name"`
	Owner   string `json:"owner"`
	Project string `json:"project,omitempty"`
	// Rights, Projects and Environments are what it is for; empty: whatever its owner may.
	Rights       []access.Right `json:"rights,omitempty"`
	Projects     []string       `json:"projects,omitempty"`
	Environments []string       `json:"environments,omitempty"`
	// By is who made it.
	By      string    `json:"by"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	// Used is when it was used last, to the minute or so, and Revoked when it was revoked.
	Used    time.Time `json:"used,omitzero"`
	Revoked time.Time `json:"revoked,omitzero"`

	hash string
	// groups are those of the owner when they signed on last, and seen is when that was.
	groups []string
	seen   time.Time
}

// Request is what a token is to be.
type Request struct {
	Name                   string
	Project                string
	Rights                 []access.Right
	Projects, Environments []string
	Life                   time.Duration
}

// name is what tokens can be called.
var name = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`)

// New makes a token for someone, and returns it with its secret, which nobody can ask for again.
func New(q Request, by access.Principal, now time.Time) (Token, string, error) {
	invalid := func(format string, args ...any) (Token, string, error) {
		return Token{}, "", fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
	}
	if q.Life == 0 {
		q.Life = DefaultLife
	}
	switch {
	case !name.MatchString(q.Name):
		return invalid("its name has at most 63 lower-case letters, digits, dots and dashes")
	case q.Life < time.Minute || q.Life > MaxLife:
		return invalid("it is good for a minute at least, and for %d days at most", int(MaxLife.Hours()/24))
	case by.Nameless() || by.Name == "":
		return invalid("whoever has no name of their own has no tokens")
	case by.SignOn == access.ByFederation:
		return invalid("a machine that signs on at an issuer has no tokens of its own: it gets new ones there")
	case by.Limits != nil:
		return invalid("a token makes no tokens: sign on")
	case q.Project != "" && len(q.Projects) > 0:
		return invalid("a token of a project is for that project")
	}
	for _, r := range q.Rights {
		if !slices.Contains(access.Rights(), r) {
			return invalid("there is no right %q: there are %v", r, access.Rights())
		}
	}
	t := Token{
		ID: hex.EncodeToString(random(idBytes)), Name: q.Name, Owner: by.Name, Project: q.Project, Rights: q.Rights, Projects: q.Projects, Environments: q.Environments,
		By: by.Name, Created: now, Expires: now.Add(q.Life), groups: by.Groups, seen: now,
	}
	if q.Project != "" {
		t.Owner, t.groups = access.ProjectPrefix+q.Project+"/"+q.Name, nil
		t.Projects = []string{q.Project}
	}
	secret := base64.RawURLEncoding.EncodeToString(random(secretBytes))
	t.hash = hashed(secret)
	return t, prefix + t.ID + "_" + secret, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return b
}

// hashed is what is kept of a secret. It is as long as what it is made of is random, so that a slow hash would add nothing.
func hashed(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Is reports whether a text is meant to be a token of this package.
func Is(text string) bool { return strings.HasPrefix(text, prefix) }

// parse takes a token apart.
func parse(text string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(text) > 200 {
		return "", "", false
	}
	id, secret, ok = strings.Cut(rest, "_")
	return id, secret, ok && len(id) == 2*idBytes && secret != ""
}

// principal is as whom a token acts, if it is good.
func (t Token) principal(secret string, now time.Time) (access.Principal, error) {
	if subtle.ConstantTimeCompare([]byte(hashed(secret)), []byte(t.hash)) != 1 || !t.Revoked.IsZero() || !now.Before(t.Expires) {
		return access.Principal{}, errDead
	}
	p := access.Principal{
		Name: t.Owner, SignOn: access.ByOwnToken, Token: t.ID, Limits: &access.Limits{Rights: t.Rights, Projects: t.Projects, Environments: t.Environments},
	}
	if t.Project != "" {
		p.SignOn = access.ByProjectToken
	} else if now.Before(t.seen.Add(ownerSeen)) {
		p.Groups = t.groups
	}
	return p, nil
}
