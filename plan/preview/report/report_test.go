// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/markdown/markdowntest"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	lots "trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/plan/preview/report"
	"trunkline.dev/trunkline/plan/resource"
)

var update = flag.Bool("update", false, "write what is printed into the golden files")

func ref(group, kind, namespace, name string) plan.Ref {
	return plan.Ref{GroupKind: schema.GroupKind{Group: group, Kind: kind}, Namespace: namespace, Name: name}
}

func id(project, env string) catalog.ReleaseID {
	return catalog.ReleaseID{Project: project, Environment: env, Cluster: "one"}
}

// hour is the lot that begins then.
func hour(at string) lot.Lot {
	t, err := time.Parse("2006-01-02T15", at)
	if err != nil {
		panic(err)
	}
	return lot.Hourly.At(t)
}

// usual is a preview with a little of everything.
func usual() preview.Preview {
	return preview.Preview{
		From: "main (0123abcd)", To: "the files on disk",
		Releases: []preview.Release{
			{ID: id("alerts", "dev"), Action: preview.Unchanged, Unchanged: 4},
			{ID: id("alerts", "prod"), Action: preview.Unchanged, Unchanged: 3, Steps: []preview.Step{{
				Ref: ref("apps", "Deployment", "alerts-prod", "web"), Action: plan.Keep, Reason: plan.Reported,
				Drift: []preview.Drift{{Field: ".spec.replicas", Manager: "kubectl"}},
			}}},
			{ID: id("fx", "dev"), Action: preview.Create, Steps: []preview.Step{
				{Ref: ref("", "Namespace", "", "fx-dev"), Action: plan.Create, Reason: plan.Missing, Diff: "+kind: Namespace\n"},
				{Ref: ref("", "Secret", "fx-dev", "login"), Action: plan.Create, Reason: plan.Missing, Note: "encrypted, not compared"},
			}},
			{ID: id("fx", "prod"), Action: preview.Fail, Err: "it does not render: template deployment.yaml:4\nno such field"},
			{ID: id("orders", "dev"), Action: preview.Change, Unchanged: 5, Steps: []preview.Step{
				{Ref: ref("", "ConfigMap", "orders-dev", "conf"), Action: plan.Update, Reason: plan.Drifted, Diff: "@@ -1,3 +1,3 @@\n data:\n-  a: theirs\n+  a: ours\n kind: ConfigMap\n", Drift: []preview.Drift{{Field: ".data.a", Manager: "eve", TakenBack: true}}},
				{Ref: ref("batch", "Job", "orders-dev", "clean-4567cdef"), Action: plan.Create, Reason: plan.Missing, Replaces: "clean-0123abcd", Diff: "@@ -3,1 +3,1 @@\n-  image: a:1\n+  image: a:2\n"},
				{Ref: ref("", "Service", "orders-dev", "web"), Action: plan.Adopt, Reason: plan.Present, Err: "conflict on Service orders-dev/web: .spec.ports is owned by helm"},
				{Ref: ref("batch", "Job", "orders-dev", "clean-0123abcd"), Action: plan.Delete, Reason: plan.Removed, Diff: "-kind: Job\n"},
				{Ref: ref("", "PersistentVolumeClaim", "orders-dev", "data"), Action: plan.Keep, Reason: plan.Data},
				{Ref: ref("apps", "Deployment", "orders-dev", "late"), Action: plan.Blocked, Reason: plan.Waiting, Note: "waits for Job.batch orders-dev/first"},
			}},
			{ID: id("orders", "prod"), Action: preview.Remove, Held: gate.Verdict{
				Hold: gate.Frozen, Reason: "frozen until 2026-12-17T00:00:00Z: year's end", Until: time.Date(2026, 12, 17, 0, 0, 0, 0, time.UTC),
			}, Steps: []preview.Step{{Ref: ref("", "Service", "orders-prod", "web"), Action: plan.Delete, Reason: plan.Removed, Diff: "-kind: Service\n"}}},
		},
		Resources: []resource.Change{
			{Action: resource.Make, Environment: "prod", Project: "orders", Kind: catalog.BucketResource, Name: "acme-prod-orders", Via: v1alpha1.ViaAPI},
			{Action: resource.Make, Environment: "prod", Project: "orders", Kind: catalog.DatabaseResource, Name: "orders", Via: v1alpha1.ViaACK, Adopts: true},
			{Action: resource.Alter, Environment: "prod", Project: "orders", Kind: catalog.TableResource, Name: "orders.clean", Via: v1alpha1.ViaAPI, Fields: []string{"columns", "format"}},
			{Action: resource.Move, Environment: "prod", Project: "orders", Before: "rates", Kind: catalog.TableResource, Name: "orders.fx", Via: v1alpha1.ViaAPI},
			{Action: resource.Stay, Environment: "prod", Project: "rates", Kind: catalog.BucketResource, Name: "acme-prod-rates", Via: v1alpha1.ViaAPI},
			{Action: resource.Remove, Environment: "prod", Project: "rates", Kind: catalog.BucketResource, Name: "acme-prod-scratch", Via: v1alpha1.ViaAPI},
		},
		Lots: lots.Merged{
			Compute: []lots.Compute{
				{Environment: "dev", Arc: "orders/clean", Writes: []string{"orders/clean@2"}, First: hour("2025-01-01T00"), Last: hour("2025-12-31T23"), Lots: 8760, Each: 30 * time.Second, AtOnce: 10},
				{Environment: "prod", Arc: "orders/sum", Writes: []string{"orders/sum@1"}, First: hour("2025-01-01T00"), Last: hour("2025-01-01T00"), Lots: 1},
				{Environment: "prod", Arc: "orders/clean", Writes: []string{"orders/clean@2"}, First: hour("2026-01-01T00"), Last: hour("2026-01-01T23"), Lots: 24, Replay: "rates of orders/clean@2", Reason: "rates were wrong"},
			},
			Nobodys: []lots.Nobodys{{Environment: "prod", Series: "orders/clean@1", First: hour("2025-01-01T00"), Last: hour("2025-01-01T04"), Lots: 5, Loss: lots.Later}},
			Never:   []lots.Never{{Environment: "prod", Series: "orders/sum@1", Input: "orders/clean@2", Begins: hour("2025-01-01T00"), First: hour("2024-12-31T00"), Last: hour("2024-12-31T23"), Lots: 24}},
			Expire:  []lots.Expire{{Environment: "prod", Series: "orders/clean@2", Kept: 90 * 24 * time.Hour, First: hour("2025-01-01T00"), Last: hour("2025-12-31T23"), Lots: 8760, PerDay: 1000}},
		},
		Troubles: []preview.Trouble{{Cluster: "two", Err: "connecting to cluster \"two\": connection refused"}},
		Notes:    []string{"3 releases are on clusters that no --cluster names: four"},
	}
}

