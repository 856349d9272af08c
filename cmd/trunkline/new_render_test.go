// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/scaffold"
)

// TestNewProjectsRender holds what the projects of the embedded templates become to testdata/templates, a file each.
func TestNewProjectsRender(t *testing.T) {
	names, err := scaffold.Names(os.DirFS(t.TempDir()), scaffold.Project)
	if err != nil {
		t.Fatal(err)
	}
	for _, template := range names {
		t.Run(template, func(t *testing.T) {
			t.Parallel()
			folder := acme(t)
			args := []string{"new", "project", "shop", "--template", template, "--from", folder, "--set", "owner=team-shop", "--set", "image=registry.acme.example/shop:1"}
			for _, q := range embeddedTemplate(t, template).Questions {
				if q.Name == "since" {
					args = append(args, "--set", "since=2026-01-01")
				}
			}
			trunkline(t, exitFine, args...)
			got, _ := trunkline(t, exitFine, "render", "shop", "--env", "dev", "--from", folder)
			golden := filepath.Join("testdata", "templates", template+".yaml")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the template %q renders something else than %s; run the test with -update if it should (-want, +got):\n%s", template, golden, diff)
			}
		})
	}
}

func embeddedTemplate(t *testing.T, template string) *scaffold.Template {
	t.Helper()
	out, err := scaffold.Open(os.DirFS(t.TempDir()), scaffold.Project, template)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
