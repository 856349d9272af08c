// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/strvals"
)

const (
	whyRemediation = "what is done about a release that fails is a setting of the environment"
	doRemediation  = "rollback: true of the environment rolls back what does not become healthy; a failed apply is tried again in any case"
)

const (
	whyDefinitions = "definitions in the chart's folder crds are applied with it, and kept up to date"
	doDefinitions  = "delete the folder from the chart, if something else brings them"
)

// releaseFields are those of a HelmRelease.
var releaseFields = fields{
	"spec.chart.spec.chart": carried, "spec.chart.spec.version": carried, "spec.chart.spec.sourceRef.*": carried, "spec.chart.spec.interval": carried,
	"spec.chart.spec.valuesFiles": carried, "spec.chart.spec.valuesFile": carried, "spec.chart.spec.reconcileStrategy": carried, "spec.chart.metadata.*": carried,
	"spec.chart.spec.ignoreMissingValuesFiles": carried,
	"spec.chart.spec.verify":                   lost("signatures of charts are not checked while rendering", "check them where the chart is vendored: helm pull --verify"),
	"spec.chartRef.*":                          carried, "spec.values": carried, "spec.valuesFrom": carried, "spec.targetNamespace": carried, "spec.releaseName": carried,
	"spec.dependsOn": carried, "spec.suspend": carried, "spec.interval": carried, "spec.driftDetection.mode": carried, "spec.driftDetection.ignore": carried,
	"spec.storageNamespace": carried, "spec.maxHistory": carried, "spec.timeout": carried, "spec.persistentClient": carried,
	"spec.install.createNamespace": carried, "spec.install.replace": carried, "spec.install.disableWait": carried, "spec.install.disableWaitForJobs": carried,
	"spec.install.timeout": carried, "spec.install.crds": carried, "spec.upgrade.crds": carried, "spec.install.skipCRDs": carried, "spec.install.serverSideApply": carried, "spec.upgrade.serverSideApply": carried,
	"spec.upgrade.disableWait": carried, "spec.upgrade.disableWaitForJobs": carried, "spec.upgrade.timeout": carried, "spec.upgrade.cleanupOnFail": carried,
	"spec.upgrade.force":                    lost("objects are replaced only where they say so", "the annotation trunkline.dev/replace: enabled on the object").but(false),
	"spec.upgrade.preserveValues":           lost("values of an earlier release are not used", "write them into params").but(false),
	"spec.install.disableOpenAPIValidation": carried, "spec.upgrade.disableOpenAPIValidation": carried,
	"spec.install.disableSchemaValidation": lost("the chart's values.schema.json holds for params", "fix the values, or the schema of the vendored chart").but(false),
	"spec.upgrade.disableSchemaValidation": lost("the chart's values.schema.json holds for params", "fix the values, or the schema of the vendored chart").but(false),
	"spec.install.disableTakeOwnership":    carried, "spec.upgrade.disableTakeOwnership": carried,
	"spec.install.disableHooks": lost("hooks become objects of earlier and later waves", "delete their templates from the vendored chart").but(false),
	"spec.upgrade.disableHooks": lost("hooks become objects of earlier and later waves", "delete their templates from the vendored chart").but(false),
	"spec.install.remediation":  lost(whyRemediation, doRemediation), "spec.upgrade.remediation": lost(whyRemediation, doRemediation),
	"spec.install.strategy": lost(whyRemediation, doRemediation), "spec.upgrade.strategy": lost(whyRemediation, doRemediation),
	"spec.rollback":           lost("a rollback renders the last healthy commit again", doRemediation),
	"spec.uninstall":          lost("a release is removed by deleting its objects", "the annotation trunkline.dev/prune: disabled keeps an object"),
	"spec.test":               lost("tests of charts are not run", "make the test a Job of a workload").but(map[string]any{"enable": false}),
	"spec.postRenderers":      lost("what a chart renders to is not patched", "set it by values, or change the template in the vendored chart"),
	"spec.serviceAccountName": lost("as whom objects are applied is a setting of the environment", doAccount),
	"spec.kubeConfig":         lost("the release goes to another cluster", doCluster),
	"spec.commonMetadata":     lost("labels and annotations of all objects of a chart are not added", "set them by values; trunkline.dev/project and other labels are there anyway"),
	"spec.healthCheckExprs":   lost("rules for the health of kinds are declared once", doHealth),
	"spec.waitStrategy":       carried,
}

