// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limits are GitHub's rate limits; those that are zero are GitHub's own.
type Limits struct {
	// Primary is the number of requests an hour, for each installation and each user.
	Primary int
	// Points are those a minute: a read costs one, a write five. Creates and CreatesAnHour are requests that create
	// content, in a minute and in an hour.
	Points, Creates, CreatesAnHour int
	// Concurrent is how many requests may be under way at a time.
	Concurrent int
	// RetryAfter is what a secondary limit tells clients to wait, in seconds; negative: it does not say.
	RetryAfter int
}

func (l Limits) orDefault() Limits {
	for field, value := range map[*int]int{&l.Primary: 5000, &l.Points: 900, &l.Creates: 80, &l.CreatesAnHour: 500, &l.Concurrent: 100, &l.RetryAfter: 60} {
		if *field == 0 {
			*field = value
		}
	}
	return l
}

// Usage is what clients asked of the REST API.
type Usage struct {
	// Requests counts all, NotModified those that were answered with 304, Writes those that were not GET.
	Requests, NotModified, Writes int
	// Primary and Secondary count the answers that refused a request because of a rate limit.
	Primary, Secondary int
	// MostAtOnce is the largest number of requests that were under way at a time, and MostWritesAtOnce of writes.
	MostAtOnce, MostWritesAtOnce int
	// Log has each request as "METHOD path", in order.
	Log []string
}

// counter counts requests. It has a lock of its own: requests that wait for the fake's are under way, too.
type counter struct {
	mu      *sync.Mutex
	limits  Limits
	now     func() time.Time
	payers  map[string]*payer
	usage   Usage
	atOnce  int
	writing int
}

type payer struct {
	used    int
	reset   time.Time
	points  []spent
	creates []time.Time
}

type spent struct {
	at     time.Time
	points int
}

func newCounter(l Limits, now func() time.Time) counter {
	return counter{mu: &sync.Mutex{}, limits: l, now: now, payers: map[string]*payer{}}
}

// Usage returns what was asked for so far.
func (g *GitHub) Usage() Usage {
	g.counter.mu.Lock()
	defer g.counter.mu.Unlock()
	u := g.counter.usage
	u.Log = append([]string(nil), u.Log...)
	return u
}

// ResetUsage has [GitHub.Usage] count from here. Rate limits keep what they counted.
func (g *GitHub) ResetUsage() {
	g.counter.mu.Lock()
	defer g.counter.mu.Unlock()
	g.counter.usage = Usage{}
}

// Exhaust uses up the primary rate limit of all users and installations that asked so far, until a time.
func (g *GitHub) Exhaust(until time.Time) {
	g.counter.mu.Lock()
	defer g.counter.mu.Unlock()
	for name, p := range g.counter.payers {
		if strings.HasPrefix(name, "app ") {
			continue // an App itself has a limit of its own
		}
		p.used, p.reset = g.counter.limits.Primary, until
	}
}

// SetLimits changes the rate limits.
func (g *GitHub) SetLimits(l Limits) {
	g.counter.mu.Lock()
	defer g.counter.mu.Unlock()
	g.counter.limits = l.orDefault()
}

func (c *counter) payer(name string) *payer {
	p := c.payers[name]
	if p == nil {
		p = &payer{}
		c.payers[name] = p
	}
	if now := c.now(); !now.Before(p.reset) {
		p.used, p.reset = 0, now.Add(time.Hour)
	}
	return p
}

// arrive counts a request that is under way, until it is done.
func (c *counter) arrive(r *http.Request) (done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	write := r.Method != http.MethodGet && r.Method != http.MethodHead
	c.usage.Requests++
	c.usage.Log = append(c.usage.Log, r.Method+" "+r.URL.Path)
	c.atOnce++
	if write {
		c.writing++
		c.usage.Writes++
	}
	c.usage.MostAtOnce = max(c.usage.MostAtOnce, c.atOnce)
	c.usage.MostWritesAtOnce = max(c.usage.MostWritesAtOnce, c.writing)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.atOnce--
		if write {
			c.writing--
		}
	}
}

// admit counts a request for who pays for it, and refuses one too many.
func (c *counter) admit(r *http.Request, who string, header http.Header) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.payer(who)
	if p.used >= c.limits.Primary {
		c.usage.Primary++
		c.write(p, header)
		return &failure{status: http.StatusForbidden, message: fmt.Sprintf("API rate limit exceeded for %s.", who), doc: "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"}
	}
	if c.secondary(r, p) {
		c.usage.Secondary++
		c.write(p, header)
		if c.limits.RetryAfter > 0 {
			header.Set("Retry-After", strconv.Itoa(c.limits.RetryAfter))
		}
		return &failure{
			status: http.StatusForbidden, message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
			doc: "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
		}
	}
	p.used++
	c.write(p, header)
	return nil
}

// secondary reports whether a request is one too many by the secondary limits, and counts it if not.
func (c *counter) secondary(r *http.Request, p *payer) bool {
	now := c.now()
	cost, creates := 1, false
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		cost, creates = 5, true
	}
	minute, hour := now.Add(-time.Minute), now.Add(-time.Hour)
	for len(p.points) > 0 && !p.points[0].at.After(minute) {
		p.points = p.points[1:]
	}
	for len(p.creates) > 0 && !p.creates[0].After(hour) {
		p.creates = p.creates[1:]
	}
	points, recent := cost, 0
	for _, s := range p.points {
		points += s.points
	}
	for _, at := range p.creates {
		if at.After(minute) {
			recent++
		}
	}
	if points > c.limits.Points || c.atOnce > c.limits.Concurrent || creates && (recent >= c.limits.Creates || len(p.creates) >= c.limits.CreatesAnHour) {
		return true
	}
	p.points = append(p.points, spent{now, cost})
	if creates {
		p.creates = append(p.creates, now)
	}
	return false
}

// giveBack takes one request off the count: it was answered with 304.
func (c *counter) giveBack(who string, header http.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.payer(who)
	p.used--
	c.usage.NotModified++
	c.write(p, header)
}

// write writes the headers by which clients know where they are.
func (c *counter) write(p *payer, header http.Header) {
	header.Set("X-Ratelimit-Limit", strconv.Itoa(c.limits.Primary))
	header.Set("X-Ratelimit-Remaining", strconv.Itoa(c.limits.Primary-p.used))
	header.Set("X-Ratelimit-Used", strconv.Itoa(p.used))
	header.Set("X-Ratelimit-Reset", strconv.FormatInt(p.reset.Unix(), 10))
	header.Set("X-Ratelimit-Resource", "core")
}

// shape is the answer of GET /rate_limit.
func (c *counter) shape(who string) object {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.payer(who)
	core := object{"limit": c.limits.Primary, "remaining": c.limits.Primary - p.used, "used": p.used, "reset": p.reset.Unix()}
	search := object{"limit": 30, "remaining": 30, "used": 0, "reset": p.reset.Unix()}
	return object{"rate": core, "resources": object{"core": core, "search": search}}
}
