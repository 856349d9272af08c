// SPDX-License-Identifier: Apache-2.0

package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"trunkline.dev/trunkline/webhooks"
)

// Class says what may be done about an error.
type Class string

// The classes.
const (
	// Terminal is not better when it is tried again: what was asked for is wrong, or not allowed.
	Terminal Class = "terminal"
	// Transient may be better later.
	Transient Class = "transient"
	// Limited is a rate limit: it is over at [Error.RetryAt].
	Limited Class = "limited"
)

// Error is what went wrong between us and GitHub. Its text is for people and has no credentials.
type Error struct {
	Class Class
	// Status is GitHub's answer; zero: there was none.
	Status int
	// What was to be done, and Repository where.
	What, Repository string

	retryAt time.Time
	text    string
	cause   error
}

func (e *Error) Error() string {
	return fmt.Sprintf("GitHub, %s: %s: %s", e.Repository, e.What, e.text)
}

// Unwrap returns the cause where nothing of GitHub's answer is in it.
func (e *Error) Unwrap() error { return e.cause }

// RetryAt is when it is worth trying again; zero: nothing is known of that.
func (e *Error) RetryAt() time.Time { return e.retryAt }

// Temporary reports whether the same request may work later.
func (e *Error) Temporary() bool { return e.Class != Terminal }

// explain makes an [Error] of whatever a call to GitHub returned.
func explain(what, repository string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{What: what, Repository: repository, Class: Transient}
	var limited *limitedError
	var primary *github.RateLimitError
	var secondary *github.AbuseRateLimitError
	var refused *github.ErrorResponse
	var token *ghinstallation.HTTPError
	switch {
	case errors.As(err, &limited):
		e.Class, e.retryAt = Limited, limited.until
		e.text = limited.Error()
	case errors.As(err, &primary):
		e.Class, e.retryAt, e.Status = Limited, primary.Rate.Reset.Time, http.StatusForbidden
		e.text = "the rate limit is used up until " + clock(e.retryAt)
	case errors.As(err, &secondary):
		e.Class, e.Status = Limited, http.StatusForbidden
		e.text = "GitHub asks for a pause (secondary rate limit)"
	case errors.As(err, &refused) && refused.Response != nil:
		e.refused(refused.Response.StatusCode, refused.Message, details(refused))
	case errors.As(err, &token) && token.Response != nil:
		e.refused(token.Response.StatusCode, "", "")
		e.text = "no token of the App's installation: " + e.text
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.cause = err
		e.text = "it took too long, or is no longer wanted"
	default:
		e.text = scrub(err)
	}
	return e
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

// refused reads an answer that is no success.
func (e *Error) refused(status int, message, more string) {
	e.Status, e.Class = status, Terminal
	says := strings.TrimSpace(clip(oneLine(message+" "+more), 300))
	if says != "" {
		says = " (GitHub says: " + says + ")"
	}
	switch {
	case status == http.StatusUnauthorized:
		e.text = "the credentials are not accepted: check the token, or the App's id and key" + says
		e.Class = Transient // a token that expired this moment, a key that is being renewed
	case status == http.StatusForbidden:
		e.text = "not allowed: check the permissions of the App or token, which docs/github.md lists" + says
	case status == http.StatusNotFound, status == http.StatusGone:
		e.cause = webhooks.ErrNotFound
		e.text = "not found, or not shown to us" + says
	case status == http.StatusConflict:
		e.Class = Transient
		e.text = "something else changed in between" + says
	case status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		e.Class = Transient
		e.text = fmt.Sprintf("GitHub is not well (%d)%s", status, says)
	default:
		e.text = fmt.Sprintf("refused with %d%s", status, says)
	}
}

// details are what GitHub says beside the message: which field is wrong, and why.
func details(r *github.ErrorResponse) string {
	var out []string
	for _, each := range r.Errors {
		switch {
		case each.Message != "":
			out = append(out, each.Message)
		case each.Field != "":
			out = append(out, each.Field+" "+each.Code)
		}
	}
	return strings.Join(out, "; ")
}

var (
	// secrets are what GitHub's credentials look like, wherever they turn up.
	secrets  = regexp.MustCompile(`\b(gh[opsur]_[A-Za-z0-9_]{16,}|github_pat_[A-Za-z0-9_]{16,}|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)`)
	userinfo = regexp.MustCompile(`://[^/@\s]+@`)
)

// scrub is the text of an error without addresses' parameters and credentials.
func scrub(err error) string {
	var at *url.Error
	if errors.As(err, &at) && at.Err != nil {
		err = at.Err // without the address, of which the call says enough
	}
	return clip(redact(oneLine(err.Error())), 300)
}

func redact(s string) string {
	return userinfo.ReplaceAllString(secrets.ReplaceAllString(s, "[redacted]"), "://[redacted]@")
}

func oneLine(s string) string { return redact(strings.Join(strings.Fields(s), " ")) }

// clip cuts a text to a number of characters.
func clip(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most-1]) + "…"
}
