// SPDX-License-Identifier: Apache-2.0

package resources_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	gluetypes "github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/bucket/buckettest"
	"trunkline.dev/trunkline/plan/resource"
	"trunkline.dev/trunkline/reconciler/resources"
	"trunkline.dev/trunkline/test/mototest"
)

const region = "eu-west-1"

var owner = resource.Owner{Platform: "acme", Environment: "prod", Project: "orders"}

// world is an AWS in memory, with clients of its own.
type world struct {
	t     *testing.T
	cloud resources.Cloud
	s3    *s3.Client
	glue  *glue.Client
}

func newWorld(t *testing.T) *world {
	mototest.New(t, region)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, glue: glue.NewFromConfig(cfg), s3: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })}
	clouds, err := resources.AWS("")
	if err != nil {
		t.Fatal(err)
	}
	if w.cloud, err = clouds(t.Context(), v1alpha1.EnvironmentResources{Region: region}); err != nil {
		t.Fatal(err)
	}
	return w
}

// ensure ensures a resource as the keeper does.
func (w *world) ensure(r catalog.Resource, o resource.Owner) (resources.Done, error) {
	return w.cloud.Ensure(w.t.Context(), r, o, func(mark string) error { return resource.MayChange("the "+r.ID(), mark, o, r.Adopt) })
}

