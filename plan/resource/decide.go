// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"fmt"
	"strings"
)

// Owner is whose a resource is: it is written on the resource itself, as a tag or a parameter.
type Owner struct{ Platform, Environment, Project string }

// String writes an owner as it is written on a resource, such as "acme/prod/orders".
func (o Owner) String() string { return o.Platform + "/" + o.Environment + "/" + o.Project }

// ParseOwner reads what is written on a resource; false if it is nobody's of Trunkline.
func ParseOwner(text string) (Owner, bool) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return Owner{}, false
	}
	return Owner{parts[0], parts[1], parts[2]}, true
}

// What is written on a resource.
const (
	OwnerMark   = "trunkline.dev/owner"      // The project that owns a resource of the cloud.
	RemovalMark = "trunkline.dev/on-removal" // What becomes of a resource of the cloud once it is not declared any more: "keep" or "remove".
	// RemovalKeep and RemovalRemove are the values of RemovalMark.
	RemovalKeep   = "keep"
	RemovalRemove = "remove"
)

// RefusalError is why a resource that is there is not changed: it is another's.
type RefusalError struct{ Why string }

// Error says why.
func (r *RefusalError) Error() string { return r.Why }

// MayChange reports whether a resource that is there may be changed for an owner; the error is a [RefusalError]. Mark is what is written on
// it as its owner, empty if nothing is. Of one platform and environment, at most one project declares it.
func MayChange(what string, mark string, owner Owner, adopt bool) error {
	theirs, ok := ParseOwner(mark)
	switch {
	case ok && theirs == owner:
		return nil
	case ok && (theirs.Platform != owner.Platform || theirs.Environment != owner.Environment):
		return &RefusalError{fmt.Sprintf("%s is there, and belongs to %s: nothing of it is changed; choose another name, or take the mark %s off it", what, mark, OwnerMark)}
	case adopt:
		return nil
	case ok:
		return &RefusalError{fmt.Sprintf("%s is there, and was made for the project %s: to take it over, write adopt: true", what, theirs.Project)}
	}
	return &RefusalError{fmt.Sprintf("%s is there, and was not made by Trunkline: to take it over, write adopt: true; otherwise choose another name", what)}
}

// Left is a resource that is there and belongs to an environment.
type Left struct {
	// ID is as of the declaration, such as "bucket acme-orders".
	ID    string
	Owner Owner
	// Removal is what was written on it.
	Removal string
}

// ToRemove reports whether something that is there has to go: it was made for a project of this platform and environment, that does not declare
// it any more, and the last declaration said so.
func ToRemove(l Left, platform, environment string, declared func(id string) bool) bool {
	return l.Owner.Platform == platform && l.Owner.Environment == environment && l.Removal == RemovalRemove && !declared(l.ID)
}

// ARN is the beginning of the addresses of buckets in a region, which are others in China and for the government of the USA.
func ARN(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "arn:aws-cn:s3:::"
	case strings.HasPrefix(region, "us-gov-"):
		return "arn:aws-us-gov:s3:::"
	}
	return "arn:aws:s3:::"
}
