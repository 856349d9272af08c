// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"trunkline.dev/trunkline/notify"
)

// teamsMessage is what the webhook of a workflow of Teams takes: a message with an Adaptive Card. All that others have written is in runs of
// text, which are no Markdown.
type teamsMessage struct {
	Type        string            `json:"type"`
	Attachments []teamsAttachment `json:"attachments"`
}

type teamsAttachment struct {
	ContentType string  `json:"contentType"`
	ContentURL  *string `json:"contentUrl"`
	Content     card    `json:"content"`
}

type card struct {
	Schema  string        `json:"$schema"`
	Type    string        `json:"type"`
	Version string        `json:"version"`
	Body    []cardElement `json:"body"`
}

type cardElement struct {
	Type      string        `json:"type"`
	Inlines   []cardRun     `json:"inlines,omitempty"`
	Items     []cardElement `json:"items,omitempty"`
	Actions   []cardAction  `json:"actions,omitempty"`
	Separator bool          `json:"separator,omitempty"`
	Spacing   string        `json:"spacing,omitempty"`
}

type cardRun struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Weight string `json:"weight,omitempty"`
	Size   string `json:"size,omitempty"`
	Color  string `json:"color,omitempty"`
}

type cardAction struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

// colors are how a card shows how much something matters.
var colors = map[notify.Severity]string{notify.Critical: "attention", notify.Warning: "warning", notify.Info: "default"}

func line(text string, run cardRun) cardElement {
	run.Type, run.Text = "TextRun", text
	return cardElement{Type: "RichTextBlock", Inlines: []cardRun{run}, Spacing: "small"}
}

func teamsOf(p Platform, m notify.Message) teamsMessage {
	c := card{Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4"}
	c.Body = append(c.Body, line(headline(p, m), cardRun{Weight: "bolder", Size: "medium"}))
	for _, i := range m.Items {
		color := colors[i.Topic.Severity()]
		if i.Standing == notify.Resolved {
			color = "good"
		}
		item := cardElement{Type: "Container", Separator: true, Items: []cardElement{line(title(i), cardRun{Weight: "bolder", Color: color})}}
		for _, d := range details(i) {
			item.Items = append(item.Items, line(d, cardRun{}))
		}
		if l := where(p, i); l != "" {
			item.Items = append(item.Items, cardElement{Type: "ActionSet", Actions: []cardAction{{"Action.OpenUrl", "Open", l}}})
		}
		c.Body = append(c.Body, item)
	}
	if counts := untold(m); counts != "" {
		c.Body = append(c.Body, line(counts, cardRun{}))
	}
	return teamsMessage{Type: "message", Attachments: []teamsAttachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: c}}}
}
