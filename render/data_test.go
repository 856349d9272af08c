// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// givenData is a release whose accounts get their rights by objects.
func givenData(declared v1alpha1.DataAccess, accounts ...catalog.DataAccount) catalog.Release {
	declared.Issuers = map[string]string{"one": "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"}
	return catalog.Release{
		ID: catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "one"}, Platform: "acme", Namespace: "orders-prod",
		Data: &catalog.Data{Declared: declared, Region: "eu-west-1", Accounts: accounts},
	}
}

func dataAccount(name, location string) catalog.DataAccount {
	a := catalog.DataAccount{
		Project: "orders", Environment: "prod", Name: name, Workloads: []string{"clean"},
		Places: []catalog.AccountPlace{{Cluster: "one", Namespace: "orders-prod", Annotations: map[string]string{v1alpha1.AnnotationAWS: "arn:aws:iam::123456789012:role/data/" + name + "-prod"}}},
	}
	if location != "" {
		a.Uses = []catalog.DataUse{{Workload: "clean", Role: "main", Kind: catalog.Reads, Dataset: "orders/raw@1", Store: "lake", Location: location}}
	}
	return a
}

// TestDataObjects: what controllers in the cluster are told of roles. The goldens were held to the definitions that Crossplane's provider and ACK publish.
func TestDataObjects(t *testing.T) {
	for via, declared := range map[string]v1alpha1.DataAccess{
		"ack":        {Via: v1alpha1.DataViaACK},
		"crossplane": {Via: v1alpha1.DataViaCrossplane, Boundary: "arn:aws:iam::123456789012:policy/data", ProviderConfig: "aws"},
	} {
		out, err := render.New(blueprints.FS).Render(t.Context(), os.DirFS(t.TempDir()), givenData(declared, dataAccount("orders", "s3://lake/orders/raw/"), dataAccount("orders-web", "")))
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		for _, o := range out.Objects {
			if o.GetKind() == "Namespace" {
				continue
			}
			data, err := yaml.Marshal(o.Object)
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString("---\n")
			got.Write(data)
		}
		golden := filepath.Join("testdata", "cloud", "data-"+via+".yaml")
		if *updateCloud {
			if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", via, diff)
		}
		if strings.Contains(got.String(), "orders-web") {
			t.Errorf("%s: who needs no rights gets a role", via)
		}
	}
}

// TestDataThatCannotBeGranted: a release is not rendered with less than it needs.
func TestDataThatCannotBeGranted(t *testing.T) {
	for location, want := range map[string]string{"file:///data/": "on which no cloud gives rights", "s3://lake?x/": "names no bucket"} {
		_, err := render.New(blueprints.FS).Render(t.Context(), os.DirFS(t.TempDir()), givenData(v1alpha1.DataAccess{Via: v1alpha1.DataViaACK}, dataAccount("orders", location)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v", location, err)
		}
	}
}
