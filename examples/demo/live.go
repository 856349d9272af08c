// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"
)

// frames of the turning wheel, and how fast it turns.
const (
	frames    = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
	frameTime = 100 * time.Millisecond
)

// waiting is the line at the bottom while something is waited for.
type waiting struct {
	text  string
	since time.Time
	frame int
	drawn bool
	stop  chan struct{}
}

// busy says what is waited for from now on, or how far it has come. Without a terminal it says nothing: what is
// done is called when it is done.
func (s *story) busy(text string) {
	if s.width == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wait != nil {
		s.wait.text = text
		s.erase()
		s.draw()
		return
	}
	s.wait = &waiting{text: text, since: s.now(), stop: make(chan struct{})}
	s.draw()
	go s.turn(s.wait)
}

// idle ends the waiting.
func (s *story) idle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wait == nil {
		return
	}
	s.erase()
	close(s.wait.stop)
	s.wait = nil
}

// turn keeps the wheel turning and the clock running.
func (s *story) turn(w *waiting) {
	ticker := time.NewTicker(frameTime)
	defer ticker.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-ticker.C:
		}
		s.mu.Lock()
		if s.wait == w {
			w.frame++
			s.erase()
			s.draw()
		}
		s.mu.Unlock()
	}
}

// erase takes the line at the bottom away. The caller holds the lock.
func (s *story) erase() {
	if s.wait != nil && s.wait.drawn {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.wait.drawn = false
	}
}

// draw puts it back. The caller holds the lock.
func (s *story) draw() {
	if s.wait == nil {
		return
	}
	wheel := []rune(frames)
	figure := seconds(s.now().Sub(s.wait.since).Truncate(frameTime))
	// A line that is wrapped could not be taken back: it ends a column before the edge.
	width := min(textWidth, s.width-1) - len(margin) - 2
	text := []rune(s.wait.text)
	text = text[:max(0, min(len(text), width-len(figure)-1))]
	fmt.Fprint(s.w, margin+s.cyan(string(wheel[s.wait.frame%len(wheel)]))+" "+s.dim(columns(string(text), figure, width)))
	s.wait.drawn = true
}
