// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseMemory(t *testing.T) {
	const text = "Name:\ttrunkline\nVmPeak:\t  900 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nRssFile:\t     512 kB\nThreads:\t9\n"
	for _, test := range []struct {
		reason, status string
		want           memory
		wantErr        string
	}{
		{"as Linux writes it", text, memory{now: 1 << 20, peak: 2 << 20, files: 1 << 19}, ""},
		{"a process that has ended has none", "Name:\tx\nState:\tZ (zombie)\n", memory{}, "no VmRSS and VmHWM"},
		{"a number that is none", strings.Replace(text, "1024", "many", 1), memory{}, `"many kB"`},
		{"nothing", "", memory{}, "no VmRSS and VmHWM"},
	} {
		got, err := parseMemory(test.status)
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(memory{})); err == nil && diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.reason, diff)
		}
		if (err == nil) != (test.wantErr == "") || err != nil && test.wantErr == "no VmRSS and VmHWM" && !strings.Contains(err.Error(), test.wantErr) {
			t.Errorf("%s: error %v, want %q", test.reason, err, test.wantErr)
		}
	}
}

func TestParseStat(t *testing.T) {
	const rest = " S 42 1 1 0 -1 4194304 1 2 3 4 150 50 7 8 20 0 9"
	for _, test := range []struct {
		reason, stat string
		parent       int
		used         time.Duration
		ok           bool
	}{
		{"as Linux writes it", "7 (etcd)" + rest, 42, 2 * time.Second, true},
		{"a name of blanks and brackets", "7 (a) R 1 (b c)" + rest, 42, 2 * time.Second, true},
		{"cut short", "7 (etcd) S 42 1", 0, 0, false},
		{"no name", "7 etcd" + rest, 0, 0, false},
		{"a time that is none", "7 (etcd)" + strings.Replace(rest, "150", "x", 1), 0, 0, false},
		{"nothing", "", 0, 0, false},
	} {
		parent, used, ok := parseStat(test.stat)
		if parent != test.parent || used != test.used || ok != test.ok {
			t.Errorf("%s: got %d, %s, %t; want %d, %s, %t", test.reason, parent, used, ok, test.parent, test.used, test.ok)
		}
	}
}

// TestOwnProcess reads what this test itself takes, where Linux tells it.
func TestOwnProcess(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("there is no /proc here")
	}
	m, err := memoryOf(os.Getpid())
	if err != nil || m.now <= 0 || m.peak < m.now {
		t.Errorf("memory %+v, error %v", m, err)
	}
	// What a process took counts for the one that started it, too. It only grows, so that the order matters.
	if own, family := processor(os.Getpid()), processor(os.Getppid()); family < own {
		t.Errorf("this process took %s, and with the one that started it %s", own, family)
	}
	if got := processor(-1); got != 0 {
		t.Errorf("a process that is not there took %s", got)
	}
}

func TestMachine(t *testing.T) {
	files := map[string]string{
		"/proc/cpuinfo": "processor\t: 0\nmodel name\t: Z80\n", "/proc/meminfo": "MemTotal:  2097152 kB\n",
		"/proc/sys/kernel/osrelease": "6.1\n", "/proc/loadavg": "1.50 2.00 0.25 1/99 7\n",
	}
	now := time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)
	lines := machine(now, func(file string) ([]byte, error) { return []byte(files[file]), nil })
	text := strings.Join(lines, "\n")
	for _, part := range []string{"2026-11-21", "cores of Z80", "2 GiB", " 6.1, go", "was 1.50 (1 minute) and 0.25"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q does not say %q", text, part)
		}
	}
	lines = machine(now, func(string) ([]byte, error) { return nil, errors.New("no such thing") })
	if len(lines) != 1 || strings.Contains(lines[0], " of ") || strings.Contains(lines[0], "GiB") {
		t.Errorf("what the system does not tell is made up: %s", fmt.Sprint(lines))
	}
}
