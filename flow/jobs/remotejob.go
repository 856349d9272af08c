// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/reconciler/cluster"
)

var configMapsResource = corev1.SchemeGroupVersion.WithResource("configmaps")

const (
	// workspace is where the files of a workload are, and its volume; charts of blueprints put them there.
	workspace, workspaceVolume = "/workspace", "workspace"
	// codeVolume has code that is put over that of an image.
	codeVolume = "trunkline-code"
	// keptEnded is how long the cluster keeps a remote run that has ended, if nobody removes it before.
	keptEnded = time.Hour
	// begins has a Job start whose files are there.
	begins = `{"metadata":{"annotations":{"` + annotationWaits + `":null}},"spec":{"suspend":false}}`
)

// RemoteOrder says which remote run is to be made.
type RemoteOrder struct {
	Template Template
	// Name is that of the Job, and of the ConfigMap with its files.
	Name       string
	Person, By string
	Lot        string
	Detached   bool
	Seen       time.Time
	// Variables are set in place of the template's. With Whole there are none of Trunkline's own but these.
	Variables []run.Variable
	Whole     bool
	// Command replaces that of the template, if it is given; what is in it is written as a container takes it. Args come after it, as they are.
	Command, Args []string
	// Files replace those of the workload, by their paths.
	Files map[string][]byte
	// Code is put over that of the image, and Image is in its place: of the two there is one.
	Code  Code
	Image string
	// Life bounds how long it may take.
	Life time.Duration
	// Elsewhere are addresses that the run must not be told: where the workload writes if it is not run by hand.
	Elsewhere []string
}

// Code is that of an image, as files.
type Code struct {
	// Folder is where it is in the image.
	Folder string
	Files  map[string]CodeFile
}

// CodeFile is one of them.
type CodeFile struct {
	Data       []byte
	Executable bool
}

// Tops are the names in its folder, in order.
func (c Code) Tops() (all []string) {
	for _, path := range slices.Sorted(maps.Keys(c.Files)) {
		if top, _, _ := strings.Cut(path, "/"); !slices.Contains(all, top) {
			all = append(all, top)
		}
	}
	return all
}

// TellsError means that a run would be told of a place that is not for it.
type TellsError struct{ Address string }

// Error implements error.
func (e *TellsError) Error() string {
	return fmt.Sprintf("what is deployed names %s outside of the variables that Trunkline sets, so that a run of someone's own would write there", e.Address)
}

// ErrNoPlace means that something else is where the files of a workload are.
var ErrNoPlace = errors.New(`what is deployed has a volume "workspace" of its own, which is where the files of a run are`)

// StartRemote makes a remote run. Its files belong to its Job: they go with it. Until they are there, nothing starts.
func (c *Cluster) StartRemote(ctx context.Context, as As, o RemoteOrder) (Remote, error) {
	job, err := buildRemote(o)
	if err != nil {
		return Remote{}, err
	}
	if o.sends() {
		_ = unstructured.SetNestedField(job.Object, true, "spec", "suspend")
		_ = unstructured.SetNestedField(job.Object, "files", "metadata", "annotations", annotationWaits)
	}
	err = c.do(ctx, as, jobsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
		var err error
		job, err = r.Create(ctx, job, metav1.CreateOptions{FieldManager: cluster.FieldManager})
		return err
	})
	if err != nil {
		return Remote{}, fmt.Errorf("creating the Job %s/%s in cluster %q: %w", as.Namespace, o.Name, c.name, err)
	}
	made, _ := readRemote(c.name, job)
	if !o.sends() {
		return made, nil
	}
	err = c.do(ctx, as, configMapsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
		_, err := r.Create(ctx, filesOf(o, job), metav1.CreateOptions{FieldManager: cluster.FieldManager})
		return err
	})
	if err == nil {
		err = c.do(ctx, as, jobsResource, func(ctx context.Context, r dynamic.ResourceInterface) error {
			_, err := r.Patch(ctx, o.Name, types.MergePatchType, []byte(begins), metav1.PatchOptions{FieldManager: cluster.FieldManager})
			return err
		})
	}
	if err != nil {
		_ = c.Forget(context.WithoutCancel(ctx), as, made) // what could not be begun is not left; the cluster removes it otherwise
		return Remote{}, fmt.Errorf("giving the Job %s/%s its files: %w", as.Namespace, o.Name, err)
	}
	return made, nil
}

// sends reports whether anything is in a ConfigMap of the run.
func (o RemoteOrder) sends() bool { return len(o.Files)+len(o.Code.Files) > 0 }

