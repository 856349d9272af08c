// SPDX-License-Identifier: Apache-2.0

package history_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"trunkline.dev/trunkline/reconciler/history"
)

// noise is no database.
var noise = bytes.Repeat([]byte("this is no database. "), 1000)

func aside(t *testing.T, file string) []string {
	t.Helper()
	names, err := filepath.Glob(file + ".damaged-*")
	if err != nil {
		t.Fatal(err)
	}
	for i := range names {
		names[i] = filepath.Base(names[i])
	}
	return names
}

func TestADamagedFileIsMovedAside(t *testing.T) {
	filled := func(t *testing.T, file string) {
		t.Helper()
		s, err := history.Open(t.Context(), sqliteAt(t, file))
		if err != nil {
			t.Fatal(err)
		}
		write(t, s, "a", series(400)...)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	overwrite := func(t *testing.T, file string, from, to int64) {
		t.Helper()
		f, err := os.OpenFile(file, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt(bytes.Repeat([]byte{0xa5}, int(to-from)), from); err != nil {
			t.Fatal(err)
		}
	}
	cases := map[string]struct {
		reason string
		damage func(t *testing.T, file string)
	}{
		"Noise": {"Something else stands there.", func(t *testing.T, file string) {
			if err := os.WriteFile(file, noise, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		"Header": {"The first bytes are wrong.", func(t *testing.T, file string) { filled(t, file); overwrite(t, file, 0, 100) }},
		"Schema": {"The list of tables is wrong.", func(t *testing.T, file string) { filled(t, file); overwrite(t, file, 100, 4096) }},
		"Pages":  {"What is inside is wrong, which shows when it is written to.", func(t *testing.T, file string) { filled(t, file); overwrite(t, file, 3*4096, 20*4096) }},
		"Torn": {"The end is missing.", func(t *testing.T, file string) {
			filled(t, file)
			if err := os.Truncate(file, 5*4096); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "history.db")
			tc.damage(t, file)
			if err := os.WriteFile(file+".damaged-20250101T000000Z", noise, 0o600); err != nil {
				t.Fatal(err)
			}
			r := record(t, sqliteAt(t, file), nil).run()
			r.say("after")
			r.logged("moved aside and begun again")
			r.written(1)
			check(t, tc.reason, []string{"after"}, r.messages())
			check(t, "Of damaged files one is kept, so that they do not fill the disk.", []string{"history.db.damaged-20261121T120000Z"}, aside(t, file))
		})
	}
}

func TestDamageThatAReaderFinds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.db")
	r := record(t, sqliteAt(t, file), nil).run()
	for _, m := range messages(history.Page{Events: series(500)}) {
		r.say(m)
	}
	r.written(500)
	r.stop()
	// A page in the middle of the table, which writing at its end does not touch.
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(8 * 4096); at < info.Size(); at += 4096 {
		if _, err := f.WriteAt([]byte{0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5}, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	r = record(t, sqliteAt(t, file), nil).run()
	r.await("a reader to find the damage, and then an empty history", func() bool {
		p, err := r.Query(t.Context(), history.Filter{Limit: 1000})
		return err == nil && len(p.Events) == 0
	})
	r.logged("moved aside and begun again")
	check(t, "It is aside.", 1, len(aside(t, file)))
	r.say("after")
	r.await("what is recorded later to be there", func() bool { return len(r.messages()) == 1 })
}

func TestAFileThatIsTakenAway(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data", "history.db")
	r := record(t, sqliteAt(t, file), nil).run()
	r.say("before")
	r.written(1)
	if err := os.RemoveAll(filepath.Dir(file)); err != nil {
		t.Fatal(err)
	}
	r.say("after")
	r.written(2)
	check(t, "What was there is lost, and nothing else.", []string{"after"}, r.messages())
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		t.Error("it is written to a file that nobody can find")
	}
}
