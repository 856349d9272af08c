// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// Location returns where the data of a dataset are in an environment, for those that read or write it there: only in a preview these
// can be two places. It is false if they are nowhere.
func (c *Catalog) Location(dataset, env string, kind EdgeKind) (string, bool) {
	return c.locate(dataset, env, kind)
}

// Manifests returns the store of the manifests of a dataset in an environment, which ends in "/", for those that read or write its lots
// there: a preview writes those of what its workloads write into a folder of its own, where it reads them, and reads all others where
// the environment has them that it is derived from. It is false if nobody keeps any: the environment does not, or the dataset has no
// lots or is not there.
func (c *Catalog) Manifests(dataset, env string, kind EdgeKind) (string, bool) {
	p, d, ok := c.Dataset(dataset)
	if !ok || d.Lots == nil {
		return "", false
	}
	if _, there := c.locate(dataset, env, kind); !there {
		return "", false
	}
	if !c.IsPreview(env) {
		return manifests(c.Environments[env], p.Name)
	}
	v := c.preview
	if kind == Writes || v.written[dataset] {
		root, rest, ok := manifestsRoot(v.of)
		if !ok {
			return "", false
		}
		return under(root, v.folder+strings.ReplaceAll(rest, placeholderProject, p.Name)), true
	}
	return manifests(v.of, p.Name)
}

// RecordsFolder is the folder, beside the manifests of all projects, in which Trunkline keeps what it has to remember of lots.
const RecordsFolder = "trunkline-lots"

// Records returns the folder of what is written down about the lots of an environment as a whole, which ends in "/", such as
// "s3://acme-manifests/prod/trunkline-lots/acme/prod/". It is false if the environment keeps no lots, or is a preview.
func (c *Catalog) Records(env string) (string, bool) {
	e := c.Environments[env]
	if e == nil || c.IsPreview(env) {
		return "", false
	}
	root, _, ok := manifestsRoot(e)
	if !ok {
		return "", false
	}
	return under(root, RecordsFolder+"/"+c.Platform.Metadata.Name+"/"+env+"/"), true
}

const (
	placeholderProject     = "<project>"
	placeholderEnvironment = "<environment>"
)

// manifests is where those of a project are in an environment; false if they are nowhere.
func manifests(env *v1alpha1.Environment, project string) (string, bool) {
	root, rest, ok := manifestsRoot(env)
	if !ok {
		return "", false
	}
	return under(root, strings.ReplaceAll(rest, placeholderProject, project)), true
}

// manifestsRoot takes the address of an environment's manifests apart, before the first folder that is named after a project: below the
// root are those of all projects, and of previews. Only what the rest names is still to be replaced.
func manifestsRoot(env *v1alpha1.Environment) (root, rest string, ok bool) {
	if env.Spec.Lots == nil {
		return "", "", false
	}
	address := strings.ReplaceAll(env.Spec.Lots.Manifests, placeholderEnvironment, env.Metadata.Name)
	l, err := location.Parse(address)
	if err != nil {
		return "", "", false
	}
	if at := strings.Index(l.Folder, placeholderProject); at >= 0 {
		at = strings.LastIndexByte(l.Folder[:at], '/') + 1
		l.Folder, rest = l.Folder[:at], l.Folder[at:]
	}
	return l.String(), rest, true
}

