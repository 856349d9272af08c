// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/doctor"
)

// setupPath is where the pages for whoever administers the platform begin.
const setupPath = "/setup"

// setupIndex links the pages, each with how things are.
type setupIndex struct{ Cards []setupCard }

type setupCard struct {
	Title, Path, Text string
	Badge             badge
	At                moment
}

// findingView is a finding of doctor, whichever check it is of.
type findingView struct {
	Check, Page, Title, Where, Found, Do string
	Badge                                badge
}

// findingsView are findings, what has to be done first, and how many there are of each kind.
type findingsView struct {
	Rows []findingView
	// Worst is how they are together, in a word.
	Worst badge
}

func (a *ask) noSetup() error {
	if a.Setup == nil {
		return problemf(http.StatusNotFound, "this daemon is not set up by pages")
	}
	return nil
}

// showSetup looks at both, so that what is missing is seen at once.
func showSetup(a *ask) (shown, error) {
	if err := a.noSetup(); err != nil {
		return shown{}, err
	}
	clusters, err := a.Setup.Clusters(a.request.Context())
	if err != nil {
		return shown{}, err
	}
	github, err := a.Setup.GitHub(a.request.Context())
	if err != nil {
		return shown{}, err
	}
	return shown{Title: "Set-up", View: setupIndexOf(clusters, github, a.now), Still: true}, nil
}

func setupIndexOf(clusters console.ClusterSetup, github console.GitHubSetup, now time.Time) setupIndex {
	all := slices.Clone(clusters.Findings)
	for _, c := range clusters.Clusters {
		all = append(all, c.Findings...)
	}
	forge := setupCard{Title: "GitHub", Path: setupPath + "/github", Badge: viewOf(github.Findings).Worst, At: at(now, github.At), Text: github.Repository}
	switch {
	case github.Repository == "" && github.Made != nil:
		forge.Badge, forge.Text = badge{warn, "not in use yet"}, "The App “"+github.Made.Name+"” is there."
	case github.Repository == "":
		forge.Badge, forge.Text = badge{idle, "not connected"}, "Pull requests are neither checked nor commented on."
	}
	return setupIndex{Cards: []setupCard{
		forge,
		{Title: "Clusters", Path: setupPath + "/clusters", Badge: viewOf(all).Worst, At: at(now, clusters.At), Text: "Whether they are reached, and what they lack."},
	}}
}

// viewOf returns findings as they are shown: what fails first, and otherwise in the order of the checks.
func viewOf(found []doctor.Finding) findingsView {
	titles := map[doctor.ID]string{}
	for _, c := range doctor.Checks() {
		titles[c.ID] = c.Title
	}
	var v findingsView
	for _, f := range found {
		v.Rows = append(v.Rows, findingView{
			Check: string(f.Check), Page: external(f.Page), Title: titles[f.Check], Where: f.Where, Found: line(f.Found, 3*maxMessage), Do: line(f.Do, 3*maxMessage),
			Badge: badge{resultMood(f.Result), string(f.Result)},
		})
	}
	slices.SortStableFunc(v.Rows, func(a, b findingView) int { return a.Badge.Mood.rank() - b.Badge.Mood.rank() })
	switch {
	case len(v.Rows) == 0:
		v.Worst = badge{unsure, "nothing is known"}
	case v.Rows[0].Badge.Mood == bad:
		v.Worst = badge{bad, "something fails"}
	case v.Rows[0].Badge.Mood == warn:
		v.Worst = badge{warn, "works, with warnings"}
	case v.Rows[0].Badge.Mood == unsure:
		v.Worst = badge{good, "fine, as far as is known"}
	default:
		v.Worst = badge{good, "fine"}
	}
	return v
}

func resultMood(r doctor.Result) mood {
	switch r {
	case doctor.OK:
		return good
	case doctor.Warning:
		return warn
	case doctor.Fails:
		return bad
	case doctor.Unchecked:
	}
	return unsure
}

// setupClustersPage is what the page of clusters shows.
type setupClustersPage struct {
	At       moment
	Clusters []setupClusterView
	// Others are about no one cluster.
	Others findingsView
}

type setupClusterView struct {
	Name, ID, ReachedBy string
	Agent               *setupAgentView
	Findings            findingsView
}

// setupAgentView is what is known of an agent.
type setupAgentView struct {
	Badge          badge
	Since, Seen    moment
	Version, Speak string
	Behind         int
	RoundTrip      string
}

func showSetupClusters(a *ask) (shown, error) {
	if err := a.noSetup(); err != nil {
		return shown{}, err
	}
	found, err := a.Setup.Clusters(a.request.Context())
	if err != nil {
		return shown{}, err
	}
	return shown{Title: "Clusters and what they lack", View: setupClustersOf(found, a.now), Still: true}, nil
}

func setupClustersOf(found console.ClusterSetup, now time.Time) setupClustersPage {
	v := setupClustersPage{At: at(now, found.At), Others: viewOf(found.Findings)}
	for i, c := range found.Clusters {
		v.Clusters = append(v.Clusters, setupClusterView{
			Name: c.Name, ID: "cluster-" + strconv.Itoa(i), ReachedBy: c.ReachedBy, Findings: viewOf(c.Findings), Agent: agentOf(c.Agent, now),
		})
	}
	slices.SortStableFunc(v.Clusters, func(a, b setupClusterView) int { return a.Findings.Worst.Mood.rank() - b.Findings.Worst.Mood.rank() })
	return v
}

func agentOf(agent *console.SetupAgent, now time.Time) *setupAgentView {
	if agent == nil {
		return nil
	}
	v := setupAgentView{Badge: badge{bad, "not connected"}, Since: at(now, agent.Since), Seen: at(now, agent.Seen), Version: agent.Version, Behind: agent.Behind}
	if !agent.Connected {
		return &v
	}
	v.Badge, v.Speak = badge{good, "connected"}, strconv.Itoa(agent.Protocol)
	if agent.RoundTrip > 0 {
		v.RoundTrip = strconv.FormatFloat(agent.RoundTrip*1000, 'f', 0, 64) + " ms"
	}
	switch {
	case !agent.Runs:
		v.Badge = badge{warn, "connected, of another version"}
		v.Speak += ", without runs of lots"
	case agent.Behind > 0:
		v.Badge = badge{busy, "connected, behind"}
	}
	return &v
}
