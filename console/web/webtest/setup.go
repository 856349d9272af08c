// SPDX-License-Identifier: Apache-2.0

package webtest

import (
	"time"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/doctor"
)

func finding(check doctor.ID, area doctor.Area, result doctor.Result, where, found, do string) doctor.Finding {
	return doctor.Finding{Check: check, Area: area, Page: doctor.Pages + "#" + string(check), Verdict: doctor.Verdict{Result: result, Where: where, Found: found, Do: do}}
}

// ClusterSetup is what is found of the clusters, with a text of others.
func ClusterSetup(text string) console.ClusterSetup {
	at := Now().Add(-7 * time.Second)
	return console.ClusterSetup{
		At: at,
		Clusters: []console.SetupCluster{
			{Name: "west", ReachedBy: "the kubeconfig /etc/trunkline/west.kubeconfig", Findings: []doctor.Finding{
				finding("cluster-reachable", doctor.Clusters, doctor.OK, "west", "it answers at https://west.example.com", ""),
				finding("cluster-kinds", doctor.Clusters, doctor.Fails, "west", "it does not serve monitoring.coreos.com/v1 ServiceMonitor (orders/prod/west)", "install what defines them, such as the operator; or have a release define them"),
				finding("a-check-that-no-program-has-yet", doctor.Clusters, doctor.Warning, "west", text, "see "+text),
			}},
			{Name: "east", ReachedBy: "an agent, which comes to the daemon", Agent: &console.SetupAgent{
				Connected: true, Since: Now().Add(-3 * time.Hour), Seen: Now().Add(-2 * time.Second), Version: "v1.2.3", Protocol: 1, Runs: true, Behind: 2, RoundTrip: 0.041,
			}, Findings: []doctor.Finding{
				finding("cluster-daemon", doctor.Clusters, doctor.OK, "east", "it answers the daemon", ""),
				finding("cluster-reachable", doctor.Clusters, doctor.Unchecked, "east", "its agent keeps it, and comes to the daemon; from here nobody reaches it", ""),
			}},
			{Name: "edge", ReachedBy: "an agent, which comes to the daemon", Agent: &console.SetupAgent{Seen: Now().Add(-9 * time.Minute), Version: "v1.1.0"}, Findings: []doctor.Finding{
				finding("cluster-daemon", doctor.Clusters, doctor.Fails, "edge", "the agent has not been seen since 2026-11-30T11:51:00Z", "see whether its API server runs"),
			}},
		},
		Findings: []doctor.Finding{},
	}
}

// GitHubSetup is what is found at GitHub, and an App that is not in use yet.
func GitHubSetup(text string) console.GitHubSetup {
	made := MadeApp(text)
	return console.GitHubSetup{
		At: Now().Add(-7 * time.Second), Host: "https://github.com", Repository: "acme/data",
		Findings: []doctor.Finding{
			finding("github-access", doctor.GitHub, doctor.OK, "acme/data", "as the App", ""),
			finding("github-permissions", doctor.GitHub, doctor.Fails, "acme/data", "missing: Checks: read instead of write", "change them on the App's page"),
			finding("github-events", doctor.GitHub, doctor.Warning, "acme/data", "not subscribed to: merge_group", "subscribe to them on the App's page, Permissions & events"),
		},
		Place:     "They are encrypted for the keys of the daemon, so that they can be committed.",
		Suggested: console.NewApp{Organization: "acme", Name: "Trunkline acme", URL: "https://trunkline.example.com", Webhook: true},
		Made:      &made,
	}
}

// MadeApp is an App whose credentials are to be committed.
func MadeApp(text string) console.MadeApp {
	return console.MadeApp{
		ID: 42, Name: text, Settings: "https://github.com/organizations/acme/settings/apps/trunkline-acme", Install: "https://github.com/apps/trunkline-acme/installations/new",
		At: Now().Add(-time.Minute), By: "ada@acme.example", File: "projects/trunkline/secrets/trunkline-github.yaml",
		Sealed:        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: trunkline-github\nstringData:\n  app.pem: ENC[AES256_GCM,data:c2VhbGVk,type:str]\n",
		Configuration: "spec:\n  github:\n    repository: acme/REPOSITORY\n    appID: 42\n", Goes: "the configuration of the daemon",
	}
}
