// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cmd/lot/command"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts")

func TestMain(m *testing.M) {
	if slices.Equal(os.Args[1:], []string{workerCommand}) {
		main() // started by a command that ran in a test
		return
	}
	testscript.Main(m, map[string]func(){"trunkline": main, "lot": func() {
		os.Exit(command.Run(context.Background(), os.Args[1:], os.Environ(), command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			// Nothing of the machine's own Git configuration may show.
			for k, v := range map[string]string{
				"HOME": env.WorkDir, "XDG_CONFIG_HOME": env.WorkDir, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.DevNull,
				"GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@example.com", "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
				"GIT_COMMITTER_NAME": "Ann", "GIT_COMMITTER_EMAIL": "ann@example.com", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
			} {
				env.Setenv(k, v)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"answers": answers,
			"apis":    apis,
			"asked":   asked,
			"bases":   bases,
			"charts":  charts,
			"daemon":  fakeDaemon,
			"exits":   exits,
			"past":    past,
		},
	})
}

// fakeDaemon serves the console of a daemon whose state is that of a file, at $SERVER: "daemon [token=TOKEN] FILE". An error that
// its actor answers with is "conflict=TEXT"; with "catalog=FOLDER" it has accepted what that declares, and keeps the lots of
// [consoletest.Daemon.KeepLots].
func fakeDaemon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: daemon [token=TOKEN] [conflict=TEXT] FILE")
	}
	var tokens []console.Token
	var refusal error
	var accepted *catalog.Catalog
	for _, option := range args[:len(args)-1] {
		switch name, value, _ := strings.Cut(option, "="); name {
		case "token":
			tokens = []console.Token{{Secret: value}}
		case "conflict":
			refusal = &actError{errors.New(value), console.ErrConflict}
		case "catalog":
			cat, problems, err := catalog.Load(os.DirFS(ts.MkAbs(value)), blueprints.FS)
			ts.Check(err)
			if problems.Denied() {
				ts.Fatalf("%s", problems)
			}
			accepted = cat
		default:
			ts.Fatalf("usage: daemon [token=TOKEN] [conflict=TEXT] FILE")
		}
	}
	d, handler := consoletest.New(func(o *console.Options) {
		if tokens != nil {
			o.Tokens = func() []console.Token { return tokens }
		}
		o.Catalog = func() *catalog.Catalog { return accepted }
	})
	d.Err = refusal
	if accepted != nil {
		d.KeepLots()
	}
	var p status.Platform
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[len(args)-1])), &p))
	d.Show(p)
	server := httptest.NewServer(handler)
	ts.Defer(server.Close)
	ts.Setenv("SERVER", server.URL)
	running.Store(ts, d)
}

// running are the daemons of scripts.
var running sync.Map

// asked compares what the daemon was asked for with a file: "asked FILE".
func asked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: asked FILE")
	}
	d, _ := running.Load(ts)
	got := ""
	for _, a := range d.(*consoletest.Daemon).Asked() {
		got += a + "\n"
	}
	if want := ts.ReadFile(args[0]); got != want {
		ts.Fatalf("the daemon was asked for\n%swant\n%s", got, want)
	}
}

// apis serves what an API server says of itself, from the files of a folder, and writes a kubeconfig for it: "apis FOLDER KUBECONFIG".
// The answer for /apis/apps/v1 is apis/apps/v1.json; where there is no file the server of an aggregated API is down.
func apis(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: apis FOLDER KUBECONFIG")
	}
	folder := ts.MkAbs(args[0])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(r.URL.Path)+".json"))
		if err != nil {
			http.Error(w, "the server is down", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // the client's problem
	}))
	ts.Defer(server.Close)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte("apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: \""+server.URL+
		"\"}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {token: t}}]\n"), 0o600))
}

// answers serves one answer to whatever is asked, at $SERVER: "answers CODE TYPE FILE".
func answers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: answers CODE TYPE FILE")
	}
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	body := []byte(ts.ReadFile(args[2]))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", args[1])
		w.WriteHeader(code)
		_, _ = w.Write(body)
	}))
	ts.Defer(server.Close)
	ts.Setenv("SERVER", server.URL)
}

// past serves the console of a daemon at $SERVER, to which the events of a file have happened: "past token=T FILE", or
// "past token=T off" for one that keeps no history.
func past(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || !strings.HasPrefix(args[0], "token=") {
		ts.Fatalf("usage: past token=TOKEN FILE|off")
	}
	var kept console.History
	if args[1] != "off" {
		d, err := history.SQLite(ts.MkAbs("history.db"))
		ts.Check(err)
		ts.Check(errors.Join(os.RemoveAll(ts.MkAbs("history.db")), os.RemoveAll(ts.MkAbs("history.db-wal")), os.RemoveAll(ts.MkAbs("history.db-shm"))))
		store, err := history.Open(context.Background(), d)
		ts.Check(err)
		ts.Defer(func() { _ = store.Close() })
		var events []history.Event
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &events))
		ts.Check(store.Write(context.Background(), history.Batch{Origin: "script", First: 1, Events: events}))
		kept = store
	}
	d, handler := consoletest.New(func(o *console.Options) {
		if token := strings.TrimPrefix(args[0], "token="); token != "" {
			o.Tokens = func() []console.Token { return []console.Token{{Secret: token}} }
		}
		o.History = kept
	})
	for _, name := range []string{"orders", "rates"} {
		d.Board.SetRelease(catalog.ReleaseID{Project: name, Environment: "prod", Cluster: "one"}, func(*status.Release) {})
	}
	server := httptest.NewServer(handler)
	ts.Defer(server.Close)
	ts.Setenv("SERVER", server.URL)
}

// exits runs a command that must end with a code: "exits 2 trunkline serve".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if exit, ok := err.(interface{ ExitCode() int }); ok {
		code = strconv.Itoa(exit.ExitCode())
	} else if err != nil {
		ts.Fatalf("running %v: %v", args[1:], err)
	}
	if code != args[0] {
		ts.Fatalf("%v ended with %s, want %s", args[1:], code, args[0])
	}
}
