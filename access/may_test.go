// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the table of docs/access.md again")

// acme is what most tests decide by.
func acme() *access.Rules {
	return access.New([]*v1alpha1.Access{{Spec: v1alpha1.AccessSpec{
		Teams: []v1alpha1.AccessTeam{{Name: "orders", Users: []string{"carol"}, Groups: []string{"team-orders"}, GitHub: []string{"acme/orders"}}},
		Bindings: []v1alpha1.AccessBinding{
			{Role: v1alpha1.PlatformAdmin, Users: []string{"ada"}},
			{Role: v1alpha1.PlatformViewer, Groups: []string{"auditors"}},
			{Role: v1alpha1.ProjectContributor, Teams: []string{"orders"}, Projects: []string{"orders"}},
			{Role: v1alpha1.EnvironmentContributor, Teams: []string{"orders"}, Environments: []string{"dev"}},
			{Role: v1alpha1.EnvironmentOperator, Users: []string{"olga"}, Environments: []string{"*"}},
			{Role: v1alpha1.EnvironmentAdmin, Users: []string{"eve"}, Environments: []string{"prod"}},
			{Role: v1alpha1.ProjectAdmin, Users: []string{"pat"}, Projects: []string{"*"}},
			{Role: v1alpha1.EnvironmentContributor, Users: []string{"project:orders/ci", "project:ledger/ci"}, Environments: []string{"prod"}},
		},
	}}})
}

