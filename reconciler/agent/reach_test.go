// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"trunkline.dev/trunkline/reconciler/agent/agenttest"
)

// site is a daemon and an agent with a real line between them, which can be cut.
type site struct {
	*pair

	t         *testing.T
	authority *agenttest.Authority
	line      *agenttest.Line
	server    *Server
	leads     atomic.Bool
	// dials counts the connections for what runs in the cluster that were asked for.
	dials atomic.Int64
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{pair: newPair(t), t: t, authority: agenttest.NewAuthority(t)}
	s.leads.Store(true)
	s.server = &Server{
		Desk: func(string) *Desk { return s.office.desk }, Identity: func(string) (Identity, bool) { return Identity{Certificate: "edge.agents"}, true },
		Leads: s.leads.Load, Leader: func() string { return "another" }, Version: "v2", Log: slog.New(slog.DiscardHandler),
	}
	s.listen()
	return s
}

// listen starts a daemon.
func (s *site) listen() {
	s.t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == ReachPath {
			s.dials.Add(1)
		}
		s.server.ServeHTTP(w, r)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{s.authority.Certificate("daemon")}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: s.authority.Pool()}
	server.StartTLS()
	s.t.Cleanup(server.Close)
	s.line = agenttest.NewLine(s.t, server.Listener.Addr().String())
}

// agent starts one that has a handler, until the function is called that is returned.
func (s *site) agent(version string, reach http.Handler) (end func()) {
	s.t.Helper()
	o := &s.link.opts
	o.URL, o.Version, o.Reach = "https://"+s.line.Addr(), version, reach
	o.Client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.authority.Pool(), Certificates: []tls.Certificate{s.authority.Certificate("edge.agents")}}}}
	ctx, cancel := context.WithCancel(s.t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.link.Run(ctx, s.keeper) })
	end = sync.OnceFunc(func() { cancel(); running.Wait() })
	s.t.Cleanup(end)
	return end
}

// ask makes a request to the agent, and returns what it answers.
func (s *site) ask(path string, body io.Reader) (*http.Response, error) {
	return s.askIn(s.t.Context(), path, body)
}

func (s *site) askIn(ctx context.Context, path string, body io.Reader) (*http.Response, error) {
	way, err := s.office.desk.Reach(ctx)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent"+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return way.RoundTrip(r)
}

func (s *site) said(path string) (string, error) {
	resp, err := s.ask(path, http.NoBody)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// greets answers with the path.
var greets = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "at "+r.URL.Path) })

// TestReach: an agent is asked for one connection, however many want it at once, and is asked again when it has ended with the line. Between, whoever wants it is
// told that the agent is away. A replica that does not lead is passed by.
func TestReach(t *testing.T) {
	s := newSite(t)
	if _, err := s.said("/"); err == nil || !strings.Contains(err.Error(), "has not been seen") {
		t.Errorf("without an agent: %v", err)
	}
	s.agent("v2", greets)
	s.settled(t)
	if n := s.dials.Load(); n != 0 {
		t.Errorf("%d connections are made that nobody has asked for", n)
	}
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			path := fmt.Sprintf("/%d", i)
			if got, err := s.said(path); err != nil || got != "at "+path {
				t.Errorf("%s is answered with %q, %v", path, got, err)
			}
		})
	}
	all.Wait()
	if n := s.dials.Load(); n != 1 {
		t.Errorf("%d connections are made, and one would do", n)
	}
	s.office.desk.mu.Lock()
	_ = s.office.desk.session.reach.line.Close() // as when something in between has cut this one only
	s.office.desk.mu.Unlock()
	if got, err := s.said("/once-more"); err != nil || got != "at /once-more" || s.dials.Load() != 2 {
		t.Errorf("after that connection has ended: %q, %v, by %d connections", got, err, s.dials.Load())
	}
	s.line.Cut()
	await(t, "the agent to be away", s.office.changed, func() bool { return !s.office.desk.Presence().Connected })
	if err := s.office.desk.Reachable(); err == nil || !strings.Contains(err.Error(), "has not been seen since") {
		t.Errorf("while it is away: %v", err)
	}
	s.line.Join()
	s.settled(t)
	if got, err := s.said("/again"); err != nil || got != "at /again" {
		t.Errorf("after the line was cut: %q, %v", got, err)
	}
}

// TestReachEnds: what goes on ends at both sides with the line, with the agent and with the daemon's session, and nothing is left under way at an agent that has ended.
func TestReachEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		end    func(s *site, agent func())
	}{
		"Line":    {"The line is cut, and nobody says goodbye.", func(s *site, _ func()) { s.line.Cut() }},
		"Agent":   {"The agent is stopped.", func(_ *site, agent func()) { agent() }},
		"Session": {"The daemon ends it, as when it does not lead any more.", func(s *site, _ func()) { s.office.desk.Hang(errReplaced) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			begun, ended := make(chan struct{}), make(chan struct{})
			agent := s.agent("v2", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush()
				close(begun)
				<-r.Context().Done()
				close(ended)
			}))
			s.settled(t)
			sent, send := io.Pipe()
			defer send.Close()
			resp, err := s.ask("/", sent)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			<-begun
			tc.end(s, agent)
			if n, err := resp.Body.Read(make([]byte, 1)); err == nil {
				t.Errorf("%s %d bytes are read", tc.reason, n)
			}
			if _, err := send.Write([]byte("x")); err == nil {
				t.Errorf("%s It is written to nobody.", tc.reason)
			}
			<-ended
		})
	}
}

