// SPDX-License-Identifier: Apache-2.0

package main

import "time"

// server is the API server of a cluster, as it is seen from outside: it takes time, and refuses what is too much.
type server struct {
	*engine
	costs

	cores   places
	present int
	// refuses reports whether it answers a write with 429 now, whatever it has to do; nil: it does not.
	refuses func() bool
	calls   map[verb]int
	refused int
}

func newServer(e *engine, c costs) *server {
	return &server{engine: e, costs: c, cores: places{free: c.ServerCores}, calls: map[verb]int{}}
}

// call answers a request: ok is false for 429.
func (s *server) call(v verb, answer func(ok bool)) {
	s.calls[v]++
	s.after(s.Latency/2, func() {
		if s.present >= s.Accepts || v == apply && s.refuses != nil && s.refuses() {
			s.refused++
			s.after(s.Latency/2, func() { answer(false) })
			return
		}
		s.present++
		takes := s.Read
		if v == apply {
			takes = s.Write
		}
		s.cores.work(s.engine, takes, func() {
			s.present--
			s.after(s.Latency/2, func() { answer(true) })
		})
	})
}

// busy is for how much of a time all cores would have had to work for what was asked.
func (s *server) busy(of time.Duration) float64 {
	work := time.Duration(s.calls[apply]-s.refused)*s.Write + time.Duration(s.calls[get]+s.calls[list])*s.Read
	return float64(work) / float64(of) / float64(s.ServerCores)
}
