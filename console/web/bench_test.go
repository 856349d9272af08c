// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/catalogtest"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/console/web/webtest"
	"trunkline.dev/trunkline/reconciler/status"
)

// BenchmarkPages answers with each page of a platform of 10,000 projects in three environments, of which one release changes before
// each: nothing is answered from before.
func BenchmarkPages(b *testing.B) {
	tree := fstest.MapFS{}
	for name, text := range catalogtest.Platform(10_000) {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	cat, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil || problems.Denied() {
		b.Fatal(err, problems)
	}
	d, handler := consoletest.New(func(o *console.Options) { o.Catalog = func() *catalog.Catalog { return cat } }, webtest.Pages)
	d.Board.SetName("large")
	d.Board.SetCluster(status.Cluster{Name: "west", Reachable: true})
	var changing catalog.ReleaseID
	for i := range 10_000 {
		for j, environment := range []string{"dev", "staging", "prod"} {
			changing = catalog.ReleaseID{Project: fmt.Sprintf("p-%05d", i), Environment: environment, Cluster: "west"}
			d.Board.SetRelease(changing, func(r *status.Release) {
				r.Owner, r.Commit, r.Result, r.Health = fmt.Sprintf("team-%03d", i%100), webtest.New, status.Applied, status.Healthy
				if (3*i+j)%97 == 0 {
					r.Health, r.Message = status.Unhealthy, "Deployment api: 0 of 2 pods are ready"
				}
			})
		}
	}
	for i := range 1000 {
		one := webtest.Pulls("")[1]
		one.Name, one.Number = fmt.Sprintf("pr-%d", i), i
		d.Reported = append(d.Reported, one)
	}
	d.Spent, d.Ahead = webtest.Spent(), webtest.Ahead()
	node := ""
	for p := range cat.Projects() {
		if len(p.Spec.Workloads) > 0 {
			node = p.Name + "/" + p.Spec.Workloads[0].Name
		}
	}
	for name, path := range map[string]string{
		"platform": "/", "filtered": "/?q=p-07&state=someone", "project": "/projects/p-05000", "releases": "/releases?state=someone",
		"release": "/releases/p-05000/dev/west", "search": "/search?q=p-05", "graph": "/graph", "pulls": "/pulls", "pull": "/pulls/pr-500", "costs": "/costs?by=project", "node": "/graph?depth=2&node=" + node,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				d.Board.SetRelease(changing, func(r *status.Release) { r.Objects = n })
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "http://localhost"+path, nil)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
