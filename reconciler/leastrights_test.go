// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// rbac is where the manifests are that operators install.
const rbac = "../deploy/kustomize/rbac"

// install applies the documents of a file, as an operator does.
func (c cell) install(file string) {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(rbac, file))
	if err != nil {
		c.t.Fatal(err)
	}
	for doc := range strings.SplitSeq(string(text), "\n---\n") {
		data, err := utilyaml.ToJSON([]byte(doc))
		if err != nil {
			c.t.Fatal(err)
		}
		o := &unstructured.Unstructured{}
		if err := o.UnmarshalJSON(data); err != nil {
			c.t.Fatal(err)
		}
		gvk := o.GroupVersionKind()
		c.apply(gvk.GroupVersion().WithResource(strings.ToLower(gvk.Kind)+"s"), o.GetNamespace(), o.GetName(), "operator", string(data))
	}
}

// kubeconfigOf returns a kubeconfig with the token of a service account, and nothing else.
func (c cell) kubeconfigOf(namespace, account string) string {
	c.t.Helper()
	token, err := c.Client(c.t).CoreV1().ServiceAccounts(namespace).CreateToken(c.t.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	cfg, err := clientcmd.LoadFromFile(c.Kubeconfig)
	if err != nil {
		c.t.Fatal(err)
	}
	for name := range cfg.AuthInfos {
		cfg.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	}
	file := filepath.Join(c.t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*cfg, file); err != nil {
		c.t.Fatal(err)
	}
	return file
}

// TestLeastRights: the daemon does all that it does with the rights of the manifests, and no others. A rule that is taken
// out of them breaks this test.
func TestLeastRights(t *testing.T) {
	c := look(t, clustertest.Start(t, clustertest.Options{Name: "least"}))
	c.install("daemon.yaml")
	c.install("deployer.yaml")
	d := start(t, c.kubeconfigOf("trunkline-system", "trunkline"))

	// A first roll-out, of everything that the embedded blueprints render to and some more.
	objects := configMap("a", "1") + "---\n" + configMap("old", "1") + `---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {password: hunter2}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, annotations: {trunkline.dev/prune: enabled}}
spec: {accessModes: [ReadWriteOnce], storageClassName: none, volumeName: none, resources: {requests: {storage: 1Gi}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: b}
spec: {maxUnavailable: 1, selector: {matchLabels: {a: b}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec: {maxReplicas: 2, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: none}, metrics: []}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: n}
spec: {podSelector: {}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i}
spec: {defaultBackend: {service: {name: s, port: {number: 80}}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: t}
spec: {replicas: 0, serviceName: s, selector: {matchLabels: {a: t}}, template: {metadata: {labels: {a: t}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: d}
spec: {selector: {matchLabels: {a: d}}, template: {metadata: {labels: {a: d}}, spec: {nodeSelector: {no: node}, containers: [{name: c, image: i}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: k}
spec: {schedule: "0 0 1 1 *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}}
`
	files := platform("least", tree{
		"env.yaml":       environment("  serviceAccount: {name: deployer, clusterRole: trunkline-deployer}\n"),
		"a/project.yaml": manifests("least-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": objects,
		"b/project.yaml": service("least-b", "img:1") + "  generatedSecrets: [{name: made, keys: {password: {}}, prune: true}]\n",
	})
	d.mustAccept("c1", files)
	d.await("everything to be applied", func(p status.Platform) bool {
		return release(p, "least-a").Result == status.Applied && release(p, "least-b").Fine()
	})

	// Drift is corrected, what is deleted comes back, and what is not declared any more goes.
	c.merge(configMaps, "least-a-dev", "a", "kubectl-edit", `{"data":{"key":"changed"}}`)
	d.await("the drift to be corrected", func(p status.Platform) bool { return len(release(p, "least-a").Drifts) > 0 })
	if got := c.value("least-a-dev", "a"); got != "1" {
		t.Errorf("the value is %q", got)
	}
	before := c.get(deployments, "least-b-dev", "web")
	c.delete(deployments, "least-b-dev", "web")
	c.awaitAnother(deployments, "least-b-dev", "web", before.GetUID())
	d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": strings.Replace(objects, configMap("old", "1")+"---\n", "", 1)}), "a/objects/all.yaml")
	if err := c.awaitGone(configMaps, "least-a-dev", "old"); err != nil {
		t.Error(err)
	}

	// Why something is not healthy is found out without a word about rights.
	c.stopScheduling(t, "least-b-dev")
	d.mustAccept("c3", files.with(tree{"b/project.yaml": service("least-b", "img:2") + "  generatedSecrets: [{name: made, keys: {password: {}}, prune: true, revision: 1}]\n"}), "b/project.yaml")
	p := d.await("a diagnosis", func(p status.Platform) bool { return release(p, "least-b").Cause != nil })
	if got := release(p, "least-b"); got.Cause.Code != "quota" || len(got.Cause.Notes) > 0 || !strings.Contains(got.Message, "exceeded quota: none, requested: pods=1, used: pods=") {
		t.Errorf("the diagnosis is %+v: %s", got.Cause, got.Message)
	}

	d.mustAccept("c4", files.with(tree{"env.yaml": "", "a/project.yaml": "", "b/project.yaml": ""}), "env.yaml", "a/project.yaml", "b/project.yaml")
	d.awaitOffTheBoard("least-a")
	d.awaitOffTheBoard("least-b")
	for _, gone := range []struct {
		r               schema.GroupVersionResource
		namespace, name string
	}{
		{namespaces, "", "least-a-dev"}, {namespaces, "", "least-b-dev"}, {configMaps, "trunkline-system", "least.dev.least-a"},
	} {
		if err := c.awaitGone(gone.r, gone.namespace, gone.name); err != nil {
			t.Errorf("%s: %v", gone.name, err)
		}
	}
}

// TestNoOtherAccount: the daemon's rights let it be the account that they name, and no other, whatever an environment says.
func TestNoOtherAccount(t *testing.T) {
	c := look(t, clustertest.Start(t, clustertest.Options{Name: "other"}))
	c.install("daemon.yaml")
	c.install("deployer.yaml")
	kubeconfig := c.kubeconfigOf("trunkline-system", "trunkline")
	cases := map[string]struct{ reason, account, want string }{
		"account": {
			"An account with more rights.", "{name: admin}",
			`User "system:serviceaccount:trunkline-system:trunkline" cannot impersonate`,
		},
		"role": {
			"A role with more rights.", "{name: deployer, clusterRole: cluster-admin}",
			`is attempting to grant RBAC permissions not currently held`,
		},
		"none": {
			"No account at all.", "",
			`User "system:serviceaccount:trunkline-system:trunkline" cannot patch resource`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d, env := start(t, kubeconfig), ""
			if tc.account != "" {
				env = "  serviceAccount: " + tc.account + "\n"
			}
			project := "other-" + name
			d.mustAccept(name, platform("other", tree{
				"env.yaml":       environment(env),
				"a/project.yaml": manifests(project), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
			}))
			if name == "account" {
				d.awaitMessage(project, "waiting for the ServiceAccount")
				c.put(accounts, project+"-dev", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: admin}\n")
			}
			if got := d.awaitMessage(project, tc.want); got.Result != status.Retrying {
				t.Errorf("%s\nthe result is %s", tc.reason, got.Result)
			}
			if c.has(configMaps, project+"-dev", "a") {
				t.Errorf("%s\nit was applied", tc.reason)
			}
		})
	}
}
