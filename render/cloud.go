// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"trunkline.dev/trunkline/api/tableformat"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// The marks by which it is known whose a resource of the cloud is, as those have them that the daemon makes.
const (
	ownerMark   = "trunkline.dev/owner"
	removalMark = "trunkline.dev/on-removal"
)

// cloudObjects are the objects by which controllers in the cluster make what the project declares in the cloud. An object goes once it is
// not declared any more; what it has made stays, unless the declaration says otherwise.
func cloudObjects(rel catalog.Release) (out []*unstructured.Unstructured) {
	if rel.Cloud == nil {
		return nil
	}
	for i := range rel.Cloud.Resources {
		r := &rel.Cloud.Resources[i]
		if rel.Cloud.Declared.Via == v1alpha1.ViaCrossplane {
			out = append(out, crossplane(rel, r)...)
		} else {
			out = append(out, ack(rel, r))
		}
	}
	return out
}

// marks are what is written on a resource.
func marks(rel catalog.Release, r *catalog.Resource) map[string]string {
	removal := "keep"
	if r.Remove {
		removal = "remove"
	}
	return map[string]string{ownerMark: rel.Platform + "/" + rel.ID.Environment + "/" + rel.ID.Project, removalMark: removal}
}

// cloudObject is an object of a release, named after a resource.
func cloudObject(rel catalog.Release, apiVersion, kind, name string, annotations map[string]string, spec map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": cloudName(name), "namespace": rel.Namespace}, "spec": spec,
	}}
	o.SetLabels(releaseLabels(rel))
	if len(annotations) > 0 {
		o.SetAnnotations(annotations)
	}
	return o
}

// cloudName makes the name of an object of that of a resource: as it is, if Kubernetes takes it, or else with what tells it from others.
func cloudName(name string) string {
	if len(validation.IsDNS1123Subdomain(name)) == 0 {
		return name
	}
	var b strings.Builder
	for _, c := range name {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			b.WriteRune(c)
		} else {
			b.WriteByte('-')
		}
	}
	const most = 200
	sum := sha256.Sum256([]byte(name))
	plain := strings.Trim(b.String()[:min(b.Len(), most)], "-")
	return strings.TrimPrefix(plain+"-"+hex.EncodeToString(sum[:4]), "-")
}

func texts(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for key, value := range m {
		out[key] = value
	}
	return out
}

func merged(a, b map[string]string) map[string]string {
	out := maps.Clone(b)
	for key, value := range a {
		if _, there := out[key]; !there {
			out[key] = value
		}
	}
	return out
}

