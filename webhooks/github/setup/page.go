// SPDX-License-Identifier: Apache-2.0

package setup

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
)

//go:embed pages
var pages embed.FS

var (
	offerPage   = page("offer.html")
	donePage    = page("done.html")
	problemPage = page("problem.html")
)

func page(name string) *template.Template {
	return template.Must(template.New("frame.html").ParseFS(pages, "pages/frame.html", "pages/"+name))
}

// offer shows what the App will be allowed to do, and the button that asks GitHub for it.
func (d *desk) offer(w http.ResponseWriter) {
	o := d.options
	offer, err := o.Offer(d.state, "http://"+d.host+"/created")
	if err != nil {
		problem(w, http.StatusInternalServerError, "The manifest could not be written.")
		return
	}
	render(w, http.StatusOK, offerPage, map[string]any{
		"Options": o, "Permissions": o.Permissions(), "Hook": offer.Hook, "Manifest": offer.Manifest, "Action": offer.Action,
	})
}

func problem(w http.ResponseWriter, status int, text string) { render(w, status, problemPage, text) }

// render writes a page that nothing keeps, frames or adds to, and whose address goes nowhere.
func render(w http.ResponseWriter, status int, t *template.Template, data any) {
	var body bytes.Buffer
	if err := t.Execute(&body, data); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
}
