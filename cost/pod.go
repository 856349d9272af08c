// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	podresource "k8s.io/component-helpers/resource"
)

// resourceKind is what a price is for.
type resourceKind string

const (
	cpu      resourceKind = "cpu"
	memory   resourceKind = "memory"
	nodeDisk resourceKind = "ephemeral-storage"
	storage  resourceKind = "storage"
	device   resourceKind = "device"
)

// resourceID is a resource: of devices with its name, of storage with its class.
type resourceID struct {
	kind resourceKind
	name string
}

// String names the resource for people.
func (r resourceID) String() string {
	switch {
	case r.kind == device:
		return r.name
	case r.kind == storage && r.name != "":
		return "storage " + r.name
	}
	return string(r.kind)
}

// demand is what a pod takes of each resource: cores, GiB, or a number of devices.
type demand map[resourceID]*big.Rat

func (d demand) add(what resourceID, amount *big.Rat) {
	if d[what] == nil {
		d[what] = new(big.Rat)
	}
	d[what].Add(d[what], amount)
}

// ids are the resources in a fixed order.
func (d demand) ids() []resourceID {
	return slices.SortedFunc(maps.Keys(d), func(a, b resourceID) int { return strings.Compare(a.String(), b.String()) })
}

// pod is what is known of the pods that a template makes.
type pod struct {
	demand demand
	// containers are those that stay, with what they request.
	containers []corev1.Container
	// spot says which machines its node selector asks for; nil if it does not.
	spot *bool
	// crew are pods that it makes, which run beside it.
	crew []crew
	// once reports whether it is not started again once it has ended.
	once bool
	// unknown is what it takes that cannot be told, in sentences.
	unknown []string
}

// readPod reads the spec of a pod, as it is after the API server has filled its defaults.
func readPod(spec map[string]any, defaults corev1.ResourceList) (*pod, error) {
	if spec == nil {
		return nil, fmt.Errorf("it has no spec of a pod")
	}
	typed, err := typedPod(spec)
	if err != nil {
		return nil, err
	}
	p := &pod{demand: demand{}, containers: typed.Spec.Containers, spot: spotOf(spec)}
	policy, _ := spec["restartPolicy"].(string)
	p.once = policy == string(corev1.RestartPolicyNever) || policy == string(corev1.RestartPolicyOnFailure)
	fill(typed, defaults)
	for name, q := range podresource.PodRequests(typed, podresource.PodResourcesOptions{}) {
		what, amount := resourceOf(name, q)
		p.demand.add(what, amount)
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if silent := withoutRequest(typed, name); len(silent) > 0 {
			p.unknown = append(p.unknown, fmt.Sprintf("no request of %s, so that what it uses is not known: container %s", name, strings.Join(silent, ", ")))
		}
	}
	if claims, _ := spec["resourceClaims"].([]any); len(claims) > 0 {
		p.unknown = append(p.unknown, "what its resource claims (DRA) get is decided in the cluster")
	}
	return p, p.volumes(spec)
}

// typedPod reads what matters here of the spec of a pod. Quantities are checked before they are read: to read "1e-9999999"
// takes more than a second.
func typedPod(spec map[string]any) (*corev1.Pod, error) {
	read := map[string]any{}
	for _, list := range []string{"containers", "initContainers"} {
		items, _ := spec[list].([]any)
		var out []any
		for i, item := range items {
			from, _ := item.(map[string]any)
			c := map[string]any{"name": from["name"], "restartPolicy": from["restartPolicy"]}
			resources, err := checked(from["resources"])
			if err != nil {
				return nil, fmt.Errorf("%s[%d].resources: %w", list, i, err)
			}
			c["resources"] = resources
			out = append(out, c)
		}
		read[list] = out
	}
	for _, field := range []string{"resources", "overhead"} {
		given := spec[field]
		if field == "overhead" {
			given = map[string]any{"overhead": given}
		}
		resources, err := checked(given)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", field, err)
		case field == "overhead":
			read[field] = resources["overhead"]
		case spec[field] != nil:
			read[field] = resources
		}
	}
	var typed corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(map[string]any{"spec": read}, &typed); err != nil {
		return nil, fmt.Errorf("reading the spec of the pod: %w", err)
	}
	return &typed, nil
}

// quantityForm is the form of quantities whose size is bounded.
var quantityForm = regexp.MustCompile(`^([0-9]{1,18}(\.[0-9]{0,9})?|\.[0-9]{1,9})([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?$`)

// checked returns the lists of quantities among some fields, such as requests and limits.
func checked(resources any) (map[string]any, error) {
	fields, _ := resources.(map[string]any)
	out := map[string]any{}
	for field, value := range fields {
		list, ok := value.(map[string]any)
		if !ok {
			continue
		}
		quantities := map[string]any{}
		for name, q := range list {
			text, err := quantityText(q)
			if err != nil {
				return nil, fmt.Errorf("%.40s.%.80s: %w", field, name, err)
			}
			quantities[name] = text
		}
		out[field] = quantities
	}
	return out, nil
}

