// SPDX-License-Identifier: Apache-2.0

package clusterless

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/confidential"
	"trunkline.dev/trunkline/api/lot"
)

// arc makes the workload of an arc, and the datasets that it writes.
func (m *migration) arc(r *region, c component) error {
	w := &workload{component: c, Name: label(c.name), Exclude: c.exclude}
	unit, err := m.sources(r, c, w)
	if err != nil {
		return err
	}
	sinks, err := c.object(c.node, "sinks")
	if err != nil {
		return err
	}
	if len(sinks.fields) == 0 || len(w.Reads) == 0 {
		return c.at(c.node, "%s reads or writes nothing", c)
	}
	w.Writes = map[string]string{}
	for _, f := range sinks.fields {
		if w.Writes[f.name], err = m.declareDataset(r, c, f.value, unit, false); err != nil {
			return err
		}
	}
	switch c.typ {
	case "aws:core:s3CopyArc":
		err = m.copies(c, w)
	case addPartitions:
		err = m.adds(c, w)
	case "aws:core:batchExecArc":
		err = m.batch(c, w)
	}
	r.workloads = append(r.workloads, w)
	return err
}

// sources makes what an arc reads, and returns the unit of its lots.
func (m *migration) sources(r *region, c component, w *workload) (unit lot.Unit, err error) {
	w.Reads = map[string]read{}
	triggers := 0
	of := map[lot.Unit]bool{}
	for _, f := range c.get("sources").fields {
		id, err := c.dataset(f.value)
		if err != nil {
			return 0, err
		}
		m.unknown(c.deployable, fmt.Sprintf("%s: the source %s", c, f.name), f.value, "name", "version", "pathURI", "subscribe")
		subscribe := true
		if f.value.get("subscribe") != nil {
			if subscribe, err = c.yes(f.value, "subscribe"); err != nil {
				return 0, err
			}
		}
		o := m.owner(r, id)
		one := read{Dataset: o.ref}
		if subscribe {
			triggers++
			of[o.unit] = true
		} else {
			no := false
			one.Trigger = &no
		}
		w.Reads[f.name] = one
		if unit == 0 || f.name == "main" {
			unit = o.unit
		}
	}
	what := c.String() + ": sources"
	at := c.get("sources")
	switch {
	case triggers == 0:
		w.Suspend = true
		m.note(c.deployable, at, what, "no source is subscribed to, so that nothing ever started it; it is suspended", "remove \"suspend\", and it makes each lot that is due")
	case triggers > 1:
		w.Join = "any"
		m.note(c.deployable, at, what, "it runs for a lot once any of its sources has it, as before: there are no barriers in Clusterless", "write \"join: all\" to have it wait for all of them")
	}
	if len(of) > 1 {
		m.note(c.deployable, at, what, fmt.Sprintf("their lots have different lengths; what it writes has those of %s", unit), "see that these are the lots that it is to make")
	}
	return unit, nil
}

// copyScript copies the objects of a lot, below the location of the dataset that they are of, which is the first argument.
const copyScript = `for from in $TRUNKLINE_READ_ROLE; do
  case $from in
  */) aws s3 cp --recursive --only-show-errors "$from" "$TRUNKLINE_WRITE_SINK" ;;
  *) aws s3 cp --only-show-errors "$from" "$TRUNKLINE_WRITE_SINK${from#"$1"}" ;;
  esac || exit
done
`

// copies makes the workload of an arc that copies.
func (m *migration) copies(c component, w *workload) error {
	props := c.get("workload").get("workloadProps")
	filter, err := m.filter(c, props.get("filter"), "workload.workloadProps.filter")
	if err != nil {
		return err
	}
	percent := props.get("failArcOnPartialPercent")
	if percent != nil && percent.kind != number {
		return c.at(percent, "\"failArcOnPartialPercent\" is %s; want a number", percent.kind)
	}
	tolerates := percent != nil && percent.text != "0" && percent.text != "0.0"
	if filter != nil {
		image, _ := m.image("lot", c.version)
		w.Blueprint, w.Image, w.Params, w.Suspend = "copy", image, map[string]any{"filter": filter}, true
		if tolerates {
			w.Params["failOnPartialPercent"] = percent.number()
		}
		m.note(c.deployable, c.node, c.String(), "it is copied by the program lot, of which there is no public image: it is suspended",
			"build an image that has it (docs/data.md), write its address as \"image\", and remove \"suspend\"")
		return nil
	}
	if len(w.Reads) != 1 || len(w.Writes) != 1 {
		return c.at(c.node, "%s copies from or to several datasets: write an arc for each", c)
	}
	script := strings.ReplaceAll(copyScript, "READ_ROLE", "READ_"+variable(slices.Collect(maps.Keys(w.Reads))[0]))
	script = strings.ReplaceAll(script, "WRITE_SINK", "WRITE_"+variable(slices.Collect(maps.Keys(w.Writes))[0]))
	w.Blueprint, w.Image, w.Params = "container-job", awsImage, map[string]any{"user": awsUser}
	w.Command = []string{"sh", "-c", script, "copy", "$.arcNotifyEvent.dataset.pathURI"}
	m.note(c.deployable, c.node, c.String(), "it is a Job that copies the objects of a lot by the tool of AWS: either all of them are copied, or the lot is tried again", "")
	if tolerates {
		m.note(c.deployable, percent, c.String()+": workload.workloadProps.failArcOnPartialPercent", "a lot of which an object cannot be copied fails", "")
	}
	return nil
}

