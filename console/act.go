// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

// Actor does what people ask for by hand.
type Actor interface {
	// Do acts on a release, and returns when that is saved.
	Do(ctx context.Context, id catalog.ReleaseID, act string, by Attribution) error
	// Approve confirms what is held in an environment, if that is still what the digest is of.
	Approve(environment, digest string, by Attribution) error
}

// Attribution is who asks for something, and why.
type Attribution struct {
	Principal access.Principal
	Why       string
}

// What an [Actor] refuses is one of these; what is to be said to people is the text of the error.
var (
	// ErrNotFound means that there is no such release, environment or act.
	ErrNotFound = errors.New("not found")
	// ErrConflict means that it cannot be done as things are.
	ErrConflict = errors.New("conflict")
	// ErrUnsaved means that it is accepted, and not persisted yet.
	ErrUnsaved = errors.New("not persisted yet")
	// ErrNotKnown means that it is not known here, or not yet.
	ErrNotKnown = errors.New("not known")
)

const (
	// maxAct bounds the body of a request, in bytes.
	maxAct = 4 << 10
	// maxWhy bounds a reason, in bytes: it is kept with the release.
	maxWhy = 500
	// actTimeout bounds how long a request waits for what was asked for to be persisted.
	actTimeout = 15 * time.Second
)

// Act is the body of a request to act on a release.
type Act struct {
	Why string `json:"why,omitempty"`
}

// Approval is the body of a request to approve removals.
type Approval struct {
	Why string `json:"why,omitempty"`
	// Digest is that of the removals as the status shows them: what is approved is exactly that.
	Digest *string `json:"digest"`
}

// body reads a request to act. It has to be JSON by its type, which a page of another origin cannot send from a browser
// without being asked whether it may.
func (c *console) body(w http.ResponseWriter, r *http.Request, into any) error {
	return c.bodyOf(w, r, into, maxAct, `the body must be like {"why": "incident 7"}, at most 4 KiB; the sign-on identifies the caller`)
}

// bodyOf is body for one that may be larger. The text says how it has to be.
func (c *console) bodyOf(w http.ResponseWriter, r *http.Request, into any, most int64, form string) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return problemf(http.StatusUnsupportedMediaType, "the body must be application/json")
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return problemf(http.StatusBadRequest, "%s", form)
	}
	return nil
}

// attribution returns who acts. Nobody acts without a name, be it one that is only claimed: the header that carries the claim is
// also what no page of another origin can send.
func attribution(r *http.Request, why string) (Attribution, error) {
	who := principalOf(r.Context())
	if who.Nameless() && who.Claim == "" {
		return Attribution{}, problemf(http.StatusBadRequest, "name the caller in the header %s: this sign-on has no name", ClaimHeader)
	}
	why = strings.TrimSpace(why)
	if len(why) > maxWhy {
		return Attribution{}, problemf(http.StatusBadRequest, "why is longer than %d bytes", maxWhy)
	}
	return Attribution{Principal: who, Why: why}, nil
}

func (c *console) act(w http.ResponseWriter, r *http.Request) error {
	var body Act
	if err := c.body(w, r, &body); err != nil {
		return err
	}
	by, err := attribution(r, body.Why)
	if err != nil {
		return err
	}
	id := releaseOf(r)
	ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
	defer cancel()
	if err := c.opts.Actor.Do(ctx, id, r.PathValue("act"), by); err != nil {
		return c.refused(err)
	}
	release, ok := c.opts.Board.Release(id)
	if !ok {
		release = status.Release{ReleaseID: id, Result: status.Pending, Health: status.Unknown} // it is gone meanwhile
	}
	c.answer(w, http.StatusAccepted, c.sight(r).release(release))
	return nil
}

func (c *console) approve(w http.ResponseWriter, r *http.Request) error {
	var body Approval
	if err := c.body(w, r, &body); err != nil {
		return err
	}
	if body.Digest == nil {
		return problemf(http.StatusBadRequest, "the digest is missing: send that of the removals, as the status shows it")
	}
	by, err := attribution(r, body.Why)
	if err != nil {
		return err
	}
	if err := c.opts.Actor.Approve(r.PathValue("environment"), *body.Digest, by); err != nil {
		return c.refused(err)
	}
	c.answer(w, http.StatusAccepted, Outcome{"what was shown is approved"})
	return nil
}

// refused returns the problem for an error of an [Actor].
func (c *console) refused(err error) error {
	for kind, code := range map[error]int{
		ErrNotFound: http.StatusNotFound, ErrConflict: http.StatusConflict, ErrUnsaved: http.StatusServiceUnavailable,
		ErrNotKnown: http.StatusServiceUnavailable,
	} {
		if errors.Is(err, kind) {
			return problemf(code, "%s", err.Error())
		}
	}
	return err
}
