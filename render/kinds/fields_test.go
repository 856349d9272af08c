// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"bytes"
	"compress/gzip"
	"encoding/gob"
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/applyconfigurations"
	builtin "k8s.io/client-go/kubernetes/scheme"
	smdschema "sigs.k8s.io/structured-merge-diff/v6/schema"

	"trunkline.dev/trunkline/render/helm"
)

var update = flag.Bool("update", false, "write the table of fields again")

// TestFields: the table of fields is that of the client-go that is built with.
func TestFields(t *testing.T) {
	one := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap"}}
	object, err := applyconfigurations.NewTypeConverter(builtin.Scheme).ObjectToTyped(one)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	zip, err := gzip.NewWriterLevel(&want, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	for i := range object.Schema().Types {
		withoutTables(&object.Schema().Types[i].Atom)
	}
	if err := gob.NewEncoder(zip).Encode(object.Schema()); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	var got, is smdschema.Schema
	if err := readFields(&want, &is); err != nil {
		t.Fatal(err)
	}
	if err := readFields(bytes.NewReader(fields), &got); err == nil && reflect.DeepEqual(got.Types, is.Types) {
		return
	}
	if !*update {
		t.Fatal("the table of fields is not that of client-go: run make golden")
	}
	want.Reset()
	zip.Reset(&want)
	if err := gob.NewEncoder(zip).Encode(object.Schema()); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("fields.gob.gz", want.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// withoutTables takes out defaults that are tables, which say nothing: only the keys of lists have defaults that count.
func withoutTables(a *smdschema.Atom) {
	if a.List != nil {
		withoutTables(&a.List.ElementType.Inlined)
	}
	if a.Map == nil {
		return
	}
	withoutTables(&a.Map.ElementType.Inlined)
	for i := range a.Fields {
		f := &a.Fields[i]
		switch f.Default.(type) {
		case map[any]any, []any:
			f.Default = nil
		}
		withoutTables(&f.Type.Inlined)
	}
}

// TestVersion: the package says which Kubernetes it knows, and takes clusters for what charts are told.
func TestVersion(t *testing.T) {
	if version := fmt.Sprintf("v1.%d.0", assumed); version != helm.KubeVersion {
		t.Errorf("a cluster that declares nothing is taken for %s, and charts are told %s", version, helm.KubeVersion)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\tk8s.io/client-go v0\.(\d+)\.`).FindSubmatch(mod)
	if found == nil || string(found[1]) != strconv.Itoa(Minor) {
		t.Errorf("client-go is of Kubernetes 1.%s, and the package says that it knows 1.%d", found[1:], Minor)
	}
}
