// SPDX-License-Identifier: Apache-2.0

package github

import (
	"errors"
	"net/http"
	"time"
)

// Budget is how much is asked of GitHub at most with one set of credentials, a little less than what meets its secondary
// rate limits: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits.
type Budget struct {
	// Points are those a minute: a read costs one, a write five.
	Points int
	// Writes are those a minute. GitHub allows 80 requests a minute that generate content, and does not say which do; its advice
	// is to leave a second between any writes.
	Writes int
	// CreatesAnHour are the requests that create something, in an hour.
	CreatesAnHour int
	// AtOnce is how many requests may be under way at a time; of writes, one is.
	AtOnce int
}

// DefaultBudget leaves room below GitHub's limits (900 points and 80 requests that generate content a minute, 500 of these an
// hour, 100 at once) for what others do with the same credentials.
func DefaultBudget() Budget { return Budget{Points: 800, Writes: 72, CreatesAnHour: 450, AtOnce: 30} }

func (b Budget) check() error {
	if b.Points < 5 || b.Writes < 1 || b.CreatesAnHour < 1 || b.AtOnce < 1 {
		return errors.New("GitHub: a budget allows one write a minute at least: 5 points, and 1 creation an hour")
	}
	return nil
}

// minute is for how long a request counts: a busy machine or network lets GitHub have it later than it was counted here.
const minute = time.Minute + 3*time.Second

// spent is what was asked for in the last hour.
type spent struct {
	points []cost
	// writes are those of the last minute, creates those of the last hour.
	writes, creates []time.Time
}

type cost struct {
	at     time.Time
	points int
}

// charge returns when a request may be sent, and counts it if that is now.
func (s *spent) charge(b Budget, method string, now time.Time) time.Time {
	s.forget(now)
	writes, creates := method != http.MethodGet && method != http.MethodHead, method == http.MethodPost
	price := 1
	if writes {
		price = 5
	}
	at := now
	sum := price
	for _, c := range s.points {
		sum += c.points
	}
	for _, c := range s.points { // until enough of them are more than a minute old
		if sum <= b.Points {
			break
		}
		sum -= c.points
		at = later(at, c.at.Add(minute))
	}
	if n := len(s.creates); creates && n >= b.CreatesAnHour {
		at = later(at, s.creates[n-b.CreatesAnHour].Add(time.Hour))
	}
	if n := len(s.writes); writes && n >= b.Writes {
		at = later(at, s.writes[n-b.Writes].Add(minute))
	}
	if at.After(now) {
		return at
	}
	s.points = append(s.points, cost{now, price})
	if writes {
		s.writes = append(s.writes, now)
	}
	if creates {
		s.creates = append(s.creates, now)
	}
	return now
}

// forget drops what is too old to count.
func (s *spent) forget(now time.Time) {
	for len(s.points) > 0 && !s.points[0].at.After(now.Add(-minute)) {
		s.points = s.points[1:]
	}
	for len(s.writes) > 0 && !s.writes[0].After(now.Add(-minute)) {
		s.writes = s.writes[1:]
	}
	for len(s.creates) > 0 && !s.creates[0].After(now.Add(-time.Hour)) {
		s.creates = s.creates[1:]
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
