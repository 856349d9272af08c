//go:build unix && !linux

package main

import "syscall"

// attributes of a child. Only Linux can end a child that does not watch its stdin when the demo is killed.
func attributes(bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
