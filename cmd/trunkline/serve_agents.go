// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/agent"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// agents holds the flags about the agents that come to the daemon.
type agents struct {
	address, cert, key, ca, audience string
	// certificates, issuers, subjects and keys are by cluster.
	certificates, issuers, subjects, keys []string
}

func (a *agents) flags(f *pflag.FlagSet) {
	f.StringVar(&a.address, "agent-listen", "", "address to which the agents of clusters with NAME=agent come, by TLS; default: none")
	f.StringVar(&a.cert, "agent-tls-cert-file", "", "file with the PEM certificate, and its chain, that agents are served; it is read again when it changes")
	f.StringVar(&a.key, "agent-tls-key-file", "", "file with the private key of that certificate")
	f.StringVar(&a.ca, "agent-ca-file", "", "file with PEM certificates of the authorities of agents' certificates; it is read again when it changes")
	f.StringVar(&a.audience, "agent-audience", "trunkline", "audience that the tokens of agents are for")
	f.StringArrayVar(&a.certificates, "agent-certificate", nil, "`CLUSTER=NAME`: the DNS name or URI in the certificate of the agent of a cluster")
	f.StringArrayVar(&a.issuers, "agent-issuer", nil, "`CLUSTER=URL` of who issues the tokens of the agent of a cluster")
	f.StringArrayVar(&a.subjects, "agent-subject", nil, "`CLUSTER=SUBJECT` of these tokens")
	f.StringArrayVar(&a.keys, "agent-keys-file", nil, "`CLUSTER=FILE` with the keys of the issuer, a JSON Web Key Set, for one that cannot be asked; it is read again when it changes")
}

// ofAgent is who the agent of one cluster is.
type ofAgent struct{ certificate, issuer, subject, keys string }

// byCluster puts together what the flags say of each cluster.
func (a *agents) byCluster() (map[string]ofAgent, error) {
	out := map[string]ofAgent{}
	for _, f := range []struct {
		flag   string
		values []string
		into   func(*ofAgent) *string
	}{
		{"--agent-certificate", a.certificates, func(o *ofAgent) *string { return &o.certificate }},
		{"--agent-issuer", a.issuers, func(o *ofAgent) *string { return &o.issuer }},
		{"--agent-subject", a.subjects, func(o *ofAgent) *string { return &o.subject }},
		{"--agent-keys-file", a.keys, func(o *ofAgent) *string { return &o.keys }},
	} {
		err := eachNamed(f.flag, f.values, func(name, value string) error {
			o := out[name]
			if into := f.into(&o); *into == "" {
				*into = value
			} else {
				return usagef("%s names %q twice", f.flag, name)
			}
			out[name] = o
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// check finds what is wrong with the flags, for the clusters that there are.
func (a *agents) check(configs []cluster.Config, r *replicas) error {
	of, err := a.byCluster()
	if err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, c := range configs {
		if !c.Agent {
			continue
		}
		kept[c.Name] = true
		if c.Name == r.home {
			return usagef("--home %s: the replicas meet in a cluster that they reach, and this one is kept by an agent", r.home)
		}
		if err := of[c.Name].check(c.Name, a.ca); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if !kept[name] {
			return usagef("there is no agent of the cluster %q: add --cluster %s=agent, or take away what is said of its agent", name, name)
		}
	}
	switch {
	case len(kept) > 0 && a.address == "":
		return usagef("the cluster %s is kept by an agent: say where agents come, with --agent-listen HOST:PORT", slices.Sorted(maps.Keys(kept))[0])
	case len(kept) > 0 && r.shards:
		return usagef("clusters with agents do not go with --shards: an agent has one connection, to the replica that has all releases; leave --shards out, so that the leader has them")
	case a.address == "":
		return nil
	case a.cert == "" || a.key == "":
		return usagef("--agent-listen takes --agent-tls-cert-file and --agent-tls-key-file: agents have to know that the daemon is who it says")
	}
	if _, _, err := net.SplitHostPort(a.address); err != nil {
		return usagef("--agent-listen %q is not an address: write HOST:PORT", a.address)
	}
	return nil
}

func (o ofAgent) check(name, ca string) error {
	switch {
	case o.certificate == "" && o.issuer == "":
		return usagef("nothing says who the agent of the cluster %s is: add --agent-certificate %s=NAME, or --agent-issuer %s=URL and --agent-subject %s=SUBJECT", name, name, name, name)
	case o.certificate != "" && ca == "":
		return usagef("--agent-certificate %s takes --agent-ca-file: the authorities whose certificates count", name)
	case (o.issuer == "") != (o.subject == ""):
		return usagef("--agent-issuer %s and --agent-subject %s belong together", name, name)
	case o.keys != "" && o.issuer == "":
		return usagef("--agent-keys-file %s takes --agent-issuer", name)
	}
	if u, err := url.Parse(o.issuer); o.issuer != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		return usagef("--agent-issuer %s: %q is no https URL", name, o.issuer)
	}
	return nil
}

// identities are who the agents are, by cluster; what they say is as of now.
type identities map[string]func() agent.Identity

// issuerTimeout bounds one question to an issuer of tokens.
const issuerTimeout = 10 * time.Second

func (a *agents) identities(log *slog.Logger) (identities, error) {
	of, err := a.byCluster()
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: issuerTimeout}
	out := identities{}
	for name, o := range of {
		if o.issuer == "" {
			out[name] = func() agent.Identity { return agent.Identity{Certificate: o.certificate} }
			continue
		}
		tokens, err := newFiles("the keys of the agent of the cluster "+name, []string{o.keys}, func() (*agent.Tokens, error) {
			return agent.NewTokens(o.issuer, a.audience, o.subject, o.keys, client)
		}, time.Now, log)
		if err != nil {
			return nil, err
		}
		out[name] = func() agent.Identity { return agent.Identity{Certificate: o.certificate, Token: tokens.get()} }
	}
	return out, nil
}

// makeAgents makes what agents come to; nothing, if no address is given.
func (d *daemon) makeAgents(ctx context.Context) error {
	a := &d.flags.agents
	d.metrics.registry.MustRegister(&agentCollector{desks: d.rec.Desks, now: time.Now})
	if a.address == "" {
		return nil
	}
	certificates, err := newCertificates(a.cert, a.key, time.Now, d.log)
	if err != nil {
		return err
	}
	authorities, err := newFiles("the authorities of agents", []string{a.ca}, func() (*x509.CertPool, error) { return readAuthorities(a.ca) }, time.Now, d.log)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.address)
	if err != nil {
		return fmt.Errorf("listening for agents on %s: %w", a.address, err)
	}
	d.closers = append(d.closers, func() { _ = listener.Close() }) // it is closed already, once it has served
	server := &agent.Server{Desk: d.rec.Desk, Identity: d.agentIdentity, Version: programVersion(), Log: d.log}
	if c := d.sharing.coordinator; c != nil {
		server.Leads, server.Leader = c.Leads, func() string { return c.Status().Leader }
	}
	d.agentDoor = &agentDoor{listener: listener, handler: server, log: d.log, tls: func() *tls.Config {
		return &tls.Config{
			MinVersion: tls.VersionTLS12, GetCertificate: certificates.get, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: authorities.get(),
			NextProtos: []string{"http/1.1"}, SessionTicketsDisabled: true, // who has a certificate shows it each time
		}
	}}
	return nil
}

// agentIdentity is who the agent of a cluster is now.
func (d *daemon) agentIdentity(name string) (agent.Identity, bool) {
	of, ok := d.live.Load().identities[name]
	if !ok {
		return agent.Identity{}, false
	}
	return of(), true
}

// readAuthorities reads those whose certificates count; without a file none does.
func readAuthorities(file string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if file == "" {
		return pool, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the authorities of agents: %w", err)
	}
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("the file %s holds no PEM certificate of an authority", file)
	}
	return pool, nil
}

