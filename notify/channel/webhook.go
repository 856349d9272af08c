// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"errors"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"trunkline.dev/trunkline/notify"
)

// notice is a message for programs: what webhooks and CloudEvents have as data.
type notice struct {
	ID       string       `json:"id"`
	Time     time.Time    `json:"time"`
	Platform string       `json:"platform"`
	Text     string       `json:"text"`
	Items    []noticeItem `json:"items"`
	// Untold counts what was not told by itself since the message before, by topics.
	Untold map[notify.Topic]int `json:"untold,omitempty"`
}

type noticeItem struct {
	Key         string          `json:"key"`
	Topic       notify.Topic    `json:"topic"`
	Severity    notify.Severity `json:"severity"`
	State       notify.Standing `json:"state"`
	Title       string          `json:"title"`
	Reason      string          `json:"reason,omitempty"`
	Todo        string          `json:"todo,omitempty"`
	Project     string          `json:"project,omitempty"`
	Environment string          `json:"environment,omitempty"`
	Cluster     string          `json:"cluster,omitempty"`
	Name        string          `json:"name,omitempty"`
	Commit      string          `json:"commit,omitempty"`
	Owner       string          `json:"owner,omitempty"`
	Since       time.Time       `json:"since,omitzero"`
	Over        time.Time       `json:"over,omitzero"`
	Again       bool            `json:"again,omitempty"`
	Flaps       int             `json:"flaps,omitempty"`
	Link        string          `json:"link,omitempty"`
}

func noticeOf(p Platform, m notify.Message) notice {
	out := notice{ID: m.ID, Time: m.At.UTC(), Platform: p.Name, Text: headline(p, m), Items: []noticeItem{}}
	for _, i := range m.Items {
		out.Items = append(out.Items, noticeItem{
			Key: i.Key, Topic: i.Topic, Severity: i.Topic.Severity(), State: i.Standing, Title: title(i), Reason: i.Reason, Todo: i.Topic.Todo(),
			Project: i.Subject.Project, Environment: i.Subject.Environment, Cluster: i.Subject.Cluster, Name: i.Subject.Name,
			Commit: i.Commit, Owner: i.Owner, Since: i.Since, Over: i.Over, Again: i.Again, Flaps: i.Flaps, Link: where(p, i),
		})
	}
	for _, s := range m.Suppressed {
		if out.Untold == nil {
			out.Untold = map[notify.Topic]int{}
		}
		out.Untold[s.Topic] = s.Count
	}
	return out
}

// eventType is the type of CloudEvents: what a type means does not change, another version may.
const eventType = "dev.trunkline.notification.v1"

func eventOf(p Platform, m notify.Message) (event.Event, error) {
	e := event.New(event.CloudEventsVersionV1)
	e.SetID(m.ID)
	e.SetSource("/trunkline/" + p.Name)
	e.SetType(eventType)
	e.SetTime(m.At)
	if err := e.SetData(event.ApplicationJSON, noticeOf(p, m)); err != nil {
		return e, errors.New("the message cannot be written down")
	}
	return e, e.Validate()
}
