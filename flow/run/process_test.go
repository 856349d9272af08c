// SPDX-License-Identifier: Apache-2.0

package run_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
)

func seenOf(t testing.TB) run.Seen {
	t.Helper()
	return run.Seen{
		Inputs:  map[string][]run.Found{"raw": hours(t), "fx": {found(lotOf(t, "20260102P1D000"), manifest.Complete, "s3a://lake/rates/fx/2026/2%20Jan.csv")}},
		Partial: map[string][]string{"main": {"s3://manifests/prod/orders/old"}}, Now: noon, Local: true,
	}
}

func processOf(t testing.TB, r run.Run, seen run.Seen) run.Process {
	t.Helper()
	p, err := r.Process(seen)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// values are the variables of a process, with "<NAME>" for the value of a secret.
func values(p run.Process) map[string]string {
	secrets, out := map[string]string{}, map[string]string{}
	for name := range p.Secrets {
		secrets[name] = "<" + name + ">"
	}
	for _, v := range p.Variables {
		out[v.Name] = v.Value.With(secrets)
	}
	return out
}

func TestVariables(t *testing.T) {
	p := processOf(t, of(t, platformOf(t, rates, orders), "clean"), seenOf(t))
	got := values(p)
	manifests := strings.Split(got["TRUNKLINE_READ_RAW_MANIFESTS"], "\n")
	if len(manifests) != 24 || manifests[1] != "s3://manifests/prod/orders/datasets/name=raw/version=1/lot=20260102PT1H001/state=empty/manifest.json" {
		t.Errorf("the manifests are %d: %s", len(manifests), manifests)
	}
	delete(got, "TRUNKLINE_READ_RAW_MANIFESTS")
	want := map[string]string{
		"TRUNKLINE_PLATFORM": "acme", "TRUNKLINE_PROJECT": "orders", "TRUNKLINE_ENVIRONMENT": "prod", "TRUNKLINE_CLUSTER": "one", "TRUNKLINE_WORKLOAD": "clean",
		"TRUNKLINE_LOT": "20260102P1D000", "TRUNKLINE_LOT_START": "2026-01-02T00:00:00Z", "TRUNKLINE_LOT_END": "2026-01-03T00:00:00Z",
		"TRUNKLINE_ATTEMPT": "7", "CLS_LOCAL": "true",
		// Lots of a run are folders; empty ones have none.
		"TRUNKLINE_READ_RAW": "s3://lake/orders/raw/lot=20260102PT1H000/attempt=1/\ns3://lake/orders/raw/lot=20260102PT1H023/attempt=12/",
		// What others wrote is what their manifests list.
		"TRUNKLINE_READ_FX":           "s3a://lake/rates/fx/2026/2%20Jan.csv",
		"TRUNKLINE_READ_FX_MANIFESTS": "s3://manifests/prod/rates/datasets/name=fx/version=2/lot=20260102P1D000/state=complete/manifest.json",
		// Where all of a dataset is, which is what its manifests are held to.
		"TRUNKLINE_READ_RAW_LOCATION": "s3://lake/orders/raw/", "TRUNKLINE_READ_FX_LOCATION": "s3://lake/rates/fx/",
		"TRUNKLINE_READ_NAMES":          "s3://lake/rates/names/",
		"TRUNKLINE_WRITE_MAIN":          "s3://lake/orders/clean/lot=20260102P1D000/attempt=7/",
		"TRUNKLINE_WRITE_BAD_ROWS":      "s3://lake/orders/bad/lot=20260102P1D000/attempt=7/",
		"TRUNKLINE_WRITE_MAIN_LOCATION": "s3://lake/orders/clean/", "TRUNKLINE_WRITE_MAIN_MANIFESTS": "s3://manifests/prod/orders/datasets/name=clean/version=1/",
		"TRUNKLINE_WRITE_BAD_ROWS_LOCATION": "s3://lake/orders/bad/", "TRUNKLINE_WRITE_BAD_ROWS_MANIFESTS": "s3://manifests/prod/orders/datasets/name=bad/version=1/",
		"TRUNKLINE_WRITE_LOG": "s3://lake/orders/log/",
		// As a kubelet expands them: of what stands before, by name, and of secrets.
		"GREETING": "it's <KEY> of $(TRUNKLINE_LOT)", "WHEN": "20260102P1D000 $(NOPE) $(WHEN)",
		"CLS_ARC_PROPS_JSON": `{"sources":{"fx":{"name":"fx","version":"2","subscribe":false},"names":{"name":"names","version":"1","subscribe":false},` +
			`"raw":{"name":"raw","version":"1","subscribe":true}},` +
			`"sinks":{"bad-rows":{"name":"bad","version":"1","pathURI":"s3://lake/orders/bad/lot=20260102P1D000/attempt=7/"},` +
			`"log":{"name":"log","version":"1","pathURI":"s3://lake/orders/log/"},` +
			`"main":{"name":"clean","version":"1","pathURI":"s3://lake/orders/clean/lot=20260102P1D000/attempt=7/"}},` +
			`"sourceManifestPaths":{"fx":"s3://manifests/prod/rates/datasets/name=fx/version=2/lot={lot}/state=complete/manifest.json",` +
			`"raw":"s3://manifests/prod/orders/datasets/name=raw/version=1/lot={lot}/state=complete/manifest.json"},` +
			`"sinkManifestTemplates":{"bad-rows":"s3://lake/orders/bad/lot=20260102P1D000/attempt=7/_manifests/datasets/name=bad/version=1/lot={lot}/state={state}{/attempt*}/manifest.json",` +
			`"main":"s3://lake/orders/clean/lot=20260102P1D000/attempt=7/_manifests/datasets/name=clean/version=1/lot={lot}/state={state}{/attempt*}/manifest.json"},` +
			`"workloadProps":{}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var command []string
	for _, arg := range p.Command {
		command = append(command, arg.With(map[string]string{"KEY": "<KEY>"}))
	}
	if diff := cmp.Diff([]string{"sh", "clean.sh", "20260102P1D000", "--key=<KEY>", "$5"}, command); diff != "" {
		t.Error(diff)
	}
}

func TestTooManyForAVariable(t *testing.T) {
	r := of(t, platformOf(t, rates, orders), "clean")
	seen := seenOf(t)
	fx := &seen.Inputs["fx"][0]
	for i := range 5000 {
		fx.URIs = append(fx.URIs, fmt.Sprintf("s3://lake/rates/fx/a-rather-long-name/%06d.csv", i))
	}
	p := processOf(t, r, seen)
	got := values(p)
	if _, set := got["TRUNKLINE_READ_FX"]; set || got["TRUNKLINE_READ_FX_MANIFESTS"] == "" || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "TRUNKLINE_READ_FX is not set") {
		t.Errorf("a variable that a program is not started with: %d bytes; %s", len(got["TRUNKLINE_READ_FX"]), p.Notes)
	}
}

func TestArguments(t *testing.T) {
	cat := platformOf(t, rates, orders)
	context := `{"role":"raw","arcNotifyEvent":{"dataset":{"name":"raw","version":"1","pathURI":"s3://lake/orders/raw"},"lot":"20260102P1D000",` +
		`"manifest":"s3://manifests/prod/orders/datasets/name=raw/version=1/lot=20260102PT1H023/state=complete/manifest.json","datasetId":"raw/1"},` +
		`"existingPartialManifests":{"main":["s3://manifests/prod/orders/old"]}}`
	cases := map[string]struct {
		reason, arg, want string
	}{
		"Context":   {"all of it", "$", context},
		"Lot":       {"the lot that is made", "$.arcNotifyEvent.lot", "20260102P1D000"},
		"Manifest":  {"that of the last lot that is read", "$.arcNotifyEvent.manifest", "s3://manifests/prod/orders/datasets/name=raw/version=1/lot=20260102PT1H023/state=complete/manifest.json"},
		"Dataset":   {"a part that is no text is JSON", "$.arcNotifyEvent.dataset", `{"name":"raw","pathURI":"s3://lake/orders/raw","version":"1"}`},
		"Index":     {"an item of a list", "$.existingPartialManifests.main[0]", "s3://manifests/prod/orders/old"},
		"Quoted":    {"a name that is no word", "$.existingPartialManifests['main'][0]", "s3://manifests/prod/orders/old"},
		"Role":      {"the role whose lot it was", "$.role", "raw"},
		"Execution": {"of the run itself", "$$.Execution.Name", "clean-20260102p1d000-7"},
		"Started":   {"when it started", "$$.Execution.StartTime", "2026-01-03T12:00:00.000Z"},
		"Retry":     {"a number", "$$.State.RetryCount", "0"},
		"Part":      {"only whole arguments are filled", "--lot=$.arcNotifyEvent.lot", "--lot=$.arcNotifyEvent.lot"},
		"Space":     {"only whole arguments are filled", " $.arcNotifyEvent.lot", " $.arcNotifyEvent.lot"},
		"Price":     {"what is no path is no path", "$5", "$5"},
		"Dollars":   {"$$ is $, as a kubelet has it", "$$HOME", "$HOME"},
		"Variable":  {"as a kubelet expands it", "$(TRUNKLINE_LOT)-$(NOPE)-$$(TRUNKLINE_LOT)-$(", "20260102P1D000-$(NOPE)-$(TRUNKLINE_LOT)-$("},
		"Nested":    {"as a kubelet does not expand it", "$($(TRUNKLINE_LOT))", "$($(TRUNKLINE_LOT))"},
		"NoName":    {"a path that leads nowhere says what there is", "$.arcNotifyEvent.lott", `error: the argument "$.arcNotifyEvent.lott": $.arcNotifyEvent has no lott; it has: dataset, datasetId, lot, manifest`},
		"NoItem":    {"a list has an end", "$.existingPartialManifests.main[1]", `error: the argument "$.existingPartialManifests.main[1]": $.existingPartialManifests.main is a list of 1, and has no [1]`},
		"Below":     {"a text has nothing below", "$.role.x", `error: the argument "$.role.x": $.role is a value, and has nothing below it`},
		"ByName":    {"a list has no names", "$.existingPartialManifests.main.x", `error: the argument "$.existingPartialManifests.main.x": $.existingPartialManifests.main is a list of 1, and has no .x`},
		"ByNumber":  {"an object has no numbers", "$.arcNotifyEvent[0]", `error: the argument "$.arcNotifyEvent[0]": $.arcNotifyEvent has no [0]; it has: dataset, datasetId, lot, manifest`},
		"Filter":    {"one value, and no search", "$.arcNotifyEvent[?(@.x)]", `error: the argument "$.arcNotifyEvent[?(@.x)]": "[?(@.x)]" is not a path: write it like $.arcNotifyEvent.lot, with [0] for an item of a list`},
		"Deep":      {"nor is a search at any depth", "$..lot", `error: the argument "$..lot": "..lot" is not a path: write it like $.arcNotifyEvent.lot, with [0] for an item of a list`},
		"Empty":     {"a path names something", "$.", `error: the argument "$.": "." is not a path: write it like $.arcNotifyEvent.lot, with [0] for an item of a list`},
		"Token":     {"what a run here has not is an error", "$$.Task.Token", `error: the argument "$$.Task.Token": $ has no Task; it has: Execution, State, StateMachine`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := of(t, cat, "clean")
			r.Workload.Command = []string{tc.arg}
			p, err := r.Process(seenOf(t))
			var got string
			if err != nil {
				got = "error: " + err.Error()
			} else {
				got = p.Command[0].With(nil)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestNoProcess(t *testing.T) {
	cat := platformOf(t, rates, orders)
	cases := map[string]struct {
		reason string
		change func(*run.Run, *run.Seen)
		want   string
	}{
		"NoCommand": {"what an image starts by itself is not known here", func(r *run.Run, _ *run.Seen) { r.Workload.Command = nil }, "it declares no command"},
		"Taken":     {"a variable of the contract is not another's", func(r *run.Run, _ *run.Seen) { r.Workload.Env = map[string]string{"CLS_ARC_PROPS_JSON": "x"} }, `the variable "CLS_ARC_PROPS_JSON" of env is one that Trunkline sets`},
		"NoEvent":   {"without what is read there is no event", func(_ *run.Run, s *run.Seen) { s.Inputs = nil }, "$ has no arcNotifyEvent; it has: existingPartialManifests"},
		"Manifests": {"a process that does not start is not started", func(_ *run.Run, s *run.Seen) {
			for len(s.Inputs["raw"]) < 3000 {
				s.Inputs["raw"] = append(s.Inputs["raw"], s.Inputs["raw"]...)
			}
		}, "lots of orders/raw@1, whose manifests are too many for a variable"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r, seen := of(t, cat, "clean"), seenOf(t)
			tc.change(&r, &seen)
			_, err := r.Process(seen)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\nwant %s\ngot  %v", tc.reason, tc.want, err)
			}
		})
	}
}

// TestScriptIsSafe: whatever values hold, a shell hands them on as they are, and does nothing with them.
func TestScriptIsSafe(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh")
	}
	// Shells hand on no variable whose name they do not have: a program prints what it is given. It is built here, since the one of the
	// tests takes a second to start with the race detector.
	echo := filepath.Join(t.TempDir(), "echo")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", echo, "testdata/echo.go").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir() + "/it's; touch pwned"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune(`'"\$`+"`;&|<>(){}[]*?~!#\n\t =-")), rapid.Rune().Filter(func(r rune) bool { return r != 0 })))
		value, secret, odd, arg := text.Draw(t, "value"), text.Draw(t, "secret"), text.Draw(t, "odd"), text.Draw(t, "argument")
		p := run.Process{
			Variables: []run.Variable{
				{Name: "VALUE", Value: run.Text{{Literal: value}}},
				{Name: "MIXED", Value: run.Text{{Literal: value}, {Secret: "KEY"}, {Literal: value}}},
				{Name: "odd.name-1", Value: run.Text{{Literal: odd}}},
			},
			Secrets: map[string]v1alpha1.SecretRef{"KEY": {Name: "a", Key: "b"}},
			Command: []run.Text{{{Literal: echo}}, {{Literal: arg}, {Secret: "KEY"}}, {{Literal: ""}}},
		}
		script, err := p.Script("title\nmore", dir)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(sh, "-c", script)
		cmd.Dir = dir // where a redirection of a value that is not quoted leaves its file
		cmd.Env = append(os.Environ(), "KEY="+secret)
		got, err := cmd.CombinedOutput()
		if secret == "" {
			if err == nil {
				t.Fatal("it starts without a secret")
			}
			return
		}
		if err != nil {
			t.Fatalf("%v: %s\n%s", err, got, script)
		}
		want := []string{value, value + secret + value, odd, arg + secret, "", ""}
		if diff := cmp.Diff(want, strings.Split(string(got), "\x00")); diff != "" {
			t.Fatalf("(-want +got)\n%s\n%s", diff, script)
		}
	})
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("the shell did something: %v", left)
	}
}
