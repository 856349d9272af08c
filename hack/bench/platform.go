// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tree is the content of a commit: path to text.
type tree map[string]string

// platform is what a repository declares: a number of apps, each in a namespace of its own on every cluster.
type platform struct {
	// name also begins the names of the apps, which keeps platforms on the same cluster apart.
	name     string
	clusters []string
	// environment is more YAML for the spec of the environment; may be empty.
	environment string
}

// environmentName is that of the one environment.
const environmentName = "bench"

// base returns the declarations that all apps share.
func (p platform) base() tree {
	spec := "  clusters: [" + strings.Join(p.clusters, ", ") + "]\n"
	if p.environment != "" {
		spec += "  " + p.environment + "\n"
	}
	t := tree{
		"trunkline.yaml":    "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: " + p.name + "}\nspec: {roots: [platform, apps]}\n",
		"platform/env.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: " + environmentName + "}\nspec:\n" + spec,
		// Roots must be there, also before the first app is.
		"apps/README.md": "One folder for each app.\n",
	}
	for _, c := range p.clusters {
		t["platform/cluster-"+c+".yaml"] = "apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: " + c + "}\n"
	}
	return t
}

// app returns the name of an app.
func (p platform) app(i int) string { return fmt.Sprintf("%s-%05d", p.name, i) }

// namespace returns the one that an app has on each cluster.
func (p platform) namespace(i int) string { return p.app(i) + "-" + environmentName }

// projectOwner is the team that owns all apps.
const projectOwner = "team"

// workload is the name of the objects of each app.
const workload = "web"

// firstVersion of the image of every app.
const firstVersion = 1

// image returns an image by its number.
func image(version int) string { return fmt.Sprintf("registry.example/app:%d", version) }

// apps declares a range of apps, the last one left out.
func (p platform) apps(from, to int) tree {
	t := tree{}
	for i := from; i < to; i++ {
		path, text := p.declare(i, firstVersion)
		t[path] = text
	}
	return t
}

// declare returns the declaration of an app: a ServiceAccount, a Service, a Deployment at 0 replicas and an Ingress.
func (p platform) declare(i, version int) (path, text string) {
	name := p.app(i)
	return "apps/" + name + "/project.yaml", fmt.Sprintf(`apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: %[1]s}
spec:
  owner: %[5]s
  environments: [%[2]s]
  image: %[3]s
  workloads:
    - name: %[4]s
      blueprint: service
      command: [serve]
      params: {replicas: 0, ingress: {host: %[1]s.example}}
`, name, environmentName, image(version), workload, projectOwner)
}

// with returns both trees as one.
func (t tree) with(more ...tree) tree {
	out := tree{}
	for _, m := range slices.Concat([]tree{t}, more) {
		maps.Copy(out, m)
	}
	return out
}
