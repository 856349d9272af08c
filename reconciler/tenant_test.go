// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

var (
	clusterRoles    = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}
	roles           = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"}
	roleBindings    = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"}
	secretsResource = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	priorityClasses = schema.GroupVersionResource{Group: "scheduling.k8s.io", Version: "v1", Resource: "priorityclasses"}
)

// put applies an object, written in YAML, as someone else.
func (c cell) put(r schema.GroupVersionResource, namespace, text string) {
	c.t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		c.t.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(data); err != nil {
		c.t.Fatal(err)
	}
	c.apply(r, namespace, o.GetName(), "someone", string(data))
}

func (c cell) delete(r schema.GroupVersionResource, namespace, name string) {
	c.t.Helper()
	if err := c.client.Resource(r).Namespace(namespace).Delete(c.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		c.t.Fatal(err)
	}
}

// has reports whether an object is there.
func (c cell) has(r schema.GroupVersionResource, namespace, name string) bool {
	c.t.Helper()
	list, err := c.client.Resource(r).Namespace(namespace).List(c.t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		c.t.Fatal(err)
	}
	return len(list.Items) > 0
}

// role makes a ClusterRole for accounts that may do all there is to do with some kinds, but what every release needs.
func (c cell) role(name, rules string) {
	c.t.Helper()
	c.put(clusterRoles, "", fmt.Sprintf(`apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: %s}
rules:
- {apiGroups: [""], resources: [serviceaccounts], verbs: [create, patch, delete]}
%s`, name, rules))
}

// awaitMessage waits until the status of a release has all of the parts in its message.
func (d *daemon) awaitMessage(project string, parts ...string) status.Release {
	d.t.Helper()
	p := d.await(fmt.Sprintf("%s to say %q", project, parts), func(p status.Platform) bool {
		for _, part := range parts {
			if !strings.Contains(release(p, project).Message, part) {
				return false
			}
		}
		return true
	})
	return release(p, project)
}

func (d *daemon) awaitOffTheBoard(project string) {
	d.t.Helper()
	d.await(project+" to be gone", func(p status.Platform) bool { return release(p, project).Project == "(none)" })
}

// TestAnAccountDoesWhatItMay: the first roll-out makes the account, everything after that is done as it, and what it may
// not do is told in the words of the API server.
func TestAnAccountDoesWhatItMay(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	c.role("tenant-configmaps", `- {apiGroups: [""], resources: [configmaps], verbs: [create, patch, delete]}
- {apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [create, patch, delete]}`)
	d := start(t, c.Kubeconfig)
	good := platform("tenant", tree{
		"env.yaml":       environment("  serviceAccount: {name: deployer, clusterRole: tenant-configmaps}\n"),
		"a/project.yaml": manifests("tenant-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
	})
	d.mustAccept("c1", good)
	d.awaitFine("c1")
	if got := c.value("tenant-a-dev", "a"); got != "1" {
		t.Errorf("the ConfigMap has %q", got)
	}
	account := c.get(accounts, "tenant-a-dev", "deployer")
	binding := c.get(roleBindings, "tenant-a-dev", "deployer.tenant-configmaps")
	if got := c.get(configMaps, "trunkline-system", "tenant.dev.tenant-a").GetAnnotations()["trunkline.dev/service-account"]; got != "deployer" {
		t.Errorf("the inventory names the account %q", got)
	}

	const who = `User "system:serviceaccount:tenant-a-dev:deployer" cannot patch resource `
	refused := []struct{ reason, object, want string }{
		{
			"A Secret is not a ConfigMap; its values are not in the message.", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n",
			`applying Secret tenant-a-dev/s: secrets "s" is forbidden: ` + who + `"secrets" in API group "" in the namespace "tenant-a-dev"`,
		},
		{
			"A Deployment is not either.", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}\n",
			`applying Deployment.apps tenant-a-dev/d: deployments.apps "d" is forbidden: ` + who + `"deployments" in API group "apps" in the namespace "tenant-a-dev"`,
		},
		{
			"Nobody gives what he does not have.", "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: more}\nrules: [{apiGroups: [\"\"], resources: [secrets], verbs: [get]}]\n",
			`is attempting to grant RBAC permissions not currently held: {APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`,
		},
	}
	for i, tc := range refused {
		commit := fmt.Sprintf("r%d", i)
		d.mustAccept(commit, good.with(tree{"a/objects/all.yaml": configMap("a", "1") + "---\n" + tc.object}), "a/objects/all.yaml")
		got := d.awaitMessage("tenant-a", tc.want)
		if got.Result != status.Retrying || strings.Contains(got.Message, "hunter2") {
			t.Errorf("%s\nthe result is %s: %s", tc.reason, got.Result, got.Message)
		}
	}
	if c.has(secretsResource, "tenant-a-dev", "s") || c.has(deployments, "tenant-a-dev", "d") || c.has(roles, "tenant-a-dev", "more") {
		t.Error("what the account may not do was done")
	}
	d.mustAccept("c2", good, "a/objects/all.yaml")
	d.awaitFine("c2")

	// A right that someone takes away comes back, as anything that was applied.
	c.delete(roleBindings, "tenant-a-dev", "deployer.tenant-configmaps")
	c.awaitAnother(roleBindings, "tenant-a-dev", "deployer.tenant-configmaps", binding.GetUID())
	c.delete(accounts, "tenant-a-dev", "deployer")
	c.awaitAnother(accounts, "tenant-a-dev", "deployer", account.GetUID())

	d.mustAccept("c3", good.with(tree{"a/project.yaml": ""}), "a/project.yaml")
	d.awaitOffTheBoard("tenant-a")
	if err := c.awaitGone(namespaces, "", "tenant-a-dev"); err != nil {
		t.Error(err)
	}
	if c.has(configMaps, "trunkline-system", "tenant.dev.tenant-a") {
		t.Error("the inventory is still there")
	}
}

