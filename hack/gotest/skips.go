// SPDX-License-Identifier: Apache-2.0

package main

import "strings"

// noDisk is where a test of full disks is skipped: everywhere else it runs.
const noDisk = "the system does not allow user namespaces, without which no disk can be mounted"

// noSigning is about programs that do not come with Git.
const noSigning = "signatures are made by GnuPG and OpenSSH, where they are installed"

// withEngines is about tests of a tier of their own.
const withEngines = "make test-platform runs it, with the engine"

// skips are the tests that may be skipped in CI, each with what runs in their stead.
var skips = []struct{ test, reason string }{
	{"reconciler/builders.TestTooMuchMemory", "the race detector breaks limits of memory; make test runs it without as well"},
	{"reconciler/builders.TestCodeBombs", "the race detector breaks limits of memory; make test runs it without as well"},
	{"reconciler/signers.Test", noSigning},
	{"cmd/trunkline/e2e.TestSignedAndNotRewritten", noSigning},
	{"cmd/trunkline.TestScripts/verify", noSigning},
	{"render/helm.TestParityOfPublicCharts", "make parity fetches the charts, every night"},
	{"render/kustomize.TestParityOfPublicOverlays", "make parity fetches the kustomizations, every night"},
	{"render/kinds.TestParityOfPublicCharts", "make parity fetches the charts, every night"},
	{"hack/bench.TestOwnProcess", "reads /proc, which other systems than Linux do not have"},
	{"test/fulldisk.TestRun", noDisk},
	{"reconciler/durable.TestAFullDisk", noDisk},
	{"reconciler/git.TestAFullDisk", noDisk},
	{"reconciler/history.TestAFullDisk", noDisk},
	{"reconciler/rendercache.TestAFullDisk", noDisk},
	{"console/web.TestInABrowser", "there is no Chromium, and it cannot be installed: the other tests of the pages read their HTML"},
	{"cmd/trunkline/e2e.TestSignOn", "there is no Chromium, and it cannot be installed: the tests of the console sign on without one"},
	{"cmd/trunkline/e2e.TestSpark", withEngines},
	{"cmd/trunkline/e2e.TestAirflow", withEngines},
	{"cmd/trunkline/e2e.TestNotebook", withEngines},
	{"cmd/trunkline/e2e.TestNotebookRepository", withEngines},
	{"cmd/trunkline/e2e.TestTemplate", withEngines},
	{"cmd/trunkline/e2e.TestVault", withEngines},
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
