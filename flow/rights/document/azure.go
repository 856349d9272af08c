// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/flow/rights"
)

// Assignments are assignments of roles of Azure, and the role that there is not.
type Assignments struct {
	Definitions []Definition `json:"roleDefinitions,omitempty"`
	Assignments []Assignment `json:"roleAssignments"`
}

// Definition is a role that acts on blobs and on nothing else: those that Azure has may delete the container.
type Definition struct {
	Name        string   `json:"roleName"`
	DataActions []string `json:"dataActions"`
	Scopes      []string `json:"assignableScopes"`
}

// Assignment gives a role on a container, while a condition holds.
type Assignment struct {
	Scope     string `json:"scope"`
	Role      string `json:"roleName"`
	Client    string `json:"clientId"`
	Condition string `json:"condition"`
	Version   string `json:"conditionVersion"`
}

// Federations are the tokens by which accounts of clusters are an identity of Azure.
type Federations struct {
	Credentials []Federation `json:"federatedCredentials"`
}

// Federation is one of them.
type Federation struct {
	Name      string   `json:"name"`
	Issuer    string   `json:"issuer"`
	Subject   string   `json:"subject"`
	Audiences []string `json:"audiences"`
}

const (
	blobs        = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
	maxCondition = 8192 // characters of a condition
)

// azureRoles are those by which rights are given, with the actions of each right.
var azureRoles = []struct {
	name    string
	builtin bool
	actions []azureAction
}{
	{"Storage Blob Data Reader", true, []azureAction{
		{blobs + "/read", " AND NOT SubOperationMatches{'Blob.List'}", "@Resource[" + blobs + ":path]", rights.Get},
		{blobs + "/read", " AND SubOperationMatches{'Blob.List'}", "@Request[" + blobs + ":prefix]", rights.List},
	}},
	{"Trunkline Blob Writer", false, []azureAction{
		{blobs + "/add/action", "", "@Resource[" + blobs + ":path]", rights.Create | rights.Replace},
		{blobs + "/write", "", "@Resource[" + blobs + ":path]", rights.Create | rights.Replace},
	}},
	{"Trunkline Blob Remover", false, []azureAction{{blobs + "/delete", "", "@Resource[" + blobs + ":path]", rights.Delete}}},
}

// azureAction is an action that is bound to some paths.
type azureAction struct {
	action, sub, attribute string
	any                    rights.Right
}

// azure writes the assignments of an identity, and whom it trusts.
func azure(p rights.Principal, opts Options) (Assignments, Federations, error) {
	out, trust := Assignments{Assignments: []Assignment{}}, Federations{Credentials: []Federation{}}
	byContainer := map[string][]rights.Grant{}
	for _, g := range p.Grants {
		if strings.ContainsAny(g.Place.Folder, `'\`) {
			return out, trust, fmt.Errorf(`the folder %s has ' or \, which no condition of Azure can have`, g.Place)
		}
		byContainer[g.Place.Bucket] = append(byContainer[g.Place.Bucket], g)
	}
	for _, role := range azureRoles {
		definition := Definition{Name: role.name}
		for _, a := range role.actions {
			definition.DataActions = append(definition.DataActions, a.action)
		}
		for _, container := range slices.Sorted(maps.Keys(byContainer)) {
			account := opts.StorageAccounts[container]
			if account == "" {
				return out, trust, fmt.Errorf("nothing says in which storage account the container %q is: write its id in spec.dataAccess.storageAccounts of the environment", container)
			}
			condition := azureCondition(role.actions, byContainer[container])
			switch {
			case condition == "":
				continue
			case len(condition) > maxCondition:
				return out, trust, fmt.Errorf("the condition on the container %q has %d characters, and Azure takes %d: have some workloads run as another account, by identity", container, len(condition), maxCondition)
			}
			out.Assignments = append(out.Assignments, Assignment{account + "/blobServices/default/containers/" + container, role.name, p.Name, condition, "2.0"})
			if subscription := strings.Join(strings.Split(account, "/")[:3], "/"); !role.builtin && !slices.Contains(definition.Scopes, subscription) {
				definition.Scopes = append(definition.Scopes, subscription)
			}
		}
		if len(definition.Scopes) > 0 {
			out.Definitions = append(out.Definitions, definition)
		}
	}
	for _, m := range p.Members {
		issuer := opts.Issuers[m.Cluster]
		if issuer == "" {
			return out, trust, fmt.Errorf("nothing says whom the identity trusts on the cluster %q: name its issuer in spec.dataAccess.issuers of the environment %q", m.Cluster, m.Environment)
		}
		trust.Credentials = append(trust.Credentials, Federation{m.Cluster + "-" + m.Namespace + "-" + m.Account, issuer, m.Subject(), []string{"api://AzureADTokenExchange"}})
	}
	return out, trust, nil
}

// azureCondition holds where none of the actions is done, or it is on one of the places; empty if no right is there at all.
func azureCondition(actions []azureAction, grants []rights.Grant) string {
	var all []string
	granted := false
	for _, a := range actions {
		var places []string
		for _, g := range grants {
			if g.Rights&a.any != 0 {
				places = append(places, azurePlaces(a.attribute, g)...)
			}
		}
		clause := "(!(ActionMatches{'" + a.action + "'}" + a.sub + "))"
		if len(places) > 0 {
			granted = true
			clause = "(" + clause + " OR (" + strings.Join(places, " OR ") + "))"
		}
		all = append(all, clause)
	}
	if !granted {
		return ""
	}
	return strings.Join(all, " AND ")
}

// azurePlaces are the conditions on a path, or on what a list is of.
func azurePlaces(attribute string, g rights.Grant) (out []string) {
	like := strings.NewReplacer("*", `\*`, "?", `\?`).Replace(g.Place.Folder)
	switch g.Part {
	case rights.Attempts:
		return []string{attribute + " StringLike '" + like + attempts + "*'"}
	case rights.Hidden:
		return []string{attribute + " StringLike '" + like + attempts + "_*'", attribute + " StringLike '" + like + attempts + ".*'"}
	case rights.Whole:
	}
	if g.Place.Folder == "" {
		return []string{attribute + " StringLike '*'"}
	}
	return []string{attribute + " StringStartsWith '" + g.Place.Folder + "'"}
}