// tlsOnly is the policy of a bucket that refuses requests without TLS.
func tlsOnly(region, bucket string) string {
	arn := "arn:aws:s3:::"
	switch {
	case strings.HasPrefix(region, "cn-"):
		arn = "arn:aws-cn:s3:::"
	case strings.HasPrefix(region, "us-gov-"):
		arn = "arn:aws-us-gov:s3:::"
	}
	data, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Sid": "TrunklineTLSOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": []any{arn + bucket, arn + bucket + "/*"},
		"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
	}}})
	if err != nil {
		return "" // of texts it is none
	}
	return string(data)
}

func columns(all []v1alpha1.Column) []any {
	out := make([]any, len(all))
	for i, c := range all {
		one := map[string]any{"name": c.Name, "type": c.Type}
		if c.Comment != "" {
			one["comment"] = c.Comment
		}
		out[i] = one
	}
	return out
}

// tableSpec is what is said of a table in either form, in which a part is called otherwise.
func tableSpec(rel catalog.Release, r *catalog.Resource, serdeField string) map[string]any {
	f := tableformat.Of(r.Format)
	serde := map[string]any{"serializationLibrary": f.Serde}
	if len(f.Parameters) > 0 {
		serde["parameters"] = texts(f.Parameters)
	}
	spec := map[string]any{
		"databaseName": r.Database, "tableType": "EXTERNAL_TABLE",
		"parameters": texts(merged(map[string]string{"classification": f.Classification, "EXTERNAL": "TRUE"}, marks(rel, r))),
		"storageDescriptor": map[string]any{
			"columns": columns(r.Columns), "location": r.Location, "inputFormat": f.Input, "outputFormat": f.Output, serdeField: serde,
		},
	}
	if len(r.Partitions) > 0 {
		spec["partitionKeys"] = columns(r.Partitions)
	}
	if r.Description != "" {
		spec["description"] = r.Description
	}
	return spec
}

// ack is the object of a resource for the controllers of AWS.
func ack(rel catalog.Release, r *catalog.Resource) *unstructured.Unstructured {
	annotations := map[string]string{"services.k8s.aws/deletion-policy": "retain"}
	if r.Remove {
		annotations["services.k8s.aws/deletion-policy"] = "delete"
	}
	if region := rel.Cloud.Declared.Region; region != "" {
		annotations["services.k8s.aws/region"] = region
	}
	if r.Adopt {
		fields := fmt.Sprintf(`{"name": %q}`, r.Name)
		if r.Kind == catalog.TableResource {
			fields = fmt.Sprintf(`{"databaseName": %q, "name": %q}`, r.Database, r.Name)
		}
		annotations["services.k8s.aws/adoption-policy"], annotations["services.k8s.aws/adoption-fields"] = "adopt-or-create", fields
	}
	switch r.Kind {
	case catalog.DatabaseResource:
		spec := map[string]any{"name": r.Name, "parameters": texts(marks(rel, r))}
		if r.Description != "" {
			spec["description"] = r.Description
		}
		return cloudObject(rel, "glue.services.k8s.aws/v1alpha1", "Database", r.Name, annotations, spec)
	case catalog.TableResource:
		spec := tableSpec(rel, r, "serdeInfo")
		spec["name"] = r.Name
		return cloudObject(rel, "glue.services.k8s.aws/v1alpha1", "Table", r.Database+"."+r.Name, annotations, spec)
	case catalog.BucketResource:
	}
	tags := merged(r.Tags, marks(rel, r))
	var set []any
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		set = append(set, map[string]any{"key": key, "value": tags[key]})
	}
	spec := map[string]any{
		"name": r.Name, "policy": tlsOnly(rel.Cloud.Declared.Region, r.Name), "tagging": map[string]any{"tagSet": set},
		"publicAccessBlock": map[string]any{"blockPublicACLs": true, "blockPublicPolicy": true, "ignorePublicACLs": true, "restrictPublicBuckets": true},
		"encryption":        map[string]any{"rules": []any{map[string]any{"applyServerSideEncryptionByDefault": map[string]any{"sseAlgorithm": "AES256"}}}},
	}
	if r.Versioned {
		spec["versioning"] = map[string]any{"status": "Enabled"}
	}
	if region := rel.Cloud.Declared.Region; region != "" && region != "us-east-1" {
		spec["createBucketConfiguration"] = map[string]any{"locationConstraint": region}
	}
	return cloudObject(rel, "s3.services.k8s.aws/v1alpha1", "Bucket", r.Name, annotations, spec)
}

// crossplane are the objects of a resource for the providers of Crossplane 2: of a bucket, one for each of its settings.
func crossplane(rel catalog.Release, r *catalog.Resource) []*unstructured.Unstructured {
	declared := &rel.Cloud.Declared
	object := func(apiVersion, kind, name, external string, forProvider map[string]any) *unstructured.Unstructured {
		forProvider["region"] = declared.Region
		policies := []any{"Observe", "Create", "Update", "LateInitialize"}
		if r.Remove {
			policies = []any{"*"}
		}
		var annotations map[string]string
		if external != "" {
			annotations = map[string]string{"crossplane.io/external-name": external}
		}
		return cloudObject(rel, apiVersion, kind, name, annotations, map[string]any{
			"forProvider": forProvider, "managementPolicies": policies,
			"providerConfigRef": map[string]any{"kind": "ClusterProviderConfig", "name": cmp.Or(declared.ProviderConfig, "default")},
		})
	}
	const glue, s3 = "glue.aws.m.upbound.io/v1beta1", "s3.aws.m.upbound.io/v1beta1"
	switch r.Kind {
	case catalog.DatabaseResource:
		spec := map[string]any{"catalogId": declared.Account, "parameters": texts(marks(rel, r))}
		if r.Description != "" {
			spec["description"] = r.Description
		}
		return []*unstructured.Unstructured{object(glue, "CatalogDatabase", r.Name, r.Name, spec)}
	case catalog.TableResource:
		spec := tableSpec(rel, r, "serDeInfo")
		spec["catalogId"] = declared.Account
		return []*unstructured.Unstructured{object(glue, "CatalogTable", r.Database+"."+r.Name, r.Name, spec)}
	case catalog.BucketResource:
	}
	bucket := func(more map[string]any) map[string]any {
		more["bucket"] = r.Name
		return more
	}
	out := []*unstructured.Unstructured{
		object(s3, "Bucket", r.Name, r.Name, map[string]any{"forceDestroy": false, "tags": texts(merged(r.Tags, marks(rel, r)))}),
		object(s3, "BucketPublicAccessBlock", r.Name, "", bucket(map[string]any{
			"blockPublicAcls": true, "blockPublicPolicy": true, "ignorePublicAcls": true, "restrictPublicBuckets": true,
		})),
		object(s3, "BucketServerSideEncryptionConfiguration", r.Name, "", bucket(map[string]any{
			"rule": []any{map[string]any{"applyServerSideEncryptionByDefault": map[string]any{"sseAlgorithm": "AES256"}}},
		})),
		object(s3, "BucketPolicy", r.Name, "", bucket(map[string]any{"policy": tlsOnly(declared.Region, r.Name)})),
	}
	if r.Versioned {
		out = append(out, object(s3, "BucketVersioning", r.Name, "", bucket(map[string]any{"versioningConfiguration": map[string]any{"status": "Enabled"}})))
	}
	return out
}
