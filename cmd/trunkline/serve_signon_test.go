// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
)

// TestAccessBeforeACommit: until a commit is accepted, it is not known who may do what, so that nobody with a name may; whoever runs
// the daemon may. What is accepted then decides.
func TestAccessBeforeACommit(t *testing.T) {
	load := func(files map[string]string) *catalog.Catalog {
		tree := fstest.MapFS{}
		for name, text := range files {
			tree[name] = &fstest.MapFile{Data: []byte(text)}
		}
		cat, problems, err := catalog.Load(tree, blueprints.FS)
		if err != nil || len(problems) > 0 {
			t.Fatalf("%v %v", problems, err)
		}
		return cat
	}
	platform := map[string]string{"trunkline.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: acme}\n"}
	declares := map[string]string{
		"trunkline.yaml": platform["trunkline.yaml"],
		"access.yaml":    "apiVersion: trunkline.dev/v1alpha1\nkind: Access\nmetadata: {name: acme}\nspec: {bindings: [{role: platform-admin, users: [ann]}]}\n",
	}
	named := func(name string) access.Principal { return access.Principal{Name: name, SignOn: access.ByToken} }
	for name, c := range map[string]struct {
		reason string
		cat    *catalog.Catalog
		who    access.Principal
		want   bool
	}{
		"Named":     {"a named token is bound to something, or to nothing, which is not known", nil, named("ann"), false},
		"Shared":    {"whoever has the shared token runs the daemon", nil, named(access.SharedToken), true},
		"Loopback":  {"and so does whoever is on its machine", nil, access.Principal{Name: access.Anonymous, SignOn: access.ByLoopback}, true},
		"Undefined": {"a commit that declares nothing leaves a named token what it could", load(platform), named("ann"), true},
		"Bound":     {"one that declares something says who may", load(declares), named("ann"), true},
		"NotBound":  {"and who may not", load(declares), named("ben"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := declaredAccess(c.cat).May(c.who, access.View, access.Scope{}); got.Allowed != c.want {
				t.Errorf("%s: got %+v", c.reason, got)
			}
		})
	}
}
