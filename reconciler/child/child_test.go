// SPDX-License-Identifier: Apache-2.0

//go:build unix

package child_test

import (
	"bufio"
	"os/exec"
	"testing"

	"trunkline.dev/trunkline/reconciler/child"
)

func TestKillEndsTheWholeGroup(t *testing.T) {
	for name, script := range map[string]string{
		"alone":                 "echo; exec sleep 1000",
		"with a child":          "sleep 1000 & echo; wait",
		"with a grandchild":     "(sleep 1000 & sleep 1000) & echo; wait",
		"deaf":                  "trap '' TERM INT HUP; echo; while :; do sleep 1; done",
		"gone before its child": "sleep 1000 & echo",
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
			child.Group(cmd)
			cmd.WaitDelay = child.PipeDelay
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			read := bufio.NewReader(out)
			if _, err := read.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if err := child.Kill(cmd); err != nil {
				t.Errorf("killing: %v", err)
			}
			// The pipe ends when the last that holds it does.
			if rest, err := read.ReadString('\n'); err == nil {
				t.Errorf("it goes on: %q", rest)
			}
			w := child.NewWaiter(cmd)
			for range 2 {
				if !w.Wait() {
					t.Error("it is not gone")
				}
			}
		})
	}
}
