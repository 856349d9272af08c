// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// What Linux tells of processes. Elsewhere there is no /proc, and the rows that need it say so.

// clockTick is the unit of processor times in /proc/PID/stat: 1/100 s wherever Linux is built as usual.
const clockTick = 10 * time.Millisecond

// memory is how much of a process is in memory, in bytes: now, at its peak, and how much of now is pages of files,
// which is the program itself.
type memory struct{ now, peak, files int64 }

// String writes it for the table.
func (m memory) String() string {
	return fmt.Sprintf("%s, of which the program's own file %s; %s", mebibytes(m.now), mebibytes(m.files), mebibytes(m.peak))
}

func memoryOf(pid int) (memory, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return memory{}, fmt.Errorf("reading the memory of a process: %w", err)
	}
	return parseMemory(string(data))
}

// parseMemory reads VmRSS, VmHWM and RssFile of /proc/PID/status.
func parseMemory(status string) (memory, error) {
	var m memory
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		var into *int64
		switch name {
		case "VmRSS":
			into = &m.now
		case "VmHWM":
			into = &m.peak
		case "RssFile":
			into = &m.files
		default:
			continue
		}
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return memory{}, fmt.Errorf("reading the memory of a process: %q: %w", strings.TrimSpace(line), err)
		}
		*into = kilobytes << 10
	}
	if m.now == 0 || m.peak == 0 {
		return memory{}, fmt.Errorf("reading the memory of a process: no VmRSS and VmHWM in its status")
	}
	return m, nil
}

// mebibytes writes an amount of memory.
func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<19)>>20) }

// processor is the processor time of a process and of all that it started and that still run; zero if unknown.
func processor(pid int) time.Duration {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	times, parents := map[int]time.Duration{}, map[int]int{}
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		data, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue // it has just ended
		}
		if parent, used, ok := parseStat(string(data)); ok {
			times[id], parents[id] = used, parent
		}
	}
	var sum time.Duration
	for id := range times {
		for at, steps := id, 0; at > 0 && steps < 64; at, steps = parents[at], steps+1 {
			if at == pid {
				sum += times[id]
				break
			}
		}
	}
	return sum
}

// parseStat reads the parent and the processor time of /proc/PID/stat.
func parseStat(stat string) (parent int, used time.Duration, ok bool) {
	// The second field is the program's name in brackets, in which there may be anything.
	end := strings.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, 0, false
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 13 {
		return 0, 0, false
	}
	parent, errParent := strconv.Atoi(fields[1])
	user, errUser := strconv.ParseInt(fields[11], 10, 64)
	system, errSystem := strconv.ParseInt(fields[12], 10, 64)
	if errParent != nil || errUser != nil || errSystem != nil {
		return 0, 0, false
	}
	return parent, time.Duration(user+system) * clockTick, true
}
