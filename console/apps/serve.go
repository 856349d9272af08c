// SPDX-License-Identifier: Apache-2.0

package apps

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/enter" {
		s.enter(w, r)
		return
	}
	ref, ok := refOf(r.URL.Path)
	now := s.opts.Now()
	if !ok || r.Host != s.opts.Origin.hostOf(ref) {
		s.refuse(w, r, http.StatusNotFound, ErrNotFound.Error())
		return
	}
	k, ok := s.session(r, ref, now)
	if !ok { // whether there is such a thing is not said to those without a session for it
		s.refuse(w, r, http.StatusNotFound, ErrNotFound.Error()+". Open it from the console: a session ends after a while")
		return
	}
	if !s.own(r, ref) {
		s.refuse(w, r, http.StatusForbidden, "a page of another origin cannot make this request")
		return
	}
	target, err := s.target(r.Context(), k)
	if err != nil {
		s.cannot(w, r, k, err)
		return
	}
	if now.Sub(k.Seen) > idle/4 {
		k.Seen = now
		if cookie, err := s.opts.Jar.Seal(sessionCookie, k, now, k.ends(now)); err == nil {
			http.SetCookie(w, cookie)
		}
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go s.watch(ctx, cancel, k)
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // that of the request would end what is sent for longer
	s.pass(w, r.WithContext(ctx), k, target)
}

// watch ends what goes on once it may not any more.
func (s *Server) watch(ctx context.Context, cancel context.CancelFunc, k kept) {
	again := time.NewTicker(s.opts.LookAgain)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
		_, err := s.target(ctx, k)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNotReady) {
			s.opts.Log.Info("a connection to an application is ended", "kind", k.Ref.Kind, "name", k.Ref.Name, "by", k.Who.String(), "why", err.Error())
			cancel()
			return
		}
	}
}

// own reports whether a request is made by a page of the application itself, or by the person: the credentials that it is given are good
// for everything. A page of another application has the same site, and its requests have the cookie.
func (s *Server) own(r *http.Request, ref Ref) bool {
	if origin := r.Header.Get("Origin"); origin != "" && origin != s.opts.Origin.Of(ref) {
		return false
	}
	if upgrades(r) && r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") != "" {
		return false // browsers let pages of any origin begin a WebSocket, and say of which
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none", "":
		return s.foreign.Check(r) == nil
	}
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// upgrades reports whether a request is to become a connection of another kind, such as a WebSocket.
func upgrades(r *http.Request) bool {
	return slices.ContainsFunc(r.Header.Values("Connection"), func(v string) bool {
		return slices.ContainsFunc(strings.Split(v, ","), func(t string) bool { return strings.EqualFold(strings.TrimSpace(t), "upgrade") })
	})
}

// cannot answers why an application cannot be had.
func (s *Server) cannot(w http.ResponseWriter, r *http.Request, k kept, err error) {
	switch {
	case errors.Is(err, ErrNotFound):
		s.refuse(w, r, http.StatusNotFound, ErrNotFound.Error())
	case errors.Is(err, ErrNotReady):
		w.Header().Set("Retry-After", "5")
		s.refuse(w, r, http.StatusServiceUnavailable, err.Error())
	default:
		s.opts.Log.Warn("an application is not reached", "kind", k.Ref.Kind, "name", k.Ref.Name, "environment", k.Ref.Environment, "project", k.Ref.Project, "err", err.Error())
		s.refuse(w, r, http.StatusBadGateway, "the application is not reached; see the daemon's log")
	}
}

// refusal is a page of one sentence. It has no script, and needs none.
const refusal = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">` +
	`<title>Trunkline</title><main><h1>{{.Status}}</h1><p>{{.Text}}</p>{{with .Console}}<p><a href="{{.}}">To the console</a></p>{{end}}</main></html>`

// refuse answers with a sentence: as a page if a browser asks for one.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, text string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text + "\n")) // who asked may be gone
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	page, err := template.New("refusal").Parse(refusal)
	if err == nil {
		err = page.Execute(w, map[string]string{"Status": http.StatusText(status), "Text": text, "Console": s.opts.Console})
	}
	if err != nil {
		s.opts.Log.Debug("cannot answer", "err", err.Error())
	}
}
