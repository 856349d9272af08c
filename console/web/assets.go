// SPDX-License-Identifier: Apache-2.0

package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"path"

	"trunkline.dev/trunkline/catalog/draw"
)

//go:embed static templates
var content embed.FS

// file is a file that pages need. Its address has the digest of its content, so that browsers keep it, and never an old one.
type file struct {
	name, path, kind string
	data             []byte
}

// files returns those of the folder static, and the style of pictures, which is where these are drawn.
func files() []file {
	entries, err := fs.ReadDir(content, "static")
	if err != nil {
		panic(err) // it is embedded
	}
	out := []file{newFile(graphStyle, []byte(draw.Stylesheet()+moodStyle))}
	for _, e := range entries {
		data, err := content.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err) // it is embedded
		}
		out = append(out, newFile(e.Name(), data))
	}
	return out
}

// contentType is that of a file, which does not depend on the machine.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	default:
		return "image/svg+xml"
	}
}

func newFile(name string, data []byte) file {
	sum := sha256.Sum256(data)
	return file{name: name, data: data, kind: contentType(name), path: "/static/" + hex.EncodeToString(sum[:8]) + "/" + name}
}

func (f file) serve(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(f.data) // whoever asked has gone
	return nil
}

// path returns the address of a file.
func (s *Site) path(name string) string {
	for _, f := range s.files {
		if f.name == name {
			return f.path
		}
	}
	return ""
}

// parse reads the template of a page, with what all pages have. It is embedded: one that is wrong ends the program in its first test.
func parse(name string) *template.Template {
	return template.Must(template.New(name).Funcs(functions()).ParseFS(content, "templates/layout.html", "templates/shared.html", "templates/acts.html", "templates/"+name+".html"))
}
