// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fetch prints what is at a URL.
const fetch = `python3 -c '
import ssl, sys, urllib.request
request = urllib.request.Request(sys.argv[1])
context = None
if len(sys.argv) > 2:
    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    context = ssl.create_default_context(cafile=account + "/ca.crt")
    request.add_header("Authorization", "Bearer " + open(account + "/token").read())
print(urllib.request.urlopen(request, timeout=10, context=context).read().decode().strip())' `

// serve answers every request with the name of the pod, on all its addresses.
const serve = `exec python3 -c '
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["HOSTNAME"].encode())
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()' `

// TestNetwork gives pods a network of their own. All its tests share one cluster.
func TestNetwork(t *testing.T) {
	c := start(t, "--name", "network", "--network", "pods")
	t.Run("in parallel", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *cluster){
			"services":     testServices,
			"headless":     testHeadless,
			"API server":   testNetworkAPIServer,
			"machine":      testMachine,
			"host network": testHostNetwork,
			"loopback":     testLoopback,
			"many at once": testManyAtOnce,
			"usage":        testUsage,
			"exec":         testKubectlExec,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, c)
			})
		}
	})
	t.Run("kill -9 ends the pods", func(t *testing.T) {
		ns := c.runningPod(t, "server", serve+"0.0.0.0 8080")
		eventually(t, "the server runs", func() bool { return len(processes(t, "ThreadingHTTPServer")) > 0 })
		_ = ns
		if err := c.cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		c.awaitExit(t)
		eventually(t, "no process is left", func() bool { return len(processes(t, c.dir)) == 0 })
	})
}

// web is a Deployment whose pods all listen on the same port of all their addresses.
func (c *cluster) web(t *testing.T, ns string, replicas, port int32) {
	t.Helper()
	spec := podSpec(corev1.RestartPolicyAlways, serve+fmt.Sprint("0.0.0.0 ", port))
	spec.TerminationGracePeriodSeconds = new(int64(0))
	spec.Containers[0].Ports = []corev1.ContainerPort{{Name: "http", ContainerPort: port}}
	spec.Containers[0].ReadinessProbe = &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/", Port: intstrNamed("http")}}, PeriodSeconds: 1,
	}
	labels := map[string]string{"app": "web"}
	_, err := c.client.AppsV1().Deployments(ns).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: metav1.SetAsLabelSelector(labels),
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, c.client.AppsV1().RESTClient(), "deployments", ns, "web", &appsv1.Deployment{}, "all replicas are available",
		func(d *appsv1.Deployment) bool { return d.Status.AvailableReplicas == replicas })
}

// run runs a script in a pod and returns its log.
func (c *cluster) run(t *testing.T, ns, name string, change func(*corev1.PodSpec), script ...string) string {
	t.Helper()
	spec := podSpec(corev1.RestartPolicyNever, script...)
	if change != nil {
		change(&spec)
	}
	c.createPod(t, ns, name, spec)
	pod := c.awaitPod(t, ns, name, "it has ended", func(p *corev1.Pod) bool {
		return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	})
	log := c.kubectl(t, "-n", ns, "logs", name)
	if pod.Status.Phase != corev1.PodSucceeded {
		t.Fatalf("pod %s has failed; its log:\n%s", name, log)
	}
	return log
}

