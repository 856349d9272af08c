// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// crew are pods that run beside a pod, which makes them: the executors of a driver of Spark.
type crew struct {
	pod   *pod
	count int64
}

// cores is what a pod takes of cores, with those that it makes.
func (p *pod) cores() *big.Rat {
	sum := new(big.Rat)
	if own := p.demand[resourceID{kind: cpu}]; own != nil {
		sum.Set(own)
	}
	for _, c := range p.crew {
		sum.Add(sum, new(big.Rat).Mul(c.pod.cores(), big.NewRat(c.count, 1)))
	}
	return sum
}

// executors adds to the pod of a driver those that it makes: as many as are declared, or the fewest that Spark may decide on.
func (e *estimator) executors(p *pod, name string) {
	s := e.workload.Spark
	if s == nil || s.Max == 0 {
		return
	}
	spec := map[string]any{"containers": []any{map[string]any{
		"name": "executor", "resources": map[string]any{"requests": map[string]any{"cpu": s.Executor.CPU, "memory": s.Executor.Memory}},
	}}}
	executor, err := readPod(spec, nil)
	if err != nil {
		e.missing(name, "its executors cannot be read: "+err.Error(), Sum{})
		return
	}
	spot, driver := e.workload.Lifecycle == v1alpha1.Spot, false
	executor.spot, p.spot = &spot, &driver
	p.crew = append(p.crew, crew{executor, s.Min})
	e.moreExecutors(executor, name, s.Min, s.Max, s.Stream)
}

// moreExecutors notes how many more executors there may be than are counted.
func (e *estimator) moreExecutors(executor *pod, name string, counted, most int64, always bool) {
	if most <= counted {
		return
	}
	atMost := Sum{}
	if always {
		atMost = e.sum(executor, e.month(most-counted))
	}
	e.missing(name, fmt.Sprintf("Spark may decide on up to %d executors; %d are counted", most, counted), atMost)
}

// The kinds of the operator of Kubeflow.
var (
	sparkApplicationKind  = schema.GroupKind{Group: "sparkoperator.k8s.io", Kind: "SparkApplication"}
	sparkScheduledAppKind = schema.GroupKind{Group: "sparkoperator.k8s.io", Kind: "ScheduledSparkApplication"}
)

// sparkApplication estimates what the operator of Kubeflow makes of an application.
func (e *estimator) sparkApplication(o *unstructured.Unstructured, name string) {
	spec, _, _ := unstructured.NestedMap(o.Object, "spec")
	run := Run{Object: name, By: ByChange, Content: contentOf(spec)}
	if o.GetKind() == sparkScheduledAppKind.Kind {
		expression, _ := spec["schedule"].(string)
		zone, _ := spec["timeZone"].(string)
		if rest, ok := strings.CutPrefix(expression, "CRON_TZ="); ok {
			zone, expression, _ = strings.Cut(rest, " ")
		}
		run = Run{Object: name, By: BySchedule}
		if run.Suspended, _ = spec["suspend"].(bool); !run.Suspended {
			var err error
			if run.Count, err = e.runsOf(expression, zone); err != nil {
				e.missing(name, "its schedule cannot be read: "+err.Error(), Sum{})
				return
			}
		}
		spec, _, _ = unstructured.NestedMap(spec, "template")
	} else {
		run.Suspended, _ = spec["suspend"].(bool)
	}
	driver, executor, err := sparkPods(spec)
	if err != nil {
		e.missing(name, "its pods cannot be read: "+err.Error(), Sum{})
		return
	}
	count, most := sparkExecutors(spec)
	driver.crew = []crew{{executor, count}}
	restart, _, _ := unstructured.NestedString(spec, "restartPolicy", "type")
	e.moreExecutors(executor, name, count, most, restart == "Always")
	if restart == "Always" {
		if !run.Suspended {
			e.add(name, driver, e.month(1))
		}
		return
	}
	pod, _, _ := unstructured.NestedMap(spec, "driver", "template", "spec")
	var deadline time.Duration
	if pod != nil {
		deadline = deadlineOf(pod)
	}
	e.run(driver, run, deadline, 1, true)
}