// quantityText returns a quantity as a text that can be read.
func quantityText(value any) (string, error) {
	text := ""
	switch v := value.(type) {
	case string:
		text = v
	case int64:
		text = strconv.FormatInt(v, 10)
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	}
	if !quantityForm.MatchString(text) {
		return "", fmt.Errorf("%.40q is not a quantity", fmt.Sprint(value))
	}
	return text, nil
}

// fill fills in what containers do not request, as the API server does: first their limits, and then what a LimitRange says.
func fill(p *corev1.Pod, defaults corev1.ResourceList) {
	for _, list := range [][]corev1.Container{p.Spec.Containers, p.Spec.InitContainers} {
		for i := range list {
			list[i].Resources.Requests = merged(list[i].Resources.Requests, list[i].Resources.Limits, defaults)
		}
	}
	if p.Spec.Resources == nil {
		return
	}
	limits := maps.Clone(p.Spec.Resources.Limits)
	maps.DeleteFunc(limits, func(name corev1.ResourceName, _ resource.Quantity) bool {
		return slices.ContainsFunc(p.Spec.Containers, func(c corev1.Container) bool { _, ok := c.Resources.Requests[name]; return ok })
	})
	p.Spec.Resources.Requests = merged(p.Spec.Resources.Requests, limits)
}

// merged returns lists as one, in which the first that names a resource counts.
func merged(lists ...corev1.ResourceList) corev1.ResourceList {
	out := corev1.ResourceList{}
	for _, list := range slices.Backward(lists) {
		maps.Copy(out, list)
	}
	return out
}

// withoutRequest returns the containers that stay and do not request a resource.
func withoutRequest(p *corev1.Pod, name corev1.ResourceName) (silent []string) {
	if p.Spec.Resources != nil {
		if _, ok := p.Spec.Resources.Requests[name]; ok {
			return nil
		}
	}
	for _, c := range p.Spec.Containers {
		if _, ok := c.Resources.Requests[name]; !ok {
			silent = append(silent, c.Name)
		}
	}
	for _, c := range p.Spec.InitContainers {
		if _, ok := c.Resources.Requests[name]; !ok && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			silent = append(silent, c.Name)
		}
	}
	return silent
}

// gibibyte is how many bytes a GiB has.
const gibibyte = 1 << 30

// resourceOf returns what a request is priced as, and how much of it there is. Huge pages are memory.
func resourceOf(name corev1.ResourceName, q resource.Quantity) (resourceID, *big.Rat) {
	amount := ratOf(q)
	switch {
	case name == corev1.ResourceCPU:
		return resourceID{kind: cpu}, amount
	case name == corev1.ResourceMemory, strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix):
		return resourceID{kind: memory}, amount.Quo(amount, big.NewRat(gibibyte, 1))
	case name == corev1.ResourceEphemeralStorage:
		return resourceID{kind: nodeDisk}, amount.Quo(amount, big.NewRat(gibibyte, 1))
	}
	return resourceID{kind: device, name: string(name)}, amount
}

// ratOf returns a quantity exactly.
func ratOf(q resource.Quantity) *big.Rat {
	dec := q.AsDec()
	scale := int64(dec.Scale())
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(max(scale, -scale)), nil)
	if scale < 0 {
		return new(big.Rat).SetInt(new(big.Int).Mul(dec.UnscaledBig(), power))
	}
	return new(big.Rat).SetFrac(dec.UnscaledBig(), power)
}

// volumes adds the volumes that each pod gets for as long as it is there.
func (p *pod) volumes(spec map[string]any) error {
	list, _ := spec["volumes"].([]any)
	for _, item := range list {
		volume, _ := item.(map[string]any)
		claim, found, _ := unstructured.NestedMap(volume, "ephemeral", "volumeClaimTemplate", "spec")
		if !found {
			continue
		}
		what, size, err := readClaim(claim)
		if err != nil {
			return err
		}
		p.demand.add(what, size)
	}
	return nil
}

// readClaim reads the spec of a PersistentVolumeClaim: the class, and GiB.
func readClaim(spec map[string]any) (resourceID, *big.Rat, error) {
	class, _, _ := unstructured.NestedString(spec, "storageClassName")
	requests, _, _ := unstructured.NestedMap(spec, "resources", "requests")
	text, err := quantityText(requests["storage"])
	if err != nil {
		return resourceID{}, nil, fmt.Errorf("the request of storage: %w", err)
	}
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return resourceID{}, nil, fmt.Errorf("the request of storage: %w", err)
	}
	size := ratOf(q)
	return resourceID{kind: storage, name: class}, size.Quo(size, big.NewRat(gibibyte, 1)), nil
}
