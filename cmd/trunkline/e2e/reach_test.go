// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/coder/websocket"

	"trunkline.dev/trunkline/reconciler/agent/agenttest"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// played stands for Airflow and for Jupyter: it answers as one who asks with what lets in there, has one DAG, and sends back what it gets by a WebSocket.
const played = `#!/usr/bin/env python3
import base64, datetime, hashlib, hmac, json, os, signal, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

def airflow(said):
    token = said.removeprefix("Bearer ").split(".")
    if len(token) != 3:
        return None
    decode = lambda s: base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))
    want = hmac.new(os.environ["AIRFLOW__API_AUTH__JWT_SECRET"].encode(), ".".join(token[:2]).encode(), hashlib.sha512).digest()
    claims = json.loads(decode(token[1]))
    return claims["sub"] if hmac.compare_digest(want, decode(token[2])) and claims["exp"] > time.time() else None

def jupyter(said):
    return "a person" if said == "token " + os.environ["JUPYTER_TOKEN"] else None

def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()

class Handler(BaseHTTPRequestHandler):
    protocol_version, used = "HTTP/1.1", now()
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
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.split("?")[0]
        if path in ("/health", base + "execution/health"):
            return self.answer(200, "{}")
        who = lets(self.headers.get("Authorization", ""))
        if who is None:
            return self.answer(401, "nobody is let in by that")
        if path == base + "echo":
            return self.socket()
        for ending, said in {
            "api/v2/dags": {"dags": [{"dag_id": "daily", "bundle_name": "sales", "is_paused": False}]}, "api/v2/dags/~/dagRuns": {"dag_runs": []},
            "api/v2/importErrors": {"import_errors": []}, "api/status": {"last_activity": Handler.used}, "api/kernels": [],
        }.items():
            if path == base + ending:
                return self.answer(200, json.dumps(said))
        Handler.used = now()
        self.answer(200, "this is " + path + " for " + who)

name, part = os.path.basename(sys.argv[0]), (sys.argv[1:] or [""])[0]
host, port, base, lets = "0.0.0.0", {"api-server": 8080, "scheduler": 8974, "lab": 8888}.get(part), "/airflow/dev/engine/airflow/", airflow
if name == "jupyter":
    host, lets = "127.0.0.1", jupyter
    base = [a for a in sys.argv if a.startswith("--ServerApp.base_url=")][0].split("=", 1)[1]
if port:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    ThreadingHTTPServer((host, port), Handler).serve_forever()
`

