// SPDX-License-Identifier: Apache-2.0

package container

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// tick is the unit of times in /proc, which is the same on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// usage adds up what a container's processes use. A process leaves the times of the children that it waited for to its
// parent; what is started beside the first process is waited for by us, so its times are kept here.
type usage struct {
	mu    sync.Mutex
	roots map[int]bool
	past  time.Duration
	most  time.Duration
}

func newUsage(pid int) *usage { return &usage{roots: map[int]bool{pid: true}} }

// add counts a process that was started beside the first.
func (u *usage) add(pid int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.roots[pid] = true
}

// ended counts what a process has used that was waited for.
func (u *usage) ended(pid int, state *os.ProcessState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.roots, pid)
	if state != nil {
		u.past += state.UserTime() + state.SystemTime()
	}
}

func (u *usage) now() Usage {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := processTimes()
	children := map[int][]int{}
	for pid, p := range all {
		children[p.parent] = append(children[p.parent], pid)
	}
	sum := Usage{CPU: u.past}
	var count func(pid int)
	count = func(pid int) {
		sum.CPU += all[pid].cpu
		sum.Memory += held(pid)
		for _, child := range children[pid] {
			count(child)
		}
	}
	for pid := range u.roots {
		if _, ok := all[pid]; ok {
			count(pid)
		}
	}
	// A process that nobody waited for takes its times along.
	u.most = max(u.most, sum.CPU)
	sum.CPU = u.most
	return sum
}

// processTime is what is known of one process.
type processTime struct {
	parent int
	cpu    time.Duration
}

// processTimes reads all processes that this one can see.
func processTimes() map[int]processTime {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil // only a malformed pattern is an error
	}
	found := map[int]processTime{}
	for _, path := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		if p, ok := parseStat(stat); ok {
			found[pid] = p
		}
	}
	return found
}

// parseStat reads "pid (name) state ppid ...", where the name may contain anything.
func parseStat(stat []byte) (processTime, bool) {
	const parent, user, system, waitedUser, waitedSystem = 1, 11, 12, 13, 14
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= waitedSystem {
		return processTime{}, false
	}
	var p processTime
	var err error
	if p.parent, err = strconv.Atoi(string(fields[parent])); err != nil {
		return processTime{}, false
	}
	for _, field := range []int{user, system, waitedUser, waitedSystem} {
		ticks, err := strconv.ParseInt(string(fields[field]), 10, 64)
		if err != nil {
			return processTime{}, false
		}
		p.cpu += time.Duration(ticks) * tick
	}
	return p, true
}

// held is how many bytes a process holds in memory; of what it shares with others, its part.
func held(pid int) int64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0 // it has ended
	}
	return parsePSS(content)
}

// parsePSS finds the line "Pss:   12 kB".
func parsePSS(content []byte) int64 {
	for line := range bytes.Lines(content) {
		if rest, ok := bytes.CutPrefix(line, []byte("Pss:")); ok {
			fields := bytes.Fields(rest)
			if len(fields) == 0 {
				return 0
			}
			kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}