// helmRelease takes over a HelmRelease.
func (f *flux) helmRelease(r release) {
	f.check(r.Object, releaseFields)
	spec := table(r.Object.Object, "spec")
	if get(spec, "kubeConfig") != nil {
		return
	}
	ns, name := r.GetNamespace(), text(spec, "releaseName")
	if target := text(spec, "targetNamespace"); target != "" {
		ns = target
		if name == "" {
			name = target + "-" + r.GetName()
		}
	}
	if name == "" {
		name = r.GetName()
	}
	c := f.chartOf(r.Object, spec)
	f.drift(r.Object, spec)
	if c == nil {
		return
	}
	values, ok := f.valuesOf(r.Object, spec, c)
	if !ok {
		return
	}
	objects, err := f.templated(c.dir, name, ns, values)
	if err != nil {
		f.note(r.Object, "spec.chart", "it does not render: "+err.Error(), "fix it, and run this again")
		return
	}
	f.env.defined(objects)
	f.env.patient(text(spec, "timeout"))
	for _, step := range []string{"install", "upgrade"} {
		if f.isFolder(path.Join(c.dir, "crds")) && (text(spec, step, "crds") == "Skip" || flag(spec, step, "skipCRDs")) {
			f.note(r.Object, "spec."+step+".crds", whyDefinitions, doDefinitions)
		}
	}
	f.add(&unit{
		of: r.Object, name: name, env: f.env, namespace: ns, keys: append(slices.Clone(r.by.keys), key(r.Object)),
		needs: append(slices.Clone(r.by.needs), needsOf(r.Object, spec)...), suspended: r.by.suspended || flag(spec, "suspend"), chart: c, values: values,
	}, objects)
}

// chartOf finds the chart of a HelmRelease; nil if it is not in the tree.
func (f *flux) chartOf(o Object, spec map[string]any) *chart {
	at, ref := table(spec, "chart", "spec"), "spec.chart.spec.sourceRef"
	source := sourceKey(o, table(at, "sourceRef"))
	if r := table(spec, "chartRef"); r != nil {
		source, ref = sourceKey(o, r), "spec.chartRef"
		if text(r, "kind") == "HelmChart" {
			helmChart, ok := f.objects[source]
			if !ok {
				f.note(o, ref, fmt.Sprintf("%s is not in the tree", source), "")
				return nil
			}
			at = table(helmChart.Object, "spec")
			source = sourceKey(helmChart, table(at, "sourceRef"))
		}
	}
	src, known := f.objects[source]
	kind, _, _ := strings.Cut(source, "/")
	name, version := text(at, "chart"), text(at, "version")
	switch {
	case kind == "GitRepository" && (source == f.repository || f.repository == "" || f.sameRepository(source)):
		dir, ok := inTree(name)
		if c := f.chartIn(dir); ok && c != nil {
			return c
		}
		f.note(o, "spec.chart.spec.chart", fmt.Sprintf("there is no chart in %q", name), "")
	case !known:
		f.note(o, ref, fmt.Sprintf("its source %s is not in the tree", source), "declare the source, or vendor the chart into "+path.Join(f.To, "blueprints"))
	case kind == "HelmRepository":
		return f.remote(o, ref, text(src.Object, "spec", "url"), name, version)
	case kind == "OCIRepository":
		url := text(src.Object, "spec", "url")
		version := text(src.Object, "spec", "ref", "tag")
		if version == "" {
			version = text(src.Object, "spec", "ref", "semver")
		}
		dir, name := path.Split(strings.TrimPrefix(url, "oci://"))
		return f.remote(o, ref, "oci://"+dir, name, version)
	default:
		where, command := f.whereIs(source)
		f.note(o, ref, fmt.Sprintf("its chart is in another place (%s), and nothing is fetched while rendering", where),
			fmt.Sprintf("copy the chart into this repository, and name it by a GitRepository that is this one: %s", command))
	}
	return nil
}

