// SPDX-License-Identifier: Apache-2.0

package history_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"trunkline.dev/trunkline/reconciler/history"
)

// BenchmarkWrite writes batches of the usual size, of events of the usual size.
func BenchmarkWrite(b *testing.B) {
	for name, open := range map[string]func() (history.Database, error){
		"sqlite":   func() (history.Database, error) { return history.SQLite(filepath.Join(b.TempDir(), "h.db")) },
		"postgres": func() (history.Database, error) { return history.Postgres(pkg.Database(b)) },
	} {
		b.Run(name, func(b *testing.B) {
			d, err := open()
			if err != nil {
				b.Fatal(err)
			}
			s, err := history.Open(b.Context(), d)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			var events []history.Event
			for i := range 250 {
				events = append(events, history.Event{
					Time: noon, Kind: history.Ran, Release: orders(fmt.Sprint(i)), Platform: "acme", By: history.Daemon,
					Commit: "0123456789abcdef0123456789abcdef01234567", Applied: 4, Took: time.Second,
				})
			}
			first := int64(1)
			for b.Loop() {
				if err := s.Write(b.Context(), history.Batch{Origin: "bench", First: first, Events: events}); err != nil {
					b.Fatal(err)
				}
				first += int64(len(events))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(first-1), "ns/event")
		})
	}
}
