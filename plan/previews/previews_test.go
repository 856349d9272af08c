// SPDX-License-Identifier: Apache-2.0

package previews_test

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/plan/previews"
)

var (
	noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	ago  = func(hours int) time.Time { return noon.Add(-time.Duration(hours) * time.Hour) }
	dev  = previews.Rules{Environment: "dev", TTL: 72 * time.Hour, Limit: 2}
)

// said writes a decision in the words of the tables: one for each pull request.
func said(d previews.Decision) string {
	var out []string
	for _, p := range d.Want {
		text := fmt.Sprintf("#%d at %s like %s", p.Number, p.Head, p.Environment)
		if p.Asleep {
			text += " asleep"
		}
		out = append(out, text)
	}
	for _, n := range d.Keep {
		out = append(out, fmt.Sprintf("#%d as it is: %s", n.Number, n.Reason))
	}
	for _, n := range d.None {
		out = append(out, fmt.Sprintf("#%d none: %s", n.Number, n.Reason))
	}
	for _, r := range d.Remove {
		out = append(out, fmt.Sprintf("#%d goes: %s %s", r.Number, r.Reason, r.State))
	}
	if !d.Again.IsZero() {
		out = append(out, "again in "+d.Again.Sub(noon).String())
	}
	return strings.Join(out, "; ")
}

// pull is one whose head, "b", passes, and had no preview.
func pull(number int, change ...func(*previews.Pull)) previews.Pull {
	p := previews.Pull{Number: number, State: previews.Open, Head: "b", Verdict: previews.Passed, Chosen: true, Environment: "dev"}
	for _, c := range change {
		c(&p)
	}
	return p
}

// since has the head have had a preview for so many hours.
func since(hours int) func(*previews.Pull) {
	return func(p *previews.Pull) { p.Began = append(p.Began, previews.Begin{Head: p.Head, At: ago(hours)}) }
}

// before has an older head have had one for so many hours.
func before(hours int) func(*previews.Pull) {
	return func(p *previews.Pull) { p.Began = append(p.Began, previews.Begin{Head: "a", At: ago(hours)}) }
}

func costs(monthly int64) func(*previews.Pull) {
	return func(p *previews.Pull) { p.Monthly = big.NewRat(monthly, 1) }
}

func fork(approved string) func(*previews.Pull) {
	return func(p *previews.Pull) { p.Fork, p.Approved = true, approved }
}

func verdict(v previews.Verdict) func(*previews.Pull) {
	return func(p *previews.Pull) { p.Verdict = v }
}

func state(s previews.State) func(*previews.Pull) { return func(p *previews.Pull) { p.State = s } }

// did adds commands, each so many hours ago, as in "sleep 3".
func did(commands ...string) func(*previews.Pull) {
	return func(p *previews.Pull) {
		for i, text := range commands {
			var act string
			var hours int
			if _, err := fmt.Sscanf(text, "%s %d", &act, &hours); err != nil {
				panic(err)
			}
			p.Commands = append(p.Commands, previews.Command{ID: int64(i), At: ago(hours), Do: previews.Act(act)})
		}
	}
}

func at(number int, head string) previews.Existing {
	return previews.Existing{Number: number, Head: head, Environment: "dev"}
}

