// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"encoding/base64"
	"path"
	"strings"

	"github.com/gobwas/glob"
	"helm.sh/helm/v3/pkg/chart"
)

// files is .Files of a template: what is in the chart besides templates and values.
type files map[string][]byte

func newFiles(from []*chart.File) files {
	f := files{}
	for _, file := range from {
		f[file.Name] = file.Data
	}
	return f
}

// Get returns a file's text, or an empty one.
func (f files) Get(name string) string { return string(f[name]) }

// GetBytes returns a file's bytes, or none.
func (f files) GetBytes(name string) []byte {
	if data, ok := f[name]; ok {
		return data
	}
	return []byte{}
}

// Glob returns the files whose path matches.
func (f files) Glob(pattern string) files {
	match := func(string) bool { return true }
	if g, err := glob.Compile(pattern, '/'); err == nil {
		match = g.Match
	}
	out := files{}
	for name, data := range f {
		if match(name) {
			out[name] = data
		}
	}
	return out
}

// AsConfig returns the files as the data of a ConfigMap, by the last part of their path.
func (f files) AsConfig() string {
	return f.table(func(data []byte) string { return string(data) })
}

// AsSecrets returns the files as the data of a Secret, by the last part of their path.
func (f files) AsSecrets() string { return f.table(base64.StdEncoding.EncodeToString) }

func (f files) table(text func([]byte) string) string {
	if f == nil {
		return ""
	}
	m := map[string]string{}
	// Of two files with the same base name, always the same one is taken.
	for _, name := range keys(f.names()) {
		m[path.Base(name)] = text(f[name])
	}
	return toYAML(m)
}

func (f files) names() map[string]any {
	m := map[string]any{}
	for name := range f {
		m[name] = nil
	}
	return m
}

// Lines returns the lines of a file.
func (f files) Lines(name string) []string {
	text := string(f[name])
	if text == "" {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
