// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Advice that several kinds share.
const (
	doAccount = "spec.serviceAccount of an environment says as whom its projects are deployed (docs/declarations.md)"
	doCluster = "declare that cluster and an environment on it; how to reach it is in the daemon's configuration"
	doHealth  = "spec.health of the platform has rules for kinds whose conditions do not show their health"
)

// kustomizationFields are those of a Kustomization of Flux.
var kustomizationFields = fields{
	"spec.path": carried, "spec.sourceRef.*": carried, "spec.targetNamespace": carried, "spec.prune": carried, "spec.patches": carried,
	"spec.images": carried, "spec.components": carried, "spec.commonMetadata.*": carried, "spec.namePrefix": carried, "spec.nameSuffix": carried,
	"spec.postBuild.substitute": carried, "spec.postBuild.substituteFrom": carried, "spec.dependsOn": carried, "spec.suspend": carried, "spec.force": carried,
	"spec.interval": carried, "spec.retryInterval": carried, "spec.wait": carried, "spec.timeout": carried, "spec.healthChecks": carried,
	"spec.patchesStrategicMerge": carried, "spec.patchesJson6902": carried, "spec.deletionPolicy": carried.but("MirrorPrune"),
	"spec.decryption":              lost("encrypted Secrets stay as they are, and the daemon is given the keys", "start the daemon with --sops-age-key-file (docs/secrets.md); Flux's Secret with the key is not read"),
	"spec.serviceAccountName":      lost("as whom objects are applied is a setting of the environment", doAccount),
	"spec.kubeConfig":              lost("the objects go to another cluster", doCluster),
	"spec.healthCheckExprs":        lost("rules for the health of kinds are declared once", doHealth),
	"spec.ignoreMissingComponents": lost("a component that is missing is an error", "create it, or leave it out").but(false),
	"spec.buildMetadata":           lost("annotations on where objects come from are not added", "buildMetadata of the kustomization itself adds them"),
	"spec.validation":              carried,
}

// kustomization takes over a Kustomization of Flux that is applied by others.
func (f *flux) kustomization(k Object, by applied) error {
	f.visit(k)
	if f.seen[key(k)] {
		return nil
	}
	f.seen[key(k)] = true
	f.check(k, kustomizationFields)
	spec := table(k.Object, "spec")
	by = applied{
		keys:      append(slices.Clone(by.keys), key(k)),
		needs:     append(slices.Clone(by.needs), needsOf(k, spec)...),
		suspended: by.suspended || flag(spec, "suspend"),
	}
	if !f.isHere(k, spec) || get(spec, "kubeConfig") != nil {
		return nil
	}
	dir, ok := inTree(text(spec, "path"))
	if !ok || !f.isFolder(dir) {
		f.note(k, "spec.path", fmt.Sprintf("there is no folder %q", text(spec, "path")), "")
		return nil
	}
	o, err := f.folder(dir)
	if err != nil {
		f.note(k, "spec.path", err.Error(), "")
		return nil
	}
	f.dress(k, spec, dir, o)
	f.env.corrected++
	f.env.patient(text(spec, "timeout"))
	return f.objectsOf(k, o, by, label(k.GetName()))
}

// needsOf are the keys of what an object waits for.
func needsOf(o Object, spec map[string]any) (out []string) {
	for _, d := range list(spec, "dependsOn") {
		ns := text(d, "namespace")
		if ns == "" {
			ns = o.GetNamespace()
		}
		out = append(out, o.GetKind()+"/"+ns+"/"+text(d, "name"))
	}
	return out
}

// isHere reports whether the source of a Kustomization is this repository, and notes it if not.
func (f *flux) isHere(k Object, spec map[string]any) bool {
	ref := sourceKey(k, table(spec, "sourceRef"))
	if f.repository == "" || ref == f.repository || f.sameRepository(ref) {
		return true
	}
	where, command := f.whereIs(ref)
	f.note(k, "spec.sourceRef", fmt.Sprintf("its files are in another place (%s), and everything that is deployed is in one repository", where),
		"copy the folder into this repository, change sourceRef to this repository, and run this again: "+command)
	return false
}

// sameRepository reports whether another source is the same repository.
func (f *flux) sameRepository(ref string) bool {
	mine, other := f.objects[f.repository], f.objects[ref]
	if mine.Unstructured == nil || other.Unstructured == nil {
		return false
	}
	return repositoryURL(text(mine.Object, "spec", "url")) == repositoryURL(text(other.Object, "spec", "url"))
}

// repositoryURL is a URL without what does not tell repositories apart.
func repositoryURL(url string) string {
	url = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(url), "/"), ".git")
	if _, rest, ok := strings.Cut(url, "://"); ok {
		url = rest
	}
	if _, rest, ok := strings.Cut(url, "@"); ok {
		url = rest
	}
	return strings.Replace(url, ":", "/", 1)
}