// filesOf is the ConfigMap with the files of a run. Keys cannot be paths.
func filesOf(o RemoteOrder, job *unstructured.Unstructured) *unstructured.Unstructured {
	data := map[string]any{}
	for i, path := range slices.Sorted(maps.Keys(o.Files)) {
		data[fileKey(i)] = base64.StdEncoding.EncodeToString(o.Files[path])
	}
	for i, path := range slices.Sorted(maps.Keys(o.Code.Files)) {
		data[codeKey(i)] = base64.StdEncoding.EncodeToString(o.Code.Files[path].Data)
	}
	files := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "immutable": true, "binaryData": data}}
	files.SetNamespace(job.GetNamespace())
	files.SetName(o.Name)
	files.SetLabels(job.GetLabels())
	files.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: job.GetName(), UID: job.GetUID()}})
	return files
}

func fileKey(i int) string { return "file-" + strconv.Itoa(i) }

func codeKey(i int) string { return "code-" + strconv.Itoa(i) }

// buildRemote makes the object of a remote run.
func buildRemote(o RemoteOrder) (*unstructured.Unstructured, error) {
	t := o.Template
	spec := copyJob(t.job)
	spec["backoffLimit"] = int64(0)
	spec["ttlSecondsAfterFinished"] = int64(keptEnded.Seconds())
	spec["activeDeadlineSeconds"] = int64(o.Life.Seconds())
	project, workload, _ := strings.Cut(t.Workload, "/")
	own := map[string]string{
		plan.RunLabel: o.Name, labelPerson: o.Person, labelProject: project, labelEnvironment: t.Environment, labelWorkload: workload,
	}
	given, _, _ := unstructured.NestedStringMap(t.job, "metadata", "labels")
	maps.DeleteFunc(given, func(name, _ string) bool { return strings.HasPrefix(name, "applyset.kubernetes.io/") })
	pod, _, _ := unstructured.NestedStringMap(spec, "template", "metadata", "labels")
	maps.DeleteFunc(pod, func(name, _ string) bool { // the controller's own, of the Job that this is made from
		return strings.HasPrefix(name, "batch.kubernetes.io/") || name == "job-name" || name == "controller-uid"
	})
	_ = unstructured.SetNestedStringMap(spec, with(pod, own), "template", "metadata", "labels") // it is a table in every template
	_ = unstructured.SetNestedField(spec, "Never", "template", "spec", "restartPolicy")
	containers, _, _ := unstructured.NestedSlice(spec, "template", "spec", "containers")
	container, ok := containers[t.container].(map[string]any)
	if !ok {
		return nil, ErrNoProgram
	}
	o.fill(container)
	if len(o.Files) > 0 {
		volumes, _, _ := unstructured.NestedSlice(spec, "template", "spec", "volumes")
		if volumes, ok = o.mount(container, volumes); !ok {
			return nil, ErrNoPlace
		}
		_ = unstructured.SetNestedSlice(spec, volumes, "template", "spec", "volumes")
	}
	if len(o.Code.Files) > 0 {
		volumes, _, _ := unstructured.NestedSlice(spec, "template", "spec", "volumes")
		_ = unstructured.SetNestedSlice(spec, append(volumes, o.over(container)), "template", "spec", "volumes")
	}
	if o.Image != "" {
		container["image"] = o.Image
		confined(container)
	}
	containers[t.container] = container
	_ = unstructured.SetNestedSlice(spec, containers, "template", "spec", "containers")
	before, _, _ := unstructured.NestedSlice(spec, "template", "spec", "initContainers")
	if err := o.untold(slices.Concat(before, containers)); err != nil {
		return nil, err
	}
	out := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "batch/v1", "kind": "Job", "spec": spec}}
	out.SetNamespace(t.Namespace)
	out.SetName(o.Name)
	out.SetLabels(with(given, own))
	out.SetAnnotations(map[string]string{
		annotationBy: o.By, annotationLot: o.Lot, annotationDetached: strconv.FormatBool(o.Detached), annotationSeen: o.Seen.UTC().Format(time.RFC3339),
	})
	if t.UID != "" {
		out.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "CronJob", Name: t.Name, UID: t.UID}})
	}
	return out, nil
}

// fill sets what the container is given.
func (o RemoteOrder) fill(container map[string]any) {
	if o.Whole {
		container["env"] = environment(container["env"], o.Variables)
	} else {
		container["env"] = replaced(container["env"], o.Variables)
	}
	args := make([]any, 0, len(o.Args))
	for _, arg := range o.Args {
		args = append(args, reference(run.Text{{Literal: arg}}))
	}
	if len(o.Command) > 0 {
		container["command"] = append(anySlice(o.Command), args...)
		delete(container, "args")
		return
	}
	if before, _ := container["args"].([]any); len(before) == 0 && container["command"] != nil {
		command, _ := container["command"].([]any)
		container["command"] = append(command, args...)
	} else if len(args) > 0 {
		container["args"] = append(before, args...)
	}
}

func anySlice(texts []string) []any {
	out := make([]any, len(texts))
	for i, text := range texts {
		out[i] = text
	}
	return out
}