func TestMay(t *testing.T) {
	person := func(name string, groups ...string) access.Principal {
		return access.Principal{Name: name, SignOn: access.BySession, Groups: groups}
	}
	in := func(project, environment string) access.Scope {
		return access.Scope{Project: project, Environment: environment}
	}
	limited := func(p access.Principal, l access.Limits) access.Principal {
		p.Limits = &l
		return p
	}
	ci := func(project string) access.Principal {
		return access.Principal{Name: "project:" + project + "/ci", SignOn: access.ByProjectToken, Limits: &access.Limits{Projects: []string{project}}}
	}
	for name, c := range map[string]struct {
		reason  string
		nothing bool // is declared
		who     access.Principal
		right   access.Right
		on      access.Scope
		want    bool
	}{
		"admin":                            {"who administers the platform may everything", false, person("ada"), access.Deploy, in("orders", "prod"), true},
		"admin of the daemon":              {"and what is of the platform", false, person("ada"), access.Admin, in("", ""), true},
		"both sides":                       {"a role in the project and one in the environment", false, person("carol"), access.Deploy, in("orders", "dev"), true},
		"by group":                         {"a team is also its groups", false, person("dave", "team-orders"), access.Deploy, in("orders", "dev"), true},
		"one side":                         {"a role in the project is not enough to deploy", false, person("carol"), access.Deploy, in("orders", "prod"), false},
		"other side":                       {"nor one in the environment", false, person("carol"), access.Deploy, in("ledger", "dev"), false},
		"sees either":                      {"one role is enough to see", false, person("carol"), access.View, in("orders", "prod"), true},
		"sees nothing else":                {"no role is no sight", false, person("carol"), access.View, in("ledger", "prod"), false},
		"all of one environment":           {"what is of all projects is not of one", false, person("carol"), access.Deploy, in("", "dev"), false},
		"operator reads":                   {"an operator reads logs", false, person("olga"), access.ViewLogs, in("ledger", "prod"), true},
		"operator retries":                 {"and has lots made again", false, person("olga"), access.RetryLots, in("ledger", "prod"), true},
		"operator deploys":                 {"and deploys nothing", false, person("olga"), access.Deploy, in("orders", "dev"), false},
		"contributor retries":              {"a role in the project alone retries nothing there", false, person("carol"), access.RetryLots, in("orders", "prod"), false},
		"environment admin":                {"confirms what is removed", false, person("eve"), access.Approve, in("", "prod"), true},
		"environment admin elsewhere":      {"but not elsewhere", false, person("eve"), access.Approve, in("", "dev"), false},
		"environment admin deploys":        {"and needs a role in the project to deploy", false, person("eve"), access.Deploy, in("orders", "prod"), false},
		"project admin":                    {"of all projects, in no environment", false, person("pat"), access.Deploy, in("orders", "prod"), false},
		"tokens of a project":              {"are of the project alone", false, person("pat"), access.ProjectTokens, in("orders", ""), true},
		"viewer":                           {"sees all", false, person("greg", "auditors"), access.View, in("", ""), true},
		"viewer reads no logs":             {"for they may hold data", false, person("greg", "auditors"), access.ViewLogs, in("orders", "dev"), false},
		"stranger":                         {"who is bound to nothing sees nothing", false, person("mallory"), access.View, in("orders", "dev"), false},
		"nobody":                           {"an empty name is nobody, whatever its groups", false, person("", "team-orders"), access.View, in("orders", "dev"), false},
		"empty group":                      {"an empty group is none", false, person("mallory", ""), access.View, in("orders", "dev"), false},
		"no right":                         {"a right that there is not is nobody's", false, person("ada"), "fly", in("", ""), false},
		"empty right":                      {"nor is none", false, person("ada"), "", in("", ""), false},
		"signed on":                        {"who has signed on may ask who they are", false, person("mallory"), access.SignedOn, in("", ""), true},
		"GitHub's team":                    {"counts for GitHub's users", false, access.Principal{Name: "github:carol", SignOn: access.ByGitHub, Teams: []string{"acme/orders"}}, access.Deploy, in("orders", "dev"), true},
		"GitHub's namesake":                {"a login is no user of the issuer", false, access.Principal{Name: "github:ada", SignOn: access.ByGitHub}, access.View, in("orders", "dev"), false},
		"hook":                             {"GitHub has the repository fetched", false, access.Principal{Name: access.Hook, SignOn: access.ByHook}, access.Sync, in("", ""), true},
		"hook deploys":                     {"and nothing else", true, access.Principal{Name: access.Hook, SignOn: access.ByHook}, access.Deploy, in("orders", "dev"), false},
		"operator's token":                 {"is bound like any user where something is declared", false, access.Principal{Name: "ci", SignOn: access.ByToken}, access.Deploy, in("orders", "dev"), false},
		"shared token":                     {"is whoever runs the daemon", false, access.Principal{Name: access.SharedToken, SignOn: access.ByToken, Claim: "ada"}, access.Deploy, in("orders", "prod"), true},
		"person called token":              {"is none", false, person(access.SharedToken), access.Deploy, in("orders", "prod"), false},
		"as before":                        {"without a declaration a token may everything", true, access.Principal{Name: "ci", SignOn: access.ByToken}, access.Deploy, in("orders", "prod"), true},
		"loopback":                         {"and so does who is on the machine", true, access.Principal{Name: access.Anonymous, SignOn: access.ByLoopback}, access.Admin, in("", ""), true},
		"session without a declaration":    {"but nobody whom an issuer lets in", true, person("ada"), access.View, in("", ""), false},
		"federation without a declaration": {"nor a machine", true, access.Principal{Name: "ci:x", SignOn: access.ByFederation}, access.View, in("", ""), false},
		"token of one's own":               {"may what its owner may", false, limited(person("ada"), access.Limits{}), access.Deploy, in("orders", "prod"), true},
		"token for a right":                {"and no more than it is for", false, limited(person("ada"), access.Limits{Rights: []access.Right{access.View}}), access.Deploy, in("orders", "prod"), false},
		"token for a project":              {"nor elsewhere", false, limited(person("ada"), access.Limits{Projects: []string{"orders"}}), access.View, in("ledger", "prod"), false},
		"token for an environment":         {"nor in what is of all", false, limited(person("ada"), access.Limits{Environments: []string{"dev"}}), access.View, in("orders", ""), false},
		"token of less":                    {"an owner with fewer rights has tokens with fewer", false, limited(person("mallory"), access.Limits{Projects: []string{"orders"}}), access.View, in("orders", "dev"), false},
		"token of a project":               {"works on its project, where it is bound", false, ci("orders"), access.Deploy, in("orders", "prod"), true},
		"token of another project":         {"and on no other", false, ci("ledger"), access.Deploy, in("orders", "prod"), false},
		"token of a project elsewhere":     {"and nowhere else", false, ci("orders"), access.Deploy, in("orders", "dev"), false},
	} {
		t.Run(name, func(t *testing.T) {
			rules := acme()
			if c.nothing {
				rules = nil
			}
			if got := rules.May(c.who, c.right, c.on); got.Allowed != c.want || got.Why == "" {
				t.Errorf("%s: got %+v, want %v", c.reason, got, c.want)
			}
		})
	}
}