// whereIs says where a source is, and how to fetch it.
func (f *flux) whereIs(ref string) (where, command string) {
	kind, _, _ := strings.Cut(ref, "/")
	o, known := f.objects[ref]
	if !known {
		return ref, "git clone URL"
	}
	url := text(o.Object, "spec", "url")
	switch kind {
	case "GitRepository":
		command = "git clone " + url
		if branch := text(o.Object, "spec", "ref", "branch"); branch != "" {
			command = fmt.Sprintf("git clone --branch %s %s", branch, url)
		} else if tag := text(o.Object, "spec", "ref", "tag"); tag != "" {
			command = fmt.Sprintf("git clone --branch %s %s", tag, url)
		}
		return url, command
	case "OCIRepository":
		tag := text(o.Object, "spec", "ref", "tag")
		if tag == "" {
			tag = "latest"
		}
		return url, fmt.Sprintf("flux pull artifact %s:%s --output FOLDER", url, tag)
	case "Bucket":
		at := text(o.Object, "spec", "endpoint") + "/" + text(o.Object, "spec", "bucketName")
		return at, "with the client of the store"
	}
	return ref, "with the client of its kind"
}

// dress puts into an overlay what a Kustomization does to the objects of its folder.
func (f *flux) dress(k Object, spec map[string]any, dir string, o *overlay) {
	o.namespace, o.namePrefix, o.nameSuffix = text(spec, "targetNamespace"), text(spec, "namePrefix"), text(spec, "nameSuffix")
	o.images = list(spec, "images")
	o.patches = list(spec, "patches")
	for _, field := range []string{"patchesStrategicMerge", "patchesJson6902"} {
		for _, p := range list(spec, field) {
			o.patches = append(o.patches, inline(p))
		}
	}
	for _, c := range texts(spec, "components") {
		o.components = append(o.components, path.Join(dir, c))
	}
	o.labels = textTable(spec, "commonMetadata", "labels")
	o.annotations = textTable(spec, "commonMetadata", "annotations")
	if prune, is := get(spec, "prune").(bool); is && !prune || text(spec, "deletionPolicy") == "Orphan" {
		o.annotations["trunkline.dev/prune"] = "disabled"
	}
	if flag(spec, "force") {
		o.annotations["trunkline.dev/replace"] = "enabled"
	}
	o.substitute = f.variables(k, spec)
}

// inline makes a patch of the old fields one of the new.
func inline(p any) any {
	t := table(p)
	if _, is := t["patch"].([]any); is || t["apiVersion"] != nil {
		content := get(t, "patch")
		if !is {
			content = p
		}
		data, err := encode(content)
		if err == nil {
			out := map[string]any{"patch": string(data)}
			if is {
				out["target"] = t["target"]
			}
			return out
		}
	}
	return p
}

// variables are the values of spec.postBuild, as far as the tree has them.
func (f *flux) variables(k Object, spec map[string]any) map[string]string {
	out := map[string]string{}
	for i, from := range list(spec, "postBuild", "substituteFrom") {
		at := fmt.Sprintf("spec.postBuild.substituteFrom[%d]", i)
		name := text(from, "name")
		if text(from, "kind") != "ConfigMap" {
			f.note(k, at, fmt.Sprintf("values of the Secret %q are never in declarations", name),
				"write what is not secret into params.substitute, and let pods read the rest from the Secret (docs/secrets.md)")
			continue
		}
		o, ok := f.configMap(k.GetNamespace(), name)
		if !ok {
			if !flag(from, "optional") {
				f.note(k, at, fmt.Sprintf("the ConfigMap %q is not in the tree", name), "write its values into params.substitute")
			}
			continue
		}
		maps.Copy(out, textTable(o.Object, "data"))
	}
	maps.Copy(out, textTable(spec, "postBuild", "substitute"))
	if len(out) == 0 {
		return nil
	}
	return out
}

// configMap finds a ConfigMap among what was built, and else among the files below the folders of the cluster.
func (f *flux) configMap(namespace, name string) (Object, bool) {
	f.used["ConfigMap/"+namespace+"/"+name] = true
	if o, ok := f.objects["ConfigMap/"+namespace+"/"+name]; ok {
		return o, true
	}
	files, err := f.manifests(".")
	if err != nil {
		return Object{}, false
	}
	var found []Object
	for _, file := range files {
		for _, d := range f.documents(file) {
			if d.GetKind() == "ConfigMap" && d.GetName() == name && (d.GetNamespace() == namespace || d.GetNamespace() == "") {
				found = append(found, d.Object)
			}
		}
	}
	for _, o := range found {
		if strings.Contains(o.Source, "/"+f.env.name+"/") {
			return o, true
		}
	}
	if len(found) == 1 {
		return found[0], true
	}
	return Object{}, false
}
