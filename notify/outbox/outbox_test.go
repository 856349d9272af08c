// SPDX-License-Identifier: Apache-2.0

package outbox_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/notify"
	"trunkline.dev/trunkline/notify/outbox"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/test/pgtest"
)

var pkg pgtest.Package

func TestMain(m *testing.M) { pkg.Main(m) }

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// onBoth runs a test on an empty database of each kind, which it can open as often as it wants.
func onBoth(t *testing.T, test func(*testing.T, history.Database)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		d, err := history.SQLite(filepath.Join(t.TempDir(), "history.db"))
		if err != nil {
			t.Fatal(err)
		}
		test(t, d)
	})
	t.Run("Postgres", func(t *testing.T) {
		d, err := history.Postgres(pkg.Database(t))
		if err != nil {
			t.Fatal(err)
		}
		test(t, d)
	})
}

func open(t *testing.T, d history.Database) *outbox.Box {
	t.Helper()
	b, err := outbox.Open(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func message(id string) notify.Message {
	return notify.Message{ID: id, Channel: "team", At: noon, Items: []notify.Item{{Key: "k", Standing: notify.Firing}}}
}

func claim(t *testing.T, b *outbox.Box, now time.Time) string {
	t.Helper()
	l, err := b.Claim(t.Context(), "team", now)
	if err != nil {
		t.Fatal(err)
	}
	if l == nil {
		return ""
	}
	return l.ID
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, reason string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n-want +got:\n%s", reason, diff)
	}
}

func TestTheStateIsOneReplicas(t *testing.T) {
	onBoth(t, func(t *testing.T, d history.Database) {
		one, two := open(t, d), open(t, d)
		_, version, err := one.Load(t.Context())
		must(t, err)
		check(t, "there is nothing yet", int64(0), version)
		must(t, one.Save(t.Context(), 0, notify.New("a", noon), []notify.Message{message("1")}))
		if err := two.Save(t.Context(), 0, notify.New("b", noon), []notify.Message{message("2")}); !errors.Is(err, outbox.ErrOther) {
			t.Errorf("a second replica began, too: %v", err)
		}
		var s notify.State
		s, version, err = two.Load(t.Context())
		must(t, err)
		check(t, "the second sees what the first wrote", "a 1", s.Origin+" "+string(rune('0'+version)))
		must(t, one.Save(t.Context(), version, s, nil))
		if err := two.Save(t.Context(), version, s, []notify.Message{message("3")}); !errors.Is(err, outbox.ErrOther) {
			t.Errorf("a replica wrote over what another has: %v", err)
		}
		check(t, "what was not saved is not told", "1", claim(t, two, noon))
		must(t, two.Delivered(t.Context(), "1"))
		check(t, "nor later", "", claim(t, two, noon))
	})
}

func TestMessagesSurvive(t *testing.T) {
	onBoth(t, func(t *testing.T, d history.Database) {
		b, other := open(t, d), open(t, d)
		must(t, b.Save(t.Context(), 0, notify.New("a", noon), []notify.Message{message("1"), message("2")}))
		check(t, "the oldest is first", "1", claim(t, b, noon))
		check(t, "what one replica sends no other does", "", claim(t, other, noon))
		must(t, b.Close()) // it was killed while it sent
		check(t, "what was claimed by one that is gone is sent again", "1", claim(t, other, noon.Add(3*time.Minute)))
		must(t, other.Delivered(t.Context(), "1"))
		check(t, "and what was delivered is not", "2", claim(t, other, noon.Add(3*time.Minute)))
	})
}

func TestFailures(t *testing.T) {
	onBoth(t, func(t *testing.T, d history.Database) {
		b := open(t, d)
		must(t, b.Save(t.Context(), 0, notify.New("a", noon), []notify.Message{message("1"), message("2")}))
		for _, try := range []struct {
			at, wait, ask time.Duration
		}{{0, time.Second, 0}, {time.Second, 2 * time.Second, 0}, {time.Minute, 30 * time.Minute, 30 * time.Minute}} {
			now := noon.Add(try.at)
			l, err := b.Claim(t.Context(), "team", now)
			must(t, err)
			if l == nil || l.ID != "1" {
				t.Fatalf("after %s there is %v", try.at, l)
			}
			dead, err := b.Again(t.Context(), l, "it answered 503", try.ask, now)
			must(t, err)
			check(t, "it is tried again", false, dead)
			check(t, "after a pause, and nothing overtakes it", "", claim(t, b, now.Add(try.wait-time.Millisecond)))
		}
		late := noon.Add(25 * time.Hour)
		l, err := b.Claim(t.Context(), "team", late)
		must(t, err)
		dead, err := b.Again(t.Context(), l, "it answered 503", 0, late)
		must(t, err)
		check(t, "it is given up in the end", true, dead)
		check(t, "and the next one is sent", "2", claim(t, b, late))
		counts, err := b.Counts(t.Context(), late)
		must(t, err)
		check(t, "what is given up is counted", []outbox.Count{{Channel: "team", Waiting: 1, Dead: 1, Why: "it was tried for 24h0m0s: it answered 503"}}, counts)
		counts, err = b.Counts(t.Context(), late.Add(31*24*time.Hour))
		must(t, err)
		check(t, "for a month", []outbox.Count{{Channel: "team", Waiting: 1}}, counts)
	})
}