// TestWhoIsNotReached: an agent that lets nobody through is not asked, nor is one of another version, and each is said with what to do; and so is a connection that
// cannot be brought.
func TestWhoIsNotReached(t *testing.T) {
	s := newSite(t)
	end := s.agent("v2", nil)
	s.settled(t)
	if _, err := s.said("/"); err == nil || !strings.Contains(err.Error(), "--reach") {
		t.Errorf("one that lets nobody through: %v", err)
	}
	end()
	await(t, "the agent to be gone", s.office.changed, func() bool { return !s.office.desk.Presence().Connected })
	for version, h := range map[string]hello{"v1": {Instance: "old", Book: "a", Runs: RunsProtocol}, "v9": {Instance: "new", Book: "a", Reach: ReachProtocol + 1}} {
		other := &session{desk: s.office.desk, ctx: t.Context(), stop: func(error) {}, wake: make(chan struct{}, 1)}
		if _, err := s.office.desk.begin(other, h, version); err != nil {
			t.Fatal(err)
		}
		if _, err := s.said("/"); err == nil || !strings.Contains(err.Error(), version) || !strings.Contains(err.Error(), "install the agent of the daemon's version") {
			t.Errorf("one of another version: %v", err)
		}
		if len(other.posts) > 0 {
			t.Errorf("it is asked for something that it does not know: %+v", other.posts)
		}
		s.office.desk.finish(other)
	}
	if s.dials.Load() != 0 {
		t.Error("a connection is made that is not asked for")
	}
	other := &session{desk: s.office.desk, ctx: t.Context(), stop: func(error) {}, wake: make(chan struct{}, 1)}
	w, err := s.office.desk.begin(other, hello{Instance: "c", Book: "a", Reach: ReachProtocol}, "v2")
	if err != nil || w.Reach != ReachProtocol {
		t.Fatalf("the daemon says that it speaks %d, %v", w.Reach, err)
	}
	failed := make(chan error, 1)
	go func() { _, err := s.said("/"); failed <- err }()
	for ticket := ""; ticket == ""; {
		<-other.wake
		s.office.desk.mu.Lock()
		ticket = other.posts[0].Reach
		s.office.desk.mu.Unlock()
		s.office.desk.hear(other, frame{Unreached: &unreached{"of another connection", "nonsense"}})
		s.office.desk.hear(other, frame{Unreached: &unreached{ticket, "the proxy says 403"}})
	}
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "the proxy says 403") {
		t.Errorf("one that cannot be brought: %v", err)
	}
}

// TestAConnectionThatNobodyAskedFor: whoever is the agent brings a connection only with the ticket of the moment, and while the replica leads.
func TestAConnectionThatNobodyAskedFor(t *testing.T) {
	s := newSite(t)
	s.agent("v2", greets)
	s.settled(t)
	come := func(ticket string) int {
		t.Helper()
		_, status, err := s.link.dial(t.Context(), ReachPath, http.Header{headerTicket: {ticket}}, 0)
		if err == nil {
			t.Fatal("it is let in")
		}
		return status
	}
	if got := come(""); got != http.StatusConflict {
		t.Errorf("without a ticket: %d", got)
	}
	if got := come("guessed"); got != http.StatusConflict {
		t.Errorf("with a ticket that was guessed: %d", got)
	}
	s.leads.Store(false)
	if got := come("guessed"); got != http.StatusServiceUnavailable {
		t.Errorf("at a replica that does not lead: %d", got)
	}
}

// TestReachIsBounded: requests whose readers take nothing hold up no other, in either direction, and what they have on its way is bounded.
func TestReachIsBounded(t *testing.T) {
	s := newSite(t)
	stalled := make(chan struct{})
	s.agent("v2", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/takes-nothing":
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case "/says-all":
			block := make([]byte, 64<<10)
			for {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		default:
			got, err := io.ReadAll(r.Body)
			fmt.Fprint(w, len(got), err)
		}
	}))
	s.settled(t)
	const many = 60
	var wrote atomic.Int64
	for range many {
		up, err := s.ask("/takes-nothing", &endless{n: &wrote, until: stalled})
		if err != nil {
			t.Fatal(err)
		}
		defer up.Body.Close()
		down, err := s.ask("/says-all", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		defer down.Body.Close() // nobody reads it
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 3 {
		resp, err := s.askIn(ctx, "/", strings.NewReader(strings.Repeat("x", 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if want := fmt.Sprint(1<<20, error(nil)); string(got) != want || err != nil {
			t.Errorf("beside them: %q, %v, want %q", got, err, want)
		}
	}
	close(stalled)
	const piece = 512 << 10 // is what the client reads of a body at once
	if n := wrote.Load(); n > many*(windowUp+piece) {
		t.Errorf("%d bytes were taken that nobody reads", n)
	}
}

// endless is a body without an end.
type endless struct {
	n     *atomic.Int64
	until chan struct{}
}

func (e *endless) Read(p []byte) (int, error) {
	select {
	case <-e.until:
		return 0, io.EOF
	default:
	}
	e.n.Add(int64(len(p)))
	return len(p), nil
}

// TestServeLineThatHasEnded: an agent that ends meanwhile serves nothing, and leaves nothing open.
func TestServeLineThatHasEnded(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	serveLine(ctx, ours, greets, slog.New(slog.DiscardHandler))
	if err := ours.SetDeadline(time.Now()); err == nil {
		t.Error("the connection is left open")
	}
}
