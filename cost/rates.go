// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// DefaultCurrency is that of rates which do not say.
const DefaultCurrency = "USD"

// list are list prices that are built in, for those who give none.
type list struct {
	// origin says where they are from, and for when.
	origin string
	rates  v1alpha1.Rates
}

// listFor returns the list prices for a cloud. They are of one region and for orientation: what is really paid depends on the
// region, the machines and the contract, and stands in spec.rates of the platform or cluster.
func listFor(cloud string) list {
	if cloud == "aws" {
		// https://aws.amazon.com/fargate/pricing and https://aws.amazon.com/ebs/pricing (gp3).
		return list{"list prices of AWS Fargate (Linux/x86, on demand) and EBS gp3, us-east-1, March 2026", v1alpha1.Rates{
			CPU: "0.04048", Memory: "0.004445", Storage: "0.08", EphemeralStorage: "0.000111",
		}}
	}
	// What OpenCost takes for clusters that it knows no prices of: configs/default.json of github.com/opencost/opencost at
	// commit 0d1f69cc975b. There storage is "0.00005479452" for a GiB and hour, which is 0.04 for a month.
	return list{"list prices of Google Cloud N2 (on demand) and pd-standard, us-central1, as OpenCost has them in 2026", v1alpha1.Rates{
		CPU: "0.031611", Memory: "0.004237", Storage: "0.04",
	}}
}

// Rate is the price of one unit of something.
type Rate struct {
	// Price is that of one unit; of spot machines, the share of it that they cost.
	Price Money
	// From says who set it: "cluster NAME", "platform", or which list prices they are.
	From string
	// Spot reports whether it is the price on spot machines.
	Spot bool
}

// Rates are the prices on one cluster, all in one currency.
type Rates struct {
	currency                       string
	cpu, memory, storage, nodeDisk *Rate
	classes, devices               map[string]Rate
	spot                           *big.Rat
	// sizes reports whether prices of the platform's size classes are in the currency.
	sizes bool
	own   map[string]v1alpha1.Size
	// list says which list prices count; empty if none does.
	list string
}

// RatesOf returns the prices on a cluster on a day: what it does not say itself is the platform's, and what that does not say
// either is built in. Prices in another currency are not taken over.
func RatesOf(platform v1alpha1.PlatformSpec, name string, cluster v1alpha1.ClusterSpec, day time.Time) *Rates {
	platform.Rates, cluster.Rates = ratesOn(platform.Rates, day), ratesOn(cluster.Rates, day)
	platformCurrency := cmp.Or(string(platform.Rates.Currency), DefaultCurrency)
	r := &Rates{currency: cmp.Or(string(cluster.Rates.Currency), platformCurrency), classes: map[string]Rate{}, devices: map[string]Rate{}, own: cluster.Sizes}
	r.sizes = r.currency == platformCurrency
	r.take(cluster.Rates, "cluster "+name)
	if r.sizes {
		r.take(platform.Rates, "platform")
	}
	if r.currency == DefaultCurrency {
		builtin := listFor(cluster.Cloud)
		if r.take(builtin.rates, builtin.origin) {
			r.list = builtin.origin
		}
	}
	for _, share := range []v1alpha1.Amount{cluster.Rates.Spot, platform.Rates.Spot, "1"} {
		if r.spot == nil {
			r.spot = rat(share)
		}
	}
	return r
}

// ratesOn returns rates as they are on a day.
func ratesOn(r v1alpha1.Rates, day time.Time) v1alpha1.Rates {
	for _, change := range r.Changes {
		if change.From.After(day) {
			break // the earliest is the first
		}
		r.CPU, r.Memory = cmp.Or(change.CPU, r.CPU), cmp.Or(change.Memory, r.Memory)
		r.Storage, r.EphemeralStorage = cmp.Or(change.Storage, r.Storage), cmp.Or(change.EphemeralStorage, r.EphemeralStorage)
		r.Spot = cmp.Or(change.Spot, r.Spot)
		r.StorageClasses, r.Devices = over(r.StorageClasses, change.StorageClasses), over(r.Devices, change.Devices)
	}
	r.Changes = nil
	return r
}

