// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/policy/admission"
	"trunkline.dev/trunkline/policy/subject"
)

// named returns a text of a case its own names.
func (c parityCase) named(text, namespace string) string {
	return strings.NewReplacer("NAME", "test-"+c.name, "NS", namespace).Replace(text)
}

// evaluate asks us.
func (c parityCase) evaluate(t testing.TB, namespace string) subject.Verdicts {
	t.Helper()
	others := "apiVersion: v1\nkind: Namespace\nmetadata: {name: NS, labels: {stage: test}}\n---\n" + c.others
	world := admission.NewWorld(objects(t, c.named(others, namespace)), nil, nil)
	s := on(t, c.named(c.object, namespace), c.named(c.old, namespace))
	return mustLoad(t, c.named(c.policies, namespace)).Evaluate(t.Context(), world, s)
}

// failure tells a message about what failed from one of a policy's own.
func failure(want string) bool {
	return strings.Contains(want, "resulted in error") || strings.Contains(want, "failed to configure")
}

// check holds verdicts to what is wanted.
func (c parityCase) check(t testing.TB, who string, got []string, namespace string) {
	t.Helper()
	want := c.named(c.want, namespace)
	switch {
	case want == "" && len(got) == 0:
	case len(got) == 1 && got[0] == want:
	case len(got) == 1 && want != "" && failure(want) && strings.HasPrefix(got[0], want[:4]) && strings.Contains(got[0], strings.TrimSpace(want[5:])):
		// what failed is told around the words of the API server
	default:
		t.Errorf("%s: %s says\n  %s\nwant %s", c.reason, who, strings.Join(got, "\n  "), want)
	}
}

func TestCases(t *testing.T) {
	for _, c := range parityCases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, v := range c.evaluate(t, "here") {
				got = append(got, string(v.Severity)+": "+v.Text)
			}
			c.check(t, "we", got, "here")
		})
	}
}
