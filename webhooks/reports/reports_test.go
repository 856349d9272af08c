// SPDX-License-Identifier: Apache-2.0

package reports_test

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog/draw"
	"trunkline.dev/trunkline/webhooks/report"
	"trunkline.dev/trunkline/webhooks/reports"
)

// clock is the time of a test.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

const base = "https://trunkline.example"

func open(t *testing.T, dir string, c *clock) *reports.Keeper {
	t.Helper()
	k, err := reports.Open(dir, base+"/", func() {}, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func keep(t *testing.T, k *reports.Keeper, pull, head string) (link string) {
	t.Helper()
	address, err := k.Keep(pull, head, report.Review{Outcome: report.Passed, Head: head, Notes: []string{"a note"}})
	if err != nil {
		t.Fatal(err)
	}
	link, ok := strings.CutPrefix(address, base+"/reports/")
	if !ok {
		t.Fatalf("the address is %q", address)
	}
	return link
}

// TestLinks: a link leads to its report until it expires, also after a restart, and nobody else's does.
func TestLinks(t *testing.T) {
	const day = 24 * time.Hour
	tamper := func(link string, at int) string {
		data, err := base64.RawURLEncoding.DecodeString(link)
		if err != nil {
			panic(err)
		}
		data[at] ^= 1
		return base64.RawURLEncoding.EncodeToString(data)
	}
	for name, tc := range map[string]struct {
		reason string
		after  time.Duration
		// do returns the link that is followed, and by whom.
		do   func(t *testing.T, k *reports.Keeper, c *clock, dir, link string) (*reports.Keeper, string)
		want error
	}{
		"Right":   {reason: "It leads there."},
		"Week":    {reason: "It is good for a week at least.", after: 7 * day},
		"Expired": {reason: "And for two at most.", after: 14*day + time.Second, want: reports.ErrNoLink},
		"Restart": {reason: "The key is on disk.", do: func(t *testing.T, _ *reports.Keeper, c *clock, dir, link string) (*reports.Keeper, string) {
			return open(t, dir, c), link
		}},
		"Report": {reason: "Of another report.", want: reports.ErrNoLink, do: func(_ *testing.T, k *reports.Keeper, _ *clock, _, link string) (*reports.Keeper, string) {
			return k, tamper(link, 0)
		}},
		"Expiry": {reason: "For longer than it was made.", want: reports.ErrNoLink, do: func(_ *testing.T, k *reports.Keeper, _ *clock, _, link string) (*reports.Keeper, string) {
			return k, tamper(link, 20)
		}},
		"Forged": {reason: "With another signature.", want: reports.ErrNoLink, do: func(_ *testing.T, k *reports.Keeper, _ *clock, _, link string) (*reports.Keeper, string) {
			return k, tamper(link, 39)
		}},
		"Short": {reason: "With a part of it.", want: reports.ErrNoLink, do: func(_ *testing.T, k *reports.Keeper, _ *clock, _, link string) (*reports.Keeper, string) {
			return k, link[:len(link)-4]
		}},
		"Long": {reason: "With more than it.", want: reports.ErrNoLink, do: func(_ *testing.T, k *reports.Keeper, _ *clock, _, link string) (*reports.Keeper, string) {
			return k, link + "AAAA"
		}},
		"Nothing": {reason: "With nothing.", want: reports.ErrNoLink, do: func(_ *testing.T, k *reports.Keeper, _ *clock, _, _ string) (*reports.Keeper, string) { return k, "" }},
		"Elsewhere": {reason: "Of another daemon.", want: reports.ErrNoLink, do: func(t *testing.T, _ *reports.Keeper, c *clock, _, link string) (*reports.Keeper, string) {
			return open(t, t.TempDir(), c), link
		}},
		"Gone": {reason: "What is not kept any more is said to be gone.", want: reports.ErrGone, do: func(t *testing.T, k *reports.Keeper, _ *clock, dir, link string) (*reports.Keeper, string) {
			files, _ := filepath.Glob(filepath.Join(dir, "*.gz"))
			for _, f := range files {
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
			return k, link
		}},
		"OldKey": {reason: "A link outlives the key's change.", after: 29 * day, do: func(t *testing.T, k *reports.Keeper, c *clock, _, _ string) (*reports.Keeper, string) {
			link := keep(t, k, "2", "h")
			c.now = c.now.Add(3 * day)
			keep(t, k, "3", "h") // with a new key
			return k, link
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, c := t.TempDir(), &clock{time.Now()}
			k := open(t, dir, c)
			link := keep(t, k, "1", "abc")
			c.now = c.now.Add(tc.after)
			if tc.do != nil {
				k, link = tc.do(t, k, c, dir, link)
			}
			got, err := k.Read(link, false)
			if !errors.Is(err, tc.want) || (err == nil) != strings.Contains(string(got), "a note") {
				t.Errorf("%s It is %v, %q; want %v", tc.reason, err, got, tc.want)
			}
		})
	}
}

// TestLinksStay: the address of a report is the same from push to push, so that the comment need not change for it.
func TestLinksStay(t *testing.T) {
	c := &clock{time.Date(2026, 12, 16, 10, 0, 0, 0, time.UTC)}
	dir := t.TempDir()
	k := open(t, dir, c)
	first := keep(t, k, "1", "abc")
	c.now = c.now.Add(time.Hour)
	if second := keep(t, open(t, dir, c), "1", "abc"); second != first {
		t.Errorf("an hour later it is %s, and was %s", second, first)
	}
	if other := keep(t, k, "1", "abd"); other == first {
		t.Error("another head has the same address")
	}
}

// TestKeysAreSecret: nobody but the daemon can read the keys, and a file that holds none is an error.
func TestKeysAreSecret(t *testing.T) {
	dir, c := t.TempDir(), &clock{time.Now()}
	open(t, dir, c)
	file := filepath.Join(dir, "keys.json")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the keys are %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(file, []byte(`[{"secret": ""}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := reports.Open(dir, base, func() {}, c.Now); err == nil {
		t.Error("an empty key signs links")
	}
}

// TestReportsAreBounded: the oldest reports go.
func TestReportsAreBounded(t *testing.T) {
	dir, c := t.TempDir(), &clock{time.Now()}
	k := open(t, dir, c)
	first := keep(t, k, "1", "abc")
	old := time.Now().Add(-15 * 24 * time.Hour)
	files, _ := filepath.Glob(filepath.Join(dir, "*.gz"))
	for _, f := range files {
		if err := os.Chtimes(f, old, old); err != nil {
			t.Fatal(err)
		}
	}
	second := keep(t, k, "2", "abc")
	if _, err := k.Read(first, true); !errors.Is(err, reports.ErrGone) {
		t.Errorf("what no link is good for any more is %v", err)
	}
	if got, err := k.Read(second, true); err != nil || !strings.HasPrefix(string(got), "### ") {
		t.Errorf("the newest is %q, %v", got, err)
	}
}

// TestPulls: what is known of pull requests, and the reports on them, is there after a restart, and goes when the forge does not know
// them or they ended long ago.
func TestPulls(t *testing.T) {
	c := &clock{now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}
	dir := t.TempDir()
	k := open(t, dir, c)
	note := func(name, state string, number int) {
		t.Helper()
		p := report.Pull{Name: name, Number: number, Title: "a <b>", State: state, Head: "h1", Base: "main", Updated: c.now}
		if state != "open" {
			p.Closed = c.now
		}
		if err := k.Note(p); err != nil {
			t.Fatal(err)
		}
	}
	note("pr-1", "merged", 1)
	note("pr-7", "open", 7)
	review := report.Review{Outcome: report.Refused, Head: "h1", Flow: &report.Flow{After: &draw.Graph{Nodes: []draw.Node{{ID: "orders/raw@1", Kind: draw.Dataset}}}}, Findings: []report.Finding{
		{Problem: v1alpha1.Problem{Rule: "dag-cycle", Severity: v1alpha1.Deny, Message: "m", About: v1alpha1.About{Project: "orders"}}},
	}}
	if _, err := k.Keep("pr-7", "h1", review); err != nil {
		t.Fatal(err)
	}
	note("pr-7", "open", 7) // what was found out stays
	k = open(t, dir, c)
	var names []string
	for _, p := range k.Pulls() {
		names = append(names, p.Name+" "+p.State)
	}
	if diff := cmp.Diff([]string{"pr-7 open", "pr-1 merged"}, names); diff != "" {
		t.Errorf("after a restart, the open one first, -want +got:\n%s", diff)
	}
	p, facts, err := k.Pull("pr-7")
	if err != nil || p.Report == nil || p.Report.Denied != 1 || p.Report.Touches[0].Project != "orders" || facts == nil || facts.Flow == nil || facts.Denied[0].Rule != "dag-cycle" {
		t.Errorf("after a restart the report is %+v %+v, %v", p.Report, facts, err)
	}
	if _, facts, err := k.Pull("pr-1"); facts != nil || err != nil {
		t.Errorf("what was not evaluated has the report %v, %v", facts, err)
	}
	if _, _, err := k.Pull("pr-8"); !errors.Is(err, reports.ErrNoPull) {
		t.Errorf("what is not known: %v", err)
	}
	if err := k.Note(report.Pull{Name: "../keys", State: "open"}); err == nil {
		t.Error("a name leads out of the folder")
	}
	c.now = c.now.Add(15 * 24 * time.Hour)
	note("pr-7", "open", 7)
	if all := k.Pulls(); len(all) != 1 || all[0].Name != "pr-7" {
		t.Errorf("two weeks after the end there are %v", all)
	}
	if err := k.Drop("pr-7"); err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "pr-*")); len(files) > 0 || len(k.Pulls()) > 0 {
		t.Errorf("of what the forge does not know there is %v", files)
	}
}

// TestPullsWithoutLinks: a daemon that nobody says the address of makes no links, and has the reports all the same.
func TestPullsWithoutLinks(t *testing.T) {
	c := &clock{now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}
	told := 0
	k, err := reports.Open(t.TempDir(), "", func() { told++ }, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Note(report.Pull{Name: "pr-7", State: "open"}); err != nil {
		t.Fatal(err)
	}
	address, err := k.Keep("pr-7", "h1", report.Review{Outcome: report.Passed, Head: "h1"})
	if _, facts, _ := k.Pull("pr-7"); address != "" || err != nil || facts == nil || told != 2 {
		t.Errorf("the address is %q, the report %v, the error %v; those who look were told %d times", address, facts, err, told)
	}
}