// TestSideBySide: what one token of a project is implied to have is not another's, however many ask at once.
func TestSideBySide(t *testing.T) {
	rules := acme()
	var running sync.WaitGroup
	for range 8 {
		for _, project := range []string{"orders", "ledger"} {
			running.Go(func() {
				who := access.Principal{Name: "project:" + project + "/ci", SignOn: access.ByProjectToken, Limits: &access.Limits{}}
				for range 500 {
					for _, on := range []string{"orders", "ledger"} {
						if got := rules.May(who, access.Deploy, access.Scope{Project: on, Environment: "prod"}); got.Allowed != (on == project) {
							t.Errorf("%s on %s: %+v", project, on, got)
							return
						}
					}
				}
			})
		}
	}
	running.Wait()
}

// TestWhy: who may not hears what is missing, and who could.
func TestWhy(t *testing.T) {
	got := acme().May(access.Principal{Name: "carol", SignOn: access.BySession}, access.Deploy, access.Scope{Project: "orders", Environment: "prod"})
	want := access.Decision{
		Why: "to have a release applied again or promoted, carol has to be environment-admin or environment-contributor in the environment prod",
		Who: []string{"ada", "eve", "project:ledger/ci", "project:orders/ci"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestLimitsOnlyTakeAway: whatever a token is for, it may nothing that its owner may not.
func TestLimitsOnlyTakeAway(t *testing.T) {
	rules := acme()
	name := func(from ...string) *rapid.Generator[string] { return rapid.SampledFrom(from) }
	rapid.Check(t, func(t *rapid.T) {
		owner := access.Principal{Name: name("ada", "carol", "olga", "eve", "pat", "mallory").Draw(t, "who"), SignOn: access.BySession}
		token := owner
		token.Limits = &access.Limits{
			Rights:       rapid.SliceOf(rapid.SampledFrom(access.Rights())).Draw(t, "rights"),
			Projects:     rapid.SliceOf(name("orders", "ledger", "")).Draw(t, "projects"),
			Environments: rapid.SliceOf(name("dev", "prod", "")).Draw(t, "environments"),
		}
		right := rapid.SampledFrom(access.Rights()).Draw(t, "right")
		on := access.Scope{Project: name("orders", "ledger", "").Draw(t, "project"), Environment: name("dev", "prod", "").Draw(t, "environment")}
		if rules.May(token, right, on).Allowed && !rules.May(owner, right, on).Allowed {
			t.Fatalf("the token may %s on %+v, and its owner may not", right, on)
		}
	})
}

// TestTable holds the page to what is decided by.
func TestTable(t *testing.T) {
	const page, begin, end = "../docs/access.md", "<!-- table: begin -->\n", "<!-- table: end -->"
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	got, after, also := strings.Cut(rest, end)
	if !ok || !also {
		t.Fatalf("%s has no place for the table", page)
	}
	want := "\n" + access.Page() + "\n"
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table of %s is not what is decided by; write it again with -update:\n%s", page, diff)
	}
}

// TestNames: nobody can have a name that is another's.
func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"ada@acme.example": true, "ada": true, "": false, " ": false, "github:ada": false, "project:orders/ci": false, "*": false, "token": false,
		"anonymous@loopback": false, "trunkline": false, "ada (unverified)": false, "a\x00b": false, "a\u202eb": false, strings.Repeat("a", 201): false, "\xff": false,
	} {
		if err := access.CheckName(name); (err == nil) != ok {
			t.Errorf("%q: got %v", name, err)
		}
	}
	if got := access.CheckGroups([]string{"a", "", strings.Repeat("b", 300), "c"}); !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("groups: got %q", got)
	}
}
