// SPDX-License-Identifier: Apache-2.0

package document

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/flow/rights"
)

// Statements are a policy of AWS.
type Statements struct {
	Version   string
	Statement []Statement
}

// Statement is one of a policy. What is empty is left out.
type Statement struct {
	Effect    string
	Principal map[string]string `json:",omitempty"`
	Action    []string
	Resource  []string                       `json:",omitempty"`
	Condition map[string]map[string][]string `json:",omitempty"`
}

// maxInline is how many characters AWS takes of the policies that are written into a role; space does not count.
const maxInline = 10240

var roleARN = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):iam::([0-9]{12}):role/((?:[\w+=,.@/-]+/)?)([\w+=,.@-]{1,64})$`)

// Role is a role of AWS.
type Role struct{ Partition, Account, Path, Name string }

// ParseRole reads the ARN of a role.
func ParseRole(arn string) (Role, error) {
	m := roleARN.FindStringSubmatch(arn)
	if m == nil {
		return Role{}, fmt.Errorf("%q is not the ARN of a role, such as arn:aws:iam::123456789012:role/orders-prod, whose name has at most 64 letters, digits and any of _+=,.@-", arn)
	}
	return Role{m[1], m[2], "/" + m[3], m[4]}, nil
}

// aws writes a policy, and whom the role trusts.
func aws(p rights.Principal, opts Options) (Statements, Statements, error) {
	role, err := ParseRole(p.Name)
	if err != nil {
		return Statements{}, Statements{}, err
	}
	policy := Statements{Version: "2012-10-17", Statement: slices.Concat(lists(role, p.Grants), objects(role, p.Grants), keys(p.Grants, opts), glue(role, p.Tables, opts))}
	if policy.Statement == nil {
		policy.Statement = []Statement{}
	}
	text, err := JSON(policy)
	if err == nil && len(text) > maxInline {
		err = fmt.Errorf("the policy has %d characters, and AWS takes %d of a role: have some workloads run as another account, by identity", len(text), maxInline)
	}
	if err != nil {
		return Statements{}, Statements{}, err
	}
	trust, err := trustOf(role, p.Members, opts)
	return policy, trust, err
}

// lists has what may be listed of each bucket, by what the keys begin with.
func lists(role Role, grants []rights.Grant) (out []Statement) {
	prefixes := map[string][]string{}
	for _, g := range grants {
		if g.Rights.Has(rights.List) {
			prefixes[g.Place.Bucket] = append(prefixes[g.Place.Bucket], patterns(g)...)
		}
	}
	for _, bucket := range slices.Sorted(maps.Keys(prefixes)) {
		s := Statement{Effect: "Allow", Action: []string{"s3:ListBucket"}, Resource: []string{role.bucket(bucket)}}
		if !slices.Contains(prefixes[bucket], "*") { // all of a bucket is also listed by no prefix
			s.Condition = map[string]map[string][]string{"StringLike": {"s3:prefix": prefixes[bucket]}}
		}
		out = append(out, s)
	}
	return out
}

// objects has what may be done with objects.
func objects(role Role, grants []rights.Grant) (out []Statement) {
	for _, kind := range []struct {
		any    rights.Right
		action []string
	}{
		{rights.Get, []string{"s3:GetObject"}},
		// One that is large is written in parts, and these are thrown away if it is not finished.
		{rights.Create | rights.Replace, []string{"s3:AbortMultipartUpload", "s3:PutObject"}},
		{rights.Delete, []string{"s3:DeleteObject"}},
	} {
		s := Statement{Effect: "Allow", Action: kind.action}
		for _, g := range grants {
			if g.Rights&kind.any == 0 {
				continue
			}
			for _, pattern := range patterns(g) {
				s.Resource = append(s.Resource, role.bucket(g.Place.Bucket)+"/"+pattern)
			}
		}
		if s.Resource = without(s.Resource); len(s.Resource) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// without leaves out the hidden parts of attempts that are named as a whole: writing is one right here.
func without(resources []string) (out []string) {
	for _, r := range resources {
		whole, hidden := strings.CutSuffix(r, "_*")
		if !hidden {
			whole, hidden = strings.CutSuffix(r, "/.*")
			whole += "/"
		}
		if !hidden || !strings.HasSuffix(whole, attempts) || !slices.Contains(resources, whole+"*") {
			out = append(out, r)
		}
	}
	return out
}

const attempts = rights.LotPart + "*/" + rights.AttemptPart + "*/"

// patterns are those of the keys of a grant.
func patterns(g rights.Grant) []string {
	at := literal(g.Place.Folder)
	switch g.Part {
	case rights.Attempts:
		return []string{at + attempts + "*"}
	case rights.Hidden:
		return []string{at + attempts + "_*", at + attempts + ".*"}
	case rights.Whole:
	}
	return []string{at + "*"}
}

// literal has a text mean itself in a policy, which has patterns and variables.
var literal = strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}").Replace

func (r Role) bucket(name string) string { return "arn:" + r.Partition + ":s3:::" + literal(name) }

// keys has what is needed of the keys that objects are encrypted with, through S3 only.
func keys(grants []rights.Grant, opts Options) (out []Statement) {
	for _, bucket := range slices.Sorted(maps.Keys(opts.Keys)) {
		var have rights.Right
		for _, g := range grants {
			if g.Place.Bucket == bucket {
				have |= g.Rights
			}
		}
		key := opts.Keys[bucket]
		part := strings.Split(key, ":")
		var actions []string
		if have&(rights.Get|rights.Create|rights.Replace) != 0 {
			actions = append(actions, "kms:Decrypt") // one that is written in parts is read to be put together
		}
		if have&(rights.Create|rights.Replace) != 0 {
			actions = append(actions, "kms:GenerateDataKey")
		}
		if len(actions) == 0 || len(part) < 4 {
			continue
		}
		domain := ".amazonaws.com"
		if part[1] == "aws-cn" {
			domain += ".cn"
		}
		out = append(out, Statement{
			Effect: "Allow", Action: actions, Resource: []string{key},
			Condition: map[string]map[string][]string{"StringEquals": {"kms:ViaService": {"s3." + part[3] + domain}}},
		})
	}
	return out
}

// glue has what is needed of tables.
func glue(role Role, tables []rights.Table, opts Options) (out []Statement) {
	read, change := Statement{Effect: "Allow", Action: []string{"glue:BatchGetPartition", "glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable"}},
		Statement{Effect: "Allow", Action: []string{"glue:BatchCreatePartition", "glue:BatchDeletePartition", "glue:BatchUpdatePartition"}}
	for _, t := range tables {
		at := "arn:" + role.Partition + ":glue:" + cmp.Or(opts.Region, "*") + ":" + cmp.Or(t.Table.Catalog, role.Account) + ":"
		database, name := literal(t.Table.Namespace[0]), literal(t.Table.Name)
		all := []string{at + "catalog", at + "database/" + database, at + "table/" + database + "/" + name}
		read.Resource = append(read.Resource, all...)
		if t.Change {
			change.Resource = append(change.Resource, all...)
		}
	}
	for _, s := range []Statement{read, change} {
		slices.Sort(s.Resource)
		if s.Resource = slices.Compact(s.Resource); len(s.Resource) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// trustOf has the accounts of each cluster be the role, and nobody else.
func trustOf(role Role, members []rights.Member, opts Options) (Statements, error) {
	trust := Statements{Version: "2012-10-17"}
	if opts.PodIdentity {
		spaces, names := []string{}, []string{}
		for _, m := range members {
			spaces, names = append(spaces, m.Namespace), append(names, m.Account)
		}
		trust.Statement = []Statement{{
			Effect: "Allow", Principal: map[string]string{"Service": "pods.eks.amazonaws.com"}, Action: []string{"sts:AssumeRole", "sts:TagSession"},
			Condition: map[string]map[string][]string{"StringEquals": {
				"aws:RequestTag/kubernetes-namespace": sorted(spaces), "aws:RequestTag/kubernetes-service-account": sorted(names),
			}},
		}}
		return trust, nil
	}
	subjects := map[string][]string{}
	for _, m := range members {
		issuer := opts.Issuers[m.Cluster]
		if issuer == "" {
			return Statements{}, fmt.Errorf("nothing says whom the role trusts on the cluster %q: name its issuer in spec.dataAccess.issuers of the environment %q, or write podIdentity: true there", m.Cluster, m.Environment)
		}
		subjects[strings.TrimSuffix(strings.TrimPrefix(issuer, "https://"), "/")] = append(subjects[strings.TrimSuffix(strings.TrimPrefix(issuer, "https://"), "/")], m.Subject())
	}
	for _, issuer := range slices.Sorted(maps.Keys(subjects)) {
		trust.Statement = append(trust.Statement, Statement{
			Effect: "Allow", Principal: map[string]string{"Federated": "arn:" + role.Partition + ":iam::" + role.Account + ":oidc-provider/" + issuer},
			Action:    []string{"sts:AssumeRoleWithWebIdentity"},
			Condition: map[string]map[string][]string{"StringEquals": {issuer + ":aud": {"sts.amazonaws.com"}, issuer + ":sub": sorted(subjects[issuer])}},
		})
	}
	return trust, nil
}

func sorted(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
