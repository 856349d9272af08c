// SPDX-License-Identifier: Apache-2.0

package console

import (
	"errors"
	"net/http"
	"strings"
)

// Reports are the full reports of pull requests.
type Reports interface {
	// Read returns the report that a link leads to, as HTML or in Markdown. The error is [ErrNotFound] for what is no link, or has
	// expired, and [ErrGone] if the report is not kept any more.
	Read(link string, markdown bool) ([]byte, error)
	// Policy is the Content-Security-Policy of the HTML.
	Policy() string
}

// ErrGone means that there was such a thing, which is not kept any more.
var ErrGone = errors.New("gone")

// report serves a full report to whoever has the link to it: that is signed, and says which report it is to, and until when. What
// is wrong with another one is not said: it is as if there were no such route.
func (c *console) report(w http.ResponseWriter, r *http.Request) error {
	if c.opts.Reports == nil {
		return nowhere()
	}
	markdown := strings.HasPrefix(r.Header.Get("Accept"), "text/markdown")
	content, err := c.opts.Reports.Read(r.PathValue("link"), markdown)
	switch {
	case errors.Is(err, ErrNotFound):
		return nowhere()
	case errors.Is(err, ErrGone):
		return problemf(http.StatusGone, "the report is not kept any more: comment \"/trunkline retry\" on the pull request, and its comment has a new link")
	case err != nil:
		return err
	}
	kind := "text/html; charset=utf-8"
	if markdown {
		kind = "text/markdown; charset=utf-8"
	} else {
		w.Header().Set("Content-Security-Policy", c.opts.Reports.Policy())
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Robots-Tag", "noindex")
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(content); err != nil { //nolint:gosec // texts of others are escaped where the page is made
		c.opts.Log.Debug("cannot answer", "err", err.Error())
	}
	return nil
}

// nowhere is the answer to what no route is for.
func nowhere() error {
	return problemf(http.StatusNotFound, "there is no such route; GET /api/v1/openapi.json lists them")
}
