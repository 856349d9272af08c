// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	stdlog "log"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/render/helm"
)

// TestEnginesPrintNothing: Helm prints a value that it cannot merge, whatever it is, and the daemon's stderr is no
// place for it.
func TestEnginesPrintNothing(t *testing.T) {
	chart := fstest.MapFS{
		"Chart.yaml":          {Data: []byte("apiVersion: v2\nname: c\nversion: 1.0.0\n")},
		"values.yaml":         {Data: []byte("login: {password: hunter2}\n")},
		"templates/none.yaml": {Data: []byte("# nothing\n")},
	}
	var printed bytes.Buffer
	before := stdlog.Writer()
	defer stdlog.SetOutput(before)
	stdlog.SetOutput(&printed)
	render := func() string {
		printed.Reset()
		in := helm.Input{FS: chart, Dir: ".", Name: "c", Namespace: "n", Values: map[string]any{"login": map[string]any{"password": map[string]any{"from": "elsewhere"}}}}
		if _, err := helm.Render(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		return printed.String()
	}
	if !strings.Contains(render(), "hunter2") {
		t.Error("Helm does not print values any more: this test shows nothing")
	}
	quietClients(slog.New(slog.DiscardHandler))
	if got := render(); got != "" {
		t.Errorf("printed: %s", got)
	}
}
