// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine describes where and when the figures were taken. What the system does not tell is left out.
func machine(now time.Time, read func(string) ([]byte, error)) []string {
	text := func(file string) string {
		data, err := read(file)
		if err != nil {
			return ""
		}
		return string(data)
	}
	parts := []string{fmt.Sprintf("%d cores", runtime.NumCPU())}
	if model := field(text("/proc/cpuinfo"), "model name"); model != "" {
		parts[0] += " of " + model
	}
	if kilobytes := field(text("/proc/meminfo"), "MemTotal"); kilobytes != "" {
		var n int64
		if _, err := fmt.Sscanf(kilobytes, "%d kB", &n); err == nil {
			parts = append(parts, fmt.Sprintf("%.0f GiB", float64(n)/(1<<20)))
		}
	}
	if kernel := strings.TrimSpace(text("/proc/sys/kernel/osrelease")); kernel != "" {
		parts = append(parts, runtime.GOOS+" "+kernel)
	}
	parts = append(parts, runtime.Version())
	lines := []string{fmt.Sprintf("Measured with `make bench` on %s: %s.", now.UTC().Format(time.DateOnly), strings.Join(parts, ", "))}
	if load := strings.Fields(text("/proc/loadavg")); len(load) > 2 {
		lines = append(lines, fmt.Sprintf("The load of the machine just before was %s (1 minute) and %s (15 minutes).", load[0], load[2]))
	}
	return lines
}

// thisMachine is the one that the program runs on.
func thisMachine() []string { return machine(time.Now(), os.ReadFile) }

// field finds the first "name : value" of a text.
func field(text, name string) string {
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
