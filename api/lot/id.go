// SPDX-License-Identifier: Apache-2.0

package lot

import (
	"fmt"
	"strings"
	"time"
)

// maxID is the length of the longest id, that of fourths and sixths.
const maxID = len("20060102PT15M000")

// code is what stands for the unit in an id, and in its lower-case form.
func (u Unit) code() (id, name string) {
	switch u {
	case Fourths:
		return "PT15M", "pt15m"
	case Sixths:
		return "PT10M", "pt10m"
	case Twelfths:
		return "PT5M", "pt5m"
	case Hourly:
		return "PT1H", "pt1h"
	case Daily:
		return "P1D", "p1d"
	}
	return "", ""
}

// ID is the id of the lot, as in "20230206PT5M286". It is empty for the zero lot.
func (l Lot) ID() string {
	var buffer [maxID]byte
	return string(l.AppendID(buffer[:0]))
}

// String is the id.
func (l Lot) String() string { return l.ID() }

// AppendID appends the id to a text.
func (l Lot) AppendID(b []byte) []byte {
	code, _ := l.Unit.code()
	return l.appendWith(b, code)
}

// Name is the id in lower case, for names in Kubernetes. It is empty for the zero lot.
func (l Lot) Name() string {
	var buffer [maxID]byte
	_, code := l.Unit.code()
	return string(l.appendWith(buffer[:0], code))
}

func (l Lot) appendWith(b []byte, code string) []byte {
	if l.IsZero() {
		return b
	}
	year, month, date := l.Start.Date()
	b = append(b, digit(year/1000), digit(year/100), digit(year/10), digit(year))
	b = append(b, digit(int(month)/10), digit(int(month)), digit(date/10), digit(date))
	b = append(b, code...)
	n := int((l.Start.Unix() - first) % day / l.Unit.seconds())
	return append(b, digit(n/100), digit(n/10), digit(n))
}

func digit(n int) byte { return byte('0' + n%10) }

// ParseID reads an id. It takes exactly what [Lot.ID] writes.
func ParseID(id string) (Lot, error) {
	return parse(id, "20230206PT5M286", func(u Unit) string { code, _ := u.code(); return code })
}

// ParseName reads the lower-case form of an id. It takes exactly what [Lot.Name] writes.
func ParseName(name string) (Lot, error) {
	return parse(name, "20230206pt5m286", func(u Unit) string { _, code := u.code(); return code })
}

func parse(id, example string, code func(Unit) string) (Lot, error) {
	bad := func(why string, a ...any) (Lot, error) {
		return Lot{}, fmt.Errorf("%.40q is not the id of a lot: %s; want one as in %q", id, fmt.Sprintf(why, a...), example)
	}
	const date, ordinal = len("20060102"), len("000")
	if len(id) < date+ordinal {
		return bad("it is too short")
	}
	head, middle, tail := id[:date], id[date:len(id)-ordinal], id[len(id)-ordinal:]
	unit := Unit(0)
	for _, u := range all() {
		if code(u) == middle {
			unit = u
		}
	}
	if unit == 0 {
		var codes []string
		for _, u := range all() {
			codes = append(codes, code(u))
		}
		return bad("after the day stands %.20q, which is not a length of lots; want one of: %s", middle, strings.Join(codes, ", "))
	}
	ymd, ok := number(head)
	if !ok {
		return bad("it does not begin with a day of eight digits")
	}
	year, month, dom := ymd/10000, time.Month(ymd/100%100), ymd%100
	midnight := time.Date(year, month, dom, 0, 0, 0, 0, time.UTC)
	// Date takes the 31st of February for the 3rd of March; an id has one way to be written.
	if y, m, d := midnight.Date(); year == 0 || y != year || m != month || d != dom {
		return bad("there is no day %s", head)
	}
	n, ok := number(tail)
	if !ok || n >= unit.PerDay() {
		return bad("a day has the lots 000 to %03d, and none %q", unit.PerDay()-1, tail)
	}
	return unit.at(midnight.Unix() + int64(n)*unit.seconds()), nil
}

// number reads ASCII digits, and nothing else.
func number(digits string) (int, bool) {
	n := 0
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		n = n*10 + int(digits[i]-'0')
	}
	return n, true
}
