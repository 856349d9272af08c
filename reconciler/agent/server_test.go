// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline.dev/trunkline/reconciler/agent"
	"trunkline.dev/trunkline/reconciler/agent/agenttest"
)

const (
	issuer  = "https://issuer.example.com"
	subject = "system:serviceaccount:trunkline-system:trunkline-agent"
)

// logged is a log that may be read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// caller is who comes, and with what.
type caller struct {
	certificate, token string
	header             map[string]string
	cluster            string
}

// come returns what the daemon says to a caller.
func come(t *testing.T, url string, authority *agenttest.Authority, c caller) (status int, said string) {
	t.Helper()
	config := &tls.Config{RootCAs: authority.Pool()}
	if c.certificate != "" {
		config.Certificates = []tls.Certificate{authority.Certificate(c.certificate)}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+agent.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Trunkline-Protocol", "1")
	req.Header.Set("Trunkline-Cluster", c.cluster)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body.String()
}

// TestWhoIsLetIn: an agent is admitted by what is configured for the cluster that it names, and by nothing else.
func TestWhoIsLetIn(t *testing.T) {
	authority, stranger := agenttest.NewAuthority(t), agenttest.NewAuthority(t)
	tokens, err := agent.NewTokens(issuer, "trunkline", subject, authority.KeysFile(), http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	identities := map[string]agent.Identity{"edge": {Certificate: "edge.agents"}, "far": {Token: tokens}, "both": {Certificate: "both.agents", Token: tokens}, "nobody": {}}
	log := &logged{}
	leads := true
	server := httptest.NewUnstartedServer(&agent.Server{
		Identity: func(name string) (agent.Identity, bool) { i, ok := identities[name]; return i, ok },
		Desk:     func(string) *agent.Desk { return nil }, // whoever comes as far as that was let in
		Leads:    func() bool { return leads }, Leader: func() string { return "trunkline-1" },
		Version: "v1.2.3", Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	server.TLS = &tls.Config{Certificates: []tls.Certificate{authority.Certificate("daemon")}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: authority.Pool()}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	t.Cleanup(server.Close)
	later, before := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	good := authority.Token(issuer, subject, "trunkline", later)
	const in = http.StatusNotFound
	cases := map[string]struct {
		reason string
		caller caller
		status int
		logs   string
	}{
		"Certificate":  {"It has the name that is configured.", caller{certificate: "edge.agents", cluster: "edge"}, in, ""},
		"Other":        {"The agent of one cluster is not that of another.", caller{certificate: "both.agents", cluster: "edge"}, http.StatusUnauthorized, "is for both.agents"},
		"Nothing":      {"Nobody is let in without showing who it is.", caller{cluster: "edge"}, http.StatusUnauthorized, "brings no certificate"},
		"TokenForCert": {"A token does not stand for a certificate.", caller{token: good, cluster: "edge"}, http.StatusUnauthorized, "brings no certificate"},
		"Token":        {"It is of the issuer and about the account.", caller{token: good, cluster: "far"}, in, ""},
		"Either":       {"Where both are configured, one will do.", caller{token: good, cluster: "both"}, in, ""},
		"Expired":      {"It was good once.", caller{token: authority.Token(issuer, subject, "trunkline", before), cluster: "far"}, http.StatusUnauthorized, "expired"},
		"Audience":     {"It is for somewhere else, where it may have been taken.", caller{token: authority.Token(issuer, subject, "vault", later), cluster: "far"}, http.StatusUnauthorized, "audience"},
		"Issuer":       {"Another issuer says what it wants.", caller{token: authority.Token("https://evil.example.com", subject, "trunkline", later), cluster: "far"}, http.StatusUnauthorized, "issued by a different provider"},
		"Subject":      {"Another account of the same cluster.", caller{token: authority.Token(issuer, "system:serviceaccount:dev:web", "trunkline", later), cluster: "far"}, http.StatusUnauthorized, "and not about"},
		"Forged":       {"Signed by someone else.", caller{token: stranger.Token(issuer, subject, "trunkline", later), cluster: "far"}, http.StatusUnauthorized, "verify"},
		"Garbage":      {"No token at all.", caller{token: "garbage-" + strings.Repeat("x", 40), cluster: "far"}, http.StatusUnauthorized, "does not count"},
		"Unknown":      {"A cluster without an agent looks as one whose agent is someone else.", caller{token: good, cluster: "prod"}, http.StatusUnauthorized, "no agent is configured"},
		"Unconfigured": {"Nothing says who it is.", caller{token: good, cluster: "nobody"}, http.StatusUnauthorized, "nothing is configured"},
		"Protocol":     {"It would not be understood.", caller{certificate: "edge.agents", cluster: "edge", header: map[string]string{"Trunkline-Protocol": "2"}}, http.StatusUpgradeRequired, "another protocol"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			status, said := come(t, server.URL, authority, tc.caller)
			if status != tc.status {
				t.Errorf("%s The daemon says %d: %s", tc.reason, status, said)
			}
			if !strings.Contains(log.String(), tc.logs) {
				t.Errorf("the log does not say %q:\n%s", tc.logs, log)
			}
			if status == http.StatusUnauthorized && (strings.Contains(said, "certificate") || strings.Contains(said, "configured")) {
				t.Errorf("a stranger is told %q", said)
			}
		})
	}
	for _, tc := range cases {
		if tc.caller.token != "" && strings.Contains(log.String(), tc.caller.token) {
			t.Errorf("a token is in the log:\n%s", log)
		}
	}
	leads = false
	if status, said := come(t, server.URL, authority, caller{certificate: "edge.agents", cluster: "edge"}); status != http.StatusServiceUnavailable || !strings.Contains(said, "trunkline-1") {
		t.Errorf("a replica that does not lead says %d: %s", status, said)
	}
	if _, said := come(t, server.URL, authority, caller{cluster: "edge", header: map[string]string{"Trunkline-Protocol": "2"}}); !strings.Contains(said, "v1.2.3") {
		t.Errorf("an agent of another version is told %q", said)
	}
}

// TestTheDaemonIsVerified: an agent shows nothing to a daemon that is not the one that it trusts.
func TestTheDaemonIsVerified(t *testing.T) {
	trusted, other := agenttest.NewAuthority(t), agenttest.NewAuthority(t)
	var came bool
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { came = true }))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{other.Certificate("daemon")}}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	t.Cleanup(server.Close)
	book, _, err := agent.OpenBook(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	log := &logged{}
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan struct{}, 100)
	link := agent.NewLink(agent.LinkOptions{
		Cluster: "edge", URL: server.URL, Book: book, Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil)),
		Client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted.Pool()}}},
		Token:  func() (string, error) { asked <- struct{}{}; return "a-token-of-the-agent", nil },
	})
	ended := make(chan struct{})
	go func() { defer close(ended); link.Run(ctx, nil) }()
	<-asked
	<-asked // the first attempt has ended
	connected, _, why := link.Presence()
	cancel()
	<-ended
	if came || connected || !strings.Contains(why, "certificate") {
		t.Errorf("the daemon was reached: %v, connected: %v, %s", came, connected, why)
	}
	if strings.Contains(log.String(), "a-token-of-the-agent") {
		t.Errorf("the token is in the log:\n%s", log)
	}
}

