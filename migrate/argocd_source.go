// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/gobwas/glob"
	"helm.sh/helm/v3/pkg/strvals"
)

// part is what one source of an Application makes.
type part struct {
	name, namespace string
	overlay         *overlay
	chart           *chart
	values          map[string]any
	program         *program
	objects         []Object
}

// alone returns a part if there is one.
func alone(p part, ok bool) []part {
	if !ok {
		return nil
	}
	return []part{p}
}

// sources builds the sources of an Application. Applications among the objects are returned apart.
func (a *argo) sources(app *application) (parts []part, children []Object) {
	all := sourcesOf(table(app.Object.Object, "spec"))
	refs := map[string]any{}
	for _, s := range all {
		if ref := text(s, "ref"); ref != "" {
			refs["$"+ref] = s
		}
	}
	for i, s := range all {
		at := "spec.source"
		if len(all) > 1 || table(app.Object.Object, "spec", "source") == nil {
			at = fmt.Sprintf("spec.sources[%d]", i)
		}
		if text(s, "path") == "" && text(s, "chart") == "" {
			if text(s, "ref") == "" {
				a.note(app.Object, at, "it has neither a path nor a chart", "")
			}
			continue
		}
		before := len(parts) > 0
		for _, p := range a.source(app, s, at, refs) {
			if before && p.chart == nil {
				p.name = label(p.name + "-" + path.Base(text(s, "path")))
			}
			own, of := 0, len(p.objects)
			for _, o := range p.objects {
				if isArgo(o) {
					children = append(children, o)
					own++
				}
			}
			if of > 0 && own == of {
				continue
			}
			if own > 0 && p.overlay == nil {
				a.note(app.Object, at, "it makes Applications beside other objects, and is not rendered without them", "move them into charts or programs of their own")
				continue
			}
			parts = append(parts, p)
		}
	}
	return parts, children
}

// source builds one source.
func (a *argo) source(app *application, s any, at string, refs map[string]any) []part {
	a.checkValue(app.Object, s, at, at, sourceTable(at))
	for _, known := range []struct {
		name  string
		table fields
	}{{"helm", helmFields}, {"kustomize", kustomizeFields}, {"directory", directoryFields}} {
		sub := table(s, known.name)
		if sub == nil {
			continue
		}
		moved := make(fields, len(known.table))
		for name, f := range known.table {
			moved[at+"."+name] = f
		}
		a.checkValue(app.Object, sub, at+"."+known.name, at+"."+known.name, moved)
	}
	switch {
	case get(s, "plugin") != nil:
		a.note(app.Object, at+".plugin", "plugins are not run", doPlugin)
		return nil
	case text(s, "chart") != "":
		url := text(s, "repoURL")
		if !strings.Contains(url, "://") {
			url = "oci://" + url
		}
		if c := a.remote(app.Object, at+".targetRevision", url, text(s, "chart"), text(s, "targetRevision")); c != nil {
			return alone(a.chartPart(app, s, at, c, refs))
		}
		return nil
	}
	dir, ok := inTree(text(s, "path"))
	if repositoryURL(text(s, "repoURL")) != a.repository {
		a.note(app.Object, at+".repoURL", fmt.Sprintf("its files are in another place (%s), and everything that is deployed is in one repository", text(s, "repoURL")),
			fmt.Sprintf("copy the folder into this repository, change repoURL and path, and run this again: git clone %s", text(s, "repoURL")))
		return nil
	}
	if revision := text(s, "targetRevision"); !slices.Contains([]string{"", "HEAD", "main", "master"}, revision) {
		a.note(app.Object, at+".targetRevision", fmt.Sprintf("it follows %q, and all projects follow the branch of the daemon", revision),
			"merge it into that branch; what runs in an environment later is said by spec.promotesFrom")
	}
	if !ok || !a.isFolder(dir) {
		a.note(app.Object, at+".path", fmt.Sprintf("there is no folder %q", text(s, "path")), "")
		return nil
	}
	if c := a.chartIn(dir); c != nil && get(s, "kustomize") == nil && get(s, "directory") == nil {
		return alone(a.chartPart(app, s, at, c, refs))
	}
	if a.hasKustomization(dir) {
		return alone(a.overlayPart(app, s, at, dir))
	}
	programs, there := a.programs(app, s, at, dir)
	if _, err := a.directory(dir, table(s, "directory")); there && err != nil {
		return programs // and no manifests beside them
	}
	return append(alone(a.overlayPart(app, s, at, dir)), programs...)
}

