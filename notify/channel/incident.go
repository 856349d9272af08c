// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"net/url"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/notify"
)

// pagerEvent is an event of PagerDuty's Events API v2.
type pagerEvent struct {
	RoutingKey  string        `json:"routing_key"`
	EventAction string        `json:"event_action"`
	DedupKey    string        `json:"dedup_key"`
	Payload     *pagerPayload `json:"payload,omitempty"`
	Client      string        `json:"client,omitempty"`
	ClientURL   string        `json:"client_url,omitempty"`
	Links       []pagerLink   `json:"links,omitempty"`
}

type pagerPayload struct {
	Summary   string            `json:"summary"`
	Source    string            `json:"source"`
	Severity  string            `json:"severity"`
	Timestamp string            `json:"timestamp,omitempty"`
	Component string            `json:"component,omitempty"`
	Group     string            `json:"group,omitempty"`
	Class     string            `json:"class,omitempty"`
	Details   map[string]string `json:"custom_details,omitempty"`
}

type pagerLink struct {
	Href string `json:"href"`
	Text string `json:"text,omitempty"`
}

// one returns the item of a message for a system of incidents, which has one.
func one(m notify.Message) notify.Item {
	if len(m.Items) == 0 {
		return notify.Item{Key: m.ID, Standing: notify.Happened}
	}
	return m.Items[0]
}

func pagerOf(p Platform, m notify.Message, key string) pagerEvent {
	i := one(m)
	e := pagerEvent{RoutingKey: key, EventAction: "trigger", DedupKey: i.Key, Client: "Trunkline", ClientURL: link(p.Console)}
	if i.Standing == notify.Resolved {
		e.EventAction = "resolve"
		return e
	}
	const longest = 1024
	e.Payload = &pagerPayload{
		Summary: markdown.Clip(headline(p, m), longest), Source: "trunkline/" + markdown.Clip(p.Name, maxName), Severity: string(i.Topic.Severity()),
		Component: i.Subject.Project, Group: i.Subject.Environment, Class: string(i.Topic), Details: facts(m),
	}
	if !i.Since.IsZero() {
		e.Payload.Timestamp = i.Since.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	}
	if l := where(p, i); l != "" {
		e.Links = []pagerLink{{l, "Open"}}
	}
	return e
}

// facts are what there is to know of an item, by names.
func facts(m notify.Message) map[string]string {
	i := one(m)
	out := map[string]string{}
	for name, value := range map[string]string{
		"reason": i.Reason, "todo": i.Topic.Todo(), "project": i.Subject.Project, "environment": i.Subject.Environment, "cluster": i.Subject.Cluster,
		"name": i.Subject.Name, "commit": i.Commit, "owner": i.Owner, "untold": untold(m), "message": m.ID,
	} {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

// genieAlert is an alert of Opsgenie's Alert API, and genieNote what closes one.
type genieAlert struct {
	Message     string            `json:"message"`
	Alias       string            `json:"alias"`
	Description string            `json:"description,omitempty"`
	Tags        []string          `json:"tags,omitempty"`
	Details     map[string]string `json:"details,omitempty"`
	Entity      string            `json:"entity,omitempty"`
	Source      string            `json:"source,omitempty"`
	Priority    string            `json:"priority,omitempty"`
}

type genieNote struct {
	Source string `json:"source,omitempty"`
	Note   string `json:"note,omitempty"`
}

var priorities = map[notify.Severity]string{notify.Critical: "P1", notify.Warning: "P3", notify.Info: "P5"}

// genieOf returns the path of Opsgenie's API, and what is posted there.
func genieOf(p Platform, m notify.Message) (path string, body any) {
	i := one(m)
	source := "trunkline/" + markdown.Clip(p.Name, maxName-len("trunkline/"))
	if i.Standing == notify.Resolved {
		return "/v2/alerts/" + url.PathEscape(i.Key) + "/close?identifierType=alias", genieNote{Source: source, Note: strings.Join(details(i), "\n")}
	}
	const message = 130
	a := genieAlert{
		Message: markdown.Clip(headline(p, m), message), Alias: i.Key, Description: strings.Join(details(i), "\n"), Tags: []string{"trunkline", string(i.Topic)},
		Details: facts(m), Entity: i.Subject.String(), Source: source, Priority: priorities[i.Topic.Severity()],
	}
	if l := where(p, i); l != "" {
		a.Description += "\n" + l
	}
	return "/v2/alerts", a
}
