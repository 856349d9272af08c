// SPDX-License-Identifier: Apache-2.0

package workspace

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	names "trunkline.dev/trunkline/api/person"
	"trunkline.dev/trunkline/api/workspace"
	"trunkline.dev/trunkline/plan"
)

// The labels and annotations of a person's workspace.
const (
	LabelKind        = "trunkline.dev/workspace" // Which blueprint it is of.
	LabelOwner       = "trunkline.dev/person"    // Whose it is, as [Slug] writes it.
	LabelProject     = "trunkline.dev/project"
	LabelEnvironment = "trunkline.dev/environment"
	LabelWorkload    = "trunkline.dev/workload"

	AnnotationBy         = "trunkline.dev/by"         // Whose it is, as the history names people.
	AnnotationWoken      = "trunkline.dev/woken"      // When it was opened or woken last.
	AnnotationStopped    = "trunkline.dev/stopped"    // When it was stopped last.
	AnnotationActive     = "trunkline.dev/active"     // When it was used last, as far as it was noted.
	AnnotationRepository = "trunkline.dev/repository" // What was cloned at its first start.
	AnnotationBranch     = "trunkline.dev/branch"     // Which branch of it was.
	AnnotationSize       = "trunkline.dev/size"       // The size class that its owner asked for.
	AnnotationGit        = "trunkline.dev/git"        // Whether its owner gave credentials for Git.
)

// The keys of the Secret of a workspace.
const (
	KeyToken       = "token"
	KeyGitUsername = "username"
	KeyGitPassword = "password"
)

// ErrNotOne means that what is deployed is nothing that a workspace can be made from.
var ErrNotOne = errors.New("what is deployed is no workspace: it has no container")

// Order is what one person's workspace is to be.
type Order struct {
	// Template is the StatefulSet without replicas that its release holds.
	Template *unstructured.Unstructured
	// Name is that of the workspace, Kind the blueprint, and Path where its server is.
	Name, Kind, Path string
	// Owner tells whose it is, as [Slug] writes it, and By as the history does.
	Owner, By string
	// Repository and Branch are cloned at the first start; empty: nothing is. Git is set if there are credentials for it.
	Repository, Branch string
	Git                bool
	// Size is the name of a size class, and CPU and Memory what it means; empty: that of the workload.
	Size, CPU, Memory string
	Woken             time.Time
}

// Build makes the StatefulSet of one person from the one that is deployed. It has no replica yet: what it needs is made first.
func Build(o Order) (*unstructured.Unstructured, error) {
	spec := runtime.DeepCopyJSON(o.Template.Object)["spec"]
	s, _ := spec.(map[string]any)
	containers, _, _ := unstructured.NestedSlice(s, "template", "spec", "containers")
	if len(containers) == 0 {
		return nil, ErrNotOne
	}
	container, _ := containers[0].(map[string]any)
	o.fill(container)
	containers[0] = container
	own := map[string]string{plan.RunLabel: o.Name, LabelKind: o.Kind, LabelOwner: o.Owner}
	labels := maps.Clone(o.Template.GetLabels())
	maps.DeleteFunc(labels, func(name, _ string) bool { return strings.HasPrefix(name, "applyset.kubernetes.io/") })
	pod, _, _ := unstructured.NestedStringMap(s, "template", "metadata", "labels")
	_ = unstructured.SetNestedStringMap(s, with(pod, own), "template", "metadata", "labels") // it is a table in every template
	_ = unstructured.SetNestedSlice(s, containers, "template", "spec", "containers")
	if o.Git {
		volumes, _, _ := unstructured.NestedSlice(s, "template", "spec", "volumes")
		const groupReads = 0o440
		volumes = append(volumes, map[string]any{"name": workspace.GitVolume, "secret": map[string]any{"secretName": o.Name, "defaultMode": int64(groupReads), "items": []any{
			map[string]any{"key": KeyGitUsername, "path": KeyGitUsername}, map[string]any{"key": KeyGitPassword, "path": KeyGitPassword},
		}}})
		_ = unstructured.SetNestedSlice(s, volumes, "template", "spec", "volumes")
	}
	claims, _, _ := unstructured.NestedSlice(s, "volumeClaimTemplates")
	for _, c := range claims {
		claim, _ := c.(map[string]any)
		had, _, _ := unstructured.NestedStringMap(claim, "metadata", "labels")
		_ = unstructured.SetNestedStringMap(claim, with(had, own), "metadata", "labels")
		delete(claim, "status")
	}
	_ = unstructured.SetNestedSlice(s, claims, "volumeClaimTemplates")
	s["replicas"], s["serviceName"], s["selector"] = int64(0), o.Name, map[string]any{"matchLabels": map[string]any{plan.RunLabel: o.Name, LabelOwner: o.Owner}}
	out := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": s}}
	out.SetNamespace(o.Template.GetNamespace())
	out.SetName(o.Name)
	out.SetLabels(with(labels, own))
	notes := map[string]string{AnnotationBy: o.By, AnnotationWoken: stamp(o.Woken)}
	for name, value := range map[string]string{AnnotationRepository: o.Repository, AnnotationBranch: o.Branch, AnnotationSize: o.Size} {
		if value != "" {
			notes[name] = value
		}
	}
	if o.Git {
		notes[AnnotationGit] = "true"
	}
	out.SetAnnotations(notes)
	out.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: o.Template.GetName(), UID: o.Template.GetUID()}})
	return out, nil
}

