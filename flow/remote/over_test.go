// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"errors"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/jobs"
)

// TestOver: what is removed is what nobody waits for.
func TestOver(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for name, tc := range map[string]struct {
		reason string
		run    jobs.Remote
		said   string
		remove bool
	}{
		"followed":         {"someone waits for it", jobs.Remote{Created: ago(time.Hour), Seen: ago(59 * time.Second)}, "", false},
		"gone":             {"nobody came back", jobs.Remote{Created: ago(time.Hour), Seen: ago(61 * time.Second)}, "nobody has followed it for 1m0s, and it was not detached", true},
		"ended just now":   {"who waits is told first", jobs.Remote{Created: ago(time.Hour), Seen: ago(time.Second), Ended: ago(time.Second)}, "", false},
		"ended and gone":   {"its end says more than that nobody saw it", jobs.Remote{Created: ago(time.Hour), Seen: ago(2 * time.Minute), Ended: ago(time.Second), Failed: true}, "its program failed", true},
		"detached":         {"it was to go on by itself", jobs.Remote{Detached: true, Created: ago(time.Hour), Seen: ago(time.Hour)}, "", false},
		"detached, ended":  {"its log is to be read", jobs.Remote{Detached: true, Created: ago(time.Hour), Seen: ago(time.Hour), Ended: ago(time.Minute)}, "its program ended well", false},
		"detached, long":   {"but not for ever", jobs.Remote{Detached: true, Created: ago(9 * time.Hour), Seen: ago(9 * time.Hour), Ended: ago(61 * time.Minute)}, "its program ended well", true},
		"half made":        {"who made it has ended before its files were written", jobs.Remote{Detached: true, Half: true, Created: ago(3 * time.Minute), Seen: ago(3 * time.Minute)}, "it did not come to start: its files were not written", true},
		"being made":       {"its files are being written", jobs.Remote{Detached: true, Half: true, Created: ago(time.Minute), Seen: ago(time.Minute)}, "", false},
		"too long":         {"a cluster that does not end it is no reason to keep it", jobs.Remote{Detached: true, Created: ago(9 * time.Hour), Seen: ago(time.Second)}, "it took too long", true},
		"detached, in use": {"its life is not over", jobs.Remote{Detached: true, Created: ago(7 * time.Hour), Seen: ago(7 * time.Hour)}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			said, remove := over(tc.run, now, time.Minute)
			if said != tc.said || remove != tc.remove {
				t.Errorf("%s\ngot %q, %t; want %q, %t", tc.reason, said, remove, tc.said, tc.remove)
			}
		})
	}
}

// TestCheck: what is sent is refused if it is too large, or could get out of its folder.
func TestCheck(t *testing.T) {
	file := func(name string) Ask { return Ask{Person: "ann", Files: map[string][]byte{name: []byte("x")}} }
	for name, tc := range map[string]struct {
		reason string
		ask    Ask
		want   string
	}{
		"fine":      {"a file in a folder", file("scripts/a b.sh"), ""},
		"above":     {"it leads out of the project", file("../a"), "is no path"},
		"absolute":  {"it is somewhere else", file("/etc/passwd"), "is no path"},
		"unclean":   {"one file has one name", file("a/../b"), "is no path"},
		"dots":      {"Kubernetes takes none", file("..data"), "is no path"},
		"control":   {"nobody could read it", file("a\nb"), "is no path"},
		"itself":    {"a folder is no file", file("."), "is no path"},
		"large":     {"it does not fit into a ConfigMap", Ask{Person: "ann", Files: map[string][]byte{"a": make([]byte, maxBytes)}}, "are the most that is sent"},
		"secret":    {"what is in a ConfigMap is read by many", Ask{Person: "ann", Files: map[string][]byte{"a": []byte("-----BEGIN PRIVATE KEY-----\n")}}, "looks like a private key"},
		"code":      {"code is mounted, too", Ask{Person: "ann", Code: map[string]jobs.CodeFile{"../a": {}}}, "is no path"},
		"in code":   {"and read by many", Ask{Person: "ann", Code: map[string]jobs.CodeFile{"a": {Data: []byte("-----BEGIN PRIVATE KEY-----\n")}}}, "looks like a private key"},
		"together":  {"both are in one ConfigMap", Ask{Person: "ann", Files: map[string][]byte{"a": make([]byte, maxBytes/2)}, Code: map[string]jobs.CodeFile{"a": {Data: make([]byte, maxBytes/2)}}}, "are the most that is sent"},
		"both":      {"a file is no folder", Ask{Person: "ann", Files: map[string][]byte{"a": nil, "a/b/c": nil}}, "is a file, and the folder of"},
		"far in":    {"a secret is one wherever it stands", Ask{Person: "ann", Files: map[string][]byte{"a": []byte(strings.Repeat("x\n", 40<<10) + "-----BEGIN PRIVATE KEY-----\n")}}, "looks like a private key"},
		"at a seam": {"also where two parts of a file meet", Ask{Person: "ann", Files: map[string][]byte{"a": []byte(strings.Repeat("x\n", 32<<10-5) + "-----BEGIN PRIVATE KEY-----\n")}}, "looks like a private key"},
		"told":      {"arguments are read by many, too", Ask{Person: "ann", Args: []string{"--key=-----BEGIN PRIVATE KEY-----"}}, "an argument has what looks like a private key"},
		"arguments": {"a process takes no more", Ask{Person: "ann", Args: make([]string, maxArgs+1)}, "the command is too long"},
		"argument":  {"nor so long", Ask{Person: "ann", Command: []string{strings.Repeat("x", maxArg+1)}}, "the command is too long"},
		"nobody":    {"it would be in nobody's folder", Ask{}, "who asks"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.ask.check()
			if tc.want == "" && err != nil || tc.want != "" && (!errors.Is(err, asking.ErrCannot) || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%s\ngot %v, want %q", tc.reason, err, tc.want)
			}
		})
	}
}

// TestLife: a run takes as long as the workload may, and never for ever.
func TestLife(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{0: maxLife, time.Minute: time.Minute, 24 * time.Hour: maxLife} {
		if got := life(timeout); got != want {
			t.Errorf("of a timeout of %s: %s, want %s", timeout, got, want)
		}
	}
}
