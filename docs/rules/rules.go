// SPDX-License-Identifier: Apache-2.0

// Package rules holds the page of each rule, and what the page's head says of it.
//
// It may import nothing of Trunkline.
package rules

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"sync"
)

//go:embed *.md
var pages embed.FS

// Rule is a rule that comes with Trunkline.
type Rule struct {
	// ID is its stable name, and that of its page.
	ID string
	// Title says what breaks it.
	Title string
	// Default is how severe it is where the platform does not say otherwise: "deny", "warn" or "off".
	Default string
	// Fixed reports whether the platform cannot say otherwise.
	Fixed bool
	// Needs is the input that the rule needs beside the tree: "base", "author" or "estimate"; empty for nothing.
	Needs string
	// Page is the whole page, in Markdown.
	Page string
}

var (
	title = regexp.MustCompile(`\A# ([a-z0-9-]+): (.+)\n`)
	head  = regexp.MustCompile(`(?m)^<!-- severity: (deny|warn|off) · can be set: (yes|no) · needs: (nothing|base|author|estimate) -->$`)
)

// All returns the rules by id.
var All = sync.OnceValues(func() (map[string]Rule, error) {
	files, err := fs.Glob(pages, "*.md")
	if err != nil {
		return nil, err
	}
	rules := make(map[string]Rule, len(files))
	for _, file := range files {
		page, err := fs.ReadFile(pages, file)
		if err != nil {
			return nil, err
		}
		id := strings.TrimSuffix(path.Base(file), ".md")
		if id == "README" {
			continue
		}
		t, h := title.FindSubmatch(page), head.FindSubmatch(page)
		if t == nil || h == nil || string(t[1]) != id {
			return nil, fmt.Errorf("the page %s does not begin as the page of a rule does", file)
		}
		r := Rule{ID: id, Title: string(t[2]), Default: string(h[1]), Fixed: string(h[2]) == "no", Needs: string(h[3]), Page: string(page)}
		if r.Needs == "nothing" {
			r.Needs = ""
		}
		rules[id] = r
	}
	return rules, nil
})
