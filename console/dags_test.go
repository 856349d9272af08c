// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"net/http"
	"strings"
	"testing"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
)

// TestTaskLog: the log of a task is for who may read logs of the project, has a name, and asks for what there can be.
func TestTaskLog(t *testing.T) {
	rules := access.New([]*v1alpha1.Access{{Spec: v1alpha1.AccessSpec{Bindings: []v1alpha1.AccessBinding{
		{Role: v1alpha1.EnvironmentOperator, Users: []string{"olga"}, Environments: []string{"prod"}},
		{Role: v1alpha1.ProjectContributor, Users: []string{"pat"}, Projects: []string{"report"}},
		{Role: v1alpha1.PlatformViewer, Users: []string{"vera"}},
	}}}})
	var tokens []console.Token
	for _, who := range []string{"olga", "pat", "vera"} {
		tokens = append(tokens, console.Token{Name: who, Secret: who + "-0123456789abcdef"})
	}
	d := consoletest.Start(t, func(o *console.Options) {
		o.Access, o.Tokens = func() *access.Rules { return rules }, func() []console.Token { return append(tokens, console.Token{Secret: consoletest.Token}) }
	})
	index := 3
	d.TaskLogs = map[console.TaskRef]console.TaskLog{
		{Environment: "prod", Project: "orders", Dag: "daily", Index: -1}: {Cluster: "one", Dag: "daily", Run: "r2", Task: "load", Try: 2, State: "failed", Text: "a line\n"},
		{Environment: "prod", Project: "orders", Dag: "daily", Cluster: "two", Run: "a+b:c", Task: "g.load", Index: 3, Try: 1}: {
			Cluster: "two", Dag: "daily", Run: "a+b:c", Task: "g.load", Index: &index, Try: 1, Text: "another\n",
		},
	}
	const path = "/api/v1/dags/prod/orders/daily/log"
	for _, tc := range []struct {
		reason, who, path string
		code              int
		has               string
	}{
		{"what is left out is found", "olga", path, 200, `"task":"load"`},
		{"what is asked for is passed on", "olga", path + "?cluster=two&run=a%2Bb%3Ac&task=g.load&index=3&try=1", 200, `"index":3`},
		{"a DAG that is not there", "olga", strings.Replace(path, "daily", "nightly", 1), 404, "has no DAG"},
		{"a viewer reads no logs", "vera", path, 403, ""},
		{"who contributes to another project sees nothing", "pat", path, 404, ""},
		{"an index is of a task", "olga", path + "?index=3", 400, "name it"},
		{"tries begin with 1", "olga", path + "?try=0", 400, "try"},
		{"a word that nobody knows", "olga", path + "?tries=1", 400, "there is no parameter"},
	} {
		got, _ := ask(t, d, request{method: http.MethodGet, path: tc.path, token: tc.who + "-0123456789abcdef"})
		if got.Code != tc.code || !strings.Contains(strings.ReplaceAll(got.Body, " ", ""), strings.ReplaceAll(tc.has, " ", "")) || tc.code != 200 && strings.Contains(got.Body, "a line") {
			t.Errorf("%s: got %d %s", tc.reason, got.Code, got.Body)
		}
	}
	if got, _ := ask(t, d, request{method: http.MethodGet, path: path, token: consoletest.Token}); got.Code != http.StatusBadRequest && got.Code != http.StatusNotFound && got.Code != http.StatusForbidden {
		t.Errorf("nobody: got %d %s", got.Code, got.Body)
	}
}
