// SPDX-License-Identifier: Apache-2.0

package tunnel

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/test/clustertest"
)

var pkg = clustertest.Package{Options: clustertest.Options{Mode: clustertest.Exec, Network: clustertest.Pods}}

func TestMain(m *testing.M) { pkg.Main(m) }

// echo sends back what it gets, and ends when no more comes. At another port, it is a server of HTTP that closes connections after two answers, without
// saying so before; and at a third one it closes them at once. It listens for its own pod alone.
const echo = `
import socket, threading
def serve(c):
    while data := c.recv(65536):
        c.sendall(data)
    c.close()
def answer(c):
    for _ in range(2):
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            more = c.recv(65536)
            if not more:
                return
            data += more
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    c.close()
def listen(port, to):
    s = socket.create_server(("127.0.0.1", port))
    while True:
        threading.Thread(target=to, args=(s.accept()[0],), daemon=True).start()
threading.Thread(target=listen, args=(7009, answer), daemon=True).start()
threading.Thread(target=listen, args=(7010, lambda c: c.close()), daemon=True).start()
listen(7007, serve)
`

// deployer has the rights of the account of a release, as operators install them.
func deployer(t *testing.T) *rbacv1.Role {
	t.Helper()
	text, err := os.ReadFile("../../deploy/kustomize/rbac/deployer.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.ClusterRole
	for doc := range strings.SplitSeq(string(text), "\n---\n") {
		if err := yaml.Unmarshal([]byte(doc), &role); err == nil && role.Kind == "ClusterRole" {
			break
		}
	}
	return &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "deployer"}, Rules: role.Rules}
}

// newEcho makes a pod that is ready once it listens, with a Service before it.
func newEcho(t *testing.T) As {
	t.Helper()
	c := pkg.Cluster(t)
	as := As{Namespace: c.Namespace(t)}
	client := c.Client(t).CoreV1()
	check := []string{"python3", "-c", `import socket; socket.create_connection(("127.0.0.1", 7007))`}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "echo", Labels: map[string]string{"app": "echo"}}, Spec: corev1.PodSpec{Containers: []corev1.Container{{
		Name: "echo", Image: "trunkline.local/host:1", Command: []string{"python3", "-c", echo},
		ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: check}}},
	}}}}
	if _, err := client.Pods(as.Namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	role := deployer(t)
	if _, err := c.Client(t).RbacV1().Roles(as.Namespace).Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "deployer"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "deployer", Namespace: as.Namespace}},
	}
	if _, err := c.Client(t).RbacV1().RoleBindings(as.Namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "echo"}, Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "echo"}, Ports: []corev1.ServicePort{{Name: "tcp", Port: 80, TargetPort: intstr.FromInt32(7007)}},
	}}
	if _, err := client.Services(as.Namespace).Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	w, err := client.Pods(as.Namespace).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	late := time.After(time.Minute)
	for {
		select {
		case e := <-w.ResultChan():
			if p, ok := e.Object.(*corev1.Pod); ok && ready(p) {
				return as
			}
		case <-late:
			t.Fatal("the pod does not become ready")
		}
	}
}

func newTunnels(t *testing.T, most int) *Cluster {
	t.Helper()
	c := pkg.Cluster(t)
	return New("test", func() (*rest.Config, error) { return c.Config, nil }, most)
}

// TestTunnel: bytes come through as they are, in both directions and to the end, by WebSocket and by SPDY; how many connections are open is
// bounded, and what cannot be connected to says why.
func TestTunnel(t *testing.T) {
	as := newEcho(t)
	c := newTunnels(t, 2)
	sent := make([]byte, 3<<20+17)
	_, _ = rand.Read(sent) // it never fails
	conn, err := c.DialService(t.Context(), as, "echo", "tcp")
	if err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	go func() {
		_, err := conn.Write(sent)
		wrote <- errors.Join(err, conn.(interface{ CloseWrite() error }).CloseWrite())
	}()
	got, err := io.ReadAll(conn)
	if err := errors.Join(err, <-wrote); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes came back of %d: %v", len(got), len(sent), err)
	}
	second, err := c.Dial(t.Context(), as, "echo", 7007)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Dial(t.Context(), as, "echo", 7007); !errors.Is(err, ErrTooMany) || c.Open() != 2 {
		t.Errorf("%d are open, and one more: %v", c.Open(), err)
	}
	_ = second.Close()
	_ = second.Close() // once more, which is not counted twice
	_ = conn.Close()
	if c.Open() != 0 {
		t.Errorf("%d are open after all were closed", c.Open())
	}
	closed, err := c.Dial(t.Context(), as, "echo", 7008)
	if err == nil { // the node connects only once it is asked to
		_, err = closed.Read(make([]byte, 1))
		_ = closed.Close()
	}
	if err == nil || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "7008") {
		t.Errorf("a port where nobody listens: %v", err)
	}
	if _, err := c.Dial(t.Context(), as, "nobody", 7007); !errors.Is(err, ErrNotThere) {
		t.Errorf("a pod that is not there: %v", err)
	}
	if _, err := c.Dial(t.Context(), As{as.Namespace, "default"}, "echo", 7007); !errors.Is(err, ErrForbidden) {
		t.Errorf("an account without rights: %v", err)
	}
	if got, err := c.Backend(t.Context(), As{as.Namespace, "deployer"}, "echo", "80"); err != nil || got.Pod != "echo" || got.Port != 7007 {
		t.Errorf("the account of a release finds %+v: %v", got, err)
	}
	if conn, err := c.Dial(t.Context(), As{as.Namespace, "deployer"}, "echo", 7007); err != nil {
		t.Errorf("the rights of the chart do not do: %v", err)
	} else {
		_ = conn.Close()
	}
	over, cancel := context.WithCancelCause(t.Context())
	cancel(io.ErrClosedPipe)
	if _, err := c.Dial(over, as, "echo", 7007); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a request that is over: %v", err)
	}
	if c.Open() != 0 {
		t.Errorf("%d are open after attempts that failed", c.Open())
	}
}

