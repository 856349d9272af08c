// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/cached"
	"trunkline.dev/trunkline/test/clustertest"
)

// lab is a platform with notebooks, and the people who have them.
type lab struct {
	t       *testing.T
	d       *daemon
	cluster *clustertest.Cluster
	port    string
	tokens  map[string]string
}

const labDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func labPlatform(bin, lake string) map[string]string {
	head := "apiVersion: trunkline.dev/v1alpha1\n"
	return map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: lab}\nspec:\n  workspaces:\n    perPerson: 1\n    bases: {jupyter: {image: \"trunkline.local/host@" + labDigest + "\"}}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml":       head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test], stores: {lake: \"file://" + lake + "\"}}\n",
		"access.yaml": head + `kind: Access
metadata: {name: lab}
spec:
  bindings:
    - {role: project-contributor, users: [carol, dave, vera], projects: [orders]}
    - {role: environment-contributor, users: [carol, dave], environments: [dev]}
`,
		"orders/project.yaml": head + `kind: Project
metadata: {name: orders}
spec:
  owner: team
  environments: [dev]
  datasets: [{name: report, version: "1", path: "lake://orders/report/"}]
  workloads:
    - name: lab
      blueprint: notebook
      env: {PATH: "` + bin + `:/usr/bin:/bin"}
      params: {idle: 20s, storage: 1Gi}
    - name: other
      blueprint: notebook
      params: {storage: 1Gi}
`,
	}
}

// TestNotebook: a contributor opens a notebook with the command, and JupyterLab runs code in a browser's connection through the origin of
// applications; nobody else reaches it; its volume survives, it is stopped when nobody uses it, and nothing is left when it is deleted.
func TestNotebook(t *testing.T) {
	if !*platform {
		t.Skip("make test-platform runs it, with JupyterLab")
	}
	bin, lake := cached.Jupyter(t), t.TempDir()
	repo := gittest.New(t)
	files := labPlatform(bin, lake)
	repo.Commit(t, "all", files)
	l := newLab(t, repo, lake)

	address := l.ran("carol", 0, "notebook", "open", "orders/lab", "--env", "dev")
	b := l.enter(address)
	if got := b.kernel("6*7"); got != "42" {
		t.Errorf("6*7 is %q", got)
	}
	b.put("kept.txt", "still here")
	mine := l.list("carol")
	if len(mine) != 1 || mine[0].Phase != "running" || mine[0].By != "carol" {
		t.Fatalf("carol has %+v", mine)
	}
	l.apart(b, mine[0], address)
	if said := l.ran("carol", 1, "notebook", "open", "orders/other", "--env", "dev"); !strings.Contains(said, "nobody has more than 1") {
		t.Errorf("a second one is refused with: %s", said)
	}

	l.ran("carol", 0, "notebook", "stop", "orders", "--env", "dev")
	l.await("the pod to end", func() bool { return len(l.pods()) == 0 })
	if code, _ := b.get("api/status"); code != http.StatusServiceUnavailable {
		t.Errorf("one that is stopped answers %d", code)
	}
	b = l.enter(l.ran("carol", 0, "notebook", "open", "orders/lab", "--env", "dev"))
	if code, text := b.get("files/kept.txt"); code != http.StatusOK || text != "still here" {
		t.Errorf("after it was stopped and woken, the file is %d %q", code, text)
	}
	l.industrialise(repo, files, bin, lake)
	l.await("it to be stopped, since nobody uses it", func() bool {
		mine := l.list("carol")
		return len(mine) == 1 && mine[0].Phase == "stopped"
	})
	if said := l.ran("carol", 0, "history", "--kind", "workspace"); !strings.Contains(said, "nobody has used it for 20s") || !strings.Contains(said, "woken") {
		t.Errorf("the history says:\n%s", said)
	}

	l.ran("carol", 0, "notebook", "delete", "orders", "--env", "dev")
	client := l.cluster.Client(t)
	l.await("nothing to be left", func() bool {
		sets, err := client.AppsV1().StatefulSets("orders-dev").List(t.Context(), metav1.ListOptions{LabelSelector: "trunkline.dev/workspace"})
		claims, err2 := client.CoreV1().PersistentVolumeClaims("orders-dev").List(t.Context(), metav1.ListOptions{})
		secrets, err3 := client.CoreV1().Secrets("orders-dev").List(t.Context(), metav1.ListOptions{LabelSelector: "trunkline.dev/workspace"})
		return err == nil && err2 == nil && err3 == nil && len(sets.Items)+len(claims.Items)+len(secrets.Items) == 0
	})
}