// checkLots checks where an environment keeps its lots.
func checkLots(k *checker, env *v1alpha1.Environment) {
	if env.Spec.Lots == nil {
		return
	}
	checkLimits(k, env.Spec.Lots.Limits)
	if n := env.Spec.Lots.Retention.PerDay; n != nil && *n < 1 {
		k.at(v1alpha1.RuleInvalidValue, []any{"spec", "lots", "retention", "perDay"}, fmt.Sprintf("%d lots a day is none: write 1 or more", *n),
			"to remove none, leave enforce out")
	}
	checkLotEvents(k, env.Spec.Lots.Events)
	at, address := []any{"spec", "lots", "manifests"}, env.Spec.Lots.Manifests
	checkPattern(k, address, []string{placeholderProject, placeholderEnvironment}, at...)
	l, err := location.Parse(address)
	switch {
	case err != nil:
		k.at(RulePath, at, err.Error(), "")
	case l.Scheme != "file" && strings.Contains(bucketOf(address), placeholderProject):
		k.at(RulePath, at, "the bucket is named after a project, and previews have theirs in one of all", `write "<project>" in the path, as in "s3://acme-manifests/<environment>/<project>/"`)
	case slices.Contains(strings.Split(l.Folder, "/"), DataFolder):
		k.at(RulePath, at, fmt.Sprintf("the folder %q is reserved: previews write there", DataFolder), "choose another folder")
	case slices.Contains(strings.Split(l.Folder, "/"), RecordsFolder):
		k.at(RulePath, at, fmt.Sprintf("the folder %q is reserved: what there is to remember of lots is there", RecordsFolder), "choose another folder")
	}
}

// checkLimits checks how many runs there may be. To run none, a workload or a project is suspended.
func checkLimits(k *checker, l v1alpha1.LotLimits) {
	atLeastOne(k, l.Runs, "spec", "lots", "limits", "runs")
	atLeastOne(k, l.PerWorkload, "spec", "lots", "limits", "perWorkload")
	if b := l.Backfill; b != nil && (*b < 1 || *b > 100) {
		k.at(v1alpha1.RuleInvalidValue, []any{"spec", "lots", "limits", "backfill"}, fmt.Sprintf("%d is not a percentage: write 1 to 100", *b), "")
	}
}

// atLeastOne refuses to have no run at a time.
func atLeastOne(k *checker, n *int, at ...any) {
	if n != nil && *n < 1 {
		k.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("%d runs at a time is none: write 1 or more", *n), "to run none, suspend a workload or a project")
	}
}

// bucketOf returns the part of an address that names the bucket.
func bucketOf(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	bucket, _, _ := strings.Cut(rest, "/")
	return bucket
}

// lotPlaces keeps where the manifests of a project's datasets are in an environment, for the comparison with all others.
func (k *checker) lotPlaces(p *Project, env string) {
	store, ok := manifests(k.c.Environments[env], p.Name)
	if !ok {
		return
	}
	for i := range p.Spec.Datasets {
		if d := &p.Spec.Datasets[i]; d.Lots != nil && p.datasets[d.Name+"@"+d.Version] == i {
			p.lots = append(p.lots, strings.Join([]string{store + d.Name + "@" + d.Version, p.ids[i], env}, sep))
		}
	}
}

// sameManifests refuses datasets whose manifests would be the same objects: it is reported of all but the first. The place is that of
// the store, with the name and version of the dataset.
func (c *Catalog) sameManifests(place string) []finding {
	k := &checker{c: c}
	var first, firstEnv string
	for rest := range below(c.lots, place+sep) {
		id, env, _ := strings.Cut(rest, sep)
		if first == "" {
			first, firstEnv = id, env
			continue
		}
		p, d, i := c.placed(id)
		if id == first && d.External {
			continue
		}
		store := strings.TrimSuffix(place, d.Name+"@"+d.Version)
		k.doc = p.Document
		k.at(RuleLotPlace, []any{"spec", "datasets", i, "lots"}, fmt.Sprintf("the manifests of %s in %q would be those of %s in %q, in %s",
			id, env, first, firstEnv, store), `name the project and the environment in spec.lots.manifests of the environment, as in "s3://acme-manifests/<environment>/<project>/", or rename a dataset`)
		if id == first {
			continue
		}
		other, _, at := c.placed(first)
		k.findings[len(k.findings)-1].Cause = id + "/" + first
		k.elsewhere(docKey{v1alpha1.KindProject, other.Name}, "spec", "datasets", at, "lots")
		if last := k.findings[len(k.findings)-1].Elsewhere; last != nil {
			last.Message = fmt.Sprintf("the manifests of %s in %q would be those of %s in %q, in %s", first, firstEnv, id, env, store)
		}
	}
	return k.findings
}
