// SPDX-License-Identifier: Apache-2.0

// Package agenttest has a line between an agent and a daemon that is slow, and is cut.
//
// It imports nothing of Trunkline.
package agenttest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Line passes on what is sent to its address to another one, as late as it is told to. Bytes keep their order, and do not wait for
// each other: what is sent in one go arrives in one go.
type Line struct {
	listener net.Listener
	targets  []string

	mu    sync.Mutex
	next  int
	delay time.Duration
	down  bool
	conns map[net.Conn]bool
}

// NewLine returns a line to an address, until the test ends. Of several addresses one connection after the other is to the next one, as
// those to a Service are.
func NewLine(tb testing.TB, targets ...string) *Line {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	l := &Line{listener: listener, targets: targets, conns: map[net.Conn]bool{}}
	go l.accept()
	tb.Cleanup(func() {
		_ = listener.Close() // the test is over
		l.Cut()
	})
	return l
}

// Addr is where the line begins.
func (l *Line) Addr() string { return l.listener.Addr().String() }

// Delay has everything from now on arrive that much later, in each direction.
func (l *Line) Delay(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = d
}

// Cut ends all connections, and lets none be made until [Line.Join].
func (l *Line) Cut() {
	l.mu.Lock()
	l.down = true
	l.mu.Unlock()
	l.Break()
}

// Break ends all connections; new ones can be made.
func (l *Line) Break() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = c.Close() // it is what is wanted
	}
}

// Join lets connections be made again.
func (l *Line) Join() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

func (l *Line) accept() {
	for {
		in, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.pass(in)
	}
}

// hold has the connection cut with the others; false if the line is down.
func (l *Line) hold(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		_ = c.Close()
		return false
	}
	l.conns[c] = true
	return true
}

func (l *Line) pass(in net.Conn) {
	if !l.hold(in) {
		return
	}
	l.mu.Lock()
	target := l.targets[l.next%len(l.targets)]
	l.next++
	l.mu.Unlock()
	out, err := net.Dial("tcp", target)
	if err != nil {
		_ = in.Close()
		return
	}
	if !l.hold(out) {
		_ = in.Close()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.copy(out, in) })
	both.Go(func() { l.copy(in, out) })
	both.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, in)
	delete(l.conns, out)
}

// piece is what is on its way.
type piece struct {
	data []byte
	due  time.Time
}

// copy passes on one direction.
func (l *Line) copy(to, from net.Conn) {
	const underWay = 1 << 12
	pieces := make(chan piece, underWay)
	go func() {
		defer func() { _ = to.Close() }() // nobody sends any more
		for p := range pieces {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.data); err != nil {
				_ = from.Close()
			}
		}
	}()
	defer close(pieces)
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			l.mu.Lock()
			due := time.Now().Add(l.delay)
			l.mu.Unlock()
			pieces <- piece{append([]byte(nil), buffer[:n]...), due}
		}
		if err != nil {
			return
		}
	}
}
