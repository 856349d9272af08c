// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"fmt"
	"math/big"
	"time"
)

// Month is a month of the calendar.
type Month struct {
	Year  int
	Month time.Month
}

// MonthOf returns the month of a time, in UTC.
func MonthOf(t time.Time) Month { return Month{t.UTC().Year(), t.UTC().Month()} }

// monthForm is how a month is written.
const monthForm = "2006-01"

// ParseMonth reads a month, such as "2026-11".
func ParseMonth(text string) (Month, error) {
	t, err := time.Parse(monthForm, text)
	if err != nil {
		return Month{}, fmt.Errorf(`%.40q is not a month: write it like "2026-11"`, text)
	}
	return MonthOf(t), nil
}

// String returns the month, such as "2026-11".
func (m Month) String() string { return m.start(time.UTC).Format(monthForm) }

// Name returns the month for people, such as "November 2026".
func (m Month) Name() string { return m.start(time.UTC).Format("January 2006") }

// MarshalText implements [encoding.TextMarshaler].
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// start and end bound the month in a time zone.
func (m Month) start(zone *time.Location) time.Time {
	return time.Date(m.Year, m.Month, 1, 0, 0, 0, 0, zone)
}

func (m Month) end(zone *time.Location) time.Time {
	return time.Date(m.Year, m.Month+1, 1, 0, 0, 0, 0, zone)
}

// Hours is how long the month is, in UTC: from 672 to 744 hours.
func (m Month) Hours() int64 {
	return int64(m.end(time.UTC).Sub(m.start(time.UTC)) / time.Hour)
}

func (m Month) hours() *big.Rat { return big.NewRat(m.Hours(), 1) }

// inHours returns a length of time in hours, exactly.
func inHours(d time.Duration) *big.Rat { return big.NewRat(int64(d), int64(time.Hour)) }