// TestConnectionsThatAreClosed: a server that closes a connection after an answer, as servers of HTTP do with those that are idle or after a mistake of their
// own, is connected to again, instead of being asked through what leads nowhere.
func TestConnectionsThatAreClosed(t *testing.T) {
	as := newEcho(t)
	c := newTunnels(t, 0)
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DialContext:     func(ctx context.Context, _, _ string) (net.Conn, error) { return c.Dial(ctx, as, "echo", 7009) },
		MaxConnsPerHost: 1,
	}}
	for i := range 7 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://echo/", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		text, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if string(text) != "ok" || err != nil {
			t.Fatalf("request %d is answered with %q, %v", i, text, err)
		}
	}
	client.CloseIdleConnections()
	slammed, err := c.Dial(t.Context(), as, "echo", 7010)
	if err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(20*time.Second, func() { _ = slammed.Close() })
	if n, err := slammed.Read(make([]byte, 1)); err != io.EOF || !late.Stop() { //nolint:errorlint // readers compare it so
		t.Errorf("a connection that is closed at once gives %d bytes, %v", n, err)
	}
	_ = slammed.Close()
}

// TestChoose: a Service leads to the pod that has been ready for longest, at the port that it names.
func TestChoose(t *testing.T) {
	at := func(hour int) metav1.Time { return metav1.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC) }
	pod := func(name string, hour int, ok corev1.ConditionStatus) corev1.Pod {
		return corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, UID: "of-x", CreationTimestamp: at(hour)},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: 8888}}}}},
			Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ok}}},
		}
	}
	going := pod("going", 0, corev1.ConditionTrue)
	going.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	for name, tc := range map[string]struct {
		reason string
		pods   []corev1.Pod
		port   intstr.IntOrString
		want   Backend
	}{
		"oldest":   {"sessions stay where they are", []corev1.Pod{pod("b", 2, corev1.ConditionTrue), pod("a", 1, corev1.ConditionTrue)}, intstr.FromInt32(80), Backend{"a", "of-x", 80}},
		"ready":    {"what is not ready answers nothing", []corev1.Pod{pod("a", 1, corev1.ConditionFalse), going, pod("b", 2, corev1.ConditionTrue)}, intstr.FromInt32(80), Backend{"b", "of-x", 80}},
		"by name":  {"a port may have a name", []corev1.Pod{pod("a", 1, corev1.ConditionTrue)}, intstr.FromString("web"), Backend{"a", "of-x", 8888}},
		"no port":  {"a name that no container has leads nowhere", []corev1.Pod{pod("a", 1, corev1.ConditionTrue)}, intstr.FromString("other"), Backend{}},
		"same one": {"a Service may leave out the port of the pod", []corev1.Pod{pod("a", 1, corev1.ConditionTrue)}, intstr.IntOrString{}, Backend{"a", "of-x", 8080}},
		"none":     {"there may be none", nil, intstr.FromInt32(80), Backend{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := choose(tc.pods, corev1.ServicePort{Port: 8080, TargetPort: tc.port})
			if diff := cmp.Diff(tc.want, got); diff != "" || (err == nil) != (tc.want != Backend{}) || err != nil && !errors.Is(err, ErrNotThere) {
				t.Errorf("%s (-want +got):\n%s%v", tc.reason, diff, err)
			}
		})
	}
}
