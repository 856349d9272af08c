// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package container

import (
	"errors"
	"syscall"
)

var errNoNamespaces = errors.New("only Linux has mount namespaces")

// NamespaceAttr says that there are no namespaces.
func NamespaceAttr() (*syscall.SysProcAttr, error) { return nil, errNoNamespaces }

// Check says that there are no namespaces.
func Check(string) error { return errNoNamespaces }

func startIsolated(Spec) (*Container, error) { return nil, errNoNamespaces }

// plainAttr makes a process group, so that all of it can be ended.
func plainAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// AdoptOrphans does nothing: only Linux can. Processes that detach themselves from a container stay.
func AdoptOrphans() error { return nil }

// KillOrphans does nothing, as there are none adopted.
func KillOrphans() {}
