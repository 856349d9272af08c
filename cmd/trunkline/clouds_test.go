// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestCloudsStayTheSame: a configuration that is read again has the same clusters of clouds, whose connections are kept, unless they are named otherwise.
func TestCloudsStayTheSame(t *testing.T) {
	file := filepath.Join(t.TempDir(), "daemon.yaml")
	write := func(region string) {
		t.Helper()
		text := "apiVersion: trunkline.dev/v1alpha1\nkind: DaemonConfiguration\nspec:\n  repository: {url: \"https://git.example.com/a.git\"}\n" +
			"  clusters: [{name: prod, cloud: {provider: aws, region: " + region + ", cluster: data}}]\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("eu-west-1")
	cmd, s := serveCommand()
	if err := cmd.Flags().Set("config", file); err != nil {
		t.Fatal(err)
	}
	if err := s.readConfig(cmd.Flags()); err != nil {
		t.Fatal(err)
	}
	before, err := s.check()
	if err != nil {
		t.Fatal(err)
	}
	for region, same := range map[string]bool{"eu-west-1": true, "eu-west-3": false} {
		write(region)
		next, err := s.again()
		if err != nil {
			t.Fatal(err)
		}
		after, err := next.check()
		if err != nil {
			t.Fatal(err)
		}
		if slices.Equal(before, after) != same {
			t.Errorf("%s: before %v, after %v", region, before, after)
		}
	}
}