// TestAnotherRole: a binding cannot be changed to another role; the account gets another one, also while its release is as
// it was.
func TestAnotherRole(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	rules := `- {apiGroups: [""], resources: [configmaps], verbs: [create, patch, delete]}`
	c.role("rebind-one", rules)
	c.role("rebind-two", rules)
	d := start(t, c.Kubeconfig)
	files := platform("rebind", tree{
		"env.yaml":       environment("  serviceAccount: {name: deployer, clusterRole: rebind-one}\n"),
		"a/project.yaml": manifests("rebind-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	before := c.get(configMaps, "rebind-a-dev", "a").GetResourceVersion()
	d.mustAccept("c2", files.with(tree{"env.yaml": environment("  serviceAccount: {name: deploys, clusterRole: rebind-two}\n")}), "env.yaml")
	for _, gone := range []struct {
		r    schema.GroupVersionResource
		name string
	}{{roleBindings, "deployer.rebind-one"}, {accounts, "deployer"}} {
		if err := c.awaitGone(gone.r, "rebind-a-dev", gone.name); err != nil {
			t.Errorf("%s: %v", gone.name, err)
		}
	}
	d.awaitFine("c2")
	if !c.has(roleBindings, "rebind-a-dev", "deploys.rebind-two") || !c.has(accounts, "rebind-a-dev", "deploys") {
		t.Error("the new account is not there")
	}
	if after := c.get(configMaps, "rebind-a-dev", "a").GetResourceVersion(); after != before {
		t.Error("another account wrote what was as it should be")
	}
}

// TestTheAccountIsSomebodyElses: an account that the platform provides is waited for, and nothing is done as one that was
// deleted, although the API server itself would take its name.
func TestTheAccountIsSomebodyElses(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	c.role("provided-configmaps", `- {apiGroups: [""], resources: [configmaps], verbs: [create, patch, delete]}`)
	d := start(t, c.Kubeconfig)
	files := platform("provided", tree{
		"env.yaml":       environment("  serviceAccount: {name: <project>-robot}\n"),
		"a/project.yaml": manifests("provided-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
	})
	const waits = "waiting for the ServiceAccount provided-a-dev/provided-a-robot, as which the environment deploys: it is not there"
	d.mustAccept("c1", files)
	if got := d.awaitMessage("provided-a", waits); got.Result != status.Retrying {
		t.Errorf("the result is %s", got.Result)
	}
	const robot = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: provided-a-robot}\n"
	c.put(roleBindings, "provided-a-dev", `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: robot}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: provided-configmaps}
subjects: [{kind: ServiceAccount, name: provided-a-robot, namespace: provided-a-dev}]
`)
	c.put(accounts, "provided-a-dev", robot)
	d.awaitFine("c1")

	c.delete(accounts, "provided-a-dev", "provided-a-robot")
	d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": configMap("a", "2")}), "a/objects/all.yaml")
	d.awaitMessage("provided-a", waits)
	if got := c.value("provided-a-dev", "a"); got != "1" {
		t.Errorf("the value is %q: it was written as an account that was deleted", got)
	}
	c.put(accounts, "provided-a-dev", robot)
	d.awaitFine("c2")
	if got := c.value("provided-a-dev", "a"); got != "2" {
		t.Errorf("the value is %q", got)
	}
	d.mustAccept("c3", files.with(tree{"a/project.yaml": ""}), "a/project.yaml")
	d.awaitOffTheBoard("provided-a")
}

// TestTheEnvironmentIsGone: what an account has made is deleted as the account, also by a daemon that never saw the
// environment.
func TestTheEnvironmentIsGone(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	c.role("envgone", `- {apiGroups: [""], resources: [configmaps], verbs: [create, patch]}`)
	d := start(t, c.Kubeconfig)
	files := platform("envgone", tree{
		"env.yaml":       environment("  serviceAccount: {name: deployer, clusterRole: envgone}\n"),
		"a/project.yaml": manifests("envgone-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	d.stop()

	d = start(t, c.Kubeconfig)
	d.mustAccept("c2", files.with(tree{"a/project.yaml": "", "env.yaml": ""}))
	d.awaitMessage("envgone-a", `deleting ConfigMap envgone-a-dev/a: configmaps "a" is forbidden: User "system:serviceaccount:envgone-a-dev:deployer" cannot delete resource "configmaps"`)
	c.role("envgone", `- {apiGroups: [""], resources: [configmaps], verbs: [create, patch, delete]}`)
	d.awaitOffTheBoard("envgone-a")
	if err := c.awaitGone(namespaces, "", "envgone-a-dev"); err != nil {
		t.Error(err)
	}
}

// TestTheDaemonsDefaultAccount: an environment that names no account has the one of the daemon's configuration.
func TestTheDaemonsDefaultAccount(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := startWith(t, c.Kubeconfig, func(o *reconciler.Options) { o.DefaultServiceAccount = "tenant" })
	d.mustAccept("c1", platform("lockdown", tree{
		"a/project.yaml": manifests("lockdown-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
	}))
	d.awaitMessage("lockdown-a", "waiting for the ServiceAccount lockdown-a-dev/tenant")
	c.put(accounts, "lockdown-a-dev", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: tenant}\n")
	d.awaitMessage("lockdown-a", `User "system:serviceaccount:lockdown-a-dev:tenant" cannot patch resource`)
}

// smuggler renders like the real thing, and adds an object that the real thing would have refused.
type smuggler struct {
	reconciler.Renderer
	object *unstructured.Unstructured
}

func (s *smuggler) Render(ctx context.Context, tree fs.FS, rel catalog.Release) (render.Result, error) {
	result, err := s.Renderer.Render(ctx, tree, rel)
	result.Objects = append(result.Objects, s.object)
	return result, err
}

// TestTheLastLook: whatever has come of rendering and of caches, where an object goes is looked at once more when it is
// applied (Argo CVE-2022-23736 and others), with what the API server says of its kind.
func TestTheLastLook(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	c.put(crds, "", `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: guards.lastlook.example}
spec:
  group: lastlook.example
  names: {kind: Guard, plural: guards, singular: guard}
  scope: Cluster
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`)
	guards := schema.GroupVersionResource{Group: "lastlook.example", Version: "v1", Resource: "guards"}
	cases := map[string]struct {
		reason, object string
		r              schema.GroupVersionResource
		want           string
	}{
		"foreign": {
			"Another project's namespace.", "{apiVersion: v1, kind: ConfigMap, metadata: {name: last, namespace: default}}", configMaps,
			`ConfigMap default/last is not applied: the release's namespace is "foreign-look-dev"`,
		},
		"system": {
			"An inventory that says that everything is this release's.", "{apiVersion: v1, kind: ConfigMap, metadata: {name: last, namespace: trunkline-system}}", configMaps,
			`ConfigMap trunkline-system/last is not applied: the namespace "trunkline-system" is Trunkline's own`,
		},
		"class": {
			"A kind of the whole cluster.", "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: last}, value: 1}", priorityClasses,
			`PriorityClass.scheduling.k8s.io last is not applied: it belongs to the whole cluster`,
		},
		"guard": {
			"A kind that only the cluster knows to be of the whole cluster: nothing but this would refuse it.",
			"{apiVersion: lastlook.example/v1, kind: Guard, metadata: {name: last, namespace: guard-look-dev}}", guards,
			`Guard.lastlook.example guard-look-dev/last is not applied: objects of its kind belong to the whole cluster`,
		},
		"namespace": {
			"A namespace in which nobody has limited what pods may do.", "{apiVersion: v1, kind: Namespace, metadata: {name: last}}", namespaces,
			`Namespace last is not applied: the release's namespace is "namespace-look-dev", and no other is its to make`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, object := look(t, c.Cluster), map[string]any{}
			if err := yaml.Unmarshal([]byte(tc.object), &object); err != nil {
				t.Fatal(err)
			}
			o := &unstructured.Unstructured{Object: object}
			d := startWith(t, c.Kubeconfig, func(opts *reconciler.Options) { opts.Renderer = &smuggler{opts.Renderer, o} })
			project := name + "-look"
			d.mustAccept("c1", platform("look"+name, tree{
				"a/project.yaml": manifests(project), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
			}))
			if got := d.awaitMessage(project, tc.want); got.Result != status.Failed {
				t.Errorf("%s\nthe result is %s", tc.reason, got.Result)
			}
			namespace := o.GetNamespace()
			if tc.r == guards {
				namespace = "" // as the API server would have it
			}
			if c.has(tc.r, namespace, "last") {
				t.Errorf("%s\nit is there", tc.reason)
			}
		})
	}
}

// TestWhatAnEnvironmentAllows: objects beyond the namespace of a release are applied, pruned and brought back like others;
// what was there before is not taken over.
func TestWhatAnEnvironmentAllows(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	shared := c.Namespace(t)
	d := start(t, c.Kubeconfig)
	class := func(name string) string {
		return "---\napiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: " + name + "}\nvalue: 7\n"
	}
	beside := "---\n" + strings.Replace(configMap("beside", "1"), "{name: beside}", "{name: beside, namespace: "+shared+"}", 1)
	files := platform("allow", tree{
		"env.yaml":       environment("  allow: [{projects: [allow-a], clusterScoped: [PriorityClass.scheduling.k8s.io], namespaces: [" + shared + "]}]\n"),
		"a/project.yaml": manifests("allow-a"), "a/objects/kustomization.yaml": kustomization,
		"a/objects/all.yaml": configMap("a", "1") + class("allow-one") + beside,
		"b/project.yaml":     manifests("allow-b"), "b/objects/kustomization.yaml": kustomization, "b/objects/all.yaml": configMap("b", "1"),
	})
	d.mustAccept("c1", files)
	d.awaitFine("c1")
	before := c.get(priorityClasses, "", "allow-one")
	c.delete(priorityClasses, "", "allow-one")
	c.awaitAnother(priorityClasses, "", "allow-one", before.GetUID())
	if got := c.value(shared, "beside"); got != "1" {
		t.Errorf("the value is %q", got)
	}

	c.put(priorityClasses, "", "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: allow-theirs}\nvalue: 7\n")
	d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": configMap("a", "2") + class("allow-theirs")}), "a/objects/all.yaml")
	d.awaitMessage("allow-a", "creating PriorityClass.scheduling.k8s.io allow-theirs: it is there already and does not belong to this release")

	d.mustAccept("c3", files.with(tree{"b/objects/all.yaml": configMap("b", "1") + class("allow-two")}), "a/objects/all.yaml", "b/objects/all.yaml")
	if got := d.awaitMessage("allow-b", `to allow it, name "PriorityClass.scheduling.k8s.io" in spec.allow of environment "dev"`); got.Result != status.Failed {
		t.Errorf("what is allowed to another project: the result is %s", got.Result)
	}

	// What is not allowed any more is released: it does not render, and is not put back after a manual delete.
	d.mustAccept("c4", files.with(tree{"env.yaml": environment("")}), "env.yaml")
	d.awaitMessage("allow-a", `name "PriorityClass.scheduling.k8s.io" in spec.allow`)

	d.mustAccept("c5", files.with(tree{"env.yaml": environment(""), "a/project.yaml": ""}), "a/project.yaml")
	d.awaitOffTheBoard("allow-a")
	if c.has(priorityClasses, "", "allow-one") || c.has(configMaps, shared, "beside") {
		t.Error("what the release had beyond its namespace is still there")
	}
	if !c.has(priorityClasses, "", "allow-theirs") {
		t.Error("what someone else had made was deleted")
	}
}
