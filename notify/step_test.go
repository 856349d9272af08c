// SPDX-License-Identifier: Apache-2.0

package notify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/notify"
)

// course is a number of moments, each with what is so then.
type moment struct {
	at time.Duration
	so string // names of what is so, such as "a b"; "?": nobody can tell
	// happened is what has happened.
	happened string
}

// play returns what is told, a line for each message.
func play(in notify.Input, moments []moment) (told []string) {
	s := notify.New("o", noon)
	for _, m := range moments {
		in.Observation, in.Happenings = &notify.Observation{Blind: blindIf(m.so == "?")}, nil
		for name := range strings.FieldsSeq(strings.Trim(m.so, "?")) {
			in.Observation.Conditions = append(in.Observation.Conditions, named(name))
		}
		for name := range strings.FieldsSeq(m.happened) {
			c := named(name)
			c.Topic, c.Since = notify.RolledBack, noon.Add(m.at)
			in.Happenings = append(in.Happenings, notify.Happening{ID: name, Condition: c})
		}
		var messages []notify.Message
		s, messages = notify.Step(s, in, noon.Add(m.at))
		for _, msg := range messages {
			told = append(told, line(m.at, msg))
		}
	}
	return told
}

func named(name string) notify.Condition {
	topic := notify.ReleaseFailed
	if strings.HasPrefix(name, "held") {
		topic = notify.Held
	}
	return notify.Condition{Topic: topic, Subject: notify.Subject{Project: name, Environment: "prod"}}
}

func blindIf(blind bool) []notify.Blind {
	if blind {
		return []notify.Blind{{Subject: notify.Subject{Environment: "prod"}}}
	}
	return nil
}

func line(at time.Duration, m notify.Message) string {
	out := fmt.Sprintf("%s %s:", at, m.Channel)
	for _, i := range m.Items {
		out += fmt.Sprintf(" %s %s", i.Subject.Project, i.Standing)
		if i.Again {
			out += " again"
		}
		if i.Flaps > 0 {
			out += fmt.Sprintf(" (back %d times)", i.Flaps)
		}
	}
	for _, s := range m.Suppressed {
		out += fmt.Sprintf(" +%d %s", s.Count, s.Topic)
	}
	return out
}