// engine is a platform with an Airflow and notebooks, which are played, in a cluster that an agent keeps.
type engine struct {
	*lab
	*agents

	address string
	line    *agenttest.Line
	d       *daemon
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	bin := t.TempDir()
	for name, text := range map[string]string{"airflow": played, "jupyter": played, "python": "#!/bin/sh\nexec sleep infinity\n"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	cluster := clustertest.Start(t, clustertest.Options{Name: "reach", Mode: clustertest.Exec, Network: clustertest.Pods, Args: []string{"--mount", bin + "=" + bin}})
	repo := gittest.New(t)
	head := "apiVersion: trunkline.dev/v1alpha1\n"
	path := `{PATH: "` + bin + `:/usr/local/bin:/usr/bin:/bin"`
	repo.Commit(t, "all", map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: reach}\nspec: {workspaces: {bases: {jupyter: {image: \"trunkline.local/host@" + labDigest + "\"}}}}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml":       head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test], orchestrator: airflow, healthTimeout: 10m}\n",
		"access.yaml": head + `kind: Access
metadata: {name: reach}
spec:
  bindings:
    - {role: project-contributor, users: [carol], projects: [engine, sales]}
    - {role: environment-contributor, users: [carol], environments: [dev]}
`,
		"engine/project.yaml": head + `kind: Project
metadata: {name: engine}
spec:
  owner: platform
  environments: [dev]
  workloads:
    - name: airflow
      blueprint: airflow
      image: trunkline.local/host:1
      env: ` + path + `, AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: "sqlite:////nowhere"}
      params: {user: 65534, triggerer: false, executor: LocalExecutor}
`,
		"sales/project.yaml": head + `kind: Project
metadata: {name: sales}
spec:
  owner: team
  environments: [dev]
  dags: ["dags/*_dag.py"]
  workloads:
    - {name: lab, blueprint: notebook, env: ` + path + `}, params: {idle: 20s, storage: 1Gi}}
    - {name: report, blueprint: container-job, image: "trunkline.local/host:1", command: ["true"]}
`,
		"sales/dags/words.py":   "WORD = 'one'\n",
		"sales/dags/day_dag.py": dailyDag,
	})
	e := &engine{agents: agentsOf(t, cluster, repo, "reach"), lab: &lab{t: t, cluster: cluster, tokens: map[string]string{}}, address: port(t)}
	for name, text := range map[string]string{"all": "carol: carol-0123456789abcdef\n", "carol": "carol-0123456789abcdef\n"} {
		e.tokens[name] = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(e.tokens[name], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e.line = agenttest.NewLine(t, e.address)
	return e
}

// serves starts the daemon.
func (e *engine) serves(args []string) {
	e.lab.t.Helper()
	e.d = serve(e.lab.t, args...)
	e.d.token = "carol-0123456789abcdef"
	e.lab.d = e.d
}

// asked is what the console says to someone who enters Airflow.
func (e *engine) asked() (code int, said string) {
	e.lab.t.Helper()
	return e.console(http.MethodPost, "/api/v1/apps/airflow/dev/engine/airflow/enter")
}

// console is what the console says to carol: an address, or why not.
func (e *engine) console(method, path string) (code int, said string) {
	t := e.lab.t
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, e.d.server+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+e.d.token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var entry struct{ URL, Detail string }
	if err := json.NewDecoder(resp.Body).Decode(&entry); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, entry.URL + entry.Detail
}

// airflow enters Airflow with a new browser.
func (e *engine) airflow() *browser {
	t := e.lab.t
	t.Helper()
	code, address := e.asked()
	if code != http.StatusCreated {
		t.Fatalf("entering Airflow: %d %s", code, address)
	}
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	b := e.browser()
	b.origin, b.prefix = at.Scheme+"://"+at.Host, "/airflow/dev/engine/airflow/"
	if code := b.open(address); code != http.StatusOK {
		t.Fatalf("entering Airflow ends with %d", code)
	}
	if code, page := b.get(""); code != http.StatusOK || page != "this is "+b.prefix+" for carol" {
		t.Fatalf("the page is %d %q", code, page)
	}
	return b
}

// echoes opens a WebSocket, and returns what sends by it and awaits the same.
func (b *browser) echoes() func(text string) error {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), waitTimeout)
	b.t.Cleanup(cancel)
	at := "ws" + strings.TrimPrefix(b.origin, "http") + b.prefix + "echo"
	c, _, err := websocket.Dial(ctx, at, &websocket.DialOptions{HTTPClient: b.client, HTTPHeader: http.Header{"Origin": {b.origin}}}) //nolint:bodyclose // the library does it
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = c.CloseNow() })
	return func(text string) error {
		if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			return err
		}
		_, got, err := c.Read(ctx)
		if err == nil && string(got) != text {
			b.t.Errorf("%q comes back as %q", text, got)
		}
		return err
	}
}

// refused waits until nobody enters Airflow, and holds the console to say why.
func (e *engine) refused(why string) {
	e.lab.t.Helper()
	e.await("the console to say "+why, func() bool {
		code, said := e.asked()
		return code == http.StatusConflict && strings.Contains(said, why)
	})
}

