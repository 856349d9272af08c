// SPDX-License-Identifier: Apache-2.0

package boundary

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// KeyTime reads the time that stands in a key.
type KeyTime struct {
	expression *regexp.Regexp
	// at has the group of each part of the time, from the year to the second; 0 if there is none.
	at [6]int
}

// parts are the names of the groups.
func parts() []string { return []string{"year", "month", "day", "hour", "minute", "second"} }

// NewKeyTime makes one of a regular expression (RE2) whose groups are named year, month, day, hour, minute and second, in UTC. All are
// needed that tell lots of the unit apart; those that are left out are where the hour, or the like, begins.
func NewKeyTime(expression string, unit time.Duration) (*KeyTime, error) {
	e, err := regexp.Compile(expression)
	if err != nil {
		return nil, fmt.Errorf("%.200q is not a regular expression: %w", expression, err)
	}
	k := &KeyTime{expression: e}
	for i, name := range e.SubexpNames() {
		if name == "" {
			continue
		}
		part := slices.Index(parts(), name)
		if part < 0 {
			return nil, fmt.Errorf("the group %q stands for nothing; want one of: %s", name, strings.Join(parts(), ", "))
		}
		if k.at[part] != 0 {
			return nil, fmt.Errorf("the group %q is there twice", name)
		}
		k.at[part] = i
	}
	needed := 3
	switch {
	case unit < time.Hour:
		needed = 5
	case unit < 24*time.Hour:
		needed = 4
	}
	given := 0
	for given < len(k.at) && k.at[given] != 0 {
		given++
	}
	if given < needed {
		return nil, fmt.Errorf("it has no group %q, without which nobody knows the lot", parts()[given])
	}
	for rest := given; rest < len(k.at); rest++ {
		if k.at[rest] != 0 {
			return nil, fmt.Errorf("it has a group %q and none that is called %q", parts()[rest], parts()[given])
		}
	}
	return k, nil
}

// errNoTime says that a key has no time.
var errNoTime = errors.New("its key does not have the time of keyTime")

// Of reads the time of a key.
func (k *KeyTime) Of(key string) (time.Time, error) {
	found := k.expression.FindStringSubmatch(key)
	if found == nil {
		return time.Time{}, errNoTime
	}
	value := [6]int{1, 1, 1}
	for i, group := range k.at {
		if group == 0 {
			continue
		}
		n, err := strconv.Atoi(found[group])
		if err != nil {
			return time.Time{}, fmt.Errorf("the %s in its key is %.40q, which is no number", parts()[i], found[group])
		}
		value[i] = n
	}
	t := time.Date(value[0], time.Month(value[1]), value[2], value[3], value[4], value[5], 0, time.UTC)
	if got := [6]int{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second()}; got != value || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, errors.New("the time in its key is none that there is")
	}
	return t, nil
}
