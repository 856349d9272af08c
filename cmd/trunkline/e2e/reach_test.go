// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"trunkline.dev/trunkline/reconciler/agent/agenttest"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// playedAirflow stands for Airflow: it answers as one who asks with a token of its key, has one DAG, and sends back what it gets by a WebSocket.
const playedAirflow = `#!/usr/bin/env python3
import base64, hashlib, hmac, json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BASE = "/airflow/dev/engine/airflow"

def claims(h):
    token = h.get("Authorization", "").removeprefix("Bearer ").split(".")
    if len(token) != 3:
        return None
    decode = lambda s: base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))
    want = hmac.new(os.environ["AIRFLOW__API_AUTH__JWT_SECRET"].encode(), ".".join(token[:2]).encode(), hashlib.sha512).digest()
    said = json.loads(decode(token[1]))
    return said if hmac.compare_digest(want, decode(token[2])) and said["exp"] > time.time() else None

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def answer(self, code, text):
        self.send_response(code)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())
    def socket(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        while head := self.rfile.read(2):
            size, mask = head[1] & 127, self.rfile.read(4)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(size)))
            self.wfile.write(bytes([head[0], len(data)]) + data)
    def do_GET(self):
        path = self.path.split("?")[0]
        if path in ("/health", BASE + "/execution/health"):
            return self.answer(200, "{}")
        who = claims(self.headers)
        if who is None:
            return self.answer(401, "no token of this key")
        if path == BASE + "/echo":
            return self.socket()
        if path == BASE + "/api/v2/dags":
            return self.answer(200, json.dumps({"dags": [{"dag_id": "daily", "bundle_name": "sales", "is_paused": False}]}))
        if path.startswith(BASE + "/api/v2/"):
            return self.answer(200, json.dumps({"dag_runs": [], "import_errors": [], "task_instances": []}))
        self.answer(200, "this is " + path + " for " + who["sub"] + " as " + who["role"])

part = sys.argv[1:2]
if part in (["api-server"], ["scheduler"]):
    ThreadingHTTPServer(("0.0.0.0", 8080 if part == ["api-server"] else 8974), Handler).serve_forever()
`

// engine is a platform whose Airflow is played, in a cluster that an agent keeps.
type engine struct {
	*agents

	apps, address string
	line          *agenttest.Line
	d             *daemon
	browser       *http.Client
	at            *url.URL
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	bin := t.TempDir()
	for name, text := range map[string]string{"airflow": playedAirflow, "python": "#!/bin/sh\nexec sleep infinity\n"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil { //nolint:gosec // pods of another user run it
			t.Fatal(err)
		}
	}
	if err := os.Chmod(bin, 0o755); err != nil { //nolint:gosec // the same
		t.Fatal(err)
	}
	cluster := clustertest.Start(t, clustertest.Options{Name: "reach", Mode: clustertest.Exec, Network: clustertest.Pods, Args: []string{"--mount", bin + "=" + bin}})
	repo := gittest.New(t)
	head := "apiVersion: trunkline.dev/v1alpha1\n"
	repo.Commit(t, "airflow", map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: reach}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml":       head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test], orchestrator: airflow, healthTimeout: 10m}\n",
		"engine/project.yaml": head + `kind: Project
metadata: {name: engine}
spec:
  owner: platform
  environments: [dev]
  workloads:
    - name: airflow
      blueprint: airflow
      image: trunkline.local/host:1
      env: {PATH: "` + bin + `:/usr/local/bin:/usr/bin:/bin", AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: "sqlite:////nowhere"}
      params: {user: 65534, triggerer: false, executor: LocalExecutor}
`,
		"sales/project.yaml":    head + "kind: Project\nmetadata: {name: sales}\nspec: {owner: team, environments: [dev], dags: [\"dags/*_dag.py\"]}\n",
		"sales/dags/words.py":   "WORD = 'one'\n",
		"sales/dags/day_dag.py": dailyDag,
	})
	e := &engine{agents: agentsOf(t, cluster, repo, "reach"), apps: freeAddress(t), address: port(t)}
	e.line = agenttest.NewLine(t, e.address)
	return e
}

// asked is what the console says to someone who enters Airflow.
func (e *engine) asked() (code int, said string) {
	e.t.Helper()
	resp, err := http.Post(e.d.server+"/api/v1/apps/airflow/dev/engine/airflow/enter", "application/json", strings.NewReader("{}")) //nolint:noctx // it answers at once
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	var entry struct{ URL, Error string }
	if err := json.NewDecoder(resp.Body).Decode(&entry); err != nil {
		e.t.Fatal(err)
	}
	return resp.StatusCode, entry.URL + entry.Error
}