// sourceTable has the fields of a source itself.
func sourceTable(at string) fields {
	out := fields{}
	for _, name := range []string{"repoURL", "path", "chart", "targetRevision", "helm.*", "kustomize.*", "directory.*", "plugin.*", "ref", "name"} {
		out[at+"."+name] = carried
	}
	return out
}

// overlayPart builds a kustomization, or the manifests of a folder.
func (a *argo) overlayPart(app *application, s any, at, dir string) (part, bool) {
	o := &overlay{dir: dir}
	if !a.hasKustomization(dir) || get(s, "directory") != nil && get(s, "kustomize") == nil && !a.hasKustomization(dir) {
		files, err := a.directory(dir, table(s, "directory"))
		if err != nil {
			a.note(app.Object, at+".path", err.Error(), "")
			return part{}, false
		}
		o = &overlay{files: files}
	}
	k := table(s, "kustomize")
	o.namePrefix, o.nameSuffix, o.namespace = text(k, "namePrefix"), text(k, "nameSuffix"), text(k, "namespace")
	o.patches, o.replicas = list(k, "patches"), nil
	for _, r := range list(k, "replicas") {
		o.replicas = append(o.replicas, map[string]any{"name": text(r, "name"), "count": get(r, "count")})
	}
	for _, i := range texts(k, "images") {
		o.images = append(o.images, imageOf(i))
	}
	for _, c := range texts(k, "components") {
		o.components = append(o.components, path.Join(dir, c))
	}
	o.commonLabels, o.commonAnnotations = textTable(k, "commonLabels"), textTable(k, "commonAnnotations")
	o.withSelectors = !flag(k, "labelWithoutSelector")
	objects, err := a.built(app.Object, o)
	if err != nil {
		a.note(app.Object, at+".path", "it does not build: "+err.Error(), "fix it, and run this again")
		return part{}, false
	}
	return part{name: label(app.GetName()), overlay: o, objects: objects}, true
}

// directory lists the manifests of a folder as Argo CD does.
func (a *argo) directory(dir string, options map[string]any) (files []string, err error) {
	all, err := a.files(dir, options, isManifest)
	if err != nil {
		return nil, err
	}
	for _, file := range all {
		if len(a.documents(file)) > 0 {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("the folder %q has no manifests", dir)
	}
	return files, nil
}

func matches(pattern, name string) bool {
	g, err := glob.Compile(pattern)
	return err == nil && (g.Match(name) || g.Match(path.Base(name)))
}

// imageOf reads an image as "kustomize edit set image" does: NAME=NEWNAME:TAG, NAME:TAG, or with @DIGEST.
func imageOf(s string) map[string]any {
	name, rest, renamed := strings.Cut(s, "=")
	if !renamed {
		rest = s
	}
	image, digest, pinned := strings.Cut(rest, "@")
	tag := ""
	if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
		image, tag = image[:i], image[i+1:]
	}
	out := map[string]any{"name": image}
	if renamed {
		out = map[string]any{"name": name, "newName": image}
	}
	if tag != "" {
		out["newTag"] = tag
	}
	if pinned {
		out["digest"] = digest
	}
	return out
}

// comma is one that Helm would take for the end of a value.
var comma = regexp.MustCompile(`(^|[^\\]),`)

// escaped writes a value for Helm's --set as Argo CD does: commas belong to it, unless it is a list in braces.
func escaped(value string) string {
	if strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}") {
		return value
	}
	return comma.ReplaceAllString(value, `$1\,`)
}

