// SPDX-License-Identifier: Apache-2.0

package web

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

// maxFound is how many of a kind are shown.
const maxFound = 12

// searchPage is what the search shows.
type searchPage struct {
	Text  string
	Kinds []foundKind
	Total int
}

// foundKind is what was found of a kind.
type foundKind struct {
	Name  string
	Items []foundItem
	// More is how many are not shown.
	More int
}

type foundItem struct {
	Name, Path, Note string
	rank             int
}

func showSearch(a *ask) (shown, error) {
	a.search = a.one("q")
	return shown{Title: "Search", View: searchView(a.search, a.state, a.Catalog(), a.sight.Sees)}, nil
}

// searchView returns what a text is found in: names that are it before those that begin with it, and those before the others. A
// text of hexadecimal digits is the beginning of a commit, too.
func searchView(text string, p *status.Platform, cat *catalog.Catalog, sees func(project, environment string) bool) searchPage {
	v := searchPage{Text: text}
	s := search{text: strings.ToLower(text), kinds: map[string]map[string]foundItem{}}
	if s.text == "" {
		return v
	}
	if cat != nil {
		s.declared(cat, sees)
	}
	s.running(p)
	for _, kind := range searchKinds() {
		items := slices.SortedFunc(maps.Values(s.kinds[kind]), func(a, b foundItem) int {
			if a.rank != b.rank {
				return a.rank - b.rank
			}
			return strings.Compare(a.Name, b.Name)
		})
		if len(items) == 0 {
			continue
		}
		v.Total += len(items)
		shown := items[:min(len(items), maxFound)]
		v.Kinds = append(v.Kinds, foundKind{kind, shown, len(items) - len(shown)})
	}
	return v
}

// searchKinds are what is searched, in the order in which it is shown.
func searchKinds() []string {
	return []string{"Projects", "Datasets", "Workloads", "Owners", "Environments", "Clusters", "Commits", "Releases"}
}

// search is what was found, by kind and name.
type search struct {
	text  string
	kinds map[string]map[string]foundItem
}

func (s *search) add(kind, name, match, path, note string) {
	lower := strings.ToLower(match)
	at := strings.Index(lower, s.text)
	if at < 0 {
		return
	}
	rank := 2
	if at == 0 {
		rank = 1
	}
	if lower == s.text {
		rank = 0
	}
	if s.kinds[kind] == nil {
		s.kinds[kind] = map[string]foundItem{}
	}
	if _, known := s.kinds[kind][name]; !known {
		s.kinds[kind][name] = foundItem{name, path, line(note, 120), rank}
	}
}

func (s *search) declared(cat *catalog.Catalog, sees func(project, environment string) bool) {
	for p := range cat.Projects() {
		if !sees(p.Name, "") {
			continue
		}
		s.add("Projects", p.Name, p.Name, projectPath(p.Name), p.Spec.Description)
		s.add("Owners", p.Spec.Owner, p.Spec.Owner, ownerPath(p.Spec.Owner), "")
		for i := range p.Spec.Datasets {
			d := &p.Spec.Datasets[i]
			id := p.Name + "/" + d.Name + "@" + d.Version
			s.add("Datasets", id, id, nodePath(id), d.Description)
		}
		for i := range p.Spec.Workloads {
			w := &p.Spec.Workloads[i]
			s.add("Workloads", p.Name+"/"+w.Name, p.Name+"/"+w.Name, nodePath(p.Name+"/"+w.Name), w.Description)
		}
	}
	for name := range cat.Environments {
		if !sees("", name) {
			continue
		}
		s.add("Environments", name, name, "/?"+url.Values{"environment": {name}}.Encode(), "")
	}
}

func (s *search) running(p *status.Platform) {
	for _, c := range p.Clusters {
		s.add("Clusters", c.Name, c.Name, "/releases?"+url.Values{"cluster": {c.Name}}.Encode(), c.Message)
	}
	hex := len(s.text) >= 4 && strings.Trim(s.text, "0123456789abcdef") == ""
	commit := func(c *status.Commit) {
		if c != nil && (hex && strings.HasPrefix(c.Hash, s.text) || strings.Contains(strings.ToLower(c.Subject), s.text)) {
			s.commit(c.Hash, c.Subject)
		}
	}
	commit(p.Source.Accepted)
	commit(p.Source.Head)
	for i := range p.Releases {
		r := &p.Releases[i]
		s.add("Projects", r.Project, r.Project, projectPath(r.Project), "")
		s.add("Environments", r.Environment, r.Environment, "/?"+url.Values{"environment": {r.Environment}}.Encode(), "")
		s.add("Releases", r.String(), r.String(), releasePath(r.ReleaseID), badgeOf(r).Text)
		if hex && strings.HasPrefix(r.Own(), s.text) {
			s.commit(r.Own(), "")
		}
	}
}

// commit adds a commit, which leads to what is at it.
func (s *search) commit(hash, subject string) {
	if s.kinds["Commits"] == nil {
		s.kinds["Commits"] = map[string]foundItem{}
	}
	if _, known := s.kinds["Commits"][hash]; !known {
		s.kinds["Commits"][hash] = foundItem{Name: hash, Path: "/releases?" + url.Values{"commit": {hash}}.Encode(), Note: line(subject, 120)}
	}
}
