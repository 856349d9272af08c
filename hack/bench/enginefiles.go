// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	helmengine "helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// Three small objects, as a chart and as a base.
var (
	chartFiles = tree{
		"Chart.yaml":  "apiVersion: v2\nname: small\nversion: 0.1.0\n",
		"values.yaml": "theme: dark\nimage: web:v2\n",
		"templates/all.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-settings"}
data: {theme: {{ .Values.theme | quote }}}
---
apiVersion: v1
kind: Service
metadata: {name: "{{ .Release.Name }}"}
spec: {selector: {app: "{{ .Release.Name }}"}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  selector: {matchLabels: {app: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: "{{ .Release.Name }}"}}
    spec: {containers: [{name: web, image: "{{ .Values.image }}"}]}
`,
	}
	baseFiles = tree{
		"kustomization.yaml": "resources: [all.yaml]\nnamePrefix: p-\nimages: [{name: web, newTag: v2}]\n",
		"all.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {theme: dark}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web}]}
`,
	}
)

// bareHelm is what the library takes by itself: load, merge, execute, read the YAML.
func bareHelm(files tree) error {
	buffered := make([]*loader.BufferedFile, 0, len(files))
	for name, text := range files {
		buffered = append(buffered, &loader.BufferedFile{Name: name, Data: []byte(text)})
	}
	c, err := loader.LoadFiles(buffered)
	if err != nil {
		return err
	}
	values, err := chartutil.ToRenderValues(c, nil, chartutil.ReleaseOptions{Name: engineProject, Namespace: "ns"}, nil)
	if err != nil {
		return err
	}
	out, err := helmengine.Render(c, values)
	if err != nil {
		return err
	}
	objects := 0
	for _, text := range out {
		for doc := range strings.SplitSeq(text, "---\n") {
			var o map[string]any
			if err := yaml.UnmarshalStrict([]byte(doc), &o); err != nil {
				return err
			}
			objects++
		}
	}
	return three(objects)
}

// bareKustomize is what the library takes by itself, to objects that are read.
func bareKustomize(files tree) error {
	fsys := filesys.MakeFsInMemory()
	for name, text := range files {
		if err := fsys.WriteFile("base/"+name, []byte(text)); err != nil {
			return err
		}
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fsys, "base")
	if err != nil {
		return err
	}
	if _, err := built.AsYaml(); err != nil {
		return err
	}
	return three(built.Size())
}

func three(n int) error {
	if n != 3 {
		return fmt.Errorf("rendered %d objects, want 3", n)
	}
	return nil
}
