// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/outside"
	"trunkline.dev/trunkline/api/pack"
	"trunkline.dev/trunkline/catalog"
)

const (
	// dagsName is the ConfigMap that says which version of the DAG files of a project is deployed. Those of the versions have its name in front.
	dagsName = "trunkline-dags"
	// tasksName is what tasks may do in the namespace of their project.
	tasksName = "trunkline-tasks"
	// dagsIndex is the key of a version that says which file each other key is.
	dagsIndex = "trunkline.index"
	// versionBytes are so many of a digest that no two versions of a project have the same.
	versionBytes = 8
	// LabelBundle is on what belongs to the DAGs of a project: its name.
	LabelBundle = "airflow.trunkline.dev/bundle"
)

// dagObjects are the DAG files of a release as objects, with the rights to read them and to make the pods of tasks.
func dagObjects(tree fs.FS, rel catalog.Release) ([]*unstructured.Unstructured, error) {
	if rel.Dags == nil {
		return nil, nil
	}
	files, dags, err := dagFiles(walled(tree, rel.Root), rel)
	if err != nil {
		return nil, fmt.Errorf("dags: %w", err)
	}
	if err := addPackages(tree, rel, files); err != nil {
		return nil, fmt.Errorf("dags: %w", err)
	}
	if len(rel.Dags.Tasks) > 0 {
		if _, taken := files[tasksFile]; taken {
			return nil, fmt.Errorf("dags: %s is the file that is made of the workloads that Airflow starts: rename the project's own", tasksFile)
		}
		files[tasksFile], dags = tasksOf(rel.ID.Project, rel.Dags.Tasks), append(dags, tasksFile)
		slices.Sort(dags)
	}
	if files[catalog.TaskContextFile], err = rel.Dags.Context.Encode(); err != nil {
		return nil, fmt.Errorf("dags: writing %s: %w", catalog.TaskContextFile, err)
	}
	data, binary, err := bundleData(files, dags)
	if err != nil {
		return nil, fmt.Errorf("dags: %w", err)
	}
	content, err := json.Marshal([]any{data, binary})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	version := hex.EncodeToString(sum[:versionBytes])
	versioned := dagObject(rel, "v1", "ConfigMap", dagsName+"-"+version)
	versioned.Object["immutable"], versioned.Object["data"] = true, data
	if len(binary) > 0 {
		versioned.Object["binaryData"] = binary
	}
	current := dagObject(rel, "v1", "ConfigMap", dagsName)
	current.Object["data"] = map[string]any{"version": version}
	return append([]*unstructured.Unstructured{versioned, current}, dagRights(rel, version)...), nil
}

func dagObject(rel catalog.Release, apiVersion, kind, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": name, "namespace": rel.Namespace},
	}}
	labels := releaseLabels(rel)
	labels[LabelBundle] = rel.ID.Project
	o.SetLabels(labels)
	return o
}

// dagRights let the Airflow of the environment read the files, and its tasks make pods in the namespace of the project.
func dagRights(rel catalog.Release, version string) (out []*unstructured.Unstructured) {
	tasks := []any{
		rule([]any{"pods"}, []any{"create", "get", "list", "watch", "patch", "delete"}),
		rule([]any{"pods/log"}, []any{"get"}),
		rule([]any{"events"}, []any{"list"}),
	}
	if len(rel.Dags.Tasks) > 0 { // they run as Jobs of the templates that are deployed
		cron, jobs := rule([]any{"cronjobs"}, []any{"get", "list"}), rule([]any{"jobs"}, []any{"create", "get", "delete"})
		cron["apiGroups"], jobs["apiGroups"] = []any{batchv1.GroupName}, []any{batchv1.GroupName}
		tasks = append(tasks, cron, jobs)
	}
	for _, r := range []struct {
		name  string
		rules []any
		who   []string
	}{
		{dagsName, []any{rule([]any{"configmaps"}, []any{"get"}, dagsName, dagsName+"-"+version)}, []string{rel.Dags.Reader}},
		{tasksName, tasks, []string{rel.Dags.Reader, rel.Dags.Worker}},
	} {
		role := dagObject(rel, rbacv1.SchemeGroupVersion.String(), "Role", r.name)
		role.Object["rules"] = r.rules
		binding := dagObject(rel, rbacv1.SchemeGroupVersion.String(), "RoleBinding", r.name)
		binding.Object["roleRef"] = map[string]any{"apiGroup": rbacv1.GroupName, "kind": "Role", "name": r.name}
		subjects := make([]any, len(r.who))
		for i, who := range r.who {
			subjects[i] = map[string]any{"kind": rbacv1.ServiceAccountKind, "name": who, "namespace": rel.Dags.ReaderNamespace}
		}
		binding.Object["subjects"] = subjects
		out = append(out, role, binding)
	}
	return out
}

