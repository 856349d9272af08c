// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/doctor"
)

// publicFlags are the flags of a daemon that name files without secrets.
func publicFlags() []string {
	return []string{"config", "git-ca-file", "source-ca-file", "tls-cert-file", "agent-tls-cert-file", "agent-ca-file", "agent-keys-file"}
}

// TestSecretFiles: each flag of the daemon that names a file is known to name one with a secret, or one without; so a new one is thought about.
func TestSecretFiles(t *testing.T) {
	cmd, _ := serveCommand()
	var named []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if strings.HasSuffix(f.Name, "-file") || strings.HasSuffix(f.Name, "-config") || f.Name == "config" {
			named = append(named, f.Name)
		}
	})
	known := slices.Concat(secretFlags(), publicFlags())
	slices.Sort(named)
	slices.Sort(known)
	if diff := cmp.Diff(named, known); diff != "" {
		t.Errorf("-flags +known:\n%s", diff)
	}
}

// TestSecretFilesOfFlags: what is before a file in a flag is no part of its name, and files are said by their keys.
func TestSecretFilesOfFlags(t *testing.T) {
	cmd, s := serveCommand()
	for flag, value := range map[string]string{
		"sops-age-key-file": "orders/*=a.key", "event-token-file": "lake=b", "token-file": "c=d", "github-app-key-file": "e",
	} {
		if err := cmd.Flags().Set(flag, value); err != nil {
			t.Fatal(err)
		}
	}
	want := []doctor.SecretFile{
		{For: "serve.tokenFile", Path: "c=d"}, {For: "sops.ageKeyFiles", Path: "a.key"}, {For: "events[].tokenFile", Path: "b"}, {For: "github.appKeyFile", Path: "e"},
	}
	if diff := cmp.Diff(want, s.secretFiles(cmd.Flags())); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
