// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console/web/webtest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/cached"
)

var screenshots = flag.String("screenshots", "", "the folder that TestInABrowser puts pictures of all pages into")

var images = flag.String("images", "", "the folder that TestInABrowser puts the pictures of the documentation into")

// TestInABrowser looks at all pages with Chromium, and uses them: see hack/browser/console.mjs.
func TestInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser; left out by -short")
	}
	folder, err := cached.Path("browser", "browser-tools")
	if err != nil {
		t.Skipf("no browser: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "program")); err != nil {
		t.Skip("no browser: \"make browser-tools\" says why")
	}
	d := webtest.Start(t)
	control := http.NewServeMux()
	victim := catalog.ReleaseID{Project: "report", Environment: "dev", Cluster: "west"}
	set := func(path string, change func(*status.Release)) {
		control.HandleFunc("POST /"+path, func(http.ResponseWriter, *http.Request) { d.Board.SetRelease(victim, change) })
	}
	set("break", func(r *status.Release) { r.Health, r.Message = status.Unhealthy, "broken by the test" })
	set("heal", func(r *status.Release) { r.Health, r.Message = status.Healthy, "" })
	control.HandleFunc("GET /asked", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(d.Asked()) })
	controller := httptest.NewServer(control)
	defer controller.Close()
	var paths []string
	for _, some := range webtest.Paths() {
		paths = append(paths, some...)
	}
	slices.Sort(paths)
	harmless := ""
	if *images != "" {
		harmless = webtest.StartSaying(t, "the export of finance").URL
	}
	plan, err := json.Marshal(map[string]any{"origin": d.URL, "control": controller.URL, "paths": paths, "folder": *screenshots, "images": *images, "harmless": harmless})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(file, plan, 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := exec.CommandContext(t.Context(), "node", "../../hack/browser/console.mjs", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
}
