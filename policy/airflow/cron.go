// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// cronField is a field of a cron expression, in the order that they are written.
type cronField struct {
	word      string
	low, high int
	names     []string
	// first is the value of the first name.
	first int
}

func cronFields() []cronField {
	months := []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
	days := []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	return []cronField{
		{"minute", 0, 59, nil, 0},
		{"hour", 0, 23, nil, 0},
		{"day of the month", 1, 31, nil, 0},
		{"month", 1, 12, months, 1},
		{"day of the week", 0, 6, days, 0},
		{"second", 0, 59, nil, 0},
		{"year", 1970, 2099, nil, 0},
	}
}

const (
	cronDay     = 2
	cronWeekday = 4
	cronDays    = "sun|mon|tue|wed|thu|fri|sat"
)

var (
	cronSpace   = regexp.MustCompile(`[^ \t\n\r\f\v]+`)
	cronRandom  = regexp.MustCompile(`^([hr])(?:\((\d+)-(\d+)\))?(?:/(\d+))?$`)
	cronRange   = regexp.MustCompile(`^([^-]+)-([^-/]+)(?:/(\d+))?$`)
	cronStep    = regexp.MustCompile(`^(.+)/(.+)$`)
	cronNumber  = regexp.MustCompile(`^\d+$`)
	cronNth     = regexp.MustCompile(`^((?:` + cronDays + `)(?:-(?:` + cronDays + `))?|\w+)#(\d+)$`)
	cronLast    = regexp.MustCompile(`^l(\d+)$`)
	cronNearest = regexp.MustCompile(`^(?:(\d+)w|w(\d+))$`)
)

// cronPreset is true for the names that Airflow has for schedules.
func cronPreset(s string) bool {
	switch s {
	case "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly", "@once", "@continuous":
		return true
	}
	switch strings.ToLower(s) {
	case "@midnight", "@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually":
		return true
	}
	return false
}

// checkCron says why croniter, which reads cron expressions for Airflow, does not take one; empty when it does.
func checkCron(expression string) string {
	fields := cronSpace.FindAllString(strings.ToLower(expression), -1)
	if len(fields) < 5 || len(fields) > 7 {
		return fmt.Sprintf("has %d fields; it needs 5, or 6 with seconds, or 7 with years", len(fields))
	}
	for i, f := range cronFields()[:len(fields)] {
		if wrong := checkCronField(i, f, fields[i]); wrong != "" {
			return fmt.Sprintf("has %q for the %s: %s", shorten(fields[i]), f.word, wrong)
		}
	}
	return ""
}

func checkCronField(i int, f cronField, text string) string {
	if random := cronRandom.FindStringSubmatch(text); random != nil {
		return f.random(random)
	}
	if strings.Contains(text, "?") {
		if text != "?" {
			return `"?" stands alone`
		}
		if i != cronDay && i != cronWeekday {
			return `"?" is for days only`
		}
		return ""
	}
	parts := strings.Split(text, ",")
	var plain, nth []int
	for _, part := range parts {
		if i == cronDay {
			if nearest := cronNearest.FindStringSubmatch(part); nearest != nil {
				if day, ok := number(nearest[1] + nearest[2]); !ok || day < 1 || day > 31 {
					return "there is no such day"
				}
				if len(parts) > 1 {
					return `"w" is for one day alone`
				}
				continue
			}
		}
		which := &plain
		if i == cronWeekday {
			if m := cronNth.FindStringSubmatch(part); m != nil {
				if n, ok := number(m[2]); !ok || n < 1 || n > 5 {
					return "a month has weeks 1 to 5"
				}
				part, which = m[1], &nth
			} else if m := cronLast.FindStringSubmatch(part); m != nil {
				part, which = m[1], &nth
			}
		}
		values, wrong := f.values(i, part)
		if wrong != "" {
			return wrong
		}
		*which = append(*which, values...)
	}
	return mixed(plain, nth, slices.Contains(parts, "*"))
}