func rule(resources, verbs []any, names ...string) map[string]any {
	out := map[string]any{"apiGroups": []any{corev1.GroupName}, "resources": resources, "verbs": verbs}
	if len(names) > 0 {
		all := make([]any, len(names))
		for i, name := range names {
			all[i] = name
		}
		out["resourceNames"] = all
	}
	return out
}

// dagFiles reads the files of the folder that the DAGs are in, by their paths in it, and lists which of them are DAG files.
func dagFiles(tree fs.FS, rel catalog.Release) (files map[string][]byte, dags []string, err error) {
	if len(rel.Dags.Patterns) == 0 {
		return map[string][]byte{}, nil, nil
	}
	root := catalog.DagsFolder(rel.Dir, rel.Dags.Patterns)
	found := map[string]bool{}
	for _, pattern := range rel.Dags.Patterns {
		clean := path.Clean(pattern)
		if !fs.ValidPath(clean) {
			return nil, nil, fmt.Errorf("the pattern %q leads out of the project's folder", pattern)
		}
		names, err := catalog.DagPaths(tree, rel.Dir, clean)
		if err != nil {
			return nil, nil, fmt.Errorf("%q: %w", pattern, err)
		}
		for _, name := range names {
			found[name] = true
		}
	}
	x := expander{tree: tree, dir: root, seen: map[string]bool{}, keys: map[string]string{}, raw: map[string][]byte{}, skip: bytecode}
	if err := x.add(".", 0); err != nil {
		return nil, nil, bundleError(err)
	}
	for name := range found {
		dags = append(dags, below(root, name))
	}
	slices.Sort(dags)
	return x.raw, dags, nil
}

// addPackages adds the packages of a project to the files of its DAGs. Airflow looks for modules in the folder of a bundle and nowhere else of it, so that what is
// in a package goes there.
func addPackages(tree fs.FS, rel catalog.Release, files map[string][]byte) error {
	shared, err := PackageFiles(tree, rel.Packages)
	if err != nil {
		return err
	}
	from := make(map[string]string, len(files)) // who has what is at the top
	size := 0
	for name, data := range files {
		from[top(name)], size = "the folder of the DAGs", size+len(data)
	}
	for _, name := range slices.Sorted(maps.Keys(shared)) {
		owner, inside, _ := strings.Cut(strings.TrimPrefix(name, pack.Folder+"/"), "/")
		owner = "the package " + owner
		if other := cmp.Or(from[top(inside)], owner); other != owner {
			return fmt.Errorf("packages: %s is in %s and in %s: rename one, since both are beside the DAG files", top(inside), other, owner)
		}
		from[top(inside)], files[inside] = owner, shared[name]
		if size += len(shared[name]); size > MaxFileBytes {
			return fmt.Errorf("packages: with %s, the files beside the DAGs have more than %d KiB together", owner, MaxFileBytes>>10)
		}
	}
	return nil
}

// top is the first part of a path.
func top(name string) string {
	first, _, _ := strings.Cut(name, "/")
	return first
}

// bytecode reports whether a folder has what Python makes of files.
func bytecode(name string) bool { return path.Base(name) == "__pycache__" }

func below(folder, name string) string {
	if folder == "." {
		return name
	}
	return strings.TrimPrefix(name, folder+"/")
}

func bundleError(err error) error {
	if elsewhere := outside.InSubmodule(err); elsewhere != nil {
		return elsewhere
	}
	if errors.Is(err, errTooLarge) {
		return fmt.Errorf("the files beside the DAGs have more than %d KiB together: put what is large into the image or a store", MaxFileBytes>>10)
	}
	return err
}

// bundleData is what a ConfigMap has of files: text as it is, so that a plan shows what changes.
func bundleData(files map[string][]byte, dags []string) (data, binary map[string]any, err error) {
	data, binary = map[string]any{}, map[string]any{}
	keys := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		key := fileKey(name)
		if _, taken := keys[key]; taken || key == dagsIndex {
			return nil, nil, fmt.Errorf("the key %s of %s is taken: rename the file", key, name)
		}
		keys[key] = name
		if content := files[name]; utf8.Valid(content) && !strings.ContainsRune(string(content), 0) {
			data[key] = string(content)
		} else {
			binary[key] = base64.StdEncoding.EncodeToString(content)
		}
	}
	index, err := json.Marshal(map[string]any{"files": keys, "dags": dags})
	if err != nil {
		return nil, nil, err
	}
	data[dagsIndex] = string(index)
	return data, binary, nil
}
