// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/resource"
)

// Resources says in sentences what a merge does to what projects have made in the cloud. The names in them are written by quote.
func Resources(changes []resource.Change, quote func(string) string) []string {
	out := make([]string, len(changes))
	for i, c := range changes {
		switch c.Action {
		case resource.Make:
			verb := "makes"
			if c.Adopts {
				verb = "makes or takes over"
			}
			out[i] = fmt.Sprintf("%s %s the %s %s in %s%s", quote(c.Project), verb, c.Kind, quote(c.Name), quote(c.Environment), by(c.Via))
		case resource.Alter:
			out[i] = fmt.Sprintf("%s changes the %s %s in %s: %s", quote(c.Project), c.Kind, quote(c.Name), quote(c.Environment), strings.Join(c.Fields, ", "))
		case resource.Move:
			out[i] = fmt.Sprintf("%s takes the %s %s in %s over from %s", quote(c.Project), c.Kind, quote(c.Name), quote(c.Environment), quote(c.Before))
		case resource.Stay:
			out[i] = fmt.Sprintf("the %s %s of %s in %s is not declared any more: it stays as it is", c.Kind, quote(c.Name), quote(c.Project), quote(c.Environment))
		case resource.Remove:
			out[i] = fmt.Sprintf("the %s %s of %s in %s is not declared any more: it is removed%s", c.Kind, quote(c.Name), quote(c.Project), quote(c.Environment), onceEmpty(c))
		}
	}
	return out
}

// by says who makes a resource, if it is not the daemon.
func by(via v1alpha1.ResourcesVia) string {
	switch via {
	case v1alpha1.ViaCrossplane:
		return ", by Crossplane"
	case v1alpha1.ViaACK:
		return ", by ACK"
	case v1alpha1.ViaAPI:
	}
	return ""
}

// onceEmpty says what has to be so before a resource is removed.
func onceEmpty(c resource.Change) string {
	switch c.Kind {
	case catalog.BucketResource:
		return " once nothing is in it: empty it first"
	case catalog.DatabaseResource:
		return " once no table is in it"
	case catalog.TableResource:
	}
	return ", and its data stay"
}
