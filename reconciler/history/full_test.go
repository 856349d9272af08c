// SPDX-License-Identifier: Apache-2.0

package history_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"trunkline.dev/trunkline/test/fulldisk"
)

// TestAFullDisk: on a disk without room nobody who records waits, what was written stays, what could not be is written once there is
// room, and a database that is whole is not taken for a damaged one.
func TestAFullDisk(t *testing.T) {
	fulldisk.Run(t, 4<<20, func(t *testing.T, d *fulldisk.Disk) {
		file := filepath.Join(d.Dir, "history.db")
		r := record(t, sqliteAt(t, file), nil).run()
		r.say("before")
		r.written(1)
		d.Fill(0)
		long := strings.Repeat("x", 1000)
		for i := range 500 {
			r.say(fmt.Sprint(long, i))
		}
		r.logged("full")
		if got := r.messages(); len(got) == 0 || got[len(got)-1] != "before" {
			t.Errorf("what was written before is not there: %d events", len(got))
		}
		d.Free()
		r.written(501)
		if names := aside(t, file); len(names) != 0 {
			t.Errorf("a database that is whole was moved aside: %v", names)
		}
		if got := r.messages(); len(got) != 501 {
			t.Errorf("%d events are there, want 501", len(got))
		}
		r.stop()
		d.Fill(0)
		other := record(t, sqliteAt(t, filepath.Join(d.Dir, "other.db")), nil).run()
		other.say("new")
		other.logged("full")
		d.Free()
		other.written(1)
		if got := other.messages(); len(got) != 1 {
			t.Errorf("a database that could not be made at first has %v", got)
		}
	})
}
