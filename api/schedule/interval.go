package schedule

import "time"

// Gap is the time between two firings that follow each other.
type Gap struct{ From, To time.Time }

// Length is how long the gap is.
func (g Gap) Length() time.Duration { return g.To.Sub(g.From) }

// Often tells whether the schedule fires again, at any time from now on, before a run that takes as long as the
// timeout has ended, and where it is worst. A timeout of 0 is none.
func (s Schedule) Often(now time.Time, timeout time.Duration) (Gap, bool) {
	g, ok := s.MinInterval(now)
	return g, ok && g.Length() < timeout
}

// MinInterval gives the shortest gap between two firings, from the next day on; none if it never fires. Of gaps that
// are as short it gives an early one. It looks at as many years as can differ: 42 after the last change of the clock that the zone's table lists by
// itself, see horizon. What a zone does on top of a schedule counts: "0 2 * * *" fires twice within an hour when
// Brussels sets its clock back.
//
// The schedule's zone is the one of today's table; a government may change it.
func (s Schedule) MinInterval(now time.Time) (Gap, bool) {
	if s.spec == nil {
		from := s.next(now.In(s.zone.location()))
		return Gap{from, s.next(from)}, s.delay > 0
	}
	if s.Never() {
		return Gap{}, false
	}
	// The day that has begun is left out: what can happen on it will happen again.
	year, month, date := now.In(s.zone.location()).Date()
	m := search{Schedule: s, begin: midnight(year, month, date+1), endYear: s.endYear(now)}
	m.now = m.zone.instant(m.begin)
	m.changes = s.zone.changes(now, m.endYear)
	m.steady()
	m.atChanges()
	if m.length == 0 {
		return Gap{}, false
	}
	loc := s.zone.location()
	return Gap{time.Unix(m.from, 0).In(loc), time.Unix(m.from+m.length, 0).In(loc)}, true
}

// search looks for the shortest gap. Times are in seconds since 1970.
type search struct {
	Schedule
	// begin is the first midnight as the clock shows it, now when that is, and endYear the year to stop at.
	begin, now int64
	endYear    int
	changes    []change
	// from and length are of the shortest gap so far; length is 0 as long as there is none.
	from, length int64
	// inDay tells whether two firings of one day have been looked at, or no day has two.
	inDay bool
}

// found takes a gap if it is shorter than the others, or as short and earlier.
func (m *search) found(from, to int64) {
	length := to - from
	if from < m.now || length <= 0 {
		return
	}
	if m.length == 0 || length < m.length || (length == m.length && from < m.from) {
		m.from, m.length = from, length
	}
}

// steady looks at days and pairs of days during which the clock is not changed. They are all alike but for how many
// days lie between two, so that it can stop when no two can be closer.
func (m *search) steady() {
	p := m.pattern
	least := p.leastDays() * fullDay
	year, month, _ := time.Unix(m.begin, 0).UTC().Date()
	before, distance := int64(-1), int64(0)
	m.inDay = p.within == 0
	i := 0
	calm := func(a, b int64) bool {
		for i < len(m.changes) && max(m.changes[i].old(), m.changes[i].fresh()) <= a {
			i++
		}
		return i == len(m.changes) || min(m.changes[i].old(), m.changes[i].fresh()) > b
	}
	for year < m.endYear && (!m.inDay || distance != least) {
		base := midnight(year, month, 1)
		for days := p.days(year, month); days != 0; days &= days - 1 {
			day := base + int64(lowest(days)-1)*fullDay
			if day < m.begin {
				continue
			}
			if apart := day - before; before >= 0 && (distance == 0 || apart < distance) && calm(before+p.last, day+p.first) {
				distance = apart
				m.found(m.zone.instant(before+p.last), m.zone.instant(day+p.first))
			}
			if !m.inDay && calm(day+p.first, day+p.last) {
				m.inDay = true
				m.found(m.zone.instant(day+p.after), m.zone.instant(day+p.after)+p.within)
			}
			before = day
			if m.inDay && distance == least {
				break
			}
		}
		if month++; month > time.December {
			year, month = year+1, time.January
		}
	}
}

// leastDays is a number of days that no two days on which it fires are closer than.
func (p pattern) leastDays() int64 {
	least := int64(28)
	closest := func(set uint64, wrap int) {
		for rest := set; rest != 0; rest &= rest - 1 {
			next := lowest(set) + wrap
			if more := rest & (rest - 1); more != 0 {
				next = lowest(more)
			}
			least = min(least, max(1, int64(next-lowest(rest))))
		}
	}
	switch {
	case p.either || (p.dates == allDates && p.weekdays == allDays):
		return 1
	case p.dates == allDates:
		closest(p.weekdays, 7)
	default:
		closest(p.dates, 28)
	}
	return least
}

// atChanges looks at the firings on both sides of each change of the clock.
func (m *search) atChanges() {
	for _, c := range m.changes {
		if m.length == minute {
			return // nothing is closer
		}
		from, to, ok := m.across(c)
		if !ok {
			continue
		}
		if m.length == 0 || to-from < m.length {
			// The library misses some firings after a change, see [Schedule.Shifts]: it is the one that fires.
			m.found(from, m.next(time.Unix(from, 0).In(m.zone.location())).Unix())
		}
		if near := from > c.at-2*fullDay || to < c.at+2*fullDay; near && (c.odd() || !m.inDay) {
			m.follow(min(from, c.at-hour), c.at+hour)
		}
	}
}

// across gives the last firing before a change of the clock and the first after it, as the expression has them.
func (s Schedule) across(c change) (from, to int64, ok bool) {
	year := time.Unix(c.at, 0).UTC().Year()
	a, b := s.pattern.lastBefore(c.old(), year-9), s.pattern.nextAt(c.fresh(), year+9)
	if a < 0 || b < 0 {
		return 0, 0, false
	}
	from, to = a-c.before, b-c.after
	if from < c.at-2*fullDay {
		from = s.zone.instant(a) // the clock may have been changed in between
	}
	if to > c.at+2*fullDay {
		to = s.zone.instant(b)
	}
	return from, to, true
}

// maxFollow bounds how many firings are followed one by one: those of some hours, once a minute.
const maxFollow = 10 * 60

// follow looks at each gap from one time to another.
func (m *search) follow(from, to int64) {
	t := m.next(time.Unix(from-1, 0).In(m.zone.location()))
	for range maxFollow {
		next := m.next(t)
		if next.IsZero() || t.Unix() > to {
			return
		}
		m.found(t.Unix(), next.Unix())
		t = next
	}
}
