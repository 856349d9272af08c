// SPDX-License-Identifier: Apache-2.0

package web

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/doctor"
)

func found(result doctor.Result, what string) doctor.Finding {
	return doctor.Finding{Check: "cluster-kinds", Area: doctor.Clusters, Page: doctor.Pages + "#cluster-kinds", Verdict: doctor.Verdict{Result: result, Where: "prod", Found: what}}
}

// TestFindings: what fails comes first, and a check that the page has never heard of is shown as any other.
func TestFindings(t *testing.T) {
	unheard := doctor.Finding{Check: "not-there-yet", Page: "javascript:alert(1)", Verdict: doctor.Verdict{Result: "grave", Found: "x", Do: "y"}}
	v := viewOf([]doctor.Finding{found(doctor.OK, "a"), unheard, found(doctor.Fails, "b"), found(doctor.Warning, "c"), found(doctor.Fails, "d")})
	var got []string
	for _, r := range v.Rows {
		got = append(got, r.Found+" "+string(r.Badge.Mood)+" "+r.Badge.Text)
	}
	if diff := cmp.Diff([]string{"b bad fails", "d bad fails", "c warn warning", "x unsure grave", "a good ok"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if v.Rows[0].Title != "it has all kinds that releases have" || v.Rows[3].Title != "" || v.Rows[3].Page != "" || v.Rows[3].Do != "y" {
		t.Errorf("got %+v", v.Rows)
	}
	for _, c := range []struct {
		reason string
		all    []doctor.Finding
		want   badge
	}{
		{"nobody has looked", nil, badge{unsure, "nothing is known"}},
		{"one that fails is enough", []doctor.Finding{found(doctor.OK, ""), found(doctor.Fails, "")}, badge{bad, "something fails"}},
		{"it works", []doctor.Finding{found(doctor.Warning, ""), found(doctor.Unchecked, "")}, badge{warn, "works, with warnings"}},
		{"what is not known is not said to be wrong", []doctor.Finding{found(doctor.OK, ""), found(doctor.Unchecked, "")}, badge{good, "fine, as far as is known"}},
		{"all is as it should be", []doctor.Finding{found(doctor.OK, "")}, badge{good, "fine"}},
	} {
		if got := viewOf(c.all).Worst; got != c.want {
			t.Errorf("%s: got %v, want %v", c.reason, got, c.want)
		}
	}
}

// TestAgents: what is known of an agent, and nothing that is not.
func TestAgents(t *testing.T) {
	for _, c := range []struct {
		reason string
		agent  console.SetupAgent
		want   setupAgentView
	}{
		{"it was never heard of", console.SetupAgent{}, setupAgentView{Badge: badge{bad, "not connected"}}},
		{
			"it is there",
			console.SetupAgent{Connected: true, Since: noon.Add(-time.Hour), Seen: noon, Version: "v1", Protocol: 1, Runs: true, RoundTrip: 0.0412},
			setupAgentView{Badge: badge{good, "connected"}, Since: at(noon, noon.Add(-time.Hour)), Seen: at(noon, noon), Version: "v1", Speak: "1", RoundTrip: "41 ms"},
		},
		{"it has not done all yet", console.SetupAgent{Connected: true, Protocol: 1, Runs: true, Behind: 3}, setupAgentView{Badge: badge{busy, "connected, behind"}, Speak: "1", Behind: 3}},
		{"it cannot be asked for runs", console.SetupAgent{Connected: true, Protocol: 1}, setupAgentView{Badge: badge{warn, "connected, of another version"}, Speak: "1, without runs of lots"}},
	} {
		if diff := cmp.Diff(&c.want, agentOf(&c.agent, noon)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", c.reason, diff)
		}
	}
	if agentOf(nil, noon) != nil {
		t.Error("a cluster without an agent has one")
	}
}

// TestWhereFormsGo: the policy names one origin, and nothing that would be more than that.
func TestWhereFormsGo(t *testing.T) {
	for origin, want := range map[string]string{
		"": "", "https://github.com": " https://github.com", "https://github.example.com:8443": " https://github.example.com:8443", "http://127.0.0.1:3000": " http://127.0.0.1:3000",
		"https://github.com/acme": "", "https://github.com; script-src *": "", "https://*.example.com": "", "*": "", "https:": "", "https://a https://b": "", "data:": "",
	} {
		if got := (frame{shown: shown{FormsTo: origin}}).formsTo(); got != want {
			t.Errorf("%q: got %q, want %q", origin, got, want)
		}
	}
}