// newLab serves a platform with notebooks, whose pods see a folder of this machine, and waits until its release is in place.
func newLab(t *testing.T, repo *gittest.Repo, folder string) *lab {
	t.Helper()
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, tokens: map[string]string{}, cluster: clustertest.Start(t, clustertest.Options{Name: "lab", Mode: clustertest.Exec, Network: clustertest.Pods, Args: []string{"--mount", folder + "=" + folder}})}
	all := ""
	for _, who := range []string{"carol", "dave", "vera"} {
		token := who + "-0123456789abcdef"
		l.tokens[who] = l.file(token + "\n")
		all += who + ": " + token + "\n"
	}
	apps := freeAddress(t)
	_, l.port, _ = net.SplitHostPort(apps)
	l.d = serve(t, "--repo", repo.URL(), "--data", t.TempDir(), "--cluster", "test="+l.cluster.Kubeconfig, "--poll", "1s", "--tokens-file", l.file(all), "--apps-listen", apps)
	l.d.token = "carol-0123456789abcdef"
	l.d.await("the release to be fine", func(p status.Platform) bool {
		return p.Fine() && len(p.Releases) == 1 && p.Releases[0].Result == status.Applied
	})
	return l
}

// file is one with a secret.
func (l *lab) file(text string) string {
	l.t.Helper()
	name := filepath.Join(l.t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return name
}

// industrialise makes a workload of a notebook, and has it run.
func (l *lab) industrialise(repo *gittest.Repo, files map[string]string, bin, lake string) {
	l.t.Helper()
	tree := l.t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Join(tree, filepath.Dir(name)), 0o777); err != nil {
			l.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, name), []byte(text), 0o666); err != nil {
			l.t.Fatal(err)
		}
	}
	const cells = `{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
  {"cell_type": "code", "id": "a", "metadata": {"tags": ["parameters"]}, "execution_count": 1, "outputs": [], "source": ["write_out = ''"]},
  {"cell_type": "code", "id": "b", "metadata": {}, "execution_count": 2, "outputs": [{"output_type": "stream", "name": "stdout", "text": ["old"]}],
   "source": ["import os\n", "folder = write_out.removeprefix('file://')\n", "os.makedirs(folder, exist_ok=True)\n", "open(folder + 'part', 'w').write(str(6 * 7))"]}]}`
	notebook := filepath.Join(l.t.TempDir(), "tried.ipynb")
	if err := os.WriteFile(notebook, []byte(cells), 0o666); err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.CommandContext(l.t.Context(), binary, "new", "workload", "report", "--project", "orders", "--from-notebook", notebook, "--set", "image=trunkline.local/host@"+labDigest)
	cmd.Dir = tree
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("%v: %s", err, out)
	}
	made := map[string]string{}
	for _, name := range []string{"orders/project.yaml", "orders/report.ipynb", "orders/report.py"} {
		text, err := os.ReadFile(filepath.Join(tree, name))
		if err != nil {
			l.t.Fatal(err)
		}
		made[name] = string(text)
	}
	made["orders/project.yaml"] = strings.Replace(made["orders/project.yaml"], "env: {HOME: /tmp}", "env: {HOME: /tmp, PATH: \""+bin+":/usr/bin:/bin\"}\n      writes: {out: report@1}", 1)
	repo.Commit(l.t, "a report", made)
	l.await("the notebook to have run as a workload", func() bool {
		text, err := os.ReadFile(filepath.Join(lake, "orders/report/part"))
		return err == nil && string(text) == "42"
	})
}

// apart tries what others must not: it is as if there were nothing.
func (l *lab) apart(b *browser, mine console.Workspace, used string) {
	l.t.Helper()
	if said := l.ran("vera", 2, "notebook", "open", "orders/lab", "--env", "dev"); !strings.Contains(said, "environment-contributor") {
		l.t.Errorf("who lacks a role is told: %s", said)
	}
	if others := l.list("dave"); len(others) != 0 {
		l.t.Errorf("dave sees %+v", others)
	}
	for path, method := range map[string]string{
		"/api/v1/apps/notebook/dev/orders/" + mine.Name + "/enter": http.MethodPost, "/api/v1/workspaces/dev/orders/" + mine.Name: http.MethodGet,
		"/api/v1/workspaces/dev/orders/" + mine.Name + "/stop": http.MethodPost, "/apps/notebook/dev/orders/" + mine.Name: http.MethodGet,
	} {
		r, err := http.NewRequestWithContext(l.t.Context(), method, l.d.server+path, strings.NewReader("{}"))
		if err != nil {
			l.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer dave-0123456789abcdef")
		r.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			l.t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			l.t.Errorf("dave gets %d from %s", resp.StatusCode, path)
		}
	}
	stranger := l.browser()
	stranger.origin, stranger.prefix = b.origin, b.prefix
	if code, _ := stranger.get("api/status"); code != http.StatusNotFound {
		l.t.Errorf("a browser without a session gets %d", code)
	}
	if code := stranger.open(used); code != http.StatusForbidden {
		l.t.Errorf("an address that was used is good again: %d", code)
	}
}

// ran runs "trunkline" as someone, and returns what it said.
func (l *lab) ran(who string, want int, args ...string) string {
	l.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(l.t.Context(), binary, append(args, "--server", l.d.server, "--token-file", l.tokens[who])...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		l.t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		l.t.Fatalf("%v ended with %d, want %d:\n%s%s", args, code, want, out.String(), errs.String())
	}
	if want != 0 {
		return errs.String()
	}
	return out.String()
}

