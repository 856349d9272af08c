// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"trunkline.dev/trunkline/flow/bucket/buckettest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lot": main})
}

// TestScripts runs each script on a kind of store: what is read is below $LAKE, and what is written below $SINK. That stores do not differ
// is for the tests of flow/bucket and flow/data.
func TestScripts(t *testing.T) {
	s3 := buckettest.New(t, "lake", "sink")
	source := source(t)
	kinds := map[string]struct{ lake, sink string }{
		"copy":  {"file://", "file://"},
		"lots":  {"s3://lake", "s3://sink"},
		"pull":  {"file://", "s3://sink"},
		"state": {"file://", "s3://sink"},
		"table": {"file://", "file://"},
	}
	if scripts, err := filepath.Glob("testdata/script/*.txtar"); err != nil || len(scripts) != len(kinds) {
		t.Fatalf("there are %d scripts, %v; say of each which stores it is for", len(scripts), err)
	}
	for name, stores := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{
				Files: []string{"testdata/script/" + name + ".txtar"}, RequireUniqueNames: true, RequireExplicitExec: true,
				Setup: func(env *testscript.Env) error {
					for _, name := range []string{
						"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_MAX_ATTEMPTS",
					} {
						env.Setenv(name, os.Getenv(name))
					}
					place := func(store string) string {
						if store == "file://" {
							return store + filepath.ToSlash(env.WorkDir)
						}
						return store + "/" + name + "/" + filepath.Base(env.WorkDir)
					}
					env.Setenv("AWS_ENDPOINT_URL_S3", s3.URL)
					env.Setenv("SOURCE", source)
					env.Setenv("LAKE", place(stores.lake)+"/lake")
					env.Setenv("SINK", place(stores.sink)+"/sink")
					return nil
				},
			})
		})
	}
}

// source is a server that something is pulled from, and asks who wants it.
func source(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/orders/2024-01-02.csv", "/orders/2024-01-03.csv":
			if r.Header.Get("Authorization") != "Bearer s3cr3t" {
				w.WriteHeader(http.StatusUnauthorized)
			} else if r.URL.Query().Get("until") == "2024-01-03T00:00:00Z" {
				_, _ = w.Write([]byte("1,10\n"))
			} else {
				w.WriteHeader(http.StatusNotFound)
			}
		case "/rates.json":
			w.Header().Set("ETag", `"v1"`)
			w.Header().Set("Content-Type", "application/json")
			if r.Header.Get("If-None-Match") == `"v1"` {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			_, _ = w.Write([]byte(`{"eur":1}`))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}