// mixed refuses days of the week that are meant each week beside ones that are not. Croniter lets them pass when
// there are seven different things in the list, of which "*" is one.
func mixed(plain, nth []int, star bool) string {
	all := append(slices.Clone(plain), nth...)
	slices.Sort(all)
	different := len(slices.Compact(all))
	if star {
		different++
	}
	if len(nth) == 0 || different == 7 {
		return ""
	}
	for _, day := range plain {
		if !slices.Contains(nth, day) {
			return "days of every week cannot be mixed with days of one week"
		}
	}
	return ""
}

// random checks "r", which croniter replaces with a random value. "h" needs an id, which Airflow does not give.
func (f cronField) random(m []string) string {
	if m[1] == "h" {
		return `"h" needs an id, which Airflow does not give`
	}
	if m[2] != "" {
		low, ok := number(m[2])
		high, ok2 := number(m[3])
		if !ok || !ok2 || low >= high || low < f.low || high > f.high {
			return "the range is not one"
		}
	}
	if step, ok := number(m[4]); m[4] != "" && (!ok || step == 0) {
		return "the step is zero"
	}
	return ""
}

func number(s string) (int, bool) {
	if !cronNumber.MatchString(s) {
		return 0, false
	}
	i, err := strconv.Atoi(s)
	return i, err == nil
}

// value reads a number or a name.
func (f cronField) value(i int, s string) (int, bool) {
	v, ok := number(s)
	if at := slices.Index(f.names, s); !ok && at >= 0 {
		v, ok = f.first+at, true
	}
	if v == 7 && i == cronWeekday {
		v = 0
	}
	return v, ok
}

// values checks one part of a list; it returns the values for days of the week, where they matter.
func (f cronField) values(i int, part string) (values []int, wrong string) {
	if strings.HasPrefix(part, "*/") && len(part) > 2 {
		part = fmt.Sprintf("%d-%d%s", f.low, f.high, part[1:])
	}
	m := cronRange.FindStringSubmatch(part)
	stepped := false
	if m == nil {
		if s := cronStep.FindStringSubmatch(part); s != nil {
			part = fmt.Sprintf("%s-%d/%s", s[1], f.high, s[2])
		}
		m = cronRange.FindStringSubmatch(part)
		stepped = m != nil
	}
	if m == nil {
		return f.single(i, part)
	}
	if i == cronDay && m[2] == "l" {
		m[2] = "31"
	}
	low, ok := f.value(i, m[1])
	high, ok2 := f.value(i, m[2])
	if !ok || !ok2 {
		return nil, "that is no range"
	}
	step := 1
	if m[3] != "" {
		if step, ok = number(m[3]); !ok || step == 0 {
			return nil, "the step is zero"
		}
	}
	if max(low, high) > f.high || low < f.low && (low != high || stepped) {
		return nil, fmt.Sprintf("it goes from %d to %d", f.low, f.high)
	}
	return f.expand(i, low, high, step, stepped), ""
}

func (f cronField) single(i int, part string) (values []int, wrong string) {
	if part == "*" || part == "l" && i == cronDay {
		return nil, ""
	}
	v, ok := f.value(i, part)
	if !ok {
		return nil, "that is no value of it"
	}
	if v < f.low || v > f.high {
		return nil, fmt.Sprintf("it goes from %d to %d", f.low, f.high)
	}
	return []int{v}, ""
}

// expand lists the days of a range, which may go over the end of the week.
func (f cronField) expand(i, low, high, step int, stepped bool) []int {
	if i != cronWeekday {
		return nil
	}
	if low == high && stepped {
		return []int{low}
	}
	if low == high {
		low, high = f.low, f.high
	}
	var out []int
	if low <= high {
		for v := low; v <= high; v += step {
			out = append(out, v)
		}
		return out
	}
	for v := low; v <= f.high; v += step {
		out = append(out, v)
	}
	for v := f.low; v <= high; v += step {
		out = append(out, v)
	}
	return out
}