// TestReachThroughAnAgent: people enter an Airflow in a cluster that the daemon does not reach, with pages and WebSockets, and what becomes of its DAGs is followed; they
// open notebooks there, which are stopped when nobody uses them. When the line is cut, or either side ends, what goes on ends, and it is said why nobody enters; and all
// is as before once they are back.
func TestReachThroughAnAgent(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	apps := freeAddress(t)
	_, e.port, _ = net.SplitHostPort(apps)
	serving := append(e.flags(e.address), "--repo", e.repo.URL(), "--data", t.TempDir(), "--cluster", "test=agent", "--poll", "1h", "--apps-listen", apps, "--tokens-file", e.tokens["all"])
	e.serves(serving)
	book := t.TempDir()
	shut := e.start(e.line, book)
	e.d.await("the releases to be fine", func(p status.Platform) bool {
		return len(p.Releases) == 2 && !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return r.Result != status.Applied || r.Health != status.Healthy })
	})
	e.refused("--reach")
	if said := e.ran("carol", 1, "notebook", "open", "sales/lab", "--env", "dev"); !strings.Contains(said, "--reach") {
		t.Errorf("opening a notebook is refused with: %s", said)
	}
	if code, said := e.console(http.MethodGet, "/api/v1/runs/dev/sales/base?workload=report"); code != http.StatusConflict || !strings.Contains(said, "its agent starts no remote runs") {
		t.Errorf("a remote run is refused with %d: %s", code, said)
	}
	if err := shut.Stop(); err != nil {
		t.Fatal(err)
	}
	agent := e.start(e.line, book, "--reach")
	e.d.await("the DAGs to be followed", func(p status.Platform) bool {
		return slices.ContainsFunc(p.Releases, func(r status.Release) bool { return r.Dags != nil && r.Dags.Dags == 1 })
	})
	b := e.airflow()
	says := b.echoes()
	if err := says("hello"); err != nil {
		t.Fatal(err)
	}
	e.notebook()

	e.line.Cut()
	if err := says("is someone there?"); err == nil {
		t.Error("the WebSocket goes on without a line")
	}
	e.refused("the agent has not been seen since")
	if code, said := b.get(""); code != http.StatusServiceUnavailable || !strings.Contains(said, "the agent has not been seen since") {
		t.Errorf("who is in is told %d %q", code, said)
	}
	if said := e.ran("carol", 1, "notebook", "open", "sales/lab", "--env", "dev"); !strings.Contains(said, "the agent has not been seen since") {
		t.Errorf("opening a notebook meanwhile is refused with: %s", said)
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
	e.serves(serving)
	e.d.await("the daemon to have the agent again", status.Platform.Fine)
	e.back()
	e.await("the notebook to be stopped, since nobody uses it", func() bool {
		mine := e.list("carol")
		return len(mine) == 1 && mine[0].Phase == "stopped"
	})
	e.ran("carol", 0, "notebook", "delete", "sales", "--env", "dev")
	if mine := e.list("carol"); len(mine) != 0 {
		t.Errorf("after it was deleted there is %+v", mine)
	}
}

// notebook opens one, and uses it.
func (e *engine) notebook() {
	t := e.lab.t
	t.Helper()
	address := strings.TrimSpace(e.ran("carol", 0, "notebook", "open", "sales/lab", "--env", "dev"))
	b := e.browser()
	if code := b.open(address); code != http.StatusOK {
		t.Fatalf("%s answers %d", address, code)
	}
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	mine := e.list("carol")
	if len(mine) != 1 || mine[0].Phase != "running" || mine[0].Cluster != "test" {
		t.Fatalf("carol has %+v", mine)
	}
	b.origin, b.prefix = at.Scheme+"://"+at.Host, "/notebook/dev/sales/"+mine[0].Name+"/"
	if code, page := b.get(""); code != http.StatusOK || page != "this is "+b.prefix+" for a person" {
		t.Errorf("the page of the notebook is %d %q", code, page)
	}
	if err := b.echoes()("hello"); err != nil {
		t.Errorf("a WebSocket of the notebook: %v", err)
	}
}

// back waits until people enter again, and a WebSocket goes on.
func (e *engine) back() {
	e.lab.t.Helper()
	e.await("Airflow to be reached again", func() bool {
		code, _ := e.asked()
		return code == http.StatusCreated
	})
	if err := e.airflow().echoes()("hello again"); err != nil {
		e.lab.t.Errorf("a WebSocket: %v", err)
	}
}
