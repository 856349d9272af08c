// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
)

// The profiles that a daemon writes for whoever makes it faster.
const (
	cpuProfile  = "cpu.pprof"
	heapProfile = "heap.pprof"
)

// profile starts a CPU profile; the returned function stops it and writes a heap profile. Both go to files in an
// existing folder. They are not served over the network: a heap holds secrets.
func profile(dir string) (finish func() error, err error) {
	cpu, err := os.OpenFile(filepath.Join(dir, cpuProfile), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("writing a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, errors.Join(fmt.Errorf("writing a profile: %w", err), cpu.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return errors.Join(cpu.Close(), writeHeap(filepath.Join(dir, heapProfile)))
	}, nil
}

func writeHeap(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("writing a profile: %w", err)
	}
	runtime.GC() // what is in use is counted as of the last collection
	if err := pprof.WriteHeapProfile(f); err != nil {
		return errors.Join(fmt.Errorf("writing a profile: %w", err), f.Close())
	}
	return f.Close()
}