// valuesOf are the values of a HelmRelease; ok is false if they are not known.
func (f *flux) valuesOf(o Object, spec map[string]any, c *chart) (values map[string]any, ok bool) {
	values = map[string]any{}
	files := texts(spec, "chart", "spec", "valuesFiles")
	for i, name := range files {
		full, valid := inTree(name)
		if !valid || !f.isFile(full) {
			full = path.Join(c.dir, name)
		}
		if full == path.Join(c.dir, "values.yaml") {
			if i > 0 {
				f.note(o, fmt.Sprintf("spec.chart.spec.valuesFiles[%d]", i), "the chart's own values come first", "name values.yaml first")
			}
			continue
		}
		if i == 0 {
			f.note(o, "spec.chart.spec.valuesFiles", "the chart's own values.yaml counts beneath these files, which it does not in Flux", "set what it must not say to null in params")
		}
		data, err := fs.ReadFile(f.Tree, full)
		if err == nil {
			var more map[string]any
			if more, err = readValues(data); err == nil {
				values = merge(values, more)
			}
		}
		if err != nil && !flag(spec, "chart", "spec", "ignoreMissingValuesFiles") {
			f.note(o, fmt.Sprintf("spec.chart.spec.valuesFiles[%d]", i), err.Error(), "")
			return nil, false
		}
	}
	for i, from := range list(spec, "valuesFrom") {
		if !f.valuesFrom(o, fmt.Sprintf("spec.valuesFrom[%d]", i), from, values, func(v map[string]any) { values = v }) {
			return nil, false
		}
	}
	return merge(values, table(spec, "values")), true
}

// valuesFrom lays the values of one reference over others.
func (f *flux) valuesFrom(o Object, at string, from any, values map[string]any, set func(map[string]any)) bool {
	name, entry := text(from, "name"), text(from, "valuesKey")
	if entry == "" {
		entry = "values.yaml"
	}
	if text(from, "kind") != "ConfigMap" {
		f.note(o, at, fmt.Sprintf("values of the Secret %q are never in declarations", name),
			"have the chart read the Secret itself, as most do by a value such as existingSecret (docs/secrets.md)")
		return true
	}
	config, ok := f.configMap(o.GetNamespace(), name)
	data, there := textTable(config.safe(), "data")[entry]
	switch {
	case !ok || !there:
		if flag(from, "optional") {
			return true
		}
		f.note(o, at, fmt.Sprintf("the key %q of the ConfigMap %q is not in the tree", entry, name), "write the values into the HelmRelease, and run this again")
		return false
	case text(from, "targetPath") != "":
		if err := strvals.ParseInto(text(from, "targetPath")+"="+data, values); err != nil {
			f.note(o, at+".targetPath", err.Error(), "")
			return false
		}
		return true
	}
	more, err := readValues([]byte(data))
	if err != nil {
		f.note(o, at, fmt.Sprintf("the key %q of the ConfigMap %q: %v", entry, name, err), "")
		return false
	}
	set(merge(values, more))
	return true
}

// drift takes over which changes of others are left alone.
func (f *flux) drift(o Object, spec map[string]any) {
	mode := text(spec, "driftDetection", "mode")
	if mode == "enabled" {
		f.env.corrected++
	} else {
		f.env.uncorrected++
	}
	for i, rule := range list(spec, "driftDetection", "ignore") {
		f.ignore(o, fmt.Sprintf("spec.driftDetection.ignore[%d]", i), texts(rule, "paths"), text(rule, "target", "group"), text(rule, "target", "kind"), text(rule, "target", "name"))
		for _, field := range []string{"labelSelector", "annotationSelector", "namespace", "version"} {
			if text(rule, "target", field) != "" {
				f.note(o, fmt.Sprintf("spec.driftDetection.ignore[%d].target.%s", i, field), "objects are selected by kind and name only", "it is written without it; narrow spec.drift.ignore of the environment by name")
			}
		}
	}
}
