package schedule

import (
	"math/bits"
	"time"

	"github.com/robfig/cron/v3"
)

// pattern is when a schedule fires by the clock on the wall, as sets of bits: what can be asked about it is asked
// without looking at each minute.
type pattern struct {
	minutes, hours, months, dates, weekdays uint64
	// either is for a pattern that restricts both the day of the month and the day of the week: a day has to be one
	// of them. Otherwise it has to be both.
	either bool
	// first and last are the first and the last firing of a day, in seconds since its midnight.
	first, last int64
	// within is the least time between two firings of one day, and after the earlier of the first two that are as
	// close; 0 if a day has one.
	within, after int64
}

const (
	minute  = 60
	hour    = 60 * minute
	fullDay = 24 * hour

	allHours  = 1<<24 - 1
	allMonths = 1<<13 - 2
	allDates  = 1<<32 - 2
	allDays   = 1<<7 - 1
)

func patternOf(spec *cron.SpecSchedule) pattern {
	const star = 1 << 63 // the library's mark of a field that restricts nothing
	p := pattern{
		minutes: spec.Minute &^ star, hours: spec.Hour &^ star,
		months: spec.Month & allMonths, dates: spec.Dom & allDates, weekdays: spec.Dow & allDays,
		either: spec.Dom&star == 0 && spec.Dow&star == 0,
	}
	p.first = int64(lowest(p.hours))*hour + int64(lowest(p.minutes))*minute
	p.last = int64(highest(p.hours))*hour + int64(highest(p.minutes))*minute
	before := int64(-1)
	for hours := p.hours; hours != 0; hours &= hours - 1 {
		for minutes := p.minutes; minutes != 0; minutes &= minutes - 1 {
			at := int64(lowest(hours))*hour + int64(lowest(minutes))*minute
			if gap := at - before; before >= 0 && (p.within == 0 || gap < p.within) {
				p.within, p.after = gap, before
			}
			before = at
		}
		if p.within == minute {
			break
		}
	}
	return p
}

func lowest(set uint64) int  { return bits.TrailingZeros64(set) }
func highest(set uint64) int { return 63 - bits.LeadingZeros64(set) }

// anyDay tells whether there is a day on which it fires.
func (p pattern) anyDay() bool {
	if p.weekdays != 0 && (p.either || p.weekdays != allDays) {
		return p.months != 0 // each month has every day of the week
	}
	for months := p.months; months != 0; months &= months - 1 {
		// 2024 is a leap year.
		if p.dates&datesIn(2024, time.Month(lowest(months))) != 0 {
			return true
		}
	}
	return false
}

// weekly tells whether it fires on the same days of each week.
func (p pattern) weekly() bool {
	return p.months == allMonths && (p.dates == allDates || (p.either && p.weekdays == allDays))
}

// datesIn is the set of dates that a month has.
func datesIn(year int, month time.Month) uint64 {
	return 1<<(time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()+1) - 2
}

// days is the set of dates on which it fires in a month.
func (p pattern) days(year int, month time.Month) uint64 {
	if p.months&(1<<month) == 0 {
		return 0
	}
	// The days of the week from the 1st on, repeated over the month.
	w := uint(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Weekday())
	week := (p.weekdays>>w | p.weekdays<<(7-w)) & allDays
	byWeek := (week | week<<7 | week<<14 | week<<21 | week<<28) << 1
	if p.either {
		return (p.dates | byWeek) & datesIn(year, month)
	}
	return p.dates & byWeek & datesIn(year, month)
}

// at tells whether it fires in the minute that begins so many seconds after midnight.
func (p pattern) at(second int64) bool {
	return p.hours&(1<<(second/hour)) != 0 && p.minutes&(1<<(second%hour/minute)) != 0
}

// Wall-clock time is counted in seconds since 1970 as the clock on the wall shows them, as if it were that of UTC.

// nextAt is the first firing at or after a time on the wall, and before the year given; -1 if there is none.
func (p pattern) nextAt(wall int64, endYear int) int64 {
	t := time.Unix(wall, 0).UTC()
	year, month, date := t.Date()
	second := floorMod(wall, fullDay)
	if p.days(year, month)&(1<<date) != 0 && second <= p.last {
		for s := (second + minute - 1) / minute * minute; s < fullDay; s += minute {
			if p.at(s) {
				return wall - second + s
			}
		}
	}
	date++
	for year < endYear {
		if left := p.days(year, month) >> date << date; left != 0 {
			return midnight(year, month, lowest(left)) + p.first
		}
		date, month = 0, month+1
		if month > time.December {
			year, month = year+1, time.January
		}
	}
	return -1
}

// lastBefore is the last firing before a time on the wall, and not before the year given; -1 if there is none.
func (p pattern) lastBefore(wall int64, beginYear int) int64 {
	t := time.Unix(wall-1, 0).UTC()
	year, month, date := t.Date()
	second := floorMod(wall-1, fullDay)
	if p.days(year, month)&(1<<date) != 0 && second >= p.first {
		for s := second / minute * minute; s >= 0; s -= minute {
			if p.at(s) {
				return wall - 1 - second + s
			}
		}
	}
	left := p.days(year, month) & (1<<date - 1)
	for year >= beginYear {
		if left != 0 {
			return midnight(year, month, highest(left)) + p.last
		}
		if month--; month < time.January {
			year, month = year-1, time.December
		}
		left = p.days(year, month)
	}
	return -1
}

func midnight(year int, month time.Month, date int) int64 {
	return time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Unix()
}

func floorMod(a, b int64) int64 { return (a%b + b) % b }
