// SPDX-License-Identifier: Apache-2.0

package console

import (
	"net/http"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/reconciler/history"
)

// SessionsEnd is the body of a request to end sessions.
type SessionsEnd struct {
	// Name is whose; default: the caller's own.
	Name string `json:"name,omitempty"`
	Why  string `json:"why,omitempty"`
}

// endAll ends all sessions of someone: one's own, or anybody's for whoever administers the platform.
func (c *console) endAll(w http.ResponseWriter, r *http.Request) error {
	var body SessionsEnd
	if err := c.body(w, r, &body); err != nil {
		return err
	}
	name, err := c.endSessions(r, body)
	if err != nil {
		return err
	}
	c.answer(w, http.StatusOK, Outcome{"all sessions of " + name + " have ended"})
	return nil
}

// endSessions returns whose sessions it has ended.
func (c *console) endSessions(r *http.Request, asked SessionsEnd) (string, error) {
	s := c.opts.Sessions
	if s == nil || s.Jar == nil {
		return "", problemf(http.StatusNotFound, "nobody signs on here in a browser: this daemon has no issuer")
	}
	if s.Ends == nil {
		return "", problemf(http.StatusNotFound, "this daemon does not keep which sessions are good: it was started with --history off")
	}
	by, err := attribution(r, asked.Why)
	if err != nil {
		return "", err
	}
	who := by.Principal
	own := who.Limits == nil && (who.SignOn == access.BySession || who.SignOn == access.ByIssuer)
	name := asked.Name
	if name == "" && own {
		name = who.Name
	}
	if d := c.opts.Access().May(who, access.Admin, access.Scope{}); !d.Allowed && (!own || name != who.Name) {
		return "", problemf(http.StatusForbidden, "%s", d.Why)
	}
	if access.CheckName(name) != nil {
		return "", problemf(http.StatusBadRequest, "say whose sessions are to end: the name of a person who signs on at the issuer")
	}
	if err := s.Ends.EndSessions(r.Context(), name); err != nil {
		return "", err
	}
	c.opts.Log.Info("sessions are ended", "of", name, "by", who.String(), "how", string(who.SignOn), "why", by.Why)
	if c.opts.Record != nil {
		c.opts.Record(history.Event{Kind: history.SessionsEnded, By: who.String(), SignOn: string(who.SignOn), Why: by.Why, Object: name})
	}
	return name, nil
}
