// SPDX-License-Identifier: Apache-2.0

package spark

import (
	"fmt"
	"math"
	"path"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Size is what a pod may take, as quantities of Kubernetes.
type Size struct {
	CPU    string `json:"cpu"`
	Memory string `json:"memory"`
}

// Setup is what a workload of Spark is, once its environment and cluster have decided it all.
type Setup struct {
	// Stream reports whether it goes on for ever.
	Stream bool `json:"stream,omitempty"`
	// Operator is the one that starts the driver; empty if its pod is made like any other.
	Operator string  `json:"operator,omitempty"`
	Driver   Process `json:"driver"`
	Executor Process `json:"executor"`
	// Min and Max are how many executors there are at least and at most: the same unless Dynamic.
	Min     int64 `json:"min"`
	Max     int64 `json:"max"`
	Dynamic bool  `json:"dynamic,omitempty"`
	// Type is the language of the application, as the operator calls it.
	Type string `json:"type"`
	// Checkpoint and EventLogs are addresses; empty where there are none.
	Checkpoint string `json:"checkpoint,omitempty"`
	EventLogs  string `json:"eventLogs,omitempty"`
}

// Process is a driver or an executor.
type Process struct {
	Size

	// Cores is how many tasks it works on at a time.
	Cores int64 `json:"cores"`
	// HeapMiB is what the JVM has for objects, and OverheadMiB what is left of the pod's memory for all else, Python among it.
	HeapMiB     int64 `json:"heapMiB"`
	OverheadMiB int64 `json:"overheadMiB"`
}

const (
	// minHeapMiB is what Spark refuses to start below: 1.5 times the 300 MiB that it reserves.
	minHeapMiB = 450
	// overheadOfJVM and overheadOfPython are the parts of the heap that are left for all else, as Spark itself has them on Kubernetes.
	overheadOfJVM, overheadOfPython = 0.1, 0.4
)

// Given is what a workload is, beside its params.
type Given struct {
	Blueprint string
	// Command is the application with its arguments.
	Command []string
	// Driver and Executor are the sizes of the two.
	Driver, Executor Size
	// Checkpoint and EventLogs are where these are in the environment.
	Checkpoint, EventLogs string
}

// Set puts together what a workload is.
func (p Params) Set(g Given) Setup {
	s := Setup{
		Stream: g.Blueprint == Stream, Type: typeOf(g.Command), Checkpoint: g.Checkpoint, EventLogs: g.EventLogs,
		Min: defaultInstances, Max: defaultInstances,
	}
	if p.Operator == Kubeflow {
		s.Operator = Kubeflow
	}
	if n := p.Executors.Instances; n != nil {
		s.Min, s.Max = *n, *n
	}
	if g.Blueprint == History {
		s.Min, s.Max = 0, 0
	} else if d := p.Executors.Dynamic; d != nil {
		s.Min, s.Max, s.Dynamic = d.Min, d.Max, true
	}
	factor := p.OverheadFactor
	if factor <= 0 {
		if factor = overheadOfJVM; s.Type == "Python" {
			factor = overheadOfPython
		}
	}
	s.Driver, s.Executor = process(g.Driver, factor), process(g.Executor, factor)
	if p.Executors.Tasks > 0 {
		s.Executor.Cores = p.Executors.Tasks
	}
	return s
}

// typeOf tells the language from what the application's file ends in.
func typeOf(command []string) string {
	if len(command) > 0 && path.Ext(command[0]) == ".py" {
		return "Python"
	}
	return "Scala" // which is what the operator calls any class of a JVM, beside Java
}

// process divides the memory of a pod.
func process(s Size, factor float64) Process {
	p := Process{Size: s, Cores: 1}
	if cpu, err := resource.ParseQuantity(s.CPU); err == nil {
		p.Cores = max(1, int64(math.Ceil(cpu.AsApproximateFloat64())))
	}
	if memory, err := resource.ParseQuantity(s.Memory); err == nil {
		all := memory.Value() >> 20
		p.HeapMiB = int64(float64(all) / (1 + factor))
		p.OverheadMiB = all - p.HeapMiB
	}
	return p
}

// Small says what is wrong with a process that Spark would refuse to start; empty if nothing is.
func (p Process) Small() string {
	if p.Memory == "" || p.HeapMiB >= minHeapMiB {
		return ""
	}
	return fmt.Sprintf("of %s of memory a JVM gets %d MiB, and Spark starts with %d MiB at least", p.Memory, p.HeapMiB, minHeapMiB)
}

// Hadoop is an address as Hadoop's file systems call it.
func Hadoop(address string) string {
	if rest, ok := strings.CutPrefix(address, "s3://"); ok {
		return "s3a://" + rest
	}
	return address
}