// mustEnsure wants something to be done, and nothing once more.
func (w *world) mustEnsure(r catalog.Resource, want resources.Done) {
	w.t.Helper()
	for _, want := range []resources.Done{want, {Unknown: want.Unknown}} {
		got, err := w.ensure(r, owner)
		if err != nil {
			w.t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			w.t.Errorf("%s: -want +got:\n%s", r.ID(), diff)
		}
	}
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestBucket: a bucket is made private, encrypted and for TLS only; what others change of that is changed back, what they add stays, and
// only an empty one is removed.
func TestBucket(t *testing.T) {
	w := newWorld(t)
	ctx, name := t.Context(), aws.String("acme-prod-orders")
	b := catalog.Resource{Kind: catalog.BucketResource, Project: "orders", Environment: "prod", Name: *name, Versioned: true, Tags: map[string]string{"team": "orders"}}
	w.mustEnsure(b, resources.Done{Made: true})

	access := must[*s3.GetPublicAccessBlockOutput](t)(w.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: name})).PublicAccessBlockConfiguration
	if !*access.BlockPublicAcls || !*access.BlockPublicPolicy || !*access.IgnorePublicAcls || !*access.RestrictPublicBuckets {
		t.Errorf("public access is %+v", access)
	}
	policy := func() string {
		return *must[*s3.GetBucketPolicyOutput](t)(w.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: name})).Policy
	}
	if p := policy(); !strings.Contains(p, `"aws:SecureTransport"`) || !strings.Contains(p, `"Deny"`) {
		t.Errorf("the policy is %s", p)
	}
	if _, err := w.s3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: name}); err != nil {
		t.Error(err)
	}
	tags := func() map[string]string {
		out := map[string]string{}
		for _, tag := range must[*s3.GetBucketTaggingOutput](t)(w.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: name})).TagSet {
			out[*tag.Key] = *tag.Value
		}
		return out
	}
	if diff := cmp.Diff(map[string]string{"team": "orders", resource.OwnerMark: "acme/prod/orders", resource.RemovalMark: "keep"}, tags()); diff != "" {
		t.Errorf("tags: -want +got:\n%s", diff)
	}

	// Others change what is ours, and add what is theirs.
	no := aws.Bool(false)
	must[*s3.PutPublicAccessBlockOutput](t)(w.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: name, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: no, BlockPublicPolicy: no, IgnorePublicAcls: no, RestrictPublicBuckets: no,
	}}))
	must[*s3.PutBucketPolicyOutput](t)(w.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: name, Policy: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::acme-prod-orders/*"}]}`)}))
	must[*s3.PutBucketTaggingOutput](t)(w.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: name, Tagging: &types.Tagging{TagSet: []types.Tag{
		{Key: aws.String("theirs"), Value: aws.String("1")}, {Key: aws.String(resource.OwnerMark), Value: aws.String(owner.String())},
	}}}))
	b.Versioned, b.Remove = false, true
	w.mustEnsure(b, resources.Done{Changed: []string{"tags", "publicAccess", "tlsOnly", "versioned"}})
	if p := policy(); !strings.Contains(p, "Theirs") || !strings.Contains(p, "aws:SecureTransport") {
		t.Errorf("the policy is %s", p)
	}
	if got := tags(); got["theirs"] != "1" || got["team"] != "orders" || got[resource.RemovalMark] != "remove" {
		t.Errorf("the tags are %v", got)
	}

	// It is removed once it is empty.
	left := must[[]resource.Left](t)(w.cloud.Left(ctx, "acme", "prod"))
	if diff := cmp.Diff([]resource.Left{{ID: b.ID(), Owner: owner, Removal: "remove"}}, left); diff != "" {
		t.Fatalf("left: -want +got:\n%s", diff)
	}
	if _, err := w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: aws.String("a.csv"), Body: strings.NewReader("1")}); err == nil {
		t.Error("it takes an object without TLS")
	}
	must[*s3.DeleteBucketPolicyOutput](t)(w.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: name}))
	put := must[*s3.PutObjectOutput](t)(w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: aws.String("a.csv"), Body: strings.NewReader("1")}))
	if err := w.cloud.Remove(ctx, left[0]); err == nil || !strings.Contains(err.Error(), "not empty, 1 objects or versions, such as a.csv: empty it") {
		t.Fatalf("removing what has data: %v", err)
	}
	must[*s3.DeleteObjectOutput](t)(w.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: name, Key: aws.String("a.csv"), VersionId: put.VersionId}))
	for range 2 {
		if err := w.cloud.Remove(ctx, left[0]); err != nil {
			t.Fatal(err)
		}
	}
	if left := must[[]resource.Left](t)(w.cloud.Left(ctx, "acme", "prod")); len(left) > 0 {
		t.Errorf("left is %v", left)
	}
}

// TestOthersBuckets: nothing of a bucket is changed that is not ours, unless it is adopted.
func TestOthersBuckets(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	for name, mark := range map[string]string{
		"nobodys": "", "another-platform": "other/prod/orders", "another-environment": "acme/dev/orders", "another-project": "acme/prod/rates", "strange": "somebody",
	} {
		must[*s3.CreateBucketOutput](t)(w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{
			LocationConstraint: region,
		}}))
		if mark != "" {
			must[*s3.PutBucketTaggingOutput](t)(w.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &name, Tagging: &types.Tagging{TagSet: []types.Tag{
				{Key: aws.String(resource.OwnerMark), Value: &mark},
			}}}))
		}
		b := catalog.Resource{Kind: catalog.BucketResource, Name: name, Project: "orders", Environment: "prod", Versioned: true}
		_, err := w.ensure(b, owner)
		if _, refused := errors.AsType[*resource.RefusalError](err); !refused {
			t.Errorf("%s: the error is %v", name, err)
		}
		if _, err := w.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &name}); err == nil {
			t.Errorf("%s was changed", name)
		}
		b.Adopt = true
		done, err := w.ensure(b, owner)
		if adopts := !strings.HasPrefix(name, "another-") || name == "another-project"; (err == nil) != adopts || done.Made != adopts {
			t.Errorf("adopting %s: %+v, %v", name, done, err)
		}
	}
}

// TestCatalog: databases and tables are made, changed and removed as declared, and what others have set of them stays.
func TestCatalog(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	d := catalog.Resource{Kind: catalog.DatabaseResource, Project: "orders", Environment: "prod", Name: "orders_prod", Description: "orders"}
	table := catalog.Resource{
		Kind: catalog.TableResource, Project: "orders", Environment: "prod", Name: "clean", Database: "orders_prod", Location: "s3://acme-prod-orders/clean/",
		Format: v1alpha1.FormatParquet, Columns: []v1alpha1.Column{{Name: "id", Type: "bigint"}, {Name: "amount", Type: "decimal(12,2)", Comment: "in EUR"}},
		Partitions: []v1alpha1.Column{{Name: "lot", Type: "string"}},
	}
	if _, err := w.ensure(table, owner); err == nil || !strings.Contains(err.Error(), "there is no database orders_prod yet") {
		t.Errorf("a table before its database: %v", err)
	}
	w.mustEnsure(d, resources.Done{Made: true})
	w.mustEnsure(table, resources.Done{Made: true})
	read := func() *gluetypes.Table {
		return must[*glue.GetTableOutput](t)(w.glue.GetTable(ctx, &glue.GetTableInput{DatabaseName: aws.String("orders_prod"), Name: aws.String("clean")})).Table
	}
	if is := read(); *is.TableType != "EXTERNAL_TABLE" || !strings.HasSuffix(*is.StorageDescriptor.SerdeInfo.SerializationLibrary, ".ParquetHiveSerDe") ||
		is.Parameters["classification"] != "parquet" || len(is.PartitionKeys) != 1 {
		t.Errorf("the table is %+v", is)
	}

	// A crawler sets parameters, and someone renames a column.
	is := read()
	parameters := is.Parameters
	parameters["crawler"] = "x"
	is.StorageDescriptor.Columns[0].Name = aws.String("key")
	must[*glue.UpdateTableOutput](t)(w.glue.UpdateTable(ctx, &glue.UpdateTableInput{DatabaseName: aws.String("orders_prod"), TableInput: &gluetypes.TableInput{
		Name: is.Name, Parameters: parameters, StorageDescriptor: is.StorageDescriptor, PartitionKeys: is.PartitionKeys, TableType: is.TableType,
	}}))
	w.mustEnsure(table, resources.Done{Changed: []string{"columns"}})
	if is := read(); is.Parameters["crawler"] != "x" || *is.StorageDescriptor.Columns[0].Name != "id" {
		t.Errorf("the table is %+v", is)
	}
	table.Format, table.Description, table.Location = v1alpha1.FormatCSV, "clean orders", "s3://acme-prod-orders/csv/"
	w.mustEnsure(table, resources.Done{Changed: []string{"description", "location", "format", "parameters"}})
	other := table
	other.Partitions = nil
	if _, err := w.ensure(other, owner); err == nil || !strings.Contains(err.Error(), "what partitions it has cannot be changed") {
		t.Errorf("other partitions: %v", err)
	}
	rates := resource.Owner{Platform: "acme", Environment: "prod", Project: "rates"}
	for _, r := range []catalog.Resource{d, table} {
		if _, err := w.ensure(r, rates); err == nil || !strings.Contains(err.Error(), "was made for the project orders: to take it over, write adopt: true") {
			t.Errorf("the %s of another project: %v", r.ID(), err)
		}
	}

	// A database goes after its tables.
	d.Remove, table.Remove = true, true
	w.mustEnsure(d, resources.Done{Changed: []string{"parameters"}})
	w.mustEnsure(table, resources.Done{Changed: []string{"parameters"}})
	left := must[[]resource.Left](t)(w.cloud.Left(ctx, "acme", "prod"))
	if diff := cmp.Diff([]resource.Left{{ID: table.ID(), Owner: owner, Removal: "remove"}, {ID: d.ID(), Owner: owner, Removal: "remove"}}, left); diff != "" {
		t.Fatalf("left: -want +got:\n%s", diff)
	}
	if err := w.cloud.Remove(ctx, left[1]); err == nil || !strings.Contains(err.Error(), "not empty, it has the table clean") {
		t.Fatalf("removing a database with a table: %v", err)
	}
	for _, l := range left {
		if err := w.cloud.Remove(ctx, l); err != nil {
			t.Fatal(err)
		}
	}
	if left := must[[]resource.Left](t)(w.cloud.Left(ctx, "acme", "prod")); len(left) > 0 {
		t.Errorf("left is %v", left)
	}
}

// TestFormats: what is made of a table of each format is found to be as declared.
func TestFormats(t *testing.T) {
	w := newWorld(t)
	w.mustEnsure(catalog.Resource{Kind: catalog.DatabaseResource, Project: "orders", Environment: "prod", Name: "d"}, resources.Done{Made: true})
	for _, f := range []v1alpha1.TableFormat{
		v1alpha1.FormatParquet, v1alpha1.FormatORC, v1alpha1.FormatAvro, v1alpha1.FormatJSON, v1alpha1.FormatCSV, v1alpha1.FormatTSV, v1alpha1.FormatCloudTrail,
	} {
		w.mustEnsure(catalog.Resource{
			Kind: catalog.TableResource, Project: "orders", Environment: "prod", Database: "d", Name: string(f), Location: "s3://b/x/", Format: f,
			Columns: []v1alpha1.Column{{Name: "a", Type: "string"}},
		}, resources.Done{Made: true})
		is := must[*glue.GetTableOutput](t)(w.glue.GetTable(t.Context(), &glue.GetTableInput{DatabaseName: aws.String("d"), Name: aws.String(string(f))})).Table
		if s := is.StorageDescriptor; *s.InputFormat == "" || *s.OutputFormat == "" || *s.SerdeInfo.SerializationLibrary == "" || is.Parameters["classification"] == "" {
			t.Errorf("%s is %+v", f, s)
		}
	}
}

// TestAStoreWithoutTags: of a store that keeps no tags, as gofakes3, it cannot be known whose a bucket is: none counts as made, and nothing is
// changed of one that is there.
func TestAStoreWithoutTags(t *testing.T) {
	store := buckettest.New(t, "there")
	t.Setenv("AWS_REGION", "")
	clouds := must[resources.Clouds](t)(resources.AWS(store.URL))
	cloud := must[resources.Cloud](t)(clouds(t.Context(), v1alpha1.EnvironmentResources{}))
	for name, want := range map[string]string{"there": "was not made by Trunkline", "new": "putting tags on the bucket new, by which it is known whose it is: "} {
		b := catalog.Resource{Kind: catalog.BucketResource, Name: name, Project: "orders", Environment: "prod"}
		_, err := cloud.Ensure(t.Context(), b, owner, func(mark string) error { return resource.MayChange("the "+b.ID(), mark, owner, false) })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// TestEndpoints: no address with credentials is taken, or shown.
func TestEndpoints(t *testing.T) {
	for _, endpoint := range []string{"https://key:hush@minio.example.com", "https://minio.example.com/?token=hush", ":hush"} {
		if _, err := resources.AWS(endpoint); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

// TestNoRegion: nothing is made in a region that nobody chose.
func TestNoRegion(t *testing.T) {
	buckettest.New(t)
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	clouds := must[resources.Clouds](t)(resources.AWS(""))
	if _, err := clouds(context.Background(), v1alpha1.EnvironmentResources{}); err == nil || !strings.Contains(err.Error(), "spec.resources.region") {
		t.Error(err)
	}
}

// TestPolicies: a statement of a policy is added or put right, and the others stay.
func TestPolicies(t *testing.T) {
	for before, want := range map[string]int{
		"": 1,
		`{"Version":"2012-10-17","Statement":{"Sid":"One","Effect":"Allow"}}`:                             2,
		`{"Statement":[{"Sid":"TrunklineTLSOnly","Effect":"Allow"},{"Sid":"Two"}],"Id":"kept"}`:           2,
		`{"Version":"2012-10-17","Statement":[{"Sid":"A"},{"Effect":"Deny"},{"Sid":"TrunklineTLSOnly"}]}`: 3,
	} {
		after, changed, err := resources.WithTLS(before, "arn:aws:s3:::", "b")
		if err != nil || !changed {
			t.Fatalf("%s: %t, %v", before, changed, err)
		}
		var policy struct {
			ID        string `json:"Id"`
			Statement []map[string]any
		}
		if err := json.Unmarshal([]byte(after), &policy); err != nil {
			t.Fatal(err)
		}
		ours := slices.IndexFunc(policy.Statement, func(s map[string]any) bool { return s["Sid"] == "TrunklineTLSOnly" && s["Effect"] == "Deny" })
		if len(policy.Statement) != want || ours < 0 || strings.Contains(before, "kept") != (policy.ID == "kept") {
			t.Errorf("%s became %s", before, after)
		}
		if again, changed, err := resources.WithTLS(after, "arn:aws:s3:::", "b"); again != after || changed || err != nil {
			t.Errorf("%s once more: %s, %t, %v", after, again, changed, err)
		}
	}
	for _, bad := range []string{"{", `{"Statement":"x"}`, `[]`} {
		if _, _, err := resources.WithTLS(bad, "arn:aws:s3:::", "b"); err == nil {
			t.Errorf("%s is taken for a policy", bad)
		}
	}
}
