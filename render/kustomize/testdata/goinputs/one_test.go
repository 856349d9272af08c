// SPDX-License-Identifier: Apache-2.0

package goinputs

import (
	"path/filepath"
	"testing"
)

const prefix = "namePrefix: " + "x-"

type harness struct{}

func (harness) WriteK(string, string)  {}
func (harness) WriteF(string, string)  {}
func (harness) Run(string, any)        {}
func (harness) Skipped(string, ...any) {}

func writeBase(th harness) {
	th.WriteF("/app/base.yaml", "a: b\n")
	th.WriteK("/app", `resources: [base.yaml]
`)
}

func TestOne(t *testing.T) {
	th := harness{}
	writeBase(th)
	th.WriteK(filepath.Join("app", "over"), prefix)
	th.WriteF(t.Name(), "not plain to see")
	th.Run("/app/over/", nil)
	th.WriteF("app/base.yaml", "c: d")
	th.Run("app", nil)
}
