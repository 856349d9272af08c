// SPDX-License-Identifier: Apache-2.0

package workspaces

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	api "trunkline.dev/trunkline/api/workspace"
)

const (
	// askTimeout bounds a question to a server, and maxAnswer what is read of its answer.
	askTimeout, maxAnswer = 10 * time.Second, 4 << 20
)

func decoded(secret *unstructured.Unstructured, key string) string {
	text, _, _ := unstructured.NestedString(secret.Object, "data", key)
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	return string(data)
}

// pod is the pod of a workspace.
type pod struct {
	there, running bool
	uid            string
	// why says why it does not run, if that is known.
	why string
}

func (f found) podName() string { return f.Name + "-0" }

// pod looks at the pod of a workspace.
func (f found) pod(ctx context.Context) (p pod, err error) {
	o, err := f.cluster.Pod(ctx, f.as, f.podName())
	if o != nil {
		p = readPod(o)
	}
	return p, err
}

func readPod(o *unstructured.Unstructured) pod {
	p := pod{there: true, uid: string(o.GetUID())}
	phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
	p.running = phase == "Running" && o.GetDeletionTimestamp() == nil
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, item := range conditions {
		c, _ := item.(map[string]any)
		if c["type"] == any("PodScheduled") && c["status"] == any("False") {
			message, _ := c["message"].(string)
			p.why = "no node takes it yet: " + message
		}
	}
	containers, _, _ := unstructured.NestedSlice(o.Object, "status", "containerStatuses")
	for _, item := range containers {
		c, _ := item.(map[string]any)
		waiting, is, _ := unstructured.NestedMap(c, "state", "waiting")
		if reason, _ := waiting["reason"].(string); is && reason != "" && reason != "ContainerCreating" && reason != "PodInitializing" {
			message, _ := waiting["message"].(string)
			p.running, p.why = false, strings.TrimRight("its container waits: "+reason+": "+message, ": ")
		}
	}
	return p
}

// activity is what a server says of itself.
type activity struct {
	last time.Time
	busy bool
}

// dial opens a connection to the server of a workspace.
func (f found) dial(ctx context.Context) (net.Conn, error) {
	return f.cluster.Dial(ctx, f.as, f.podName(), api.Port(f.Kind))
}

// ask asks the server of a workspace for how it is used. A question is no use.
func (f found) ask(ctx context.Context, token string, limit time.Duration) (activity, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return f.dial(ctx) }}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(path string, into any) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+path, nil)
		if err != nil {
			return fmt.Errorf("asking the server of %s: %w", f.Name, err)
		}
		r.Header.Set("Authorization", "token "+token)
		resp, err := client.Do(r)
		if err != nil {
			return fmt.Errorf("asking the server of %s: %w", f.Name, err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("the server of %s answers %s", f.Name, resp.Status)
		}
		if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(into); err != nil {
			return fmt.Errorf("reading what the server of %s answers: %w", f.Name, err)
		}
		return nil
	}
	if f.Kind == api.IDE {
		return beats(get)
	}
	return kernels(get, f.path())
}

// beatEvery is how often code-server notes at most that it is used.
const beatEvery = time.Minute

// beats is when code-server was used last. It notes a heartbeat at a request, none for the minute after one, and then one more if a browser is
// connected still: it was used at some time within that minute. What runs in its terminals is none.
func beats(get func(string, any) error) (activity, error) {
	var health struct {
		Status string `json:"status"`
		Last   *int64 `json:"lastHeartbeat"`
	}
	if err := get("/healthz", &health); err != nil {
		return activity{}, err
	}
	if health.Status != "alive" && health.Status != "expired" || health.Last == nil {
		return activity{}, errors.New("the server answers something that is no code-server's")
	}
	if *health.Last == 0 { // nobody has opened it yet
		return activity{}, nil
	}
	return activity{last: time.UnixMilli(*health.Last).Add(beatEvery)}, nil
}

// kernels is when Jupyter was used last: by requests, or by output of kernels and terminals. A kernel that works is in use, however long it is silent.
func kernels(get func(string, any) error, path string) (activity, error) {
	var status struct {
		Last time.Time `json:"last_activity"`
	}
	if err := get(path+"api/status", &status); err != nil {
		return activity{}, err
	}
	var all []struct {
		State string `json:"execution_state"`
	}
	if err := get(path+"api/kernels?no_track_activity=1", &all); err != nil {
		return activity{}, err
	}
	if status.Last.IsZero() {
		return activity{}, errors.New("the server answers something that is no Jupyter's")
	}
	out := activity{last: status.Last}
	for _, k := range all {
		out.busy = out.busy || k.State == "busy"
	}
	return out, nil
}
