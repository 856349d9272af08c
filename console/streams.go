// SPDX-License-Identifier: Apache-2.0

package console

import (
	"errors"
	"net/http"
	"sync"

	"trunkline.dev/trunkline/access"
)

// errSignedOff ends a stream whose client is not signed on any more.
var errSignedOff = errors.New("the sign-on has ended")

// streams are the clients that follow the changes. The zero value has none.
type streams struct {
	mu  sync.Mutex
	all int
	of  map[string]int
}

// begin counts a stream of a client, or refuses it. Whoever has no name of their own may have all that there are.
func (s *streams) begin(who access.Principal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.all >= maxStreams:
		return problemf(http.StatusServiceUnavailable, "too many clients follow the changes")
	case !who.Nameless() && s.of[who.Name] >= maxStreamsEach:
		return problemf(http.StatusTooManyRequests, "you follow the changes %d times already: close some", maxStreamsEach)
	}
	if s.of == nil {
		s.of = map[string]int{}
	}
	s.all++
	s.of[who.Name]++
	return nil
}

func (s *streams) end(who access.Principal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.of[who.Name]--; s.of[who.Name] == 0 {
		delete(s.of, who.Name)
	}
}

// stillSignedOn reports whether the sign-on of a request that goes on is good; it is also where that cannot be checked, until the
// client comes back.
func (c *console) stillSignedOn(r *http.Request, who access.Principal) bool {
	again, err := c.signOn(&missed{header: http.Header{}}, r)
	if p, is := errors.AsType[*Problem](err); is && p.Status == http.StatusServiceUnavailable {
		return true
	}
	return err == nil && again.Name == who.Name && again.SignOn == who.SignOn
}
