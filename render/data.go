// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/rights"
	"trunkline.dev/trunkline/flow/rights/document"
)

// policyName is that of the policy that is written into a role.
const policyName = "trunkline-data"

// dataObjects are the objects by which controllers in the cluster give the accounts of a project the rights on data that their workloads need. A role
// has no data: what is not declared any more is taken away, with the object.
func dataObjects(rel catalog.Release) (out []*unstructured.Unstructured, err error) {
	if rel.Data == nil {
		return nil, nil
	}
	for _, p := range rights.Principals(rel.Data.Accounts, catalog.AWS) {
		if len(p.Wrong) > 0 {
			return nil, fmt.Errorf("the rights of %s on data: %s", p.Name, p.Wrong[0].Why)
		}
		if len(p.Grants)+len(p.Tables) == 0 {
			continue // it needs none, and nobody is made
		}
		d, err := document.Of(p, document.Options{DataAccess: rel.Data.Declared, Region: rel.Data.Region})
		if err != nil {
			return nil, err
		}
		role, err := document.ParseRole(p.Name)
		if err != nil {
			return nil, err
		}
		policy, err := document.JSON(d.Policy)
		if err != nil {
			return nil, err
		}
		trust, err := document.JSON(d.Trust)
		if err != nil {
			return nil, err
		}
		if rel.Data.Declared.Via == v1alpha1.DataViaCrossplane {
			out = append(out, crossplaneRole(rel, role, policy, trust)...)
		} else {
			out = append(out, ackRole(rel, role, policy, trust))
		}
	}
	return out, nil
}

// roleMarks say whose a role is.
func roleMarks(rel catalog.Release) map[string]string {
	return map[string]string{ownerMark: rel.Platform + "/" + rel.ID.Environment + "/" + rel.ID.Project}
}

func describe(rel catalog.Release) string {
	return fmt.Sprintf("what the workloads of %s in %s read and write", rel.ID.Project, rel.ID.Environment)
}

// ackRole is the object of a role for the controller of AWS.
func ackRole(rel catalog.Release, role document.Role, policy, trust string) *unstructured.Unstructured {
	marks := roleMarks(rel)
	var tags []any
	for _, key := range slices.Sorted(maps.Keys(marks)) {
		tags = append(tags, map[string]any{"key": key, "value": marks[key]})
	}
	spec := map[string]any{
		"name": role.Name, "path": role.Path, "description": describe(rel), "assumeRolePolicyDocument": trust,
		"inlinePolicies": map[string]any{policyName: policy}, "tags": tags,
	}
	if boundary := rel.Data.Declared.Boundary; boundary != "" {
		spec["permissionsBoundary"] = boundary
	}
	return cloudObject(rel, "iam.services.k8s.aws/v1alpha1", "Role", role.Name, nil, spec)
}

// crossplaneRole are the objects of a role for the provider of Crossplane 2.
func crossplaneRole(rel catalog.Release, role document.Role, policy, trust string) []*unstructured.Unstructured {
	object := func(kind, external string, forProvider map[string]any) *unstructured.Unstructured {
		return cloudObject(rel, "iam.aws.m.upbound.io/v1beta1", kind, role.Name, map[string]string{"crossplane.io/external-name": external}, map[string]any{
			"forProvider": forProvider, "managementPolicies": []any{"*"},
			"providerConfigRef": map[string]any{"kind": "ClusterProviderConfig", "name": cmp.Or(rel.Data.Declared.ProviderConfig, "default")},
		})
	}
	it := map[string]any{"path": role.Path, "description": describe(rel), "assumeRolePolicy": trust, "tags": texts(roleMarks(rel))}
	if boundary := rel.Data.Declared.Boundary; boundary != "" {
		it["permissionsBoundary"] = boundary
	}
	return []*unstructured.Unstructured{
		object("Role", role.Name, it),
		object("RolePolicy", policyName, map[string]any{"role": role.Name, "policy": policy}),
	}
}
