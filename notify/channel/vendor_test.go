// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/PagerDuty/go-pagerduty"
	"github.com/atc0005/go-teams-notify/v2/adaptivecard"
	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/opsgenie/opsgenie-go-sdk-v2/alert"
	"github.com/slack-go/slack"
)

// TestWhatVendorsTake holds what channels are sent, which is in files, to the types and checks of published clients: those of PagerDuty,
// Opsgenie and CloudEvents are the vendors' own, those of Slack and Teams are by others. What such a type does not know is lost when a
// message goes through it, and so is seen.
func TestWhatVendorsTake(t *testing.T) {
	for kind, through := range map[string]func(path string, body []byte) (any, error){
		"slack":    throughSlack,
		"slackbot": throughSlack,
		"teams": func(_ string, body []byte) (any, error) {
			var m adaptivecard.Message
			if err := json.Unmarshal(body, &m); err != nil {
				return nil, err
			}
			return m, m.Validate()
		},
		"pagerduty": func(_ string, body []byte) (any, error) {
			var e pagerduty.V2Event
			if err := json.Unmarshal(body, &e); err != nil {
				return nil, err
			}
			if e.Payload != nil && !slices.Contains([]string{"critical", "error", "warning", "info"}, e.Payload.Severity) {
				return nil, fmt.Errorf("there is no severity %q", e.Payload.Severity)
			}
			return e, nil
		},
		"opsgenie": func(path string, body []byte) (any, error) {
			if strings.Contains(path, "/close?") {
				var c alert.CloseAlertRequest
				return &c, json.Unmarshal(body, &c)
			}
			var a alert.CreateAlertRequest
			if err := json.Unmarshal(body, &a); err != nil {
				return nil, err
			}
			if path != a.ResourcePath() {
				return nil, fmt.Errorf("it is posted to %s", path)
			}
			return &a, a.Validate()
		},
		"cloudevents": func(_ string, body []byte) (any, error) {
			var e cloudevents.Event
			if err := json.Unmarshal(body, &e); err != nil {
				return nil, err
			}
			return e, e.Validate()
		},
	} {
		files, err := filepath.Glob("testdata/" + kind + "-*.json")
		if err != nil || len(files) < 3 {
			t.Fatalf("%s: %v %v", kind, files, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var sent struct {
				Path string
				Body json.RawMessage
			}
			if err := json.Unmarshal(data, &sent); err != nil {
				t.Fatal(err)
			}
			taken, err := through(sent.Path, sent.Body)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			again, err := json.Marshal(taken)
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range lost(decoded(t, sent.Body), decoded(t, again), "") {
				if kind == "teams" && strings.Contains(path, "/inlines/") {
					continue // the type checks that a RichTextBlock is one, and has no field for the runs of text in it
				}
				t.Errorf("%s: %s is none of what is taken", file, path)
			}
		}
	}
}

func throughSlack(_ string, body []byte) (any, error) {
	var m slack.WebhookMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	for _, b := range m.Blocks.BlockSet {
		texts := []*slack.TextBlockObject{}
		switch b := b.(type) {
		case *slack.HeaderBlock:
			texts = append(texts, b.Text)
		case *slack.SectionBlock:
			texts = append(texts, b.Text)
			if b.Accessory != nil {
				texts = append(texts, b.Accessory.ButtonElement.Text)
			}
		default:
			return nil, fmt.Errorf("a block is a %T", b)
		}
		for _, text := range texts {
			if err := text.Validate(); err != nil {
				return nil, err
			}
		}
	}
	return m, nil
}

func decoded(t *testing.T, data []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// lost names what is in one value and not, or otherwise, in another; what says nothing may be left out.
func lost(ours, theirs any, path string) (out []string) {
	switch o := ours.(type) {
	case map[string]any:
		m, _ := theirs.(map[string]any)
		for name, v := range o {
			out = append(out, lost(v, m[name], path+"/"+name)...)
		}
	case []any:
		l, _ := theirs.([]any)
		for i, v := range o {
			var other any
			if i < len(l) {
				other = l[i]
			}
			out = append(out, lost(v, other, fmt.Sprintf("%s/%d", path, i))...)
		}
	default:
		if ours != nil && !reflect.ValueOf(ours).IsZero() && ours != theirs {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}
