// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cosign runs Sigstore's own program, which "make cosign" builds, without a way to the internet.
func cosign(t *testing.T, args ...string) (string, error) {
	t.Helper()
	program := os.Getenv("COSIGN")
	if program == "" {
		var err error
		if program, err = filepath.Abs("../bin/cosign"); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "COSIGN_PASSWORD=hunter2", "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=127.0.0.1", "TMPDIR=" + os.TempDir()}
	cmd.Dir = t.TempDir()
	if args[0] == "generate-key-pair" {
		cmd.Dir = args[1]
		cmd.Args = cmd.Args[:2]
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestCosign has cosign make the key, and verify all that is signed with it.
func TestCosign(t *testing.T) {
	if testing.Short() {
		t.Skip("needs bin/cosign, which -short leaves out")
	}
	keys := t.TempDir()
	if out, err := cosign(t, "generate-key-pair", keys); err != nil {
		t.Fatalf("making a key: %v\n%s\nTests with the real cosign need bin/cosign: run \"make cosign\" once, or \"go test -short\" to leave them out", err, out)
	}
	t.Setenv("COSIGN_PASSWORD", "hunter2")
	m := makeRelease(t, "v1.2.3", "-platforms", "linux/amd64,linux/arm64", "-key", filepath.Join(keys, "cosign.key"))
	public := filepath.Join(keys, "cosign.pub")
	digest, err := os.ReadFile(filepath.Join(m.dir, "image-digest.txt"))
	if err != nil {
		t.Fatal(err)
	}
	image := m.image + "@" + strings.TrimSpace(string(digest))
	one := m.image + "@" + childOf(t, m)
	other := newPublicKey(t)
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"the image, by its tag", []string{"verify", "--key", public, m.image + ":v1.2.3"}},
		{"the image, by the form of old", []string{"verify", "--new-bundle-format=false", "--key", public, image}},
		{"the image of a platform", []string{"verify", "--key", public, one}},
		{"the image of a platform, by the form of old", []string{"verify", "--new-bundle-format=false", "--key", public, one}},
		{"the provenance", []string{"verify-attestation", "--type", "slsaprovenance1", "--key", public, image}},
		{"the provenance of a platform", []string{"verify-attestation", "--type", "slsaprovenance1", "--key", public, one}},
		{"the bill of materials", []string{"verify-attestation", "--type", "spdxjson", "--key", public, one}},
		{"the checksums", []string{"verify-blob", "--key", public, "--bundle", filepath.Join(m.dir, "checksums.txt.sigstore.json"), filepath.Join(m.dir, "checksums.txt")}},
		{"the provenance of an archive", []string{"verify-blob-attestation", "--type", "slsaprovenance1", "--key", public, "--bundle", filepath.Join(m.dir, "provenance.sigstore.json"), filepath.Join(m.dir, "trunkline-1.2.3-linux-amd64.tar.gz")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{tt.args[0], "--insecure-ignore-tlog=true"}, tt.args[1:]...)
			if out, err := cosign(t, args...); err != nil {
				t.Errorf("cosign %s: %v\n%s", strings.Join(args, " "), err, out)
			}
			for i, a := range args {
				if a == public {
					args[i] = other
				}
			}
			if out, err := cosign(t, args...); err == nil {
				t.Errorf("cosign takes it for signed by another key:\n%s", out)
			}
		})
	}
}
