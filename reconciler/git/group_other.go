//go:build !unix

package git

import "os/exec"

// killsGroup makes the context of a command kill its process; there are no process groups here.
func killsGroup(cmd *exec.Cmd) { cmd.Cancel = func() error { return cmd.Process.Kill() } }