// replaced is the environment of a template with the values of some variables.
func replaced(template any, given []run.Variable) []any {
	values := make(map[string]string, len(given))
	for _, v := range given {
		values[v.Name] = reference(v.Value)
	}
	entries, _ := template.([]any)
	out := make([]any, 0, len(entries))
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		name, _ := entry["name"].(string)
		if value, is := values[name]; is {
			e = map[string]any{"name": name, "value": value}
			delete(values, name)
		}
		out = append(out, e)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, map[string]any{"name": name, "value": values[name]})
	}
	return out
}

// mount puts the files where those of the workload are, or where they would be; false if something else is there.
func (o RemoteOrder) mount(container map[string]any, volumes []any) ([]any, bool) {
	items := make([]any, 0, len(o.Files))
	for i, path := range slices.Sorted(maps.Keys(o.Files)) {
		items = append(items, map[string]any{"key": fileKey(i), "path": path})
	}
	volume := map[string]any{"name": workspaceVolume, "configMap": map[string]any{"name": o.Name, "items": items}}
	for i, v := range volumes {
		if v, ok := v.(map[string]any); ok && v["name"] == any(workspaceVolume) {
			_, files := v["configMap"]
			volumes[i] = volume
			return volumes, files
		}
	}
	mounts, _ := container["volumeMounts"].([]any)
	container["volumeMounts"] = append(mounts, map[string]any{"name": workspaceVolume, "mountPath": workspace, "readOnly": true})
	container["workingDir"] = workspace
	return append(volumes, volume), true
}

// over puts code over that of the image: each file and folder at the top of its folder in the place of the one there. What else is in the
// folder stays.
func (o RemoteOrder) over(container map[string]any) (volume map[string]any) {
	const executable, plain = int64(0o555), int64(0o444)
	items := make([]any, 0, len(o.Code.Files))
	for i, path := range slices.Sorted(maps.Keys(o.Code.Files)) {
		mode := plain
		if o.Code.Files[path].Executable {
			mode = executable
		}
		items = append(items, map[string]any{"key": codeKey(i), "path": path, "mode": mode})
	}
	mounts, _ := container["volumeMounts"].([]any)
	for _, top := range o.Code.Tops() {
		mounts = append(mounts, map[string]any{"name": codeVolume, "mountPath": o.Code.Folder + "/" + top, "subPath": top, "readOnly": true})
	}
	container["volumeMounts"] = mounts
	return map[string]any{"name": codeVolume, "configMap": map[string]any{"name": o.Name, "items": items}}
}

// confined keeps a program that nobody has reviewed from becoming another user by a file of its own layer. Where a release has decided that
// for all of its programs, it stays.
func confined(container map[string]any) {
	if _, set, _ := unstructured.NestedFieldNoCopy(container, "securityContext", "allowPrivilegeEscalation"); set {
		return
	}
	if privileged, _, _ := unstructured.NestedBool(container, "securityContext", "privileged"); !privileged {
		_ = unstructured.SetNestedField(container, false, "securityContext", "allowPrivilegeEscalation")
	}
}

// FixesUser reports whether the template says by a number who its program runs as, or that it is not root.
func (t Template) FixesUser() bool {
	containers, _, _ := unstructured.NestedSlice(t.job, "spec", "template", "spec", "containers")
	pod, _, _ := unstructured.NestedMap(t.job, "spec", "template", "spec")
	of := []map[string]any{pod}
	if t.container < len(containers) {
		container, _ := containers[t.container].(map[string]any)
		of = append(of, container)
	}
	for _, where := range of {
		_, number, _ := unstructured.NestedFieldNoCopy(where, "securityContext", "runAsUser")
		notRoot, _, _ := unstructured.NestedBool(where, "securityContext", "runAsNonRoot")
		if number || notRoot {
			return true
		}
	}
	return false
}

// untold refuses containers that are told where the workload writes by something else than what was set here.
func (o RemoteOrder) untold(containers []any) error {
	for _, c := range containers {
		container, _ := c.(map[string]any)
		texts := []any{container["command"], container["args"]}
		env, _ := container["env"].([]any)
		for _, e := range env {
			entry, _ := e.(map[string]any)
			if name, _ := entry["name"].(string); !strings.HasPrefix(name, ownVariables+"READ_") && !strings.HasPrefix(name, "CLS_") {
				texts = append(texts, entry["value"])
			}
		}
		all := fmt.Sprint(texts...)
		for _, address := range o.Elsewhere {
			if strings.Contains(all, strings.TrimSuffix(address, "/")) {
				return &TellsError{address}
			}
		}
	}
	return nil
}

// Written is a command as a container takes it, with the names of secrets for their values.
func Written(command []run.Text) []string {
	out := make([]string, len(command))
	for i, arg := range command {
		out[i] = reference(arg)
	}
	return out
}
