// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"encoding/json"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/flow/egress"
	"trunkline.dev/trunkline/notify"
)

// slackMessage is a message of Slack, as incoming webhooks and chat.postMessage take it. All that others have written is plain text, in which
// nobody is mentioned and nothing is a link.
type slackMessage struct {
	Channel string       `json:"channel,omitempty"`
	Text    string       `json:"text"`
	Blocks  []slackBlock `json:"blocks"`
	// What is a link by its looks is not fetched by Slack.
	UnfurlLinks bool `json:"unfurl_links"`
	UnfurlMedia bool `json:"unfurl_media"`
}

type slackBlock struct {
	Type      string       `json:"type"`
	Text      *slackText   `json:"text,omitempty"`
	Accessory *slackButton `json:"accessory,omitempty"`
}

type slackText struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Emoji bool   `json:"emoji"`
}

type slackButton struct {
	Type     string    `json:"type"`
	Text     slackText `json:"text"`
	URL      string    `json:"url"`
	ActionID string    `json:"action_id"`
}

// Bounds of Slack, in characters.
const slackHeader, slackSection = 150, 3000

var slackEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func plainText(s string, limit int) slackText {
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit-1]) + "…"
	}
	return slackText{Type: "plain_text", Text: s}
}

func slackOf(p Platform, m notify.Message, to []string, bot bool) slackMessage {
	head := plainText(headline(p, m), slackHeader)
	out := slackMessage{Text: slackEscapes.Replace(head.Text), Blocks: []slackBlock{{Type: "header", Text: &head}}}
	if bot {
		out.Channel = to[0]
	}
	for n, i := range m.Items {
		lines := details(i)
		if len(m.Items) > 1 {
			lines = append([]string{title(i)}, lines...)
		}
		text := plainText(strings.Join(lines, "\n"), slackSection)
		b := slackBlock{Type: "section", Text: &text}
		if l := where(p, i); l != "" && len(l) <= slackSection {
			b.Accessory = &slackButton{Type: "button", Text: plainText("Open", slackHeader), URL: l, ActionID: "open-" + string(rune('a'+n))}
		}
		out.Blocks = append(out.Blocks, b)
	}
	if counts := untold(m); counts != "" {
		text := plainText(counts, slackSection)
		out.Blocks = append(out.Blocks, slackBlock{Type: "section", Text: &text})
	}
	return out
}

// bot reads what Slack's API answers, which says in the body whether it took a message.
func bot(body []byte) egress.Answer {
	var answer struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	switch err := json.Unmarshal(body, &answer); {
	case err != nil:
		return egress.Answer{Failed: "its answer is not Slack's"}
	case answer.OK:
		return egress.Answer{Done: true}
	case answer.Error == "ratelimited" || answer.Error == "internal_error" || answer.Error == "service_unavailable":
		return egress.Answer{Failed: "Slack answered " + answer.Error}
	}
	return egress.Answer{Refused: "Slack answered " + markdown.Clip(answer.Error, maxName)}
}
