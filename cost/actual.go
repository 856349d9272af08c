// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"fmt"
	"maps"
	"math/big"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Taken is what a pod, a claim or a node has of a cluster for as long as it is there.
type Taken struct {
	pod *pod
	// class is that of a claim, and size its GiB; nil if it is none.
	class string
	size  *big.Rat
}

// PodTakes reads what a pod takes from its spec, as the API server has it. Volumes are claims of their own.
func PodTakes(spec map[string]any) (Taken, error) {
	p, err := readPod(spec, nil)
	if err != nil {
		return Taken{}, err
	}
	for id := range p.demand {
		if id.kind == storage {
			delete(p.demand, id)
		}
	}
	return Taken{pod: p}, nil
}

// ClaimTakes reads what a PersistentVolumeClaim takes from its spec.
func ClaimTakes(spec map[string]any) (Taken, error) {
	what, size, err := readClaim(spec)
	if err != nil {
		return Taken{}, err
	}
	return Taken{class: what.name, size: size}, nil
}

// NodeTakes reads what a node has to give from its status.allocatable. How many pods it takes has no price.
func NodeTakes(allocatable map[string]any) (Taken, error) {
	p := &pod{demand: demand{}}
	for _, name := range []string{"cpu", "memory"} {
		text, err := quantityText(allocatable[name])
		if err != nil {
			return Taken{}, fmt.Errorf("allocatable.%s: %w", name, err)
		}
		q, err := resource.ParseQuantity(text)
		if err != nil {
			return Taken{}, fmt.Errorf("allocatable.%s: %w", name, err)
		}
		what, amount := resourceOf(corev1.ResourceName(name), q)
		p.demand.add(what, amount)
	}
	return Taken{pod: p}, nil
}

// Cores and MiB are what it requests of processors and memory.
func (t Taken) Cores() *big.Rat { return t.of(cpu, 1) }

// MiB is what it requests of memory.
func (t Taken) MiB() *big.Rat { return t.of(memory, 1<<10) }

func (t Taken) of(kind resourceKind, times int64) *big.Rat {
	if t.pod == nil || t.pod.demand[resourceID{kind: kind}] == nil {
		return new(big.Rat)
	}
	return new(big.Rat).Mul(t.pod.demand[resourceID{kind: kind}], big.NewRat(times, 1))
}

// SpotMachine says which kind of machine it asks for: nil if it does not.
func (t Taken) SpotMachine() *bool {
	if t.pod == nil {
		return nil
	}
	return t.pod.spot
}

// SpotNode says by its labels whether a node is a spot machine: nil if they do not.
func SpotNode(labels map[string]string) *bool {
	for _, label := range slices.Sorted(maps.Keys(machines)) {
		if spot, ok := machines[label][labels[label]]; ok {
			return &spot
		}
	}
	return nil
}

// Hourly is what something costs in an hour of a month, and what of it has no price or is not known. Containers of a size class with a
// price cost that.
func (r *Rates) Hourly(t Taken, size v1alpha1.Size, spot bool, in Month) (perHour *big.Rat, unpriced []string) {
	perHour = new(big.Rat)
	if t.size != nil {
		rate, ok := r.lookup(resourceID{storage, t.class}, false)
		if !ok {
			return perHour, []string{"storage"}
		}
		perHour.Mul(t.size, rate.Price.amount)
		return perHour.Quo(perHour, in.hours()), nil
	}
	if t.pod == nil {
		return perHour, nil
	}
	takes := t.pod.demand
	if rate, ok := r.size(size, spot); ok {
		if containers, rest := t.pod.withoutSize(size); containers > 0 {
			takes = rest
			perHour.Mul(big.NewRat(containers, 1), rate.Price.amount)
		}
	}
	for _, id := range takes.ids() {
		if takes[id].Sign() == 0 {
			continue
		}
		rate, ok := r.lookup(id, spot)
		if !ok {
			unpriced = append(unpriced, id.String())
			continue
		}
		perHour.Add(perHour, new(big.Rat).Mul(takes[id], rate.Price.amount))
	}
	return perHour, append(unpriced, t.pod.unknown...)
}
