// SPDX-License-Identifier: Apache-2.0

package main

import "strings"

// skips are the tests that may be skipped in CI, each with what runs in their stead.
var skips = []struct{ test, reason string }{
	{"catalog/draw.TestMermaidParses", "needs npm; the text is held by goldens"},
	{"reconciler/builders.TestTooMuchMemory", "the race detector breaks limits of memory; make test runs it without as well"},
	{"hack/bench.TestOwnProcess", "reads /proc, which other systems than Linux do not have"},
	{"reconciler.TestFaultsOfTheRepository", "another process took the port, which cannot be prevented"},
}

// allowed returns why a test may be skipped; false if it may not.
func allowed(line string) (string, bool) {
	for _, s := range skips {
		if strings.HasPrefix(line, s.test) {
			return s.reason, true
		}
	}
	return "", false
}
