// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/rights"
)

// Data says in sentences what a merge does to the rights on data that accounts need in the cloud. The names in them are written by quote.
func Data(changes []rights.Change, quote func(string) string) []string {
	out := make([]string, len(changes))
	for i, c := range changes {
		may, does := "may", "reads"
		if c.Taken {
			may = "may no more"
		}
		if c.Kind == catalog.Writes {
			does = "writes"
		}
		dataset := quote(c.Dataset)
		if c.Foreign {
			dataset += " of another project"
		}
		out[i] = fmt.Sprintf("the account %s of %s in %s %s %s (%s %s %s)", quote(c.Account), quote(c.Project), quote(c.Environment), may, whats(c, quote), quote(c.Workload), does, dataset)
	}
	return out
}

// whats lists what a change is about.
func whats(c rights.Change, quote func(string) string) string {
	var parts []string
	for _, g := range c.Grants {
		parts = append(parts, g.Rights.String()+" "+quote(g.Where()))
	}
	for _, t := range c.Tables {
		parts = append(parts, t.Right()+" "+quote(t.Where()))
	}
	return strings.Join(parts, "; ")
}

// dataJSON is a change of rights on data.
type dataJSON struct {
	Environment string           `json:"environment"`
	Project     string           `json:"project"`
	Account     string           `json:"account"`
	Workload    string           `json:"workload"`
	Kind        catalog.EdgeKind `json:"kind"`
	Role        string           `json:"role"`
	Dataset     string           `json:"dataset"`
	Foreign     bool             `json:"foreign,omitempty"`
	Taken       bool             `json:"taken,omitempty"`
	Rights      []rightJSON      `json:"rights"`
}

// rightJSON are rights on a place.
type rightJSON struct {
	Rights string `json:"rights"`
	Where  string `json:"where"`
}

func dataOf(changes []rights.Change) (out []dataJSON) {
	for _, c := range changes {
		one := dataJSON{c.Environment, c.Project, c.Account, c.Workload, c.Kind, c.Role, c.Dataset, c.Foreign, c.Taken, nil}
		for _, g := range c.Grants {
			one.Rights = append(one.Rights, rightJSON{g.Rights.String(), g.Where()})
		}
		for _, t := range c.Tables {
			one.Rights = append(one.Rights, rightJSON{t.Right(), t.Where()})
		}
		out = append(out, one)
	}
	return out
}