// chartPart renders a chart with the values of a source.
func (a *argo) chartPart(app *application, s any, at string, c *chart, refs map[string]any) (part, bool) {
	h := table(s, "helm")
	values, err := a.values(h, c.dir, refs)
	if err != nil {
		a.note(app.Object, at+".helm", err.Error(), "fix it, and run this again")
		return part{}, false
	}
	if found := variable(values); found != "" {
		a.note(app.Object, at+".helm", fmt.Sprintf("variables of Argo CD are not replaced (%s)", found), "write the value")
	}
	if flag(h, "skipCrds") && a.isFolder(path.Join(c.dir, "crds")) {
		a.note(app.Object, at+".helm.skipCrds", whyDefinitions, doDefinitions)
	}
	p := part{name: text(h, "releaseName"), namespace: text(h, "namespace"), chart: c, values: values}
	if p.name == "" {
		p.name = app.GetName()
	}
	ns := p.namespace
	if ns == "" {
		ns = text(app.Object.Object, "spec", "destination", "namespace")
	}
	if p.objects, err = a.templated(c.dir, p.name, ns, values); err != nil {
		a.note(app.Object, at+".path", "it does not render: "+err.Error(), "fix it, and run this again")
		return part{}, false
	}
	return p, true
}

// variable finds a text with a variable of Argo CD's build environment.
func variable(value any) (found string) {
	switch value := value.(type) {
	case string:
		if strings.Contains(value, "$ARGOCD_") || strings.Contains(value, "${ARGOCD_") {
			return value
		}
	case []any:
		for _, item := range value {
			if found = variable(item); found != "" {
				return found
			}
		}
	case map[string]any:
		for _, item := range value {
			if found = variable(item); found != "" {
				return found
			}
		}
	}
	return ""
}

// values merges what a source says, in Argo CD's order: files, values, the object of values, parameters.
func (a *argo) values(h map[string]any, dir string, refs map[string]any) (map[string]any, error) {
	values := map[string]any{}
	for _, name := range texts(h, "valueFiles") {
		full := path.Join(dir, name)
		if ref, rest, ok := strings.Cut(name, "/"); ok && strings.HasPrefix(ref, "$") {
			s, known := refs[ref]
			if !known || repositoryURL(text(s, "repoURL")) != a.repository {
				return nil, fmt.Errorf("the file %s is in another repository: copy it into this one", name)
			}
			full = path.Join(text(s, "path"), rest)
		} else if strings.HasPrefix(name, "/") {
			full = strings.TrimPrefix(path.Clean(name), "/")
		}
		data, err := fs.ReadFile(a.Tree, full)
		if err != nil {
			if flag(h, "ignoreMissingValueFiles") {
				continue
			}
			return nil, fmt.Errorf("the file of values %s: %w", name, err)
		}
		more, err := readValues(data)
		if err != nil {
			return nil, fmt.Errorf("the file of values %s: %w", name, err)
		}
		values = merge(values, more)
	}
	if object := table(h, "valuesObject"); object != nil {
		values = merge(values, object)
	} else if inline := text(h, "values"); inline != "" {
		more, err := readValues([]byte(inline))
		if err != nil {
			return nil, fmt.Errorf("values: %w", err)
		}
		values = merge(values, more)
	}
	for _, p := range list(h, "parameters") {
		set := strvals.ParseInto
		if flag(p, "forceString") {
			set = strvals.ParseIntoString
		}
		if err := set(text(p, "name")+"="+escaped(text(p, "value")), values); err != nil {
			return nil, fmt.Errorf("the parameter %s: %w", text(p, "name"), err)
		}
	}
	for _, p := range list(h, "fileParameters") {
		data, err := fs.ReadFile(a.Tree, path.Join(dir, text(p, "path")))
		if err == nil {
			err = strvals.ParseIntoString(text(p, "name")+"="+strings.NewReplacer(`\`, `\\`, ",", `\,`).Replace(string(data)), values)
		}
		if err != nil {
			return nil, fmt.Errorf("the parameter %s: %w", text(p, "name"), err)
		}
	}
	return values, nil
}
