// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"

	"trunkline.dev/trunkline/catalog/draw"
)

// fullLimit bounds a full report, in bytes.
const fullLimit = 4 << 20

// Full returns the full report of a pull request in Markdown: the comment without its bounds.
func Full(r Review) string {
	begin, end := heading(r), footer(r)
	return begin + compose(r.sections(State{}.after(r)), "", fullLimit-len(begin)-len(end)) + end
}

//go:embed page.css
var style string

// PagePolicy is the Content-Security-Policy of [Page]: its own style and pictures within it, and nothing else.
func PagePolicy() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{"short": short, "lines": DiffLines}).Parse(pageText))

// pageData is what a page shows. All texts in it are someone else's, and escaped by the template.
type pageData struct {
	Facts

	Style   template.CSS
	Picture template.URL
}

// Page returns the full report of a pull request as a page of HTML, which runs nothing and loads nothing. Differences after the
// first four MiB are left out, and said to be.
func Page(f Facts) ([]byte, error) {
	d := pageData{Facts: f, Style: template.CSS(style)} //nolint:gosec // it is ours
	if f.Flow != nil {
		var picture bytes.Buffer
		if err := draw.Write(&picture, draw.SVG, *f.Flow, draw.Options{}); err != nil {
			return nil, fmt.Errorf("drawing the data flow: %w", err)
		}
		d.Picture = template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(picture.Bytes())) //nolint:gosec // a picture, in which nothing is run
	}
	var out bytes.Buffer
	if err := page.Execute(&out, d); err != nil {
		return nil, fmt.Errorf("making the page of a report: %w", err)
	}
	return out.Bytes(), nil
}