func TestGolden(t *testing.T) {
	nothing := preview.Preview{From: "HEAD (0123abcd)", To: "the files on disk", Releases: []preview.Release{{ID: id("alerts", "dev"), Action: preview.Unchanged, Unchanged: 4}}}
	for name, tc := range map[string]struct {
		format  report.Format
		opts    report.Options
		preview preview.Preview
	}{
		"usual.txt":    {report.Text, report.Options{}, usual()},
		"usual.ansi":   {report.Text, report.Options{Color: true}, usual()},
		"brief.txt":    {report.Text, report.Options{Brief: true}, usual()},
		"usual.json":   {report.JSON, report.Options{}, usual()},
		"usual.md":     {report.Markdown, report.Options{}, usual()},
		"brief.md":     {report.Markdown, report.Options{Brief: true}, usual()},
		"nothing.txt":  {report.Text, report.Options{}, nothing},
		"nothing.md":   {report.Markdown, report.Options{}, nothing},
		"nothing.json": {report.JSON, report.Options{}, nothing},
		"hostile.txt":  {report.Text, report.Options{}, hostile()},
		"hostile.md":   {report.Markdown, report.Options{}, hostile()},
		"hostile.json": {report.JSON, report.Options{}, hostile()},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := report.Write(&out, tc.format, tc.preview, tc.opts); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), out.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// evil is a text that would like to be more than one.
const evil = "</code></details>\x1b[2J\u202e@all `x` ``` | **passed** <script>alert(1)</script> ![x](javascript:y) https://evil.example.com [l](#1)\n\n### Trunkline: nothing would change\n```\n| a |"

// hostile has such texts wherever someone else's can get.
func hostile() preview.Preview {
	return preview.Preview{
		From: evil, To: evil, Notes: []string{evil}, Troubles: []preview.Trouble{{Cluster: evil, Err: evil}},
		Resources: []resource.Change{{Action: resource.Move, Environment: evil, Project: evil, Before: evil, Kind: catalog.BucketResource, Name: evil}},
		Lots: lots.Merged{
			Compute: []lots.Compute{{Environment: evil, Arc: evil, Writes: []string{evil}, Lots: 3, Replay: evil, Reason: evil}}, Nobodys: []lots.Nobodys{{Environment: evil, Series: evil, Loss: lots.Undeclared}},
			Never: []lots.Never{{Environment: evil, Series: evil, Input: evil, Lots: 1}}, Expire: []lots.Expire{{Environment: evil, Series: evil, Lots: 1, PerDay: 1}},
		},
		Releases: []preview.Release{
			{ID: catalog.ReleaseID{Project: evil, Environment: evil, Cluster: evil}, Action: preview.Change, Held: gate.Verdict{Hold: gate.Rule(evil), Reason: evil}, Steps: []preview.Step{{
				Ref: ref(evil, evil, evil, evil), Action: plan.Update, Reason: plan.Changed, Replaces: evil, Diff: "-" + evil + "\n+````\n~~~\n</details>\n",
				Drift: []preview.Drift{{Field: evil, Manager: evil}}, Note: evil, Err: evil,
			}}},
			{ID: id("other", "dev"), Action: preview.Fail, Err: evil},
		},
	}
}

// TestHostileText: no text of someone else's is more than text, in any format.
func TestHostileText(t *testing.T) {
	write := func(format report.Format, opts report.Options) string {
		var out bytes.Buffer
		if err := report.Write(&out, format, hostile(), opts); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for _, format := range []report.Format{report.Text, report.JSON, report.Markdown} {
		for _, r := range write(format, report.Options{}) {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%s prints the character %U, which a terminal may obey", format, r)
			}
		}
	}
	if text := write(report.Text, report.Options{}); strings.Count(text, "\n### Trunkline") > 0 {
		t.Errorf("a value begins a line of its own:\n%s", text)
	}
	var d any
	if err := json.Unmarshal([]byte(write(report.JSON, report.Options{})), &d); err != nil {
		t.Error(err)
	}
	checkMarkdown(t, write(report.Markdown, report.Options{}))
}

// checkMarkdown holds a comment to what a forge makes of it.
func checkMarkdown(t interface{ Errorf(string, ...any) }, text string) {
	for _, p := range markdowntest.Problems(text, markdowntest.Allowed{Headings: 1}) {
		t.Errorf("%s", p)
	}
}

// TestMarkdownIsBounded: whatever does not fit is left out as a whole, and said to be.
func TestMarkdownIsBounded(t *testing.T) {
	p := preview.Preview{From: "a", To: "b"}
	for i := range 2000 {
		p.Releases = append(p.Releases, preview.Release{ID: id(fmt.Sprintf("project-%d", i), "dev"), Action: preview.Change, Steps: []preview.Step{{
			Ref: ref("", "ConfigMap", "n", "c"), Action: plan.Update, Reason: plan.Changed, Diff: fmt.Sprint("+", i, "\n") + strings.Repeat("+line\n", 1000),
		}}})
	}
	var out bytes.Buffer
	if err := report.Write(&out, report.Markdown, p, report.Options{}); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 60_000 || out.Len() < 40_000 {
		t.Errorf("the comment has %d bytes, of at most 60,000", out.Len())
	}
	checkMarkdown(t, out.String())
	if !strings.Contains(out.String(), "**Left out, since a comment has an end:**") {
		t.Error("the comment does not say that something is left out")
	}
}

// TestMarkdownSaysThatNotesAreLeftOut: also what is no release is not dropped in silence.
func TestMarkdownSaysThatNotesAreLeftOut(t *testing.T) {
	var out bytes.Buffer
	p := preview.Preview{From: "a", To: "b", Troubles: []preview.Trouble{{Cluster: "one", Err: strings.Repeat("why ", 200)}}}
	if err := report.Write(&out, report.Markdown, p, report.Options{MaxBytes: 600}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "others: 1") {
		t.Errorf("it does not say that a cluster is left out:\n%s", out.String())
	}
}

// TestMarkdownOfAnything: with random texts and sizes it is well formed and bounded.
func TestMarkdownOfAnything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", " ", "`", "```", "\n", "<", ">", "</details>", "@x", "|", "#", "\x1b", "é", "&lt;", "- "}), 0, 12),
			func(l []string) string { return strings.Join(l, "") })
		draw := func(what string) string { return text.Draw(rt, what) }
		p := preview.Preview{From: draw("from"), To: draw("to"), Notes: []string{draw("note")}}
		for range rapid.IntRange(0, 4).Draw(rt, "releases") {
			p.Releases = append(p.Releases, preview.Release{
				ID: catalog.ReleaseID{Project: draw("project")}, Action: preview.Change, Err: draw("err"), Held: gate.Verdict{Hold: "x", Reason: draw("held")},
				Steps: []preview.Step{{Ref: ref("", draw("kind"), "", draw("name")), Action: plan.Update, Reason: plan.Changed, Diff: draw("diff"), Note: draw("note"), Err: draw("fail"), Replaces: draw("replaces")}},
			})
		}
		room := rapid.IntRange(800, 4000).Draw(rt, "room")
		var out bytes.Buffer
		if err := report.Write(&out, report.Markdown, p, report.Options{MaxBytes: room}); err != nil {
			rt.Fatal(err)
		}
		if out.Len() > room {
			rt.Fatalf("it has %d bytes, of at most %d:\n%s", out.Len(), room, out.String())
		}
		checkMarkdown(rt, out.String())
	})
}

// broken cannot be written to.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteSaysWhatIsWrong(t *testing.T) {
	if err := report.Write(&bytes.Buffer{}, "xml", preview.Preview{}, report.Options{}); err == nil || !strings.Contains(err.Error(), `unknown format "xml"; choose one of text, json, markdown`) {
		t.Errorf("an unknown format: %v", err)
	}
	if err := report.Write(broken{}, report.Text, preview.Preview{}, report.Options{}); err == nil {
		t.Error("that nothing could be written is not said")
	}
}
