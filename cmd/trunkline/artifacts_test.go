// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"trunkline.dev/trunkline/reconciler/artifact/artifacttest"
)

// scriptTest has a script's own way to fail and to clean up where helpers want a test.
type scriptTest struct {
	testing.TB
	ts *testscript.TestScript
}

func (s scriptTest) Helper()          {}
func (s scriptTest) Cleanup(f func()) { s.ts.Defer(f) }
func (s scriptTest) Fatal(args ...any) {
	s.ts.Fatalf("%v", args)
}

// charts serves the chart "web" in a registry and in a Helm repository: "charts FILE VERSION...", which says its version. In the
// file, REGISTRY and CHARTS become where.
func charts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: charts FILE VERSION...")
	}
	t := scriptTest{ts: ts}
	host, all := artifacttest.Registry(t, nil), map[string][]byte{}
	for _, version := range args[1:] {
		all["web "+version] = artifacttest.Chart(t, "web", version, "this is "+version)
		artifacttest.Push(t, host+"/acme/web", version, artifacttest.ChartLayer, all["web "+version])
	}
	address, _ := artifacttest.Repository(t, nil, all)
	file := ts.MkAbs(args[0])
	text := strings.NewReplacer("REGISTRY", host, "CHARTS", address).Replace(ts.ReadFile(args[0]))
	ts.Check(os.WriteFile(file, []byte(text), 0o600))
}