func (l *lab) list(who string) (all []console.Workspace) {
	l.t.Helper()
	if err := json.Unmarshal([]byte(l.ran(who, 0, "notebook", "list", "-o", "json")), &all); err != nil {
		l.t.Fatal(err)
	}
	return all
}

func (l *lab) pods() []string {
	l.t.Helper()
	list, err := l.cluster.Client(l.t).CoreV1().Pods("orders-dev").List(l.t.Context(), metav1.ListOptions{LabelSelector: "trunkline.dev/workspace"})
	if err != nil {
		l.t.Fatal(err)
	}
	var names []string
	for _, p := range list.Items {
		names = append(names, p.Name)
	}
	return names
}

func (l *lab) await(what string, ok func() bool) {
	l.t.Helper()
	for end := time.Now().Add(waitTimeout); !ok(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("waited in vain for %s; the pods say:\n%s", what, l.logs())
		}
	}
}

// logs are what the pods of the project say.
func (l *lab) logs() string {
	l.t.Helper()
	pods := l.cluster.Client(l.t).CoreV1().Pods("orders-dev")
	list, err := pods.List(l.t.Context(), metav1.ListOptions{})
	if err != nil {
		l.t.Fatal(err)
	}
	var out strings.Builder
	for _, p := range list.Items {
		text, err := pods.GetLogs(p.Name, &corev1.PodLogOptions{}).DoRaw(l.t.Context())
		fmt.Fprintf(&out, "%s (%s): %s%v\n", p.Name, p.Status.Phase, text, err)
	}
	return out.String()
}

// browser is one, as far as the server of an application can tell.
type browser struct {
	t              *testing.T
	client         *http.Client
	origin, prefix string
}

func (l *lab) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		l.t.Fatal(err)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { // as browsers take names below localhost
		return new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:"+l.port)
	}
	return &browser{t: l.t, client: &http.Client{Jar: jar, Transport: &http.Transport{DialContext: dial}}}
}

// open opens an address, and follows where it leads.
func (b *browser) open(address string) int {
	b.t.Helper()
	resp, err := b.client.Get(strings.TrimSpace(address))
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// enter opens an address for the first time.
func (l *lab) enter(address string) *browser {
	l.t.Helper()
	b := l.browser()
	if code := b.open(address); code != http.StatusOK {
		l.t.Fatalf("%s answers %d", address, code)
	}
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		l.t.Fatal(err)
	}
	b.origin = u.Scheme + "://" + u.Host
	mine := l.list("carol")
	b.prefix = fmt.Sprintf("/notebook/dev/orders/%s/", mine[0].Name)
	return b
}

func (b *browser) get(path string) (int, string) { return b.do(http.MethodGet, path, nil) }

func (b *browser) do(method, path string, body any) (int, string) {
	b.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.origin+b.prefix+path, bytes.NewReader(data))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Origin", b.origin)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// put writes a file by the editor's own requests.
func (b *browser) put(name, text string) {
	b.t.Helper()
	if code, said := b.do(http.MethodPut, "api/contents/"+name, map[string]string{"type": "file", "format": "text", "content": text}); code != http.StatusCreated {
		b.t.Fatalf("writing %s: %d %s", name, code, said)
	}
}

// kernel runs code in a new kernel, by a WebSocket, and returns the result.
func (b *browser) kernel(code string) string {
	b.t.Helper()
	status, text := b.do(http.MethodPost, "api/kernels", map[string]string{"name": "python3"})
	var kernel struct{ ID string }
	if err := json.Unmarshal([]byte(text), &kernel); status != http.StatusCreated || err != nil {
		b.t.Fatalf("a kernel is not started: %d %s", status, text)
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	at := "ws" + strings.TrimPrefix(b.origin, "http") + b.prefix + "api/kernels/" + kernel.ID + "/channels?session_id=test"
	c, _, err := websocket.Dial(ctx, at, &websocket.DialOptions{HTTPClient: b.client, HTTPHeader: http.Header{"Origin": {b.origin}}}) //nolint:bodyclose // the library does it
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(1 << 20)
	ask := map[string]any{
		"channel": "shell", "parent_header": map[string]any{}, "metadata": map[string]any{}, "buffers": []any{},
		"header":  map[string]any{"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "test", "version": "5.3", "date": time.Now().UTC().Format(time.RFC3339)},
		"content": map[string]any{"code": code, "silent": false, "store_history": false, "user_expressions": map[string]any{}, "allow_stdin": false},
	}
	if err := wsjson.Write(ctx, c, ask); err != nil {
		b.t.Fatal(err)
	}
	for {
		var said struct {
			Type    string `json:"msg_type"`
			Content struct {
				Data map[string]any `json:"data"`
			} `json:"content"`
		}
		if err := wsjson.Read(ctx, c, &said); err != nil {
			b.t.Fatal(err)
		}
		if said.Type == "execute_result" {
			return fmt.Sprint(said.Content.Data["text/plain"])
		}
	}
}