// sparkExecutors is how many executors an application has at least, and at most.
func sparkExecutors(spec map[string]any) (least, most int64) {
	at := func(without int64, fields ...string) int64 {
		if n, found, err := unstructured.NestedInt64(spec, fields...); found && err == nil && n >= 0 {
			return n
		}
		return without
	}
	least = at(2, "executor", "instances")
	if on, _, _ := unstructured.NestedBool(spec, "dynamicAllocation", "enabled"); on {
		least = at(0, "dynamicAllocation", "minExecutors")
		return least, max(least, at(least, "dynamicAllocation", "maxExecutors"))
	}
	return least, least
}

// sparkPods are the pods of a driver and of an executor.
func sparkPods(spec map[string]any) (driver, executor *pod, err error) {
	factor := big.NewRat(1, 10)
	if kind, _ := spec["type"].(string); kind == "Python" || kind == "R" {
		factor = big.NewRat(4, 10)
	}
	if text, _ := spec["memoryOverheadFactor"].(string); text != "" {
		if f, err := strconv.ParseFloat(text, 64); err == nil && f >= 0 && f < 1000 {
			factor.SetFloat64(f)
		}
	}
	one := func(field string) (*pod, error) {
		of, _, _ := unstructured.NestedMap(spec, field)
		cores := of["coreRequest"]
		if cores == nil {
			if cores = of["cores"]; cores == nil {
				cores = int64(1)
			}
		}
		memory, err := sparkMemory(of, factor)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		template, _, _ := unstructured.NestedMap(of, "template", "spec")
		selector := of["nodeSelector"]
		if template != nil && template["nodeSelector"] != nil {
			selector = template["nodeSelector"]
		}
		return readPod(map[string]any{"nodeSelector": selector, "containers": []any{map[string]any{
			"name": field, "resources": map[string]any{"requests": map[string]any{"cpu": cores, "memory": memory}},
		}}}, nil)
	}
	if driver, err = one("driver"); err != nil {
		return nil, nil, err
	}
	executor, err = one("executor")
	return driver, executor, err
}

// sparkMemory is what a pod takes: its heap, and what is beside it.
func sparkMemory(of map[string]any, factor *big.Rat) (string, error) {
	heap, overhead := big.NewRat(1024, 1), new(big.Rat)
	if text, _ := of["memory"].(string); text != "" {
		mib, err := sparkMiB(text)
		if err != nil {
			return "", err
		}
		heap = mib
	}
	if text, _ := of["memoryOverhead"].(string); text != "" {
		mib, err := sparkMiB(text)
		if err != nil {
			return "", err
		}
		overhead = mib
	} else if overhead.Mul(heap, factor); overhead.Cmp(big.NewRat(384, 1)) < 0 {
		overhead.SetInt64(384)
	}
	sum, _ := heap.Add(heap, overhead).Float64()
	return strconv.FormatInt(int64(sum), 10) + "Mi", nil
}

// sparkSize is how Spark writes an amount of memory.
var sparkSize = regexp.MustCompile(`^([0-9]{1,12})(b|kb?|mb?|gb?|tb?)?$`)

// sparkMiB reads an amount of memory as Spark writes it; without a unit it is in MiB.
func sparkMiB(text string) (*big.Rat, error) {
	found := sparkSize.FindStringSubmatch(strings.ToLower(strings.TrimSpace(text)))
	if found == nil {
		return nil, fmt.Errorf("%.40q is no amount of memory of Spark", text)
	}
	n, _ := new(big.Rat).SetString(found[1])
	unit := map[byte]*big.Rat{'b': big.NewRat(1, 1<<20), 'k': big.NewRat(1, 1<<10), 'm': big.NewRat(1, 1), 'g': big.NewRat(1<<10, 1), 't': big.NewRat(1<<20, 1)}
	if found[2] == "" {
		return n, nil
	}
	return n.Mul(n, unit[found[2][0]]), nil
}
