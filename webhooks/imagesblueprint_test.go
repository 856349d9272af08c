// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const webFile = "blueprints/web.yaml"

// locked is a platform with a blueprint from a registry.
func locked(digit string) files {
	return platform().with(files{webFile: `apiVersion: trunkline.dev/v1alpha1
kind: Blueprint
metadata: {name: web}
spec:
  engine: helm
  source: oci://r.example/charts/web # ours
  artifact: {track: stable, digest: '` + digestOf(digit) + `'}
`})
}

// TestBlueprintsFollow: what a blueprint follows is moved by a pull request of its own, which is withdrawn if there is nothing to move
// any more.
func TestBlueprintsFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, locked("1"))
		s := &shelf{w: w, digest: digestOf("2")}
		w.during(w.engine(func(o *Options) { o.Images = &Images{Registries: s} }), func() {
			time.Sleep(11 * time.Minute)
			synctest.Wait()
			open := w.proposals()
			if len(open) != 1 || open[0].Head.Ref != "trunkline/images/blueprint/web" || !strings.HasPrefix(open[0].Title, "Update the source of web: oci://r.example/charts/web") {
				t.Fatalf("these are open: %+v", open)
			}
			if diff := cmp.Diff(locked("2")[webFile], w.commits[open[0].Head.SHA][webFile]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			w.accept(w.push(locked("2")))
			time.Sleep(11 * time.Minute)
			synctest.Wait()
			if open := w.proposals(); len(open) > 0 {
				t.Errorf("these are open: %+v", open)
			}
		})
	})
}
