// SPDX-License-Identifier: Apache-2.0

// Package document writes the rights of an account as clouds have them: policies of AWS, conditional bindings of Google Cloud, and role assignments of
// Azure with conditions, each with whom it trusts.
//
// It is pure. Of Trunkline it imports api, catalog and flow/rights.
package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/rights"
)

// Options are what the environment says beside the rights.
type Options struct {
	v1alpha1.DataAccess
	// Region is that of catalogs; empty if nobody says.
	Region string
}

// Policy is all of one account of a cloud.
type Policy struct {
	Cloud catalog.Provider `json:"cloud"`
	// Principal is the role, account or id.
	Principal string `json:"principal"`
	// Accounts are the service accounts that are it, and Workloads those that run as one of them.
	Accounts  []string `json:"serviceAccounts"`
	Workloads []string `json:"workloads"`
	// Notes say what the policy has not.
	Notes []string `json:"notes,omitempty"`
	// Policy is a [Statements] of AWS, [Bindings] of Google Cloud, or [Assignments] of Azure; Trust says who may be the principal.
	Policy any `json:"policy"`
	Trust  any `json:"trust"`
}

// Of writes the policy of a principal. The error says what cannot be expressed.
func Of(p rights.Principal, opts Options) (Policy, error) {
	out := Policy{Cloud: p.Cloud, Principal: p.Name, Workloads: p.Workloads, Notes: slices.Clone(p.Notes)}
	if len(p.Workloads) > 1 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d workloads run as it: each may do what the others need", len(p.Workloads)))
	}
	for _, m := range p.Members {
		out.Accounts = append(out.Accounts, fmt.Sprintf("%s on %s", m.Subject(), m.Cluster))
	}
	ours := map[catalog.Provider]string{catalog.AWS: "s3", catalog.GCP: "gs", catalog.Azure: "azblob"}[p.Cloud]
	needs := p.Needs
	needs.Grants = slices.DeleteFunc(slices.Clone(p.Grants), func(g rights.Grant) bool { return g.Place.Scheme != ours })
	for _, g := range p.Grants {
		if g.Place.Scheme != ours {
			out.Notes = append(out.Notes, fmt.Sprintf("%s is in no store of %s: no rights on it are here", g.Where(), p.Cloud))
		}
	}
	if p.Cloud != catalog.AWS {
		for _, t := range p.Tables {
			out.Notes = append(out.Notes, fmt.Sprintf("%s is a table of AWS: no rights on it are here", t.Where()))
		}
		needs.Tables = nil
	}
	slices.Sort(out.Notes)
	out.Notes = slices.Compact(out.Notes)
	p.Needs = needs
	var err error
	switch p.Cloud {
	case catalog.AWS:
		out.Policy, out.Trust, err = aws(p, opts)
	case catalog.GCP:
		out.Policy, out.Trust, err = google(p)
	case catalog.Azure:
		out.Policy, out.Trust, err = azure(p, opts)
	default:
		err = fmt.Errorf("there is no cloud %q; want one of: aws, gcp, azure", p.Cloud)
	}
	if err != nil {
		return Policy{}, fmt.Errorf("the rights of %s: %w", p.Name, err)
	}
	return out, nil
}

// JSON writes a document as clouds read it.
func JSON(document any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(document); err != nil {
		return "", fmt.Errorf("writing a policy: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}