// TestTheAgentFindsTheReplicaThatLeads: each time that it dials it may reach another replica, as by a Service, and it does not stay with one
// that sends it away.
func TestTheAgentFindsTheReplicaThatLeads(t *testing.T) {
	authority := agenttest.NewAuthority(t)
	reached := make(chan string, 1)
	var addresses []string
	for _, leads := range []bool{false, true} {
		name := map[bool]string{false: "stands by", true: "leads"}[leads]
		server := httptest.NewUnstartedServer(&agent.Server{
			Identity: func(string) (agent.Identity, bool) { return agent.Identity{Certificate: "edge.agents"}, true },
			Leads:    func() bool { return leads }, Leader: func() string { return "another one" }, Log: slog.New(slog.DiscardHandler),
			Desk: func(string) *agent.Desk {
				select {
				case reached <- name:
				default:
				}
				return nil
			},
		})
		server.TLS = &tls.Config{Certificates: []tls.Certificate{authority.Certificate("daemon")}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: authority.Pool()}
		server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
		server.StartTLS()
		t.Cleanup(server.Close)
		addresses = append(addresses, server.Listener.Addr().String())
	}
	book, damaged, err := agent.OpenBook(t.TempDir())
	if err != nil || damaged != nil {
		t.Fatal(err, damaged)
	}
	link := agent.NewLink(agent.LinkOptions{
		Cluster: "edge", URL: "https://" + agenttest.NewLine(t, addresses...).Addr(), Book: book, Now: time.Now,
		Client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
			RootCAs: authority.Pool(), Certificates: []tls.Certificate{authority.Certificate("edge.agents")},
		}}},
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan struct{})
	go func() { defer close(ended); link.Run(ctx, nil) }()
	select {
	case name := <-reached:
		if name != "leads" {
			t.Errorf("it is let in by the replica that %s", name)
		}
	case <-ctx.Done():
		t.Error("it does not come to the replica that leads")
	}
	cancel()
	<-ended
}
