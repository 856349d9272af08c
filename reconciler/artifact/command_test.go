// SPDX-License-Identifier: Apache-2.0

package artifact_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	refs "trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/reconciler/artifact/artifacttest"
	"trunkline.dev/trunkline/render/helm"
	"trunkline.dev/trunkline/test/cached"
)

// TestAsHelmDoes pushes a chart with Helm's own program, and compares what is fetched with what that pulls, and what it renders to.
func TestAsHelmDoes(t *testing.T) {
	t.Parallel()
	program, home := cached.Helm(t), t.TempDir()
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "TZ=UTC"}
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("helm %s: %v: %s", strings.Join(args, " "), err, errs.String())
		}
		return out.String()
	}
	host := artifacttest.Registry(t, nil)
	run("create", "web")
	run("package", "web", "--version", "1.4.2")
	run("push", "web-1.4.2.tgz", "oci://"+host+"/acme", "--plain-http")
	packed, err := os.ReadFile(filepath.Join(home, "web-1.4.2.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	address, _ := artifacttest.Repository(t, nil, map[string][]byte{"web 1.4.2": packed})
	run("pull", "oci://"+host+"/acme/web", "--version", "1.4.2", "--plain-http", "--untar", "--untardir", "pulled")
	pulled := read(t, os.DirFS(filepath.Join(home, "pulled", "web")))
	templated := run("template", "rel", "web", "--namespace", "ns", "--skip-tests")
	s := store(t)
	for _, ref := range []refs.Ref{{Source: "oci://" + host + "/acme/web"}, {Source: address, Chart: "web"}} {
		found, err := s.Find(t.Context(), ref, "^1")
		if err != nil {
			t.Fatal(err)
		}
		ref.Tag, ref.Digest = found.Tag, found.Digest
		tree, err := s.Open(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(pulled, read(t, tree)); diff != "" {
			t.Errorf("%s (-helm +trunkline):\n%s", ref, diff)
		}
		out, err := helm.Render(t.Context(), helm.Input{FS: tree, Dir: ".", Name: "rel", Namespace: "ns"})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := len(out.Objects), strings.Count(templated, "\n---\n")+1; got != want || got == 0 {
			t.Errorf("%s: %d objects, and helm has %d:\n%s", ref, got, want, templated)
		}
		for _, o := range out.Objects {
			if !strings.Contains(templated, "name: "+o.GetName()+"\n") {
				t.Errorf("helm does not render %s %s", o.GetKind(), o.GetName())
			}
		}
	}
}
