// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/gob"
	"fmt"
	"io"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsv1beta1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1beta1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	builtin "k8s.io/client-go/kubernetes/scheme"
	smdschema "sigs.k8s.io/structured-merge-diff/v6/schema"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// Minor is the version of Kubernetes, 1.Minor, whose kinds the package has: that of the client-go that is built with.
const Minor = 37

// fields is the table of fields by which server-side apply goes. client-go has it as half a megabyte of YAML, which takes 60 ms
// to read, and this form 2 ms. TestFields holds the two together, and writes this.
//
//go:embed fields.gob.gz
var fields []byte

// parser returns the table of fields. It is read once, and only if there is an object to check.
var parser = sync.OnceValue(func() *typed.Parser {
	p := &typed.Parser{}
	if err := readFields(bytes.NewReader(fields), &p.Schema); err != nil {
		panic(fmt.Errorf("reading the embedded table of fields: %w", err)) // the program itself is broken
	}
	return p
})

func readFields(r io.Reader, into *smdschema.Schema) error {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	return gob.NewDecoder(unzipped).Decode(into)
}

// definitions has the kinds by which others are defined, which client-go leaves out.
var definitions = sync.OnceValue(func() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{apiextensionsv1.AddToScheme, apiextensionsv1beta1.AddToScheme} {
		if err := add(s); err != nil {
			panic(fmt.Errorf("loading the kinds of definitions: %w", err)) // the program itself is broken
		}
	}
	return s
})

// schemes are where the types of kinds are looked for.
func schemes() []*runtime.Scheme { return []*runtime.Scheme{builtin.Scheme, definitions()} }

// kind is a kind of Kubernetes in one version.
type kind struct {
	schema.GroupVersionKind

	// object is an empty one.
	object runtime.Object
	// fields are those of the kind; nil if they are not known, as of definitions.
	fields *typed.ParseableType
}

// find returns a kind, and false if Kubernetes has none of the name in the version.
func find(gvk schema.GroupVersionKind) (kind, bool) {
	for _, s := range schemes() {
		object, err := s.New(gvk)
		if err != nil {
			continue
		}
		k := kind{GroupVersionKind: gvk, object: object}
		if name, err := s.ToOpenAPIDefinitionName(gvk); err == nil {
			if t := parser().Type(name); t.IsValid() {
				k.fields = &t
			}
		}
		return k, true
	}
	return kind{}, false
}

// known are the kinds of all versions.
var known = sync.OnceValue(func() map[schema.GroupKind]bool {
	out := map[schema.GroupKind]bool{}
	for _, s := range schemes() {
		for gvk := range s.AllKnownTypes() {
			out[gvk.GroupKind()] = true
		}
	}
	return out
})

// Has reports whether Kubernetes has a kind by itself, in any version.
func Has(gk schema.GroupKind) bool { return known()[gk] }

// group reports whether a group is one of Kubernetes' own.
func group(name string) bool {
	for _, s := range schemes() {
		if s.IsGroupRegistered(name) {
			return true
		}
	}
	return false
}
