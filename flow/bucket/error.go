// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"unicode"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"gocloud.dev/gcerrors"
)

// Class is what can be done about an error.
type Class int

// The classes.
const (
	// Unknown is an error that nobody has classified: people have to look at it.
	Unknown Class = iota
	// NotFound is an object that is not there.
	NotFound
	// NoStore is a bucket that is not there.
	NoStore
	// Exists is an object that is there, and was to be created.
	Exists
	// Denied is what the credentials do not allow, or that there are none.
	Denied
	// Transient is what may succeed when it is tried again.
	Transient
	// Invalid is what is not as it has to be, and stays so.
	Invalid
)

// String names the class.
func (c Class) String() string {
	return [...]string{"unknown", "not found", "no store", "exists", "denied", "transient", "invalid"}[c]
}

// Error is an error with its class. Its text has no credentials; what caused it can be asked for by [errors.Is], and is not
// unwrapped, since its text may have.
type Error struct {
	Class Class
	text  string
	cause error
}

// Error says what failed.
func (e *Error) Error() string { return e.text }

// Is reports whether the cause is the target.
func (e *Error) Is(target error) bool { return errors.Is(e.cause, target) }

// ClassOf returns the class of an error.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Unknown
}

// wrap gives an error its class, and says in words what failed.
func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return &Error{classify(err), scrub(doing + ": " + err.Error()), err}
}

// classify finds the class of what a store or a disk answers.
func classify(err error) Class {
	if known := ClassOf(err); known != Unknown {
		return known
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "NoSuchBucket" {
		return NoStore
	}
	switch code := gcerrors.Code(err); {
	case code == gcerrors.NotFound:
		return NotFound
	case code == gcerrors.FailedPrecondition, code == gcerrors.AlreadyExists:
		return Exists
	case code == gcerrors.PermissionDenied, strings.Contains(err.Error(), "failed to refresh cached credentials"):
		return Denied // AWS' client has no type for credentials that are nowhere
	case code == gcerrors.DeadlineExceeded, code == gcerrors.ResourceExhausted, code == gcerrors.Internal:
		return Transient
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.HTTPStatusCode() != 0 && response.HTTPStatusCode() != http.StatusOK {
		switch code := response.HTTPStatusCode(); {
		case code == http.StatusNotFound:
			return NotFound
		case code == http.StatusUnauthorized, code == http.StatusForbidden:
			return Denied
		case code == http.StatusPreconditionFailed:
			return Exists
		case code == http.StatusConflict, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= http.StatusInternalServerError:
			return Transient
		}
		return Unknown
	}
	return local(err)
}

// local finds the class of what happened on this side.
func local(err error) Class {
	_, network := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, fs.ErrExist):
		return Exists
	case errors.Is(err, fs.ErrNotExist):
		return NotFound
	case errors.Is(err, fs.ErrPermission):
		return Denied
	case network, errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, context.DeadlineExceeded):
		return Transient
	}
	return Unknown
}

var (
	userInfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^\s"'/]*@`)
	query    = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s"'?#]*)[?#][^\s"']*`)
)

// maxText is how many bytes the text of an error has.
const maxText = 600

// scrub takes what may be credentials out of a text that others wrote, and makes it one line.
func scrub(text string) string {
	text = userInfo.ReplaceAllString(query.ReplaceAllString(text, "${1}?***"), "${1}***@")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
