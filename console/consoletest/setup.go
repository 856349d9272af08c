// SPDX-License-Identifier: Apache-2.0

package consoletest

import (
	"context"
	"net/url"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/console"
)

// Forge is the GitHub that forms of Apps lead to.
const Forge = "https://github.example.com"

// setup looks around, and makes Apps, as its daemon says.
type setup struct{ d *Daemon }

// Clusters implements [console.Setup].
func (s setup) Clusters(context.Context) (console.ClusterSetup, error) {
	return s.d.ClusterSetup, s.d.SetupErr
}

// GitHub implements [console.Setup].
func (s setup) GitHub(context.Context) (console.GitHubSetup, error) {
	return s.d.GitHubSetup, s.d.SetupErr
}

// Offer implements [console.Setup].
func (s setup) Offer(asked console.NewApp, state, back string) (console.AppOffer, error) {
	return console.AppOffer{
		Origin: Forge, Action: Forge + "/organizations/" + asked.Organization + "/settings/apps/new?state=" + url.QueryEscape(state),
		Manifest:    `{"redirect_url":"` + back + `"}`,
		Permissions: []console.AppPermission{{Title: "Checks", Why: "to report on each commit", Write: true}, {Title: "Members", Why: "to find out who is in a team"}},
		Events:      []string{"check_run", "push"}, Hook: asked.URL + "/hooks/github", Place: "They go into the folder /etc/trunkline of the daemon.",
	}, s.d.SetupErr
}

// Register implements [console.Setup].
func (s setup) Register(_ context.Context, asked console.NewApp, code string, by access.Principal) (console.MadeApp, error) {
	s.d.record("register " + asked.Name + " of " + asked.Organization + " with " + code + " by " + by.String())
	made := s.d.MadeApp
	made.Name = asked.Name
	return made, s.d.RegisterErr
}
