package schedule

import "time"

// Effect is what a change of the clock does to a schedule.
type Effect string

const (
	// Skipped is a firing that does not happen.
	Skipped Effect = "skipped"
	// Doubled is a firing that happens twice.
	Doubled Effect = "doubled"
	// Misplaced is a firing at a time that the expression does not name.
	Misplaced Effect = "misplaced"
)

// Shift is a change of the clock that a schedule does not come through unharmed.
type Shift struct {
	Effect Effect
	// At is when the clock is changed, and By how far it is set forward, less than 0 when it is set back.
	At time.Time
	By time.Duration
	// Clock is what the clock on the wall shows at the first firing that is affected, as in "2027-03-28 02:30".
	Clock string
	// Fires are the times at which it does fire: both of a doubled firing, the next one after a skipped, and the
	// misplaced one.
	Fires []time.Time
}

// Shifts gives the first change of the clock with each effect, in order of time, from now on; nothing in a zone that
// does not change its clock.
//
// This is what a CronJob does, which asks the same library for the next time: what lies in the hour that is left out
// does not run that day, what lies in the hour that comes twice runs twice. A schedule for every hour passes through
// both. Where the clock is set forward at midnight, as in Cairo, or by half an hour, as on Lord Howe Island, the
// library does more than that: it misses firings later on the same day, or fires on a day or in an hour that the
// expression does not name.
func (s Schedule) Shifts(now time.Time) []Shift {
	if s.spec == nil || s.Never() {
		return nil
	}
	var out []Shift
	seen := map[Effect]bool{}
	for _, c := range s.zone.changes(now, s.endYear(now)) {
		if shift, ok := s.shift(c); ok && !seen[shift.Effect] {
			seen[shift.Effect] = true
			out = append(out, shift)
		}
	}
	return out
}

// shift tells what one change does.
func (s Schedule) shift(c change) (Shift, bool) {
	loc := s.zone.location()
	at := func(second int64) time.Time { return time.Unix(second, 0).In(loc) }
	found := func(e Effect, wall int64, fires ...time.Time) (Shift, bool) {
		clock := time.Unix(wall, 0).UTC().Format("2006-01-02 15:04")
		return Shift{Effect: e, At: at(c.at), By: time.Duration(c.by()) * time.Second, Clock: clock, Fires: fires}, true
	}
	if s.pattern.hours != allHours || c.by()%hour != 0 {
		wall := s.pattern.nextAt(min(c.old(), c.fresh()), at(c.at).Year()+1)
		switch once, twice := at(wall-c.before), at(wall-c.after); {
		case wall < 0 || wall >= max(c.old(), c.fresh()):
		case c.by() > 0:
			return found(Skipped, wall, s.Next(at(c.at-1), 1)...)
		case s.fires(once) && s.fires(twice):
			return found(Doubled, wall, once, twice)
		}
	}
	from, to, ok := s.across(c)
	if near := from > c.at-2*fullDay || to < c.at+2*fullDay; !ok || !near || !c.odd() {
		return Shift{}, false
	}
	switch next := s.next(at(from)); {
	case next.Unix() > to:
		return found(Skipped, to+c.after, next)
	case next.Unix() < to:
		_, offset := next.Zone()
		return found(Misplaced, next.Unix()+int64(offset), next)
	}
	return Shift{}, false
}

// fires tells whether it fires at a time.
func (s Schedule) fires(t time.Time) bool { return s.next(t.Add(-time.Second)).Equal(t) }
