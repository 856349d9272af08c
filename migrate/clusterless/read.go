// SPDX-License-Identifier: Apache-2.0

package clusterless

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// deployable is one project in one placement, as a file has it.
type deployable struct {
	file             string
	node             *node
	project, version string
	placement        placement
}

// placement is where a project is deployed.
type placement struct{ stage, account, region string }

// store is the name of one of the buckets that Clusterless makes for a placement: metadata, arc-state or manifest.
func (p placement) store(of string) string {
	name := "clusterless-" + of + "-" + p.account + "-" + p.region
	if p.stage != "" {
		name = strings.ToLower(p.stage) + "-" + name
	}
	return name
}

// component is a resource, an activity, a boundary, a barrier or an arc.
type component struct {
	deployable

	node            *node
	kind, name, typ string
	exclude         bool
}

func (c component) get(name string) *node { return c.node.get(name) }

func (c component) String() string { return c.kind + " " + c.name }

// kinds are the lists of a project, with what one of each is called.
var kinds = []struct{ list, one string }{
	{"resources", "resource"}, {"activities", "activity"}, {"boundaries", "boundary"}, {"barriers", "barrier"}, {"arcs", "arc"},
}

var (
	accountForm = regexp.MustCompile(`^[0-9]{1,20}$`)
	regionForm  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// read reads all files, and holds them to each other as Clusterless does.
func (m *migration) read() error {
	for _, f := range m.Files {
		n, err := parseJSON(f.Name, f.Data)
		if err != nil {
			return err
		}
		all := []*node{n}
		if n.kind == list {
			all = n.items
		}
		for _, one := range all {
			d, err := m.deployable(f.Name, one)
			if err != nil {
				return err
			}
			if len(m.deployables) > 0 {
				first := m.deployables[0]
				if d.project != first.project || d.version != first.version || d.placement.stage != first.placement.stage {
					return d.at(one, "it is of project %s:%s, stage %q, and %s is of %s:%s, stage %q: take one project and stage over at a time",
						d.project, d.version, d.placement.stage, first.file, first.project, first.version, first.placement.stage)
				}
			}
			m.deployables = append(m.deployables, d)
		}
	}
	if len(m.deployables) == 0 {
		return fmt.Errorf("there is no project in %s", m.Files[0].Name)
	}
	return nil
}

// deployable reads what a project is, and where.
func (m *migration) deployable(file string, n *node) (deployable, error) {
	d := deployable{file: file, node: n}
	if n.kind != object {
		return d, d.at(n, "it is %s; want a project of Clusterless, or a list of them", n.kind)
	}
	project, err := d.object(n, "project")
	if err != nil {
		return d, err
	}
	if d.project, err = d.text(project, "name"); err != nil {
		return d, err
	}
	if d.version, err = d.text(project, "version"); err != nil {
		return d, err
	}
	if strings.ContainsAny(d.project+d.version, "/\\") {
		return d, d.at(project, "the name and version %q of the project cannot be part of a key", d.project+":"+d.version)
	}
	return d, m.placed(&d, n)
}

// placed reads the placement.
func (m *migration) placed(d *deployable, n *node) error {
	p, err := d.object(n, "placement")
	if err != nil {
		return err
	}
	provider, err := d.text(p, "provider")
	if err != nil {
		return err
	}
	if provider != "aws" {
		return d.at(p.get("provider"), "the provider %q is not known; want: aws", provider)
	}
	if d.placement.account, err = d.text(p, "account"); err != nil {
		return err
	}
	if d.placement.region, err = d.text(p, "region"); err != nil {
		return err
	}
	if s := p.get("stage"); s != nil {
		if d.placement.stage, err = d.text(p, "stage"); err != nil {
			return err
		}
		if label(d.placement.stage) == "" {
			return d.at(s, "the stage %q has no letter or digit", d.placement.stage)
		}
	}
	switch {
	case !accountForm.MatchString(d.placement.account):
		return d.at(p, "the account %q is no number", d.placement.account)
	case !regionForm.MatchString(d.placement.region):
		return d.at(p, "the region %q is none", d.placement.region)
	}
	m.unknown(*d, "project", n.get("project"), "name", "version")
	m.unknown(*d, "placement", p, "provider", "account", "region", "stage")
	m.unknown(*d, "the file", n, "project", "placement", "resources", "activities", "boundaries", "barriers", "arcs")
	return nil
}

// unknown notes the fields of an object that are none of those known.
func (m *migration) unknown(d deployable, what string, n *node, known ...string) {
	if n == nil {
		return
	}
	for _, f := range n.fields {
		if !slices.Contains(known, f.name) {
			m.note(d, f.value, what+": "+f.name, "it is not known here, and not carried over", "see what it does in the manual of Clusterless")
		}
	}
}

// components reads the components of a project, and refuses types that are not known.
func (d deployable) components() (out []component, err error) {
	for _, k := range kinds {
		all := d.node.get(k.list)
		if all == nil {
			continue
		}
		if all.kind != list {
			return nil, d.at(all, "%s is %s; want a list", k.list, all.kind)
		}
		for _, n := range all.items {
			c := component{deployable: d, node: n, kind: k.one}
			if n.kind != object {
				return nil, d.at(n, "%s has %s; want an object", k.list, n.kind)
			}
			if c.typ, err = d.text(n, "type"); err != nil {
				return nil, err
			}
			types := typesOf(k.one)
			if k.one != "barrier" && !slices.Contains(types, c.typ) {
				return nil, d.at(n.get("type"), "the %s has the type %q: %s", k.one, c.typ, v1alpha1.Suggest(c.typ, types))
			}
			if c.name, err = d.text(n, "name"); err != nil {
				return nil, err
			}
			if label(c.name) == "" {
				return nil, d.at(n, "the name %q has no letter or digit", c.name)
			}
			if c.exclude, err = d.yes(n, "exclude"); err != nil {
				return nil, err
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// typesOf are the types of components of a kind.
func typesOf(kind string) []string {
	return slices.Sorted(maps.Keys(known[kind]))
}

// object returns a field that has to be an object.
func (d deployable) object(n *node, name string) (*node, error) {
	v := n.get(name)
	if v == nil {
		return nil, d.at(n, "%q is missing", name)
	}
	if v.kind != object {
		return nil, d.at(v, "%q is %s; want an object", name, v.kind)
	}
	return v, nil
}

// maxText bounds names and addresses.
const maxText = 1000

// text returns a field that has to be a text with something in it.
func (d deployable) text(n *node, name string) (string, error) {
	v := n.get(name)
	switch {
	case v == nil:
		return "", d.at(n, "%q is missing", name)
	case v.kind != text:
		return "", d.at(v, "%q is %s; want a text", name, v.kind)
	case strings.TrimSpace(v.text) == "":
		return "", d.at(v, "%q is empty", name)
	case len(v.text) > maxText:
		return "", d.at(v, "%q has more than %d bytes", name, maxText)
	}
	return v.text, nil
}

// optional returns a text that may be missing.
func (d deployable) optional(n *node, name, otherwise string) (string, error) {
	if n.get(name) == nil {
		return otherwise, nil
	}
	return d.text(n, name)
}

// yes returns a field that is true or false; default: false.
func (d deployable) yes(n *node, name string) (bool, error) {
	v := n.get(name)
	if v == nil {
		return false, nil
	}
	if v.kind != boolean {
		return false, d.at(v, "%q is %s; want true or false", name, v.kind)
	}
	return v.yes, nil
}

// texts returns a list of texts.
func (d deployable) texts(n *node, name string) (out []string, err error) {
	v := n.get(name)
	if v == nil {
		return nil, nil
	}
	if v.kind != list {
		return nil, d.at(v, "%q is %s; want a list of texts", name, v.kind)
	}
	for _, item := range v.items {
		if item.kind != text {
			return nil, d.at(item, "%q has %s; want texts", name, item.kind)
		}
		out = append(out, item.text)
	}
	return out, nil
}

// count returns a number from 0 on.
func (d deployable) count(n *node, name string, otherwise int) (int, error) {
	v := n.get(name)
	if v == nil {
		return otherwise, nil
	}
	c := 0
	if _, err := fmt.Sscanf(v.text+" ", "%d ", &c); v.kind != number || err != nil || fmt.Sprint(c) != v.text || c < 0 || c > 1<<30 {
		return 0, d.at(v, "%q is %s; want a whole number from 0 on", name, strings.TrimSpace(string(v.kind)+" "+v.text))
	}
	return c, nil
}
