// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"trunkline.dev/trunkline/deploy"
	"trunkline.dev/trunkline/doctor"
)

// right is one verb of a right.
type right struct {
	doctor.Right

	verb string
}

// leastRights are those of the manifests that operators install, one for each verb.
func leastRights() (all []right, err error) {
	docs := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(deploy.DaemonRights), 4096)
	for {
		var role rbacv1.Role // a ClusterRole has the same fields, as far as they are read
		if err := docs.Decode(&role); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading the rights that the daemon needs: %w", err)
		}
		if role.Kind != "Role" && role.Kind != "ClusterRole" {
			continue
		}
		for _, rule := range role.Rules {
			all = append(all, rightsOf(rule, role.Namespace)...)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("the manifests name no right that the daemon needs")
	}
	return all, nil
}

func rightsOf(rule rbacv1.PolicyRule, namespace string) (all []right) {
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			if group != "" {
				resource += "." + group
			}
			for _, name := range names {
				for _, verb := range rule.Verbs {
					all = append(all, right{doctor.Right{Resource: resource, Namespace: namespace, Name: name}, verb})
				}
			}
		}
	}
	return all
}
