// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// MaxExpression bounds an expression, in bytes; one that lists every minute, hour and day has some 500.
const MaxExpression = 1000

// Error says what is wrong with a schedule. What comes from the repository is quoted in it.
type Error struct {
	// Part is what it is wrong with: "expression", "zone" or one of the fields, such as "day of month".
	Part    string
	Message string
	// Known are the names that could have been meant, for whoever looks for the nearest; empty where they are not names.
	Known []string
	// Meant is what was probably meant; empty if that is left to the nearest of the known ones.
	Meant string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// field is one of the five of an expression.
type field struct {
	name   string
	values string
	names  []string
}

func fields() [5]field {
	return [...]field{
		{"minute", "0 to 59", nil},
		{"hour", "0 to 23", nil},
		{"day of month", "1 to 31", nil},
		{"month", "1 to 12 or jan to dec", []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
		{"day of week", "0 to 6 (Sunday is 0) or sun to sat", []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
	}
}

// macros are the names that stand for an expression.
func macros() []string {
	return []string{"@annually", "@daily", "@every", "@hourly", "@midnight", "@monthly", "@weekly", "@yearly"}
}

// Parse reads an expression and the name of an IANA time zone; without one it is UTC. The error is an [*Error].
func Parse(expression, zone string) (s Schedule, err error) {
	// The library is not written for hostile input; whatever it stumbles on must end here.
	defer func() {
		if r := recover(); r != nil {
			s, err = Schedule{}, wrong("expression", "the schedule %.80q cannot be read", expression)
		}
	}()
	z, err := findZone(zone)
	if err != nil {
		return Schedule{}, err
	}
	s = Schedule{expression: expression, zone: z}
	switch {
	case strings.TrimSpace(expression) == "":
		return Schedule{}, wrong("expression", `the schedule is empty; want five fields, as in "0 6 * * *"`)
	case len(expression) > MaxExpression:
		return Schedule{}, wrong("expression", "the schedule has %d bytes; the limit is %d", len(expression), MaxExpression)
	case strings.Contains(expression, "TZ="): // the library would read the zone from the machine, and panics at "TZ="
		return Schedule{}, wrong("zone", "the schedule %.80q names its zone, which a CronJob refuses; give the time zone in its own field", expression)
	case strings.HasPrefix(expression, "@every"):
		s.delay, err = parseEvery(expression)
		return s, err
	case strings.HasPrefix(expression, "@"):
		parsed, err := cron.ParseStandard(expression)
		if err != nil {
			e := wrong("expression", "%.80q is not a macro of schedules; want one of: %s", expression, strings.Join(macros(), ", "))
			e.Known = macros()
			return Schedule{}, e
		}
		return s.with(parsed)
	}
	parsed, err := cron.ParseStandard(expression)
	if err != nil {
		return Schedule{}, explain(expression)
	}
	return s.with(parsed)
}

func wrong(part, message string, a ...any) *Error {
	return &Error{Part: part, Message: fmt.Sprintf(message, a...)}
}

// with completes a schedule by what the library read.
func (s Schedule) with(parsed cron.Schedule) (Schedule, error) {
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return Schedule{}, wrong("expression", "the schedule %.80q cannot be read", s.expression)
	}
	if spec.Minute == 0 || spec.Hour == 0 || spec.Dom == 0 || spec.Month == 0 || spec.Dow == 0 {
		return Schedule{}, explain(s.expression) // the library takes a list of nothing
	}
	spec.Location = s.zone
	s.spec, s.never, s.least = spec, neverFires(*spec), leastInDay(spec.Minute, spec.Hour)
	return s, nil
}

// parseEvery reads the delay of "@every 90m".
func parseEvery(expression string) (time.Duration, error) {
	const want = `want a length of time, as in "@every 1h30m"`
	text, ok := strings.CutPrefix(expression, "@every ")
	if !ok {
		return 0, wrong("expression", "%.80q has no duration; %s", expression, want)
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, wrong("expression", "%.80q is not a duration; %s", text, want)
	case d < time.Second:
		return 0, wrong("expression", "%.80q is less than a second, which a CronJob would round up to a second; %s", text, want)
	case d%time.Second != 0:
		return 0, wrong("expression", "%.80q is not a whole number of seconds; a CronJob would leave out the rest", text)
	}
	return d, nil
}

// explain finds what is wrong with an expression of fields, which the library does not tell in terms of them.
func explain(expression string) error {
	all := fields()
	given := strings.Fields(expression)
	if len(given) != len(all) {
		hint := `want minute, hour, day of month, month and day of week, as in "0 6 * * *"`
		if len(given) == len(all)+1 {
			hint += "; there is no field for seconds"
		}
		return wrong("expression", "the schedule %.80q has %d fields; %s", expression, len(given), hint)
	}
	for i, f := range all {
		if strings.Trim(given[i], ",") == "" {
			return wrong(f.name, "the %s %.40q lists nothing; want %s, as in %s", f.name, given[i], f.values, examples)
		}
		for element := range strings.SplitSeq(given[i], ",") {
			// The library takes "1,,2".
			if err := f.check(i, element); err != nil && element != "" {
				return err
			}
		}
	}
	return wrong("expression", "the schedule %.80q cannot be read", expression)
}

const examples = `"5", "1-5", "*/2" or "1,3"`

// check holds one element of a field's list to what the library takes.
func (f field) check(i int, element string) *Error {
	probe := [...]string{"*", "*", "*", "*", "*"}
	probe[i] = element
	_, err := cron.ParseStandard(strings.Join(probe[:], " "))
	if err == nil {
		return nil
	}
	e := wrong(f.name, "the %s %.40q is not valid; want %s, as in %s", f.name, element, f.values, examples)
	if strings.Contains(err.Error(), "beyond end of range") {
		e.Message = fmt.Sprintf("the %s %.40q goes backwards; a range goes up, and two ranges are written as in \"22-23,0-4\"", f.name, element)
	}
	if strings.ContainsFunc(element, func(r rune) bool { return r >= 'A' }) {
		e.Known = f.names
	}
	return e
}
