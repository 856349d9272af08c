// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"trunkline.dev/trunkline/flow/rights"
)

// Bindings are conditional bindings of roles of Google Cloud.
type Bindings struct {
	Bindings []Binding `json:"bindings"`
}

// Binding gives a member a role on a resource, while a condition holds.
type Binding struct {
	Resource  string     `json:"resource"`
	Role      string     `json:"role"`
	Members   []string   `json:"members"`
	Condition *Condition `json:"condition,omitempty"`
}

// Condition is an expression of CEL.
type Condition struct {
	Title      string `json:"title"`
	Expression string `json:"expression"`
}

// What Google allows.
const (
	maxClauses  = 3  // places of one condition, which may have 12 logical operators: at worst these are 9
	maxBindings = 20 // bindings of one role and member on a resource
)

var googleAccount = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]@([a-z][a-z0-9:.-]{4,62})\.iam\.gserviceaccount\.com$`)

// google writes the bindings of a member, and who may be it.
func google(p rights.Principal) (Bindings, Bindings, error) {
	member, direct := p.Name, strings.HasPrefix(p.Name, "principal:")
	email := strings.TrimPrefix(p.Name, "serviceAccount:")
	account := googleAccount.FindStringSubmatch(email)
	trust := Bindings{Bindings: []Binding{}}
	switch {
	case direct: // the service account of the cluster itself
	case account == nil:
		return Bindings{}, Bindings{}, fmt.Errorf("it is no account of Google Cloud, such as orders-prod@acme-data.iam.gserviceaccount.com, whose name has 6 to 30 letters, digits and dashes")
	default:
		member = "serviceAccount:" + email
		var members []string
		for _, m := range p.Members {
			members = append(members, fmt.Sprintf("serviceAccount:%s.svc.id.goog[%s/%s]", account[1], m.Namespace, m.Account))
		}
		trust.Bindings = append(trust.Bindings, Binding{
			Resource: "//iam.googleapis.com/projects/" + account[1] + "/serviceAccounts/" + email, Role: "roles/iam.workloadIdentityUser", Members: sorted(members),
		})
	}
	out := Bindings{Bindings: []Binding{}}
	for _, role := range []struct {
		name string
		of   func(rights.Right) rights.Right
	}{
		{"roles/storage.objectViewer", func(r rights.Right) rights.Right {
			if r&(rights.Replace|rights.Delete) != 0 {
				return 0 // the role below reads as well
			}
			return r & (rights.List | rights.Get)
		}},
		{"roles/storage.objectCreator", func(r rights.Right) rights.Right {
			if r&(rights.Replace|rights.Delete) != 0 {
				return 0
			}
			return r & rights.Create
		}},
		{"roles/storage.objectUser", func(r rights.Right) rights.Right {
			if r&(rights.Replace|rights.Delete) == 0 {
				return 0
			}
			return r
		}},
	} {
		byBucket := map[string][]rights.Grant{}
		for _, g := range p.Grants {
			if g.Rights = role.of(g.Rights); g.Rights != 0 {
				byBucket[g.Place.Bucket] = append(byBucket[g.Place.Bucket], g)
			}
		}
		for _, bucket := range slices.Sorted(maps.Keys(byBucket)) {
			chunks := slices.Collect(slices.Chunk(byBucket[bucket], maxClauses))
			if len(chunks) > maxBindings {
				return Bindings{}, Bindings{}, fmt.Errorf("%d places in the bucket %q need %s, and Google Cloud takes %d for one account: have some workloads run as another account, by identity",
					len(byBucket[bucket]), bucket, role.name, maxClauses*maxBindings)
			}
			for i, grants := range chunks {
				expression, err := condition(bucket, grants)
				if err != nil {
					return Bindings{}, Bindings{}, err
				}
				out.Bindings = append(out.Bindings, Binding{
					Resource: "//storage.googleapis.com/projects/_/buckets/" + bucket, Role: role.name, Members: []string{member},
					Condition: &Condition{fmt.Sprintf("trunkline-%s-%d", strings.TrimPrefix(role.name, "roles/storage."), i+1), expression},
				})
			}
		}
	}
	return out, trust, nil
}

// condition holds for the objects of some places, and for lists of them. A list is of the bucket, and says by what names begin.
func condition(bucket string, grants []rights.Grant) (string, error) {
	var named, listed []string
	at := "projects/_/buckets/" + bucket + "/objects/"
	for _, g := range grants {
		folder := g.Place.Folder
		if g.Part != rights.Whole {
			folder += rights.LotPart
		}
		if g.Rights.Has(rights.List) {
			listed = append(listed, `api.getAttribute("storage.googleapis.com/objectListPrefix", "").startsWith(`+quoted(folder)+")")
		}
		if g.Rights&^rights.List == 0 {
			continue
		}
		if g.Part != rights.Hidden {
			named = append(named, "resource.name.startsWith("+quoted(at+folder)+")")
			continue
		}
		if strings.ContainsAny(g.Place.Folder, "{}") {
			return "", fmt.Errorf("the folder %s has braces, which no condition of Google Cloud can have", g.Place)
		}
		has := func(hidden string) string {
			return "resource.name.extract(" + quoted("/buckets/"+bucket+"/objects/"+folder+"{path}"+hidden) + `) != ""`
		}
		named = append(named, "resource.name.startsWith("+quoted(at+folder)+") && ("+has("/_")+" || "+has("/.")+")")
	}
	var out []string
	if len(named) > 0 {
		out = append(out, `resource.type == "storage.googleapis.com/Object" && (`+strings.Join(named, " || ")+")")
	}
	if len(listed) > 0 {
		out = append(out, `resource.type == "storage.googleapis.com/Bucket" && (`+strings.Join(listed, " || ")+")")
	}
	return strings.Join(out, " || "), nil
}

// quoted is a text of CEL.
func quoted(text string) string { return strconv.Quote(text) }
