// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

var updateCloud = flag.Bool("update-cloud", false, "write the objects of resources again")

// TestCloudObjects: what controllers in the cluster are told of resources, which stay unless the declaration says otherwise. The goldens were held to
// the definitions that Crossplane's providers and ACK publish.
func TestCloudObjects(t *testing.T) {
	columns := []v1alpha1.Column{{Name: "id", Type: "bigint"}, {Name: "amount", Type: "decimal(12,2)", Comment: "in EUR"}}
	all := []catalog.Resource{
		{Kind: catalog.BucketResource, Name: "acme-prod-orders", Versioned: true, Tags: map[string]string{"team": "orders"}},
		{Kind: catalog.BucketResource, Name: "acme-prod-scratch", Remove: true, Adopt: true},
		{Kind: catalog.DatabaseResource, Name: "orders_prod", Description: "orders"},
		{
			Kind: catalog.TableResource, Name: "clean", Database: "orders_prod", Description: "clean orders", Location: "s3://acme-prod-orders/clean/",
			Format: v1alpha1.FormatCSV, Columns: columns, Partitions: []v1alpha1.Column{{Name: "lot", Type: "string"}}, Adopt: true, Remove: true,
		},
	}
	for via, declared := range map[v1alpha1.ResourcesVia]v1alpha1.EnvironmentResources{
		v1alpha1.ViaACK:        {Via: v1alpha1.ViaACK, Region: "eu-west-1"},
		v1alpha1.ViaCrossplane: {Via: v1alpha1.ViaCrossplane, Region: "eu-west-1", Account: "123456789012", ProviderConfig: "aws"},
	} {
		out, err := render.New(blueprints.FS).Render(t.Context(), os.DirFS(t.TempDir()), catalog.Release{
			ID: catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "one"}, Platform: "acme", Namespace: "orders-prod",
			Cloud: &catalog.Cloud{Declared: declared, Resources: all},
		})
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
		golden := filepath.Join("testdata", "cloud", string(via)+".yaml")
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
	}
}