func TestStep(t *testing.T) {
	sec, minute, hour := time.Second, time.Minute, time.Hour
	team := notify.Input{Routes: []notify.Route{{Channel: "team"}}, Channels: map[string]notify.Limit{"team": {}}}
	few := notify.Input{Routes: team.Routes, Channels: map[string]notify.Limit{"team": {PerHour: 1}}}
	pager := notify.Input{Routes: []notify.Route{{Channel: "pager"}}, Channels: map[string]notify.Limit{"pager": {Each: true}}}
	half := 30 * time.Minute
	for name, test := range map[string]struct {
		in      notify.Input
		moments []moment
		want    []string
	}{
		"what comes together is told together, and so is its end": {
			team,
			[]moment{{0, "a", ""}, {10 * sec, "a b", ""}, {20 * sec, "a b", ""}, {30 * sec, "", ""}, {2 * minute, "", ""}, {3 * minute, "", ""}},
			[]string{"20s team: a firing b firing", "3m0s team: a resolved b resolved"},
		},
		"an incident has a message of its own": {
			pager,
			[]moment{{0, "a b", ""}, {20 * sec, "a b", ""}},
			[]string{"20s pager: a firing", "20s pager: b firing"},
		},
		"what is over for a moment is not over": {
			team,
			[]moment{{0, "a", ""}, {20 * sec, "a", ""}, {2 * minute, "", ""}, {2*minute + 30*sec, "a", ""}, {10 * minute, "a", ""}},
			[]string{"20s team: a firing"},
		},
		"what is not known is not over": {
			team,
			[]moment{{0, "a", ""}, {20 * sec, "a", ""}, {minute, "?", ""}, {2 * hour, "?", ""}, {2*hour + minute, "?", ""}},
			[]string{"20s team: a firing"},
		},
		"what is still so is told again": {
			team,
			[]moment{{0, "a", ""}, {20 * sec, "a", ""}, {23 * hour, "a", ""}, {25 * hour, "a", ""}, {26 * hour, "a", ""}},
			[]string{"20s team: a firing", "26h0m0s team: a firing again"},
		},
		"a hold is told after an hour": {
			team,
			[]moment{{0, "held", ""}, {59 * minute, "held", ""}, {hour, "held", ""}, {61 * minute, "held", ""}},
			[]string{"1h1m0s team: held firing"},
		},
		"or when a route says": {
			notify.Input{Routes: []notify.Route{{Channel: "team", After: &half}}, Channels: team.Channels},
			[]moment{{0, "held", ""}, {half, "held", ""}, {31 * minute, "held", ""}},
			[]string{"31m0s team: held firing"},
		},
		"what came and went before it was told is counted in the next message": {
			few,
			[]moment{{0, "a", ""}, {20 * sec, "a", ""}, {minute, "a b", ""}, {2 * minute, "a", ""}, {61 * minute, "a c", ""}, {62 * minute, "a c", ""}},
			[]string{"20s team: a firing", "1h2m0s team: c firing +1 release-failed"},
		},
		"or alone, if there is none": {
			few,
			[]moment{{0, "a", ""}, {20 * sec, "a", ""}, {minute, "a b", ""}, {2 * minute, "a", ""}, {62 * minute, "a", ""}},
			[]string{"20s team: a firing", "1h2m0s team: +1 release-failed"},
		},
		"what comes and goes is told once, until it stays": {
			team,
			[]moment{
				{0, "a", ""},
				{20 * sec, "a", ""},
				{minute, "", ""},
				{2 * minute, "a", ""},
				{3 * minute, "", ""},
				{4 * minute, "a", ""},
				{5 * minute, "", ""},
				{6 * minute, "a", ""},
				{7 * minute, "a", ""},
				{8 * minute, "", ""},
				{9 * minute, "a", ""},
				{10 * minute, "", ""},
				{90 * minute, "", ""},
				{91 * minute, "", ""},
			},
			[]string{"20s team: a firing", "7m0s team: a firing again (back 3 times)", "1h31m0s team: a resolved +1 release-failed"},
		},
		"what happened is told once, however often it is read": {
			team,
			[]moment{{0, "", "x"}, {10 * sec, "", "x y"}, {30 * sec, "", "x"}, {hour, "", "x"}, {hour + minute, "", ""}},
			[]string{"30s team: x happened y happened"},
		},
		"who is not configured is told nothing": {
			notify.Input{Routes: team.Routes},
			[]moment{{0, "a", "x"}, {20 * sec, "a", ""}},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, play(test.in, test.moments)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	release := notify.Condition{Topic: notify.ReleaseFailed, Subject: notify.Subject{Project: "orders", Environment: "prod", Cluster: "eu"}}
	cluster := notify.Condition{Topic: notify.ClusterUnreachable, Subject: notify.Subject{Cluster: "eu"}}
	commit := notify.Condition{Topic: notify.CommitRefused}
	late := notify.Condition{Topic: notify.LotLate, Subject: notify.Subject{Project: "orders", Environment: "prod", Name: "raw@1"}}
	for name, test := range map[string]struct {
		route notify.Route
		want  string
	}{
		"all":               {notify.Route{}, "release cluster commit late"},
		"a topic":           {notify.Route{Topics: []notify.Topic{notify.LotLate}}, "late"},
		"a project":         {notify.Route{Projects: []string{"ord*"}}, "release late"},
		"another project":   {notify.Route{Projects: []string{"ord"}}, ""},
		"an environment":    {notify.Route{Environments: []string{"prod"}}, "release late"},
		"and its clusters":  {notify.Route{Environments: []string{"prod"}, Clusters: []string{"eu"}}, "release cluster late"},
		"another cluster":   {notify.Route{Environments: []string{"prod"}, Clusters: []string{"us"}}, "release late"},
		"a dataset":         {notify.Route{Projects: []string{"orders"}, Names: []string{"raw@*"}}, "late"},
		"clusters, no more": {notify.Route{Environments: []string{"dev"}, Clusters: []string{"eu"}}, "cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			test.route.Channel = "c"
			in := notify.Input{
				Routes: []notify.Route{test.route}, Channels: map[string]notify.Limit{"c": {}},
				Observation: &notify.Observation{Conditions: []notify.Condition{release, cluster, commit, late}},
			}
			s, _ := notify.Step(notify.New("o", noon), in, noon)
			_, messages := notify.Step(s, in, noon.Add(10*time.Minute))
			var got []string
			for _, n := range []struct {
				name string
				of   notify.Condition
			}{{"release", release}, {"cluster", cluster}, {"commit", commit}, {"late", late}} {
				for _, m := range messages {
					for _, i := range m.Items {
						if i.Key == n.of.Key() {
							got = append(got, n.name)
						}
					}
				}
			}
			// A cluster is told after two minutes, which have to pass, and then what comes with it is waited for.
			s, _ = notify.Step(s, in, noon.Add(10*time.Minute))
			if _, later := notify.Step(s, in, noon.Add(20*time.Minute)); len(messages) == 0 && len(later) > 0 {
				for _, i := range later[0].Items {
					if i.Key == cluster.Key() {
						got = append(got, "cluster")
					}
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
