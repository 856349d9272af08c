// SPDX-License-Identifier: Apache-2.0

package secretref

import (
	"regexp"
	"strings"
)

// Reason is why a secret cannot be read.
type Reason string

// The reasons.
const (
	// NotFound is a secret, or a version of it, that its store does not have.
	NotFound Reason = "not-found"
	// Denied is a secret that the account of the workload may not read.
	Denied Reason = "denied"
	// NoIdentity is a pod that is nobody for the store, or whom the store does not know.
	NoIdentity Reason = "no-identity"
	// NoKey is a secret without the key.
	NoKey Reason = "no-key"
	// Unreachable is a store that does not answer, also after some attempts.
	Unreachable Reason = "unreachable"
	// Unusable is a value that no variable can have: it is too long, or binary.
	Unusable Reason = "unusable"
	// Refused is a request that the store refuses for another reason.
	Refused Reason = "refused"
)

// Reasons are all that there are.
func Reasons() []Reason {
	return []Reason{NotFound, Denied, NoIdentity, NoKey, Unreachable, Unusable, Refused}
}

// String says it in a sentence without its subject, which is the secret.
func (r Reason) String() string {
	switch r {
	case NotFound:
		return "is not there"
	case Denied:
		return "may not be read by the account of the workload"
	case NoIdentity:
		return "cannot be asked for: its store does not know the account of the workload"
	case NoKey:
		return "is there, and does not have the key"
	case Unreachable:
		return "cannot be read: its store does not answer"
	case Unusable:
		return "has a value that no variable can have"
	default:
		return "is refused by its store"
	}
}

// note is what a pod leaves as its message when it ends: which variable, and why. It has no other text, so that nothing can come along.
const note = "trunkline-secret "

// variableName is what a message may name.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,252}$`)

// Message is what a pod leaves behind that cannot read a secret.
func Message(variable string, r Reason) string { return note + string(r) + " " + variable }

// ParseMessage reads such a message. Only what is known counts: a program may have written it.
func ParseMessage(text string) (variable string, r Reason, ok bool) {
	rest, ours := strings.CutPrefix(strings.TrimSpace(text), note)
	said, variable, two := strings.Cut(rest, " ")
	if !ours || !two || !variableName.MatchString(variable) {
		return "", "", false
	}
	for _, known := range Reasons() {
		if said == string(known) {
			return variable, known, true
		}
	}
	return "", "", false
}