func TestDecide(t *testing.T) {
	sleepy := func(r previews.Rules) previews.Rules { r.SleepAfter = 8 * time.Hour; return r }
	capped := func(r previews.Rules) previews.Rules { r.SpendCap = big.NewRat(2, 1); return r }
	going := at(1, "b")
	going.Removing = true
	none := func(p *previews.Pull) { p.Environment = "" }
	unchosen := func(p *previews.Pull) { p.Chosen, p.Environment, p.Verdict = false, "", "" }
	for name, tc := range map[string]struct {
		reason string
		rules  []previews.Rules
		pulls  []previews.Pull
		exists []previews.Existing
		want   string
	}{
		"New":     {"What passes gets one.", []previews.Rules{dev}, []previews.Pull{pull(1)}, nil, "#1 at b like dev; again in 72h0m0s"},
		"There":   {"It has it already.", []previews.Rules{dev}, []previews.Pull{pull(1, since(2))}, []previews.Existing{at(1, "b")}, "#1 at b like dev; again in 70h0m0s"},
		"Pushed":  {"The newest head takes the place of the one before, and its time begins.", []previews.Rules{dev}, []previews.Pull{pull(1, before(50))}, []previews.Existing{at(1, "a")}, "#1 at b like dev; again in 72h0m0s"},
		"Closed":  {"", []previews.Rules{dev}, []previews.Pull{pull(1, state(previews.Closed))}, []previews.Existing{at(1, "b")}, "#1 goes: state closed"},
		"Merged":  {"", []previews.Rules{dev}, []previews.Pull{pull(1, state(previews.Merged))}, []previews.Existing{at(1, "b")}, "#1 goes: state merged"},
		"NoRules": {"Nothing is declared any more.", nil, []previews.Pull{pull(1)}, []previews.Existing{at(1, "b")}, "#1 none: declaration; #1 goes: declaration open"},

		"NotSeen":      {"Nobody knows whether it is open.", []previews.Rules{dev}, nil, []previews.Existing{at(1, "b")}, "#1 as it is: unknown"},
		"NotState":     {"Nor here.", []previews.Rules{dev}, []previews.Pull{pull(1, state(""))}, []previews.Existing{at(1, "b")}, "#1 as it is: unknown"},
		"NotEvaluated": {"The head before stays until there is a newer one.", []previews.Rules{dev}, []previews.Pull{pull(1, verdict(""), since(2))}, []previews.Existing{at(1, "a")}, "#1 as it is: unknown; again in 70h0m0s"},
		"NotYet":       {"There is none yet.", []previews.Rules{dev}, []previews.Pull{pull(1, verdict(""))}, nil, "#1 none: unknown"},
		"Refused":      {"What is refused does not run, and the head before stays.", []previews.Rules{dev}, []previews.Pull{pull(1, verdict(previews.Refused), since(2)), pull(2, verdict(previews.Refused))}, []previews.Existing{at(1, "a")}, "#1 as it is: refused; #2 none: refused; again in 70h0m0s"},
		"Untouched":    {"Nothing of it is left.", []previews.Rules{dev}, []previews.Pull{pull(1, verdict(previews.Untouched))}, []previews.Existing{at(1, "a")}, "#1 none: untouched; #1 goes: untouched open"},

		"Fork":            {"Nobody approved it.", []previews.Rules{dev}, []previews.Pull{pull(1, fork(""))}, nil, "#1 none: fork"},
		"ForkApproved":    {"Just this head was approved.", []previews.Rules{dev}, []previews.Pull{pull(1, fork("b"))}, nil, "#1 at b like dev; again in 72h0m0s"},
		"ForkPushed":      {"A new push withdraws the approval, whatever is known of it.", []previews.Rules{dev}, []previews.Pull{pull(1, fork("a")), pull(2, fork("a"), verdict(""))}, []previews.Existing{at(1, "a"), at(2, "a")}, "#1 none: fork; #2 none: fork; #1 goes: fork open; #2 goes: fork open"},
		"ForkWithdrawn":   {"The approval was withdrawn.", []previews.Rules{dev}, []previews.Pull{pull(1, fork(""))}, []previews.Existing{at(1, "b")}, "#1 none: fork; #1 goes: fork open"},
		"ForkRefused":     {"The newer head is approved, and not good: the older one is not approved any more.", []previews.Rules{dev}, []previews.Pull{pull(1, fork("b"), verdict(previews.Refused))}, []previews.Existing{at(1, "a")}, "#1 none: fork; #1 goes: fork open"},
		"ForkUp":          {"Asking for it is no approval of a head.", []previews.Rules{dev}, []previews.Pull{pull(1, fork(""), did("up 1"))}, nil, "#1 none: fork"},
		"ForkNoHead":      {"A head that is not known is approved by nobody.", []previews.Rules{dev}, []previews.Pull{pull(1, fork(""), func(p *previews.Pull) { p.Head = "" })}, nil, "#1 none: fork"},
		"ForkUnknownCost": {"What is not known is no reason to keep an older head.", []previews.Rules{capped(dev)}, []previews.Pull{pull(1, fork("b"))}, []previews.Existing{at(1, "a")}, "#1 none: fork; #1 goes: fork open"},

		"Undeclared":   {"No environment declares one for it.", []previews.Rules{dev}, []previews.Pull{pull(1, none)}, []previews.Existing{at(1, "b")}, "#1 none: declaration; #1 goes: declaration open"},
		"Asked":        {"A person asked for it all the same.", []previews.Rules{{Environment: "qa"}, dev}, []previews.Pull{pull(1, none, did("up 1"))}, nil, "#1 at b like dev; again in 72h0m0s"},
		"Unchosen":     {"Nobody knows yet whether it is to have one.", []previews.Rules{dev}, []previews.Pull{pull(1, unchosen), pull(2, unchosen)}, []previews.Existing{at(1, "a")}, "#1 as it is: unknown; #2 none: unknown"},
		"ForkFirst":    {"None could be expected.", []previews.Rules{dev}, []previews.Pull{pull(1, fork(""), none)}, nil, "#1 none: declaration"},
		"ForkUnchosen": {"Before anything else is known, what was not approved goes.", []previews.Rules{dev}, []previews.Pull{pull(1, fork("a"), unchosen)}, []previews.Existing{at(1, "a")}, "#1 none: fork; #1 goes: fork open"},

		"Down":      {"", []previews.Rules{dev}, []previews.Pull{pull(1, did("down 1"))}, []previews.Existing{at(1, "b")}, "#1 none: down; #1 goes: down open"},
		"DownAgain": {"Only up undoes it.", []previews.Rules{dev}, []previews.Pull{pull(1, did("down 3", "wake 2", "extend 1"))}, nil, "#1 none: down"},
		"Up":        {"The last one counts.", []previews.Rules{dev}, []previews.Pull{pull(1, since(80), did("down 4", "up 3"))}, nil, "#1 at b like dev; again in 69h0m0s"},

		"Expired":    {"", []previews.Rules{dev}, []previews.Pull{pull(1, since(72))}, []previews.Existing{at(1, "b")}, "#1 none: ttl; #1 goes: ttl open"},
		"Extended":   {"Its time begins again.", []previews.Rules{dev}, []previews.Pull{pull(1, since(72), did("extend 2"))}, []previews.Existing{at(1, "b")}, "#1 at b like dev; again in 70h0m0s"},
		"StillFresh": {"A command from before the push changes nothing.", []previews.Rules{dev}, []previews.Pull{pull(1, since(2), did("extend 9"))}, []previews.Existing{at(1, "b")}, "#1 at b like dev; again in 70h0m0s"},

		"Sleeps":     {"Nobody used it for long.", []previews.Rules{sleepy(dev)}, []previews.Pull{pull(1, since(8))}, []previews.Existing{at(1, "b")}, "#1 at b like dev asleep; again in 64h0m0s"},
		"Awake":      {"Not for long enough.", []previews.Rules{sleepy(dev)}, []previews.Pull{pull(1, since(7))}, []previews.Existing{at(1, "b")}, "#1 at b like dev; again in 1h0m0s"},
		"Woken":      {"It wakes on request.", []previews.Rules{sleepy(dev)}, []previews.Pull{pull(1, since(20), did("sleep 4", "wake 3"))}, []previews.Existing{at(1, "b")}, "#1 at b like dev; again in 5h0m0s"},
		"Asleep":     {"It sleeps on request; more time wakes nobody.", []previews.Rules{dev}, []previews.Pull{pull(1, since(20), did("sleep 4", "extend 3"))}, []previews.Existing{at(1, "b")}, "#1 at b like dev asleep; again in 69h0m0s"},
		"PushWakes":  {"A push is to be seen.", []previews.Rules{dev}, []previews.Pull{pull(1, did("sleep 4"))}, []previews.Existing{at(1, "a")}, "#1 at b like dev; again in 72h0m0s"},
		"SleptAfter": {"It was put to sleep after the push.", []previews.Rules{dev}, []previews.Pull{pull(1, since(5), did("sleep 4"))}, []previews.Existing{at(1, "b")}, "#1 at b like dev asleep; again in 67h0m0s"},

		"Cap":          {"It ran for a tenth of a month.", []previews.Rules{capped(dev)}, []previews.Pull{pull(1, since(73), did("extend 10"), costs(20))}, []previews.Existing{at(1, "b")}, "#1 none: cap; #1 goes: cap open"},
		"NotYetCap":    {"And 1.5 here.", []previews.Rules{capped(dev)}, []previews.Pull{pull(1, since(36), costs(30))}, []previews.Existing{at(1, "b")}, "#1 at b like dev; again in 12h40m0s"},
		"SleptCheap":   {"While it sleeps, it costs nothing.", []previews.Rules{capped(dev)}, []previews.Pull{pull(1, since(71), did("sleep 60"), costs(30))}, []previews.Existing{at(1, "b")}, "#1 at b like dev asleep; again in 1h0m0s"},
		"AutoSlept":    {"", []previews.Rules{sleepy(capped(dev))}, []previews.Pull{pull(1, since(71), costs(30))}, []previews.Existing{at(1, "b")}, "#1 at b like dev asleep; again in 1h0m0s"},
		"CapOfAll":     {"The heads before count.", []previews.Rules{capped(dev)}, []previews.Pull{pull(1, before(60), since(10), costs(30))}, []previews.Existing{at(1, "b")}, "#1 none: cap; #1 goes: cap open"},
		"CapAfterDown": {"What it cost before it was taken down counts.", []previews.Rules{capped(dev)}, []previews.Pull{pull(1, since(60), did("down 20", "up 5"), costs(30))}, nil, "#1 at b like dev; again in 3h40m0s"},
		"Free":         {"", []previews.Rules{capped(dev)}, []previews.Pull{pull(1, since(2), costs(0))}, []previews.Existing{at(1, "b")}, "#1 at b like dev; again in 70h0m0s"},
		"UnknownCost":  {"What is not known is not made, and what there is stays.", []previews.Rules{capped(dev)}, []previews.Pull{pull(1, since(2)), pull(2)}, []previews.Existing{at(1, "b")}, "#1 as it is: cost unknown; #2 none: cost unknown; again in 70h0m0s"},

		"Limit":        {"The older pull request has it.", []previews.Rules{dev}, []previews.Pull{pull(3), pull(2), pull(1)}, nil, "#1 at b like dev; #2 at b like dev; #3 none: limit; again in 72h0m0s"},
		"LimitKeeps":   {"What is there stays.", []previews.Rules{dev}, []previews.Pull{pull(3), pull(2), pull(1)}, []previews.Existing{at(3, "b"), at(2, "a")}, "#2 at b like dev; #3 at b like dev; #1 none: limit; again in 72h0m0s"},
		"LimitLowered": {"", []previews.Rules{dev}, []previews.Pull{pull(3), pull(2), pull(1)}, []previews.Existing{at(1, "b"), at(2, "b"), at(3, "b")}, "#1 at b like dev; #2 at b like dev; #3 none: limit; #3 goes: limit open; again in 72h0m0s"},
		"LimitUnknown": {"One that nobody knows anything of has its place.", []previews.Rules{dev}, []previews.Pull{pull(1), pull(2)}, []previews.Existing{at(9, "x")}, "#1 at b like dev; #9 as it is: unknown; #2 none: limit; again in 72h0m0s"},
		"LimitAny":     {"One may be of any environment.", []previews.Rules{dev}, []previews.Pull{pull(1), pull(2), pull(4)}, []previews.Existing{{Number: 9}, {Number: 4}}, "#4 at b like dev; #9 as it is: unknown; #1 none: limit; #2 none: limit; again in 72h0m0s"},
		"LimitGoing":   {"One that goes has it until it is gone, but takes none from who has one.", []previews.Rules{{Environment: "dev", TTL: time.Hour, Limit: 1}}, []previews.Pull{pull(1, state(previews.Closed)), pull(2), pull(3)}, []previews.Existing{going, at(2, "b")}, "#2 at b like dev; #3 none: limit; #1 goes: state closed; again in 1h0m0s"},
		"LimitGone":    {"", []previews.Rules{{Environment: "dev", TTL: time.Hour, Limit: 1}}, []previews.Pull{pull(1, state(previews.Closed)), pull(3)}, []previews.Existing{going}, "#3 none: limit; #1 goes: state closed"},
		"Removing":     {"It is made again once it is gone.", []previews.Rules{dev}, []previews.Pull{pull(1)}, []previews.Existing{going}, "#1 goes: unknown open"},
	} {
		t.Run(name, func(t *testing.T) {
			in := previews.Input{Now: noon, Rules: tc.rules, Pulls: tc.pulls, Exists: tc.exists}
			if diff := cmp.Diff(tc.want, said(previews.Decide(in))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			slices.Reverse(in.Pulls)
			slices.Reverse(in.Exists)
			slices.Reverse(in.Rules)
			if diff := cmp.Diff(tc.want, said(previews.Decide(in))); diff != "" {
				t.Errorf("%s In another order it is something else (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
