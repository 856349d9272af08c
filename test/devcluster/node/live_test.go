// SPDX-License-Identifier: Apache-2.0

package node

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/test/devcluster/node/container"
)

// TestMeasurement takes a container through its questions: figures are of the time since the question before, and one that
// comes too early gets the answer of the one before.
func TestMeasurement(t *testing.T) {
	begun := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	var m measurement
	var got []figures
	for _, question := range []struct {
		after time.Duration
		cpu   time.Duration
	}{{2 * time.Second, time.Second}, {2500 * time.Millisecond, 9 * time.Second}, {4 * time.Second, 5 * time.Second}, {8 * time.Second, 5 * time.Second}} {
		got = append(got, m.now(begun.Add(question.after), begun, func() container.Usage {
			return container.Usage{CPU: question.cpu, Memory: 7}
		}))
	}
	want := []figures{
		{At: begun.Add(2 * time.Second), Window: 2 * time.Second, NanoCores: 5e8, Bytes: 7},
		{At: begun.Add(2 * time.Second), Window: 2 * time.Second, NanoCores: 5e8, Bytes: 7},
		{At: begun.Add(4 * time.Second), Window: 2 * time.Second, NanoCores: 2e9, Bytes: 7},
		{At: begun.Add(8 * time.Second), Window: 4 * time.Second, NanoCores: 0, Bytes: 7},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
}

// TestAttachedNeverHoldUp writes more than someone takes who is attached: they are let go, and the writer goes on.
func TestAttachedNeverHoldUp(t *testing.T) {
	var f fanOut
	slow, quick := f.attach(), f.attach()
	for i := range sinkRoom + 1 {
		if _, err := f.Write([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		if piece := <-quick; piece[0] != byte(i) {
			t.Errorf("piece %d is %v", i, piece)
		}
	}
	taken := 0
	for range slow { // it is closed
		taken++
	}
	if diff := cmp.Diff(sinkRoom, taken); diff != "" {
		t.Errorf("pieces for the slow one (-want +got):\n%s", diff)
	}
	f.close()
	if _, more := <-quick; more {
		t.Error("there is more after the end")
	}
	if _, more := <-f.attach(); more {
		t.Error("who comes after the end gets something")
	}
}

func TestLookUpOrder(t *testing.T) {
	for reason, c := range map[string]struct{ machine, want string }{
		"hosts are looked up in files and DNS, whatever the machine does": {"passwd: files\nhosts: files mdns4_minimal [NOTFOUND=return] dns\ngroup: files\n", "passwd: files\ngroup: files\nhosts: files dns\n"},
		"without a file of the machine that is all":                       {"", "hosts: files dns\n"},
	} {
		if diff := cmp.Diff(c.want, lookUpOrder(c.machine)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", reason, diff)
		}
	}
}
