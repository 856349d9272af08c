package main

import "syscall"

// attributes of a child. With follow the kernel sends it SIGTERM when the demo is gone, however that came.
func attributes(follow bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if follow {
		attr.Pdeathsig = syscall.SIGTERM
	}
	return attr
}