// over returns a table with others over it.
func over(table, more map[string]v1alpha1.Amount) map[string]v1alpha1.Amount {
	if len(more) == 0 {
		return table
	}
	out := maps.Clone(table)
	if out == nil {
		out = map[string]v1alpha1.Amount{}
	}
	maps.Copy(out, more)
	return out
}

// ChangesOf are the days from which a cluster has other prices, the earliest first, each once.
func ChangesOf(platform v1alpha1.PlatformSpec, cluster v1alpha1.ClusterSpec) (days []time.Time) {
	for _, r := range []v1alpha1.Rates{platform.Rates, cluster.Rates} {
		for _, change := range r.Changes {
			days = append(days, change.From.Time)
		}
	}
	slices.SortFunc(days, time.Time.Compare)
	return slices.CompactFunc(days, time.Time.Equal)
}

// take fills what is not known yet, and reports whether there was any of it.
func (r *Rates) take(from v1alpha1.Rates, origin string) (taken bool) {
	rate := func(a v1alpha1.Amount) (Rate, bool) {
		price := rat(a)
		return Rate{Price: Money{r.currency, price}, From: origin}, price != nil
	}
	for _, field := range []struct {
		of     **Rate
		amount v1alpha1.Amount
	}{{&r.cpu, from.CPU}, {&r.memory, from.Memory}, {&r.storage, from.Storage}, {&r.nodeDisk, from.EphemeralStorage}} {
		if given, ok := rate(field.amount); ok && *field.of == nil {
			*field.of, taken = &given, true
		}
	}
	for _, table := range []struct {
		of      map[string]Rate
		amounts map[string]v1alpha1.Amount
	}{{r.classes, from.StorageClasses}, {r.devices, from.Devices}} {
		for name, amount := range table.amounts {
			if given, ok := rate(amount); ok && table.of[name].From == "" {
				table.of[name], taken = given, true
			}
		}
	}
	return taken
}

// Currency is that of all prices on the cluster.
func (r *Rates) Currency() string { return r.currency }

// lookup returns the price of a unit of something, and false if nobody has given one.
func (r *Rates) lookup(what resourceID, spot bool) (Rate, bool) {
	var rate *Rate
	switch what.kind {
	case cpu:
		rate = r.cpu
	case memory:
		rate = r.memory
	case nodeDisk:
		rate = r.nodeDisk
	case storage:
		if class, ok := r.classes[what.name]; ok && what.name != "" {
			return class, true
		}
		rate = r.storage
	case device:
		if price, ok := r.devices[what.name]; ok {
			rate = &price
		}
	}
	switch {
	case rate == nil:
		return Rate{}, false
	case spot && what.kind != storage && what.kind != nodeDisk:
		return r.onSpot(*rate), true
	}
	return *rate, true
}

func (r *Rates) onSpot(rate Rate) Rate {
	rate.Price, rate.Spot = Money{r.currency, new(big.Rat).Mul(rate.Price.amount, r.spot)}, true
	return rate
}

// size returns the price of a container of a size class, and false if it is made of the rates of what it requests.
func (r *Rates) size(s v1alpha1.Size, spot bool) (Rate, bool) {
	price := rat(s.Price)
	of := func(own v1alpha1.Size) bool { return own == s }
	if price == nil || !r.sizes && !slices.ContainsFunc(values(r.own), of) {
		return Rate{}, false
	}
	rate := Rate{Price: Money{r.currency, price}, From: "size class"}
	if spot {
		rate = r.onSpot(rate)
	}
	return rate, true
}

func values[V any](m map[string]V) (out []V) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// rat reads an amount of a declaration; nil if none is given.
func rat(a v1alpha1.Amount) *big.Rat {
	if a == "" {
		return nil
	}
	r, ok := new(big.Rat).SetString(string(a))
	if !ok {
		return nil
	}
	return r
}
