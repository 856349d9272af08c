// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package container

import (
	"errors"
	"os"
	"syscall"
)

var errNoNamespaces = errors.New("only Linux has mount namespaces")

// NamespaceAttr says that there are no namespaces.
func NamespaceAttr() (*syscall.SysProcAttr, error) { return nil, errNoNamespaces }

// ShowOwnProcesses says that there are no namespaces.
func ShowOwnProcesses() error { return errNoNamespaces }

// Check says that there are no namespaces.
func Check(string) error { return errNoNamespaces }

func openTerminal() (far, near *os.File, err error) {
	return nil, nil, errors.New("devcluster makes terminals on Linux only")
}

// Resize does nothing: there are no terminals.
func (c *Container) Resize(int, int) {}

// newUsage measures nothing.
func newUsage(int) *usage { return &usage{} }

type usage struct{}

func (*usage) add(int)                     {}
func (*usage) ended(int, *os.ProcessState) {}
func (*usage) now() Usage                  { return Usage{} }

func startIsolated(Spec) (*Container, error) { return nil, errNoNamespaces }

// plainAttr makes a process group, so that all of it can be ended.
func plainAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// AdoptOrphans does nothing: only Linux can. Processes that detach themselves from a container stay.
func AdoptOrphans() error { return nil }

// KillOrphans does nothing, as there are none adopted.
func KillOrphans() {}
