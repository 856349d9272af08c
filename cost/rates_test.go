// SPDX-License-Identifier: Apache-2.0

package cost_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/cost"
)

// TestRates holds prices to those that count. A core for a month is 720 core-hours.
func TestRates(t *testing.T) {
	gpu := deployment("", `{containers: [{name: main, image: i, resources: {limits: {cpu: 1, memory: 0, nvidia.com/gpu: 1, ephemeral-storage: 10Gi}}}]}`)
	core := deployment("", `{containers: [{name: main, image: i, resources: {requests: {cpu: 1, memory: 0}}}]}`)
	volume := "apiVersion: v1\nkind: PersistentVolumeClaim\n" + meta + "spec: {storageClassName: fast, resources: {requests: {storage: 10Gi}}}\n"
	platform := func(rates string) files {
		return files{"trunkline.yaml": head + "kind: Platform\nmetadata: {name: acme}\nspec: {rates: " + rates + "}\n"}
	}
	cluster := func(spec string) files {
		return files{"one.yaml": head + "kind: Cluster\nmetadata: {name: one}\nspec: " + spec + "\n"}
	}
	for name, tc := range map[string]struct {
		reason, objects string
		edits           []files
		want            []string
	}{
		"BuiltIn": {
			"Without any rates, list prices count: 720 × 0.031611.", core,
			[]files{platform("{}")},
			[]string{"Deployment x: 720 core-hour of cpu for 22.76 USD"},
		},
		"BuiltInOfTheCloud": {
			"Those of the cluster's cloud, where there are some: 720 × 0.04048.", core,
			[]files{platform("{}"), cluster("{cloud: aws}")},
			[]string{"Deployment x: 720 core-hour of cpu for 29.15 USD"},
		},
		"Cluster": {
			"What a cluster says wins.", core,
			[]files{cluster(`{rates: {cpu: "2"}}`)},
			[]string{"Deployment x: 720 core-hour of cpu for 1440.00 USD"},
		},
		"Free": {
			"A price of nothing is a price.", core,
			[]files{cluster(`{cloud: aws, rates: {cpu: "0"}}`)},
			[]string{"Deployment x: 720 core-hour of cpu for 0.00 USD"},
		},
		"Currency": {
			"All prices of a platform are in its currency.", core,
			[]files{platform(`{currency: EUR, cpu: "1"}`), cluster(`{rates: {cpu: "0.5"}}`)},
			[]string{"Deployment x: 720 core-hour of cpu for 360.00 EUR"},
		},
		"OtherCurrency": {
			"Prices in dollars are none in another currency.", core,
			[]files{cluster("{rates: {currency: EUR}}")},
			[]string{`Deployment x not estimated: cpu has no price in EUR: set spec.rates.cpu of the platform, or of the cluster "one"`},
		},
		"Devices": {
			"Devices are priced by name, and the disk of a node by the hour.", gpu,
			[]files{platform(`{cpu: "0", devices: {nvidia.com/gpu: "0.5"}}`), cluster(`{rates: {ephemeralStorage: "0.01"}}`)},
			[]string{
				"Deployment x: 720 core-hour of cpu for 0.00 USD", "Deployment x: 7200 GiB-hour of ephemeral-storage for 72.00 USD",
				"Deployment x: 720 device-hour of nvidia.com/gpu for 360.00 USD",
			},
		},
		"StorageClass": {
			"A storage class may have a price of its own.", volume,
			[]files{platform(`{storage: "1", storageClasses: {fast: "3"}}`)},
			[]string{"PersistentVolumeClaim x: 10 GiB-month of storage fast for 30.00 USD"},
		},
		"OtherStorageClass": {
			"One that has none costs what storage costs.", volume,
			[]files{platform(`{storage: "1", storageClasses: {slow: "3"}}`)},
			[]string{"PersistentVolumeClaim x: 10 GiB-month of storage fast for 10.00 USD"},
		},
		"Nodes": {
			"What runs on each node, on five of them.", "apiVersion: apps/v1\nkind: DaemonSet\n" + meta + "spec: {template: {spec: {containers: [{name: main, image: i, resources: {requests: {cpu: 1, memory: 0}}}]}}}\n",
			[]files{cluster("{nodes: 5}")},
			[]string{"DaemonSet x: 3600 core-hour of cpu for 3600.00 USD"},
		},
		"SomeNodes": {
			"On how many a node selector lets it is not known, but that there are no more.",
			"apiVersion: apps/v1\nkind: DaemonSet\n" + meta + "spec: {template: {spec: {nodeSelector: {gpu: \"yes\"}, containers: [{name: main, image: i, resources: {requests: {cpu: 1, memory: 0}}}]}}}\n",
			[]files{cluster("{nodes: 5}")},
			[]string{"DaemonSet x not estimated: it runs on some of the nodes, and on how many is not known; at most 3600.00 USD"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := objects(tc.objects)
			for _, edit := range tc.edits {
				f = f.with(edit)
			}
			if diff := cmp.Diff(tc.want, said(estimate(t, f, cost.Terms{}))); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// service returns a platform with a service of a size class.
func service(sizes, spec string) files {
	return acme().with(files{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: acme}\nspec:\n  rates: {cpu: \"1\", memory: \"0.1\", spot: \"0.25\"}\n  sizes: " + sizes + "\n",
		"p/project.yaml": head + "kind: Project\nmetadata: {name: p}\nspec:\n  owner: team-p\n  environments: [prod]\n  image: i\n  workloads: [{name: w, blueprint: service, " + spec + "}]\n",
	})
}

func TestSizes(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		files  files
		want   []string
	}{
		"MadeOfRates": {
			"A class without a price costs what it requests: mx.small are half a core and 2 GiB.", service("{}", "size: mx.small"),
			[]string{"Deployment w: 360 core-hour of cpu for 360.00 USD", "Deployment w: 1440 GiB-hour of memory for 144.00 USD"},
		},
		"Price": {
			"A class with a price costs that, for each container.", service(`{own: {cpu: "3", memory: 1Gi, price: "0.5"}}`, "size: own, params: {replicas: 2}"),
			[]string{"Deployment w: 1440 container-hour of container for 720.00 USD"},
		},
		"Spot": {
			"A workload for spot machines costs a share.", service(`{own: {cpu: "3", memory: 1Gi, price: "0.5"}}`, "size: own, lifecycle: spot"),
			[]string{"Deployment w: 720 container-hour of container spot for 90.00 USD"},
		},
		"OtherCurrency": {
			"The price of the platform's class is not one in the currency of the cluster.",
			service(`{own: {cpu: "3", memory: 1Gi, price: "0.5"}}`, "size: own").with(files{"one.yaml": head + "kind: Cluster\nmetadata: {name: one}\nspec: {rates: {currency: EUR, cpu: \"2\", memory: \"0\"}}\n"}),
			[]string{"Deployment w: 2160 core-hour of cpu for 4320.00 EUR", "Deployment w: 720 GiB-hour of memory for 0.00 EUR"},
		},
		"OfTheCluster": {
			"That of the cluster's own class is.",
			service(`{own: {cpu: "3", memory: 1Gi, price: "0.5"}}`, "size: own").with(files{"one.yaml": head + "kind: Cluster\nmetadata: {name: one}\nspec: {sizes: {own: {cpu: \"1\", memory: 1Gi, price: \"2\"}}, rates: {currency: EUR}}\n"}),
			[]string{"Deployment w: 720 container-hour of container for 1440.00 EUR"},
		},
		"BesideOthers": {
			"What a pod takes beside the containers of the class is priced by the rates: a core of three.",
			objects(deployment("", `{containers: [`+small+`, `+beside+`, {name: more, image: i, resources: {requests: {cpu: 1, memory: 0}}}]}`)).with(files{
				"trunkline.yaml": head + "kind: Platform\nmetadata: {name: acme}\nspec: {rates: {cpu: \"1\"}, defaults: {size: own}, sizes: {own: {cpu: 500m, memory: 1Gi, price: \"2\"}}}\n",
			}),
			[]string{"Deployment x: 1440 container-hour of container for 2880.00 USD", "Deployment x: 720 core-hour of cpu for 720.00 USD"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, said(estimate(t, tc.files, cost.Terms{}))); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