// image is the address of an image that nobody has built yet, and what else is to be done about it.
func (m *migration) image(name, version string) (address, do string) {
	registry := m.Registry
	if registry == "" {
		registry, do = "registry.invalid", "; write its address here, or name the registry with --set registry=ghcr.io/acme"
	}
	return strings.TrimSuffix(registry, "/") + "/" + m.project + "/" + name + ":" + version, do
}

// number is a number of a param.
func (n *node) number() any {
	var f float64
	if _, err := fmt.Sscan(n.text, &f); err != nil {
		return n.text
	}
	if f == float64(int(f)) {
		return int(f)
	}
	return f
}

// variable is the part of a variable's name that comes from a role.
func variable(role string) string {
	return strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToUpper(role))
}

// batch makes the workload of an arc that runs a container.
func (m *migration) batch(c component, w *workload) error {
	spec, err := c.object(c.node, "workload")
	if err != nil {
		return err
	}
	w.Blueprint, w.Params = "container-job", map[string]any{}
	folder, err := c.text(spec, "imagePath")
	if err != nil {
		return err
	}
	name := label(path.Base(path.Clean("/" + folder)))
	if name == "" {
		name = w.Name
	}
	image, where := m.image(name, c.version)
	w.Image = image
	do := fmt.Sprintf("build and push it: docker build -t IMAGE %s", folder) + where
	m.note(c.deployable, spec.get("imagePath"), c.String()+": workload.imagePath", "no image is built when a project is deployed", do)
	if w.Command, err = c.texts(spec, "command"); err != nil {
		return err
	}
	if len(w.Command) == 0 {
		m.note(c.deployable, spec, c.String()+": workload.command", "there is none: the program is what the image starts by itself", "")
	}
	if err := m.environment(c, w, spec.get("environment")); err != nil {
		return err
	}
	m.arguments(c, w, spec)
	if props := spec.get("workloadProps"); props != nil && len(props.fields) > 0 {
		m.note(c.deployable, props, c.String()+": workload.workloadProps", "the program finds the params of the workload in CLS_ARC_PROPS_JSON instead", "give it what it needs in \"env\" or \"command\"")
	}
	return m.runtime(c, w, spec.get("batchRuntimeProps"))
}

// size is one of the built-in ones.
type size struct {
	name string
	mib  int
}

// sizes are those of a quarter of a core, which Clusterless has always, and of more cores where that has too little memory.
var sizes = []size{{"cx.micro", 512}, {"mx.micro", 1024}, {"rx.micro", 2048}, {"rx.small", 4096}, {"rx.medium", 8192}, {"rx.large", 16384}}

// runtime makes size, time and kind of machine of a run.
func (m *migration) runtime(c component, w *workload, props *node) error {
	memory, err := c.count(props, "memorySizeMB", 1024)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(sizes, func(s size) bool { return s.mib >= memory })
	if i < 0 {
		return c.at(props, "%s needs %d MB, which is more than Clusterless has", c, memory)
	}
	w.Size = sizes[i].name
	if sizes[i].mib != memory {
		m.note(c.deployable, props, c.String()+": workload.batchRuntimeProps.memorySizeMB", fmt.Sprintf("the size %s has %d MiB", w.Size, sizes[i].mib), "declare a size of your own if that is too much")
	}
	minutes, err := c.count(props, "timeoutMin", 60)
	if err != nil {
		return err
	}
	w.Timeout = fmt.Sprintf("%dm", max(1, minutes))
	architecture, err := c.optional(props, "architecture", "X86_64")
	if err != nil {
		return err
	}
	switch architecture {
	case "X86_64":
		w.Params["nodeSelector"] = map[string]any{"kubernetes.io/arch": "amd64"}
	case "ARM_64":
		w.Params["nodeSelector"] = map[string]any{"kubernetes.io/arch": "arm64"}
	default:
		return c.at(props.get("architecture"), "the architecture %q is not known; want one of: X86_64, ARM_64", architecture)
	}
	retries, err := c.count(props, "retryAttempts", 0)
	if err == nil && retries > 0 {
		m.note(c.deployable, props.get("retryAttempts"), c.String()+": workload.batchRuntimeProps.retryAttempts",
			"a lot that fails is tried again after a minute, then two, up to an hour, until it is there: how often is not asked", "")
	}
	return err
}