// testServices has two pods listen on the same port, and a Service lead to both of them and to none that is gone.
func testServices(t *testing.T, c *cluster) {
	ns, other := c.namespace(t), c.namespace(t)
	_, err := c.client.CoreV1().Services(ns).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}, Ports: []corev1.ServicePort{
			{Name: "http", Port: 80, TargetPort: intstrNamed("http")},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.web(t, ns, 2, 80) // which only root may listen on, elsewhere
	pods, err := c.client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{LabelSelector: "app=web"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	var direct []string
	for _, pod := range pods.Items {
		want[pod.Name] = true
		if !strings.HasPrefix(pod.Status.PodIP, "10.244.") {
			t.Errorf("address of a pod: %s", pod.Status.PodIP)
		}
		direct = append(direct, fetch+"http://"+pod.Status.PodIP+"/")
	}
	got := map[string]bool{}
	for name := range strings.FieldsSeq(c.run(t, ns, "direct", nil, direct...)) {
		got[name] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pods that answer at their addresses (-want +got):\n%s", diff)
	}
	for name, from := range map[string]string{"web": ns, "web." + ns: other, "web." + ns + ".svc.cluster.local": other} {
		got := map[string]bool{}
		// Pods that are ready are behind the Service a moment later, once who publishes them and who passes connections on have seen it.
		script := `seen=; until [ "$(printf '%s\n' $seen | sort -u | grep -c .)" = 2 ]; do seen="$seen $(` + fetch + "http://" + name + `/ 2>/dev/null || sleep 0.1)"; done; printf '%s\n' $seen`
		for name := range strings.FieldsSeq(c.run(t, from, "by-"+strings.Split(name, ".")[len(strings.Split(name, "."))-1]+"-"+from, nil, script)) {
			got[name] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pods that answer at %s (-want +got):\n%s", name, diff)
		}
	}

	c.kubectl(t, "-n", ns, "scale", "deployment", "web", "--replicas=0")
	// Who asks a Service without pods is refused at once, and does not wait.
	c.run(t, ns, "refused", nil, "until python3 -c '", "import socket, sys", "try:", "    socket.create_connection((\"web\", 80), 10).recv(1)",
		"except ConnectionRefusedError:", "    sys.exit(0)", "sys.exit(1)'; do sleep 0.1; done")
}

// testHeadless finds each replica of a StatefulSet by its name, and all of them by their Service's.
func testHeadless(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	labels := map[string]string{"app": "db"}
	_, err := c.client.CoreV1().Services(ns).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "db"},
		Spec:       corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Selector: labels, Ports: []corev1.ServicePort{{Name: "http", Port: 8080}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	spec := podSpec(corev1.RestartPolicyAlways, serve+"0.0.0.0 8080")
	spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: port(8080)}}, PeriodSeconds: 1}
	_, err = c.client.AppsV1().StatefulSets(ns).Create(t.Context(), &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "db"},
		Spec: appsv1.StatefulSetSpec{
			Replicas: new(int32(2)), ServiceName: "db", Selector: metav1.SetAsLabelSelector(labels), PodManagementPolicy: appsv1.ParallelPodManagement,
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, c.client.AppsV1().RESTClient(), "statefulsets", ns, "db", &appsv1.StatefulSet{}, "both replicas are ready",
		func(s *appsv1.StatefulSet) bool { return s.Status.ReadyReplicas == 2 })
	// Pods that are ready have names a moment later, once who publishes them and who answers have seen it.
	const count = `python3 -c 'import socket; print(len({a[4][0] for a in socket.getaddrinfo("db", 8080)}))'`
	got := c.run(t, ns, "client", nil,
		`until [ "$(`+count+` 2>&1)" = 2 ]; do sleep 0.1; done`,
		fetch+"http://db-0.db:8080/", fetch+"http://db-1.db."+ns+".svc.cluster.local:8080/",
		count,
		`python3 -c '`, "import socket", "try:", `    print(socket.getaddrinfo("db-7.db", 8080))`, "except socket.gaierror:", `    print("unknown")'`)
	if diff := cmp.Diff("db-0\ndb-1\n2\nunknown\n", got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// testNetworkAPIServer reaches the API server by the customary name, with its certificate, and by the environment.
func testNetworkAPIServer(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.kubectl(t, "-n", ns, "create", "rolebinding", "look", "--clusterrole=view", "--serviceaccount="+ns+":default")
	got := c.run(t, ns, "client", nil,
		fetch+"https://kubernetes.default.svc/api/v1/namespaces/"+ns+"/pods account | grep -o '\"name\":\"client\"' | head -1",
		fetch+"https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/version account | grep -o gitVersion")
	if diff := cmp.Diff("\"name\":\"client\"\ngitVersion\n", got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// testMachine reaches a server of this process, which listens on the machine's loopback interface, by its name alone.
func testMachine(t *testing.T, c *cluster) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "the machine") }))
	defer server.Close()
	ns := c.namespace(t)
	_, number, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	got := c.run(t, ns, "client", nil, fetch+"http://host.devcluster.internal:"+number+"/",
		"if "+fetch+"http://127.0.0.1:"+number+"/ 2>/dev/null; then exit 1; fi; echo not there")
	if diff := cmp.Diff("the machine\nnot there\n", got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// testHostNetwork gives a pod that asks for it the machine's network.
func testHostNetwork(t *testing.T, c *cluster) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "the machine") }))
	defer server.Close()
	ns, err := c.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := c.run(t, ns.Name, "client", func(s *corev1.PodSpec) { s.HostNetwork = true }, fetch+server.URL)
	if diff := cmp.Diff("the machine\n", got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// testLoopback has what listens on a pod's loopback interface be there for the pod and for port-forward, and nobody else.
func testLoopback(t *testing.T, c *cluster) {
	ns := c.runningPod(t, "server", serve+"127.0.0.1 8080")
	eventually(t, "the server answers in its pod", func() bool {
		out, err := c.command(t, "-n", ns, "exec", "server", "--", "sh", "-c", fetch+"http://127.0.0.1:8080/").Output()
		return err == nil && string(out) == "server\n"
	})
	c.fetchForwarded(t, ns, "pod/server", "8080", "server")
	pod, err := c.client.CoreV1().Pods(ns).Get(t.Context(), "server", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := c.run(t, ns, "client", nil, "if "+fetch+"http://"+pod.Status.PodIP+":8080/ 2>/dev/null; then exit 1; fi; echo not there")
	if diff := cmp.Diff("not there\n", got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// TestNetworkRefused shows that a machine that gives no namespaces is told of, with what to do.
func TestNetworkRefused(t *testing.T) {
	const script = `echo 0 >/proc/sys/user/max_net_namespaces && exec "$@"`
	if err := exec.CommandContext(t.Context(), "unshare", "-Ur", "sh", "-c", script, "sh", "true").Run(); err != nil {
		t.Skip("cannot forbid namespaces here:", err)
	}
	c := launchBy(t, []string{"unshare", "-Ur", "sh", "-c", script, "sh"}, filepath.Join(t.TempDir(), "refused"), "--network", "pods")
	code := c.awaitExit(t)
	for _, says := range []string{"gives pods no network of their own", "start with --network host", "making a network namespace"} {
		if code != 1 || !strings.Contains(c.stderr.String(), says) {
			t.Errorf("exit code %d, stderr, which should say %q:\n%s", code, says, c.stderr)
		}
	}
}
