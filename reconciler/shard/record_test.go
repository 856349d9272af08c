// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func drawLoad(t *rapid.T) load {
	var w load
	for b := range w {
		w[b] = rapid.Int64Range(0, maxWork).Draw(t, "work")
	}
	return w
}

func TestRecordsAreReadAsTheyAreWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := record{shards: rapid.Bool().Draw(t, "shards"), holds: set(rapid.Uint64().Draw(t, "holds")), work: drawLoad(t)}
		if rapid.Bool().Draw(t, "seen") {
			want.seen = seen{uid: "uid/id", epoch: rapid.Int64Min(1).Draw(t, "epoch")}
		}
		text, err := want.encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeRecord(text)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("%s is read as %+v, want %+v", text, got, want)
		}
	})
}

func TestAssignmentsAreReadAsTheyAreWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := &assignment{id: "id", epoch: rapid.Int64Min(1).Draw(t, "epoch"), members: []string{"a", "b", "c"}, work: drawLoad(t)}
		for b := range want.owners {
			want.owners[b] = rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "owner")
			want.since[b] = rapid.Int64Range(1, want.epoch).Draw(t, "since")
		}
		text, err := want.encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeAssignment(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(assignment{})); diff != "" {
			t.Fatalf("%s: -want +got:\n%s", text, diff)
		}
	})
}

func TestAnAssignmentFitsItsAnnotation(t *testing.T) {
	a := &assignment{id: strings.Repeat("x", maxIdentity), epoch: 1 << 62}
	for i := range maxReplicas {
		name := strings.Repeat("g", 63) + "." + strings.Repeat("i", maxIdentity) + "." + strings.Repeat(string(rune('a'+i%26)), 4) + strings.Repeat(string(rune('a'+i/26)), 4)
		a.members = append(a.members, name)
	}
	for b := range a.since {
		a.since[b], a.work[b] = 1<<62, maxWork
	}
	text, err := a.encode()
	if err != nil || len(text) > maxAnnotation {
		t.Errorf("the largest assignment takes %d bytes, where %d are read: %v", len(text), maxAnnotation, err)
	}
}

var badRecords = map[string]string{
	"nothing":            ``,
	"no JSON":            `{`,
	"another version":    `{"v":2,"holds":"0"}`,
	"no version":         `{"holds":"0"}`,
	"no set":             `{"v":1}`,
	"a set too large":    `{"v":1,"holds":"10000000000000000"}`,
	"a negative epoch":   `{"v":1,"uid":"u","epoch":-1,"holds":"0"}`,
	"an epoch of what":   `{"v":1,"epoch":3,"holds":"0"}`,
	"a fractional epoch": `{"v":1,"uid":"u","epoch":1e400,"holds":"0"}`,
	"too much work":      `{"v":1,"holds":"0","work":[` + strings.Repeat("0,", 64) + `0]}`,
	"a huge text":        `{"v":1,"holds":"0","x":"` + strings.Repeat("x", maxAnnotation) + `"}`,
	"a list":             `[]`,
	"null":               `null`,
}

func TestBadRecords(t *testing.T) {
	for name, text := range badRecords {
		if _, err := decodeRecord(text); err == nil {
			t.Errorf("%s: is read without an error", name)
		}
	}
}

// owners64 is a list for all buckets.
func list64(v string) string { return "[" + strings.Repeat(v+",", buckets-1) + v + "]" }

var badAssignments = map[string]string{
	"nothing":           ``,
	"null":              `null`,
	"no id":             `{"v":1,"epoch":1,"members":["a"],"owners":` + list64("0") + `,"since":` + list64("1") + `}`,
	"another version":   `{"v":9,"id":"x","epoch":1,"members":["a"],"owners":` + list64("0") + `,"since":` + list64("1") + `}`,
	"an owner too many": `{"v":1,"id":"x","epoch":1,"members":["a"],"owners":` + list64("1") + `,"since":` + list64("1") + `}`,
	"a negative owner":  `{"v":1,"id":"x","epoch":1,"members":["a"],"owners":` + list64("-2") + `,"since":` + list64("1") + `}`,
	"from the future":   `{"v":1,"id":"x","epoch":1,"members":["a"],"owners":` + list64("0") + `,"since":` + list64("2") + `}`,
	"too few buckets":   `{"v":1,"id":"x","epoch":1,"members":["a"],"owners":[0],"since":[1]}`,
	"twice the same":    `{"v":1,"id":"x","epoch":1,"members":["a","a"],"owners":` + list64("0") + `,"since":` + list64("1") + `}`,
	"without a name":    `{"v":1,"id":"x","epoch":1,"members":[""],"owners":` + list64("0") + `,"since":` + list64("1") + `}`,
	"too many":          `{"v":1,"id":"x","epoch":1,"members":["a"` + strings.Repeat(`,"a"`, maxReplicas) + `],"owners":` + list64("0") + `,"since":` + list64("1") + `}`,
}

func TestBadAssignments(t *testing.T) {
	for name, text := range badAssignments {
		if _, err := decodeAssignment(text); err == nil {
			t.Errorf("%s: is read without an error", name)
		}
	}
	good := `{"v":1,"id":"x","epoch":1,"members":["a"],"owners":` + list64("0") + `,"since":` + list64("1") + `,"work":[-5,9223372036854775807]}`
	a, err := decodeAssignment(good)
	if err != nil || a.work[0] != 0 || a.work[1] != maxWork {
		t.Errorf("%s: work out of bounds is not cut: %v", good, err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, text := range badRecords {
		f.Add(text)
	}
	for _, text := range badAssignments {
		f.Add(text)
	}
	f.Add(`{"v":1,"id":"x","epoch":1,"members":["a"],"owners":` + list64("0") + `,"since":` + list64("1") + `}`)
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := decodeRecord(text); err == nil {
			again, err := r.encode()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := decodeRecord(again); err != nil || got != r {
				t.Fatalf("%q is read as %+v, and written as %q: %v", text, r, again, err)
			}
		}
		if a, err := decodeAssignment(text); err == nil {
			again, err := a.encode()
			if err != nil {
				t.Fatal(err)
			}
			got, err := decodeAssignment(again)
			if err != nil || !cmp.Equal(a, got, cmp.AllowUnexported(assignment{})) {
				t.Fatalf("%q is written as %q: %v", text, again, err)
			}
		}
	})
}