// fill sets what the container of one person has.
func (o Order) fill(container map[string]any) {
	env, _ := container["env"].([]any)
	add := func(name string, value map[string]any) {
		value["name"] = name
		env = append(env, value)
	}
	add(workspace.PathVariable, map[string]any{"value": o.Path})
	add(workspace.TokenVariable, map[string]any{"valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": o.Name, "key": KeyToken}}})
	if o.Repository != "" {
		// What is written twice is no reference to another variable.
		plain := func(s string) map[string]any { return map[string]any{"value": strings.ReplaceAll(s, "$", "$$")} }
		add(workspace.RepositoryVariable, plain(o.Repository))
		add(workspace.BranchVariable, plain(o.Branch))
		add(workspace.FolderVariable, plain(workspace.Folder(o.Repository)))
	}
	container["env"] = env
	if o.Size != "" {
		takes := map[string]any{"cpu": o.CPU, "memory": o.Memory}
		container["resources"] = map[string]any{"requests": takes, "limits": maps.Clone(takes)}
	}
	if o.Git {
		mounts, _ := container["volumeMounts"].([]any)
		container["volumeMounts"] = append(mounts, map[string]any{"name": workspace.GitVolume, "mountPath": workspace.GitFolder, "readOnly": true})
	}
}

// Secret is what one person's workspace reads, and nothing else does.
func Secret(set *unstructured.Unstructured, values map[string]string) *unstructured.Unstructured {
	data := map[string]any{}
	for key, value := range values {
		data[key] = value
	}
	out := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true, "stringData": data}}
	out.SetNamespace(set.GetNamespace())
	out.SetName(set.GetName())
	labels := maps.Clone(set.GetLabels())
	out.SetLabels(labels)
	out.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: set.GetName(), UID: set.GetUID()}})
	return out
}

func with(labels, more map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, labels)
	maps.Copy(out, more)
	return out
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Name is what the workspace of someone at a workload is called: the same each time, and for nobody else.
func Name(project, environment, workload, person string) string {
	const ofWorkload, ofPerson, digits = 16, 16, 10
	sum := sha256.Sum256([]byte(strings.Join([]string{project, environment, workload, person}, "\x00")))
	name := strings.Trim(workload[:min(len(workload), ofWorkload)], "-.") + "-" + names.Plain(person, ofPerson) + "-" + hex.EncodeToString(sum[:])[:digits]
	return strings.ReplaceAll(strings.ReplaceAll(name, ".", "-"), "--", "-")
}