// enter enters Airflow with a new browser.
func (e *engine) enter() {
	e.t.Helper()
	code, address := e.asked()
	if code != http.StatusCreated {
		e.t.Fatalf("entering Airflow: %d %s", code, address)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		e.t.Fatal(err)
	}
	e.browser = &http.Client{Jar: jar, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", e.apps)
	}}}
	if e.at, err = url.Parse(address); err != nil {
		e.t.Fatal(err)
	}
	if code, page := e.get(address); code != http.StatusOK || page != "this is "+e.path("")+" for anonymous as ADMIN" {
		e.t.Fatalf("the page is %d %q", code, page)
	}
}

func (e *engine) path(below string) string { return "/airflow/dev/engine/airflow/" + below }

func (e *engine) get(address string) (int, string) {
	e.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = e.at.Scheme + "://" + e.at.Host + address
	}
	b := &browser{t: e.t, client: e.browser, origin: address}
	return b.get("")
}

// echoes opens a WebSocket, and returns what sends by it and awaits the same.
func (e *engine) echoes() func(text string) error {
	e.t.Helper()
	at := *e.at
	at.Scheme, at.Path, at.RawQuery = "ws", e.path("echo"), ""
	ctx, cancel := context.WithTimeout(e.t.Context(), waitTimeout)
	e.t.Cleanup(cancel)
	c, _, err := websocket.Dial(ctx, at.String(), &websocket.DialOptions{HTTPClient: e.browser, HTTPHeader: http.Header{"Origin": {e.at.Scheme + "://" + e.at.Host}}}) //nolint:bodyclose // the library does it
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = c.CloseNow() })
	return func(text string) error {
		if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			return err
		}
		_, got, err := c.Read(ctx)
		if err == nil && string(got) != text {
			e.t.Errorf("%q comes back as %q", text, got)
		}
		return err
	}
}

// refused waits until nobody enters Airflow, and holds the console to say why.
func (e *engine) refused(why string) {
	e.t.Helper()
	var code int
	var said string
	e.d.await("the console to say "+why, func(status.Platform) bool {
		code, said = e.asked()
		return code == http.StatusConflict && strings.Contains(said, why)
	})
}

// TestReachThroughAnAgent: people enter an Airflow in a cluster that the daemon does not reach, with pages and WebSockets, and what becomes of its DAGs is followed. When
// the line is cut, or either side ends, what goes on ends, and it is said why nobody enters; and all is as before once they are back.
func TestReachThroughAnAgent(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	serving := append(e.flags(e.address), "--repo", e.repo.URL(), "--data", t.TempDir(), "--cluster", "test=agent", "--poll", "1h", "--apps-listen", e.apps)
	e.d = serve(t, serving...)
	book := t.TempDir()
	shut := e.start(e.line, book)
	e.d.await("the releases to be fine", func(p status.Platform) bool {
		fine := 0
		for _, r := range p.Releases {
			if r.Result == status.Applied && r.Health == status.Healthy {
				fine++
			}
		}
		return fine == 2
	})
	e.refused("--reach")
	if err := shut.Stop(); err != nil {
		t.Fatal(err)
	}
	agent := e.start(e.line, book, "--reach")
	e.d.await("the DAGs to be followed", func(p status.Platform) bool {
		return slices.ContainsFunc(p.Releases, func(r status.Release) bool { return r.Dags != nil && r.Dags.Dags == 1 })
	})
	e.enter()
	says := e.echoes()
	if err := says("hello"); err != nil {
		t.Fatal(err)
	}

	e.line.Cut()
	if err := says("is someone there?"); err == nil {
		t.Error("the WebSocket goes on without a line")
	}
	e.refused("the agent has not been seen since")
	if code, said := e.get(e.path("")); code != http.StatusServiceUnavailable || !strings.Contains(said, "the agent has not been seen since") {
		t.Errorf("who is in is told %d %q", code, said)
	}
	e.line.Join()
	e.back()

	agent.Expect()
	if err := syscall.Kill(agent.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-agent.Done()
	e.refused("the agent has not been seen since")
	e.start(e.line, book, "--reach")
	e.back()

	e.d.kill()
	e.d = serve(t, serving...)
	e.d.await("the daemon to have the agent again", func(p status.Platform) bool { return p.Fine() })
	e.back()
}

// back waits until people enter again, and a WebSocket goes on.
func (e *engine) back() {
	e.t.Helper()
	e.d.await("Airflow to be reached again", func(status.Platform) bool {
		code, _ := e.asked()
		return code == http.StatusCreated
	})
	e.enter()
	if err := e.echoes()(time.Now().String()); err != nil {
		e.t.Errorf("a WebSocket: %v", err)
	}
}
