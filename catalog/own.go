// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"strings"

	"trunkline.dev/trunkline/api/location"
)

// runsFolder is that of what people's own runs write, beside the previews: no preview is called so.
const runsFolder = "runs"

// Own is where a person's own runs write what others have in a dataset.
type Own struct {
	// Data is the place of the data, and Manifests that of the manifests of its lots; empty if nobody keeps any.
	Data, Manifests string
}

// OwnPlace returns where the runs of a person write a dataset in an environment: below a folder of the person in the same store, such as
// "<store>/trunkline-previews/<platform>/runs/<person>/<environment>/". It is false if there can be no such place: a table of a catalog
// has no folder.
func (c *Catalog) OwnPlace(dataset, env, person string) (Own, bool) {
	_, d, ok := c.Dataset(dataset)
	e := c.Environments[env]
	if !ok || e == nil || c.IsPreview(env) {
		return Own{}, false
	}
	store, rest, ok := splitPath(d.Path)
	base, has := e.Spec.Stores[store]
	if !ok || !has || location.IsTable(base) || person == "" {
		return Own{}, false
	}
	folder := DataFolder + "/" + c.Name() + "/" + runsFolder + "/" + person + "/" + env + "/"
	own := Own{Data: under(base, folder+strings.TrimPrefix(rest, "/"))}
	if _, kept := c.Manifests(dataset, env, Writes); kept {
		own.Manifests = under(base, folder+"manifests/")
	}
	return own, true
}
