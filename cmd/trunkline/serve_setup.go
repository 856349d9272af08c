// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"strings"
	"time"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/doctor/probe"
	"trunkline.dev/trunkline/reconciler/agent"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/webhooks/github/setup"
)

const (
	// setupKept is how long what was found around the daemon is shown again, and setupTimeout how long each that is asked may take.
	setupKept    = 15 * time.Second
	setupTimeout = 5 * time.Second
)

// settingUp is how the daemon is set up by pages. It implements [console.Setup].
type settingUp struct {
	appMaker

	d        *daemon
	options  probe.Options // those about GitHub
	clusters probe.Kept[doctor.Report]
	github   probe.Kept[doctor.Report]
	declared probe.Declared
}

// makeSetup makes what looks around for the pages. It looks once someone asks.
func (d *daemon) makeSetup() (*settingUp, error) {
	s := &settingUp{appMaker: appMaker{flags: d.flags, keys: d.decrypter, catalog: d.rec.Catalog, log: d.log}, d: d, options: probe.Options{Now: time.Now, Version: programVersion(), Timeout: setupTimeout}}
	if err := d.flags.atForge(&s.options); err != nil {
		return nil, err
	}
	s.clusters = probe.Kept[doctor.Report]{Now: time.Now, For: setupKept, Look: s.lookAtClusters}
	s.github = probe.Kept[doctor.Report]{Now: time.Now, For: setupKept, Look: func(ctx context.Context) doctor.Report {
		return doctor.ExamineThose(probe.AroundGitHub(ctx, s.options), func(c doctor.Check) bool { return c.Area == doctor.GitHub })
	}}
	return s, nil
}

func (s *settingUp) lookAtClusters(ctx context.Context) doctor.Report {
	o := probe.Options{Now: time.Now, Version: programVersion(), Timeout: setupTimeout, Clusters: s.d.live.Load().configs}
	_, accepted := s.d.rec.Accepted()
	says := doctor.Running{Version: programVersion(), State: s.d.board.Snapshot()}
	return doctor.ExamineThose(probe.AroundClusters(ctx, o, &s.declared, accepted, says), aboutClusters)
}

// aboutClusters picks the checks that say something of a cluster.
func aboutClusters(c doctor.Check) bool {
	return c.Area == doctor.Clusters || c.ID == "machine-kubeconfig" || c.ID == "machine-clock"
}

// Clusters implements [console.Setup].
func (s *settingUp) Clusters(ctx context.Context) (console.ClusterSetup, error) {
	report, at, err := s.clusters.Get(ctx)
	if err != nil {
		return console.ClusterSetup{}, err
	}
	out := console.ClusterSetup{At: at, Clusters: []console.SetupCluster{}}
	for _, c := range s.d.live.Load().configs {
		out.Clusters = append(out.Clusters, console.SetupCluster{Name: c.Name, ReachedBy: reachedBy(c), Agent: agentAt(s.d.rec.Desk(c.Name))})
	}
	sortFindings(&out, report)
	return out, nil
}

// sortFindings gives each cluster what was found of it. What a check did not find anything to look at for says nothing of clusters.
func sortFindings(out *console.ClusterSetup, report doctor.Report) {
	out.Findings = []doctor.Finding{}
	for i := range out.Clusters {
		out.Clusters[i].Findings = []doctor.Finding{}
	}
	for _, f := range report.Findings {
		if f.Where == "" && f.Result == doctor.Unchecked && f.Area != doctor.Clusters {
			continue
		}
		into := &out.Findings
		for i := range out.Clusters {
			name := out.Clusters[i].Name
			if f.Where == name || f.Where == "cluster "+name || strings.HasPrefix(f.Where, name+" (") {
				into = &out.Clusters[i].Findings
			}
		}
		*into = append(*into, f)
	}
}

// reachedBy says by what the daemon reaches a cluster.
func reachedBy(c cluster.Config) string {
	switch {
	case c.Agent:
		return "an agent, which comes to the daemon"
	case c.Managed != nil:
		return "the identity that the cloud gives the daemon: " + c.Managed.String()
	case c.Kubeconfig == "":
		return "the account of the daemon's own pod"
	case c.Context != "":
		return "the kubeconfig " + c.Kubeconfig + ", as " + c.Context
	}
	return "the kubeconfig " + c.Kubeconfig
}

// agentAt is what is known of the agent that comes to a desk; nil if none does.
func agentAt(desk *agent.Desk) *console.SetupAgent {
	if desk == nil {
		return nil
	}
	p := desk.Presence()
	out := &console.SetupAgent{Connected: p.Connected, Since: p.Since, Seen: p.Seen, Version: p.Version, Runs: p.Runs, Behind: p.Behind, RoundTrip: p.RTT.Seconds()}
	if p.Connected {
		out.Protocol = agent.Protocol
	}
	return out
}

// GitHub implements [console.Setup].
func (s *settingUp) GitHub(ctx context.Context) (console.GitHubSetup, error) {
	report, at, err := s.github.Get(ctx)
	if err != nil {
		return console.GitHubSetup{}, err
	}
	f := s.d.flags
	out := console.GitHubSetup{
		At: at, Host: strings.TrimRight(f.github.url, "/"), Repository: f.github.repository, Findings: report.Findings, Suggested: suggestedApp(f),
		Made: s.madeLast(),
	}
	place, err := s.place()
	if out.Place = place.said; err != nil {
		out.Cannot = err.Error()
	}
	return out, nil
}

// address is where people reach the daemon; empty: nothing says so.
func (s *serve) address() string {
	return strings.TrimRight(cmp.Or(s.signOn.address, s.github.public), "/")
}

// repositoryAtGitHub is the repository that is followed, if it is at that GitHub; empty otherwise.
func (s *serve) repositoryAtGitHub() string {
	if s.github.repository != "" {
		return s.github.repository
	}
	if sameHost(s.remote.URL, s.github.url) {
		return atGitHubOf(s.remote.URL)
	}
	return ""
}

// suggestedApp is the App that suits the flags.
func suggestedApp(s *serve) console.NewApp {
	owner, _, _ := strings.Cut(s.repositoryAtGitHub(), "/")
	out := console.NewApp{Organization: owner, Name: "Trunkline", URL: cmp.Or(strings.TrimRight(s.github.public, "/"), s.address()), Promotions: s.promotes()}
	if owner != "" {
		out.Name = nameOfApp(owner)
	}
	with := appOptions(s, out)
	with.Webhook = true
	_, err := with.Check()
	out.Webhook = err == nil
	return out
}

// nameOfApp is what an App is called unless someone says otherwise.
func nameOfApp(owner string) string {
	name := "Trunkline " + owner
	return name[:min(len(name), setup.MaxName)] // ASCII, or it is refused
}

// appOptions are what the App is registered by.
func appOptions(s *serve, asked console.NewApp) setup.Options {
	return setup.Options{
		Org: asked.Organization, Name: asked.Name, URL: asked.URL, GitHub: s.github.url, Webhook: asked.Webhook, Promotions: asked.Promotions,
		Timeout: time.Hour, Again: "begin again at /setup/github",
	}
}
