// SPDX-License-Identifier: Apache-2.0

package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// problemType is the media type of RFC 9457.
const problemType = "application/problem+json"

// Problem is an answer that says no, as RFC 9457 has it.
type Problem struct { //nolint:errname // it is an answer, of the name that RFC 9457 gives it
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail is a sentence for the person who asked.
	Detail string `json:"detail,omitempty"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// problemf returns the problem of a request.
func problemf(status int, format string, args ...any) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// fail answers with an error. What is no [Problem] is our own failure, whose cause is for whoever reads the log.
func (c *console) fail(w http.ResponseWriter, r *http.Request, err error) {
	p, ok := errors.AsType[*Problem](err)
	if !ok {
		c.opts.Log.Error("a request failed", "method", r.Method, "path", r.URL.Path, "err", err.Error())
		p = problemf(http.StatusInternalServerError, "internal error; see the daemon's log")
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if c.forPerson(r) {
		c.opts.Pages.Problem(w, r, p)
		return
	}
	c.write(w, p.Status, problemType, p)
}

// answer writes a value as JSON.
func (c *console) answer(w http.ResponseWriter, status int, v any) {
	c.write(w, status, "application/json", v)
}

func (c *console) write(w http.ResponseWriter, status int, kind string, v any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		c.opts.Log.Debug("cannot answer", "err", err.Error())
	}
}
