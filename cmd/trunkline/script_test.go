package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/history"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"trunkline": main})
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
			"daemon": daemon,
			"exits":  exits,
			"past":   past,
		},
	})
}

// daemon serves the files that it is given, one for each request and the last one for all that follow, as the
// status of a daemon at $SERVER. With a token first, it asks for it: "daemon token=T FILE...".
func daemon(ts *testscript.TestScript, neg bool, args []string) {
	token := ""
	if len(args) > 0 {
		if t, ok := strings.CutPrefix(args[0], "token="); ok {
			token, args = t, args[1:]
		}
	}
	if neg || len(args) == 0 {
		ts.Fatalf("usage: daemon [token=TOKEN] FILE...")
	}
	answers := make(chan string, len(args))
	for _, a := range args {
		answers <- ts.ReadFile(a)
	}
	last := ts.ReadFile(args[len(args)-1])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := last
		select {
		case answer = <-answers:
		default:
		}
		switch {
		case r.URL.Path != "/api/v1/status" || r.Method != http.MethodGet:
			http.NotFound(w, r)
		case token != "" && r.Header.Get("Authorization") != "Bearer "+token:
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = w.Write([]byte(answer))
		}
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
	opts := console.Options{Token: strings.TrimPrefix(args[0], "token="), Metrics: http.NotFoundHandler()}
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
		opts.History = store
	}
	server := httptest.NewServer(console.New(opts))
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
		code = string(rune('0' + exit.ExitCode()))
	} else if err != nil {
		ts.Fatalf("running %v: %v", args[1:], err)
	}
	if code != args[0] {
		ts.Fatalf("%v ended with %s, want %s", args[1:], code, args[0])
	}
}