// environment makes the variables. A value that is a secret is not written: the variable is filled from a Secret of the cluster.
func (m *migration) environment(c component, w *workload, n *node) error {
	if n == nil {
		return nil
	}
	if n.kind != object {
		return c.at(n, "\"environment\" is %s; want an object", n.kind)
	}
	for _, f := range n.fields {
		what := fmt.Sprintf("%s: workload.environment.%s", c, f.name)
		switch {
		case f.value.kind == null:
			continue
		case f.value.kind != text:
			return c.at(f.value, "the variable %.100q is %s; want a text", f.name, f.value.kind)
		case strings.HasPrefix(f.name, "TRUNKLINE_"), f.name == "CLS_ARC_PROPS_JSON", !isVariable(f.name):
			m.note(c.deployable, f.value, what, "no workload can have a variable of this name", "give it another one")
			continue
		}
		if found := confidential.What(f.name, f.value.text); found != "" {
			m.secret(c, w, f.value, what, f.name, found)
			continue
		}
		put(&w.Env, f.name, f.value.text)
	}
	return nil
}

func isVariable(name string) bool {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || r != '-' && r != '.' && (r < '0' || r > '9')) {
			return false
		}
	}
	return name != ""
}

// secret has a variable filled from a Secret.
func (m *migration) secret(c component, w *workload, at *node, what, name, found string) {
	put(&w.Secrets, name, secretRef{Name: w.Name, Key: name})
	m.note(c.deployable, at, what, fmt.Sprintf("it looks like %s, which no file should have: it is not written", found),
		fmt.Sprintf("make a Secret %q in the namespace of the project, with the key %s, and change the value: it was readable in %s", w.Name, name, c.file))
}

// arguments takes secrets out of the command.
func (m *migration) arguments(c component, w *workload, spec *node) {
	for i, arg := range w.Command {
		flag, value, is := strings.Cut(arg, "=")
		if !is {
			flag, value = "", arg
			if before := max(0, i-1); strings.HasPrefix(w.Command[before], "-") && !strings.Contains(w.Command[before], "=") && !strings.HasPrefix(arg, "-") {
				flag = w.Command[before]
			}
		}
		name := variable(strings.TrimLeft(flag, "-"))
		found := confidential.What(name, value)
		if found == "" || strings.HasPrefix(value, "$") {
			continue
		}
		if !isVariable(name) {
			name = fmt.Sprintf("SECRET_%d", i)
		}
		for w.Env[name] != "" || w.Secrets[name] != (secretRef{}) {
			name += "_"
		}
		m.secret(c, w, spec.get("command").items[i], fmt.Sprintf("%s: workload.command[%d]", c, i), name, found)
		if w.Command[i] = "$(" + name + ")"; is {
			w.Command[i] = flag + "=$(" + name + ")"
		}
	}
}

// addPartitions is the type of an arc that adds partitions to a table of AWS Glue.
const addPartitions = "aws:core:glueAddPartitionsArc"

// adds makes the workload of an arc that adds partitions.
func (m *migration) adds(c component, w *workload) error {
	if len(w.Reads) != 1 || len(w.Writes) != 1 {
		return c.at(c.node, "%s adds several datasets, or adds to several tables: write an arc for each", c)
	}
	image, _ := m.image("catalog", c.version)
	w.Blueprint, w.Image, w.Params, w.Suspend = "catalog", image, map[string]any{}, true
	props := c.get("workload").get("workloadProps")
	for _, name := range []string{"partitionType", "namedPartitionDelimiter", "partitionResults"} {
		if props.get(name) == nil {
			continue
		}
		value, err := c.text(props, name)
		if err != nil {
			return err
		}
		w.Params[name] = value
	}
	m.note(c.deployable, c.node, c.String(), "it is done by the program trunkline-catalog, of which there is no public image: it is suspended",
		"build an image that has it (docs/data.md), write its address as \"image\", and remove \"suspend\"")
	m.note(c.deployable, c.node, c.String()+": sources", "lots that are made here lie in the folders lot=ID/attempt=NAME/, and a partition is in one folder",
		"see that the table is partitioned by lot, or that no two lots have a partition in common")
	return nil
}

func put[V any](to *map[string]V, name string, value V) {
	if *to == nil {
		*to = map[string]V{}
	}
	(*to)[name] = value
}
