// SPDX-License-Identifier: Apache-2.0

package unfilled_test

import (
	"testing"

	"trunkline.dev/trunkline/api/unfilled"
)

func TestFind(t *testing.T) {
	for text, want := range map[string]string{
		"x:${TAG}": "${TAG}", "x:$TAG-1": "$TAG", "x:$(TAG)": "$(TAG)", "{{ env }}/a": "{{ env }}", "a/{{ env": "{{", "a/${env": "${",
		"%ENV%/a": "%ENV%", "@@ENV@@": "@@ENV@@", "@ENV@": "@ENV@", "<%= env %>": "<%= env %>", "<environment>/x": "<environment>",
		"lake://orders/raw/": "", "a@sha256:00": "", "100%": "", "a$": "", "$5": "", "a<b": "", "user@host": "", "{a}": "", "": "",
	} {
		if got := unfilled.Find(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
