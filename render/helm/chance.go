// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"fmt"
	"time"

	"github.com/Masterminds/sprig/v3"
)

// chance stands for what differs on each render: the clock, and what is made at random. A chart may ask for it, and often
// throws the result away: `default (randAlphaNum 16) .Values.password`. So nothing is refused because it is called.
// A chart that calls is rendered a second time, with another chance that has no letter and no digit in common with
// the first; what is the same both times does not depend on it.
type chance struct {
	// other is set for the second render.
	other bool
	// only, if it is not 0, is the one call of the second render that differs from the first, and refuse the one that
	// fails: this is how the call is found whose result is written.
	only, refuse int
	// calls counts the calls that were made.
	calls int
}

// calledError is the call that [chance.refuse] names.
type calledError struct{ function string }

func (e *calledError) Error() string { return e.function }

// The clocks of the two renders: no part of a date is the same in both.
var clocks = [2]time.Time{
	time.Date(2026, time.March, 4, 5, 6, 7, 89_000_000, time.UTC),
	time.Date(2037, time.December, 21, 18, 29, 53, 401_000_000, time.UTC),
}

// The letters and digits of the two renders, in upper case too: what both take at one place differs, and if it is made
// lower case as well.
var (
	letters = [2]string{"abcdefghijklm", "nopqrstuvwxyz"}
	digits  = [2]string{"01234", "56789"}
)

// draw is one call: which of the two renders it belongs to, and its number.
type draw struct{ which, n int }

// draw counts a call. It panics for one that is to fail; text/template turns that into an error with the line.
func (c *chance) draw(function string) draw {
	c.calls++
	if c.refuse == c.calls {
		panic(&calledError{function})
	}
	if c.other && (c.only == 0 || c.only == c.calls) {
		return draw{1, c.calls}
	}
	return draw{0, c.calls}
}

func (d draw) now() time.Time { return clocks[d.which] }

// text makes a text by a pattern: a, A and 0 stand for a letter, an upper-case letter and a digit, everything else for itself.
func (d draw) text(pattern string) string {
	out := []byte(pattern)
	for i, kind := range out {
		// Two calls of one render do not make the same, as those of a chart that counts on it.
		at := i*5 + d.n*7 + i*d.n
		switch kind {
		case 'a':
			out[i] = letters[d.which][at%len(letters[d.which])]
		case 'A':
			out[i] = letters[d.which][at%len(letters[d.which])] - 'a' + 'A'
		case '0':
			out[i] = digits[d.which][at%len(digits[d.which])]
		}
	}
	return string(out)
}

// repeated is a pattern of a length.
func repeated(pattern string, n int) string {
	out := make([]byte, max(n, 0))
	for i := range out {
		out[i] = pattern[i%len(pattern)]
	}
	return string(out)
}

// certificate is what the functions for certificates return; sprig's has no name.
type certificate struct{ Cert, Key string }

func (d draw) pem(kind string) string {
	return fmt.Sprintf("-----BEGIN %s-----\n%s\n-----END %s-----\n", kind, d.text(repeated("Aa0a", 64)), kind)
}

func (d draw) certificate() certificate {
	return certificate{d.pem("CERTIFICATE"), d.pem("RSA PRIVATE KEY")}
}

// function returns the function of a name, if it is one whose result differs on each render; otherwise nil.
func (c *chance) function(name string) any {
	random := func(pattern string) any {
		return func(n int) string { return c.draw(name).text(repeated(pattern, n)) }
	}
	hash := func() string { return c.draw(name).text(repeated("Aa0", 53)) }
	switch name {
	case "now":
		return func() time.Time { return c.draw(name).now() }
	case "ago":
		return func(t any) string {
			return c.draw(name).now().Sub(c.time(name, t)).Round(time.Second).String()
		}
	case "date":
		return func(layout string, t any) string { return c.date(name, layout, t, "UTC") }
	case "htmlDate":
		return func(t any) string { return c.date(name, time.DateOnly, t, "UTC") }
	case "dateInZone", "date_in_zone":
		return func(layout string, t any, zone string) string { return c.date(name, layout, t, zone) }
	case "htmlDateInZone":
		return func(t any, zone string) string { return c.date(name, time.DateOnly, t, zone) }
	case "durationRound":
		return func(v any) string {
			if t, isTime := v.(time.Time); isTime {
				// Sprig's own rounding, of a duration in nanoseconds.
				v = int64(c.draw(name).now().Sub(t))
			}
			return roundDuration(v)
		}
	case "randAlpha":
		return random("aA")
	case "randAlphaNum", "randAscii":
		return random("aA0")
	case "randNumeric":
		return random("0")
	case "randBytes":
		return func(n int) (string, error) { return c.draw(name).text(repeated("aA0", (n+2)/3*4)), nil }
	case "randInt":
		return func(low, high int) int { return c.draw(name).between(low, high) }
	case "shuffle":
		return func(s string) string { return c.draw(name).shuffle(s) }
	case "uuidv4":
		return func() string { return c.draw(name).text("0a0a0a0a-0a0a-40a0-80a0-0a0a0a0a0a0a") }
	case "bcrypt":
		return func(string) string { return "$2a$10$" + hash() }
	case "htpasswd":
		return func(user, _ string) string { return user + ":$2a$10$" + hash() }
	case "encryptAES":
		return func(_, _ string) (string, error) { return hash(), nil }
	case "genPrivateKey":
		return func(string) string { return c.draw(name).pem("PRIVATE KEY") }
	case "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey":
		return func(...any) (certificate, error) { return c.draw(name).certificate(), nil }
	}
	return nil
}

// between is one of the integers from low to high, which is none of them.
func (d draw) between(low, high int) int {
	if high <= low {
		panic("invalid argument to randInt: there is no number from the first to below the second")
	}
	return [2]int{low, high - 1}[d.which]
}

func (d draw) shuffle(s string) string {
	if runes := []rune(s); d.which == 1 && len(runes) > 0 {
		return string(append(runes[1:], runes[0]))
	}
	return s
}

// time is the time that a value stands for: as in sprig, the current one if it stands for none.
func (c *chance) time(function string, v any) time.Time {
	switch v := v.(type) {
	case time.Time:
		return v
	case *time.Time:
		return *v
	case int64:
		return time.Unix(v, 0)
	case int:
		return time.Unix(int64(v), 0)
	case int32:
		return time.Unix(int64(v), 0)
	}
	return c.draw(function).now()
}

// date formats a time. The time zone of the machine is nobody's business.
func (c *chance) date(function, layout string, v any, zone string) string {
	where, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		where = time.UTC
	}
	return c.time(function, v).In(where).Format(layout)
}

// roundDuration is sprig's.
var roundDuration = sprig.TxtFuncMap()["durationRound"].(func(any) string)
