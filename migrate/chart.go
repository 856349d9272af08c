// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// chart is one in the tree, which becomes a blueprint.
type chart struct {
	// dir is its folder, and blueprint the name of the blueprint.
	dir, blueprint, name, version string
}

// wantedChart is one that is not in the tree.
type wantedChart struct {
	into, name string
	// source is what "helm pull" is told, without the version.
	source   string
	versions map[string]bool
	users    []user
}

// user is an object that wants a chart, and by which field.
type user struct {
	Object

	field string
}

// library are the names of the built-in blueprints, which no chart may replace.
var library = []string{"boundary", "catalog", "container-job", "copy", "cron-job", "cue", "jsonnet", "kustomize", "manifests", "pull", "service", "spark-history", "spark-job", "spark-stream", "transform"}

// chartIn returns the chart in a folder; nil if there is none.
func (m *migration) chartIn(dir string) *chart {
	if c, ok := m.charts[dir]; ok {
		return c
	}
	data, err := fs.ReadFile(m.Tree, path.Join(dir, "Chart.yaml"))
	if err != nil {
		return nil
	}
	meta, err := readValues(data)
	if err != nil {
		return nil
	}
	c := &chart{dir: dir, name: text(meta, "name"), version: text(meta, "version")}
	name := label(c.name)
	taken := func(name string) bool {
		for _, other := range m.charts {
			if other.blueprint == name {
				return true
			}
		}
		return slices.Contains(library, name)
	}
	c.blueprint = name
	for i := 2; taken(c.blueprint); i++ {
		c.blueprint = fmt.Sprintf("%s-%d", name, i)
	}
	m.charts[dir] = c
	return c
}

// remote returns a chart that a repository has, if it was put into the tree already. Otherwise it notes who needs it.
func (m *migration) remote(of Object, field, repository, name, version string) *chart {
	source := name + " --repo " + repository
	if rest, oci := strings.CutPrefix(repository, "oci://"); oci {
		source = "oci://" + path.Join(rest, name)
	}
	into := path.Join(m.To, "blueprints", label(name))
	dir := path.Join(into, name)
	if c := m.chartIn(dir); c != nil {
		if wants, err := semver.NewConstraint(version); err == nil && version != "" {
			if has, err := semver.NewVersion(c.version); err != nil || !wants.Check(has) {
				m.note(of, field, fmt.Sprintf("it wants version %s of the chart, and %s has %s", version, dir, c.version),
					"a blueprint has one version in all environments: fetch another one, or give the environments blueprints of different names")
			}
		}
		return c
	}
	w := m.wanted[dir]
	if w == nil {
		w = &wantedChart{into: into, name: name, source: source, versions: map[string]bool{}}
		m.wanted[dir] = w
	}
	w.versions[version] = true
	w.users = append(w.users, user{of, field})
	return nil
}

// noteWanted notes the charts to be fetched, each with its command.
func (m *migration) noteWanted() {
	for _, dir := range slices.Sorted(maps.Keys(m.wanted)) {
		w := m.wanted[dir]
		versions := slices.Sorted(maps.Keys(w.versions))
		version := versions[len(versions)-1]
		command := "helm pull " + w.source
		if version != "" && version != "*" {
			command += fmt.Sprintf(" --version %q", version)
		}
		why := fmt.Sprintf("the chart %q is not in the repository, and nothing is fetched while rendering", w.name)
		if len(versions) > 1 {
			why += fmt.Sprintf("; versions %s are asked for, and a blueprint has one", strings.Join(versions, ", "))
		}
		for _, of := range w.users {
			m.note(of.Object, of.field, why, fmt.Sprintf("vendor the chart into %s, and run this again: %s --untar --untardir %s", w.into, command, w.into))
		}
	}
}

// blueprintFile declares the chart as a blueprint.
func (c *chart) blueprintFile(at string) ([]byte, error) {
	type spec struct {
		Description string         `yaml:"description"`
		Engine      string         `yaml:"engine"`
		Source      string         `yaml:"source"`
		Parameters  map[string]any `yaml:"parameters"`
	}
	description := fmt.Sprintf("The chart %s %s.", c.name, c.version)
	return encode(declaration{"trunkline.dev/v1alpha1", "Blueprint", metadata{c.blueprint}, spec{
		description, "helm", relative(at, c.dir), map[string]any{"type": "object"},
	}})
}