// agentDoor is where agents come in.
type agentDoor struct {
	listener net.Listener
	handler  http.Handler
	tls      func() *tls.Config
	log      *slog.Logger
}

// serve lets agents in until ctx ends, and with it what they do.
func (d *agentDoor) serve(ctx context.Context) error {
	config := d.tls()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return d.tls(), nil }
	server := &http.Server{
		Handler: d.handler, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 64 << 10, TLSConfig: config,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(d.log.Handler(), slog.LevelDebug), // callers that are no agents, for the most part
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // connections of agents end with ctx
	defer stop()
	if err := server.ServeTLS(d.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving agents: %w", err)
	}
	return nil
}

// errNotLeading ends connections of agents.
var errNotLeading = errors.New("this replica of the daemon does not lead any more")

// hangUp ends the connections of agents when this replica does not lead any more: they go to the one that does.
func hangUp(rec *reconciler.Reconciler) func(context.Context) {
	return func(leading context.Context) {
		<-leading.Done()
		for _, desk := range rec.Desks() {
			desk.Hang(errNotLeading)
		}
	}
}

// agentCollector tells Prometheus of agents.
type agentCollector struct {
	desks func() []*agent.Desk
	now   func() time.Time
}

// agentMetrics are those of agents.
type agentMetrics struct{ connected, seen, behind, rtt *prometheus.Desc }

func describedAgents() agentMetrics {
	of := []string{"cluster"}
	return agentMetrics{
		connected: prometheus.NewDesc("trunkline_agent_connected", "1 if the agent of the cluster is connected to this replica.", of, nil),
		seen:      prometheus.NewDesc("trunkline_agent_silent_seconds", "How long nothing was heard of the agent; 0 before it was heard of.", of, nil),
		behind:    prometheus.NewDesc("trunkline_agent_releases_behind", "Releases of which the agent has not taken the newest state yet.", of, nil),
		rtt:       prometheus.NewDesc("trunkline_agent_round_trip_seconds", "How long a message to the agent and back took last.", of, nil),
	}
}

// Describe implements [prometheus.Collector].
func (c *agentCollector) Describe(ch chan<- *prometheus.Desc) {
	m := describedAgents()
	for _, d := range []*prometheus.Desc{m.connected, m.seen, m.behind, m.rtt} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *agentCollector) Collect(ch chan<- prometheus.Metric) {
	m := describedAgents()
	for _, desk := range c.desks() {
		p := desk.Presence()
		silent := 0.0
		if !p.Seen.IsZero() {
			silent = max(0, c.now().Sub(p.Seen).Seconds())
		}
		for desc, value := range map[*prometheus.Desc]float64{
			m.connected: number(p.Connected), m.seen: silent, m.behind: float64(p.Behind), m.rtt: p.RTT.Seconds(),
		} {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, desk.Name())
		}
	}
}
