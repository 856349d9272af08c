// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// previewed is the shop, with previews of dev, whose data are in a folder of this machine.
func previewed(lake string) map[string]string {
	files := shop("one")
	files["env.yaml"] = strings.Replace(files["env.yaml"], "stores: {lake: 's3://shop-dev'}", "preview: {ttl: 48h}, stores: {lake: 'file://"+lake+"'}", 1)
	return files
}

// value is what the note of orders in a preview says; "none" if there is none.
func (f *forge) value(number int) string {
	f.t.Helper()
	client, err := dynamic.NewForConfig(f.cluster.Config)
	if err != nil {
		f.t.Fatal(err)
	}
	namespace := "orders-pr-" + strconv.Itoa(number)
	note, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}).Namespace(namespace).Get(f.t.Context(), "note", metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		_, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).Get(f.t.Context(), namespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return "none"
		}
		return "a namespace"
	case err != nil:
		f.t.Fatal(err)
	}
	value, _, err := unstructured.NestedString(note.Object, "data", "value")
	if err != nil {
		f.t.Fatal(err)
	}
	return value
}

// says waits until the page of a pull request says something.
func (f *forge) says(number int, text string) {
	f.t.Helper()
	f.await("the page of #"+strconv.Itoa(number)+" to say "+text, func() string { return strconv.FormatBool(strings.Contains(f.page(number), text)) }, "true")
}

// TestPreviewEnvironment: a pull request gets an environment of its own, which follows its pushes, sleeps and wakes on request,
// survives the daemon, and leaves nothing behind.
func TestPreviewEnvironment(t *testing.T) {
	lake := t.TempDir()
	f := newForgeOf(t, pkg.Cluster(t), previewed(lake))
	f.start()
	orders := func(value string) map[string]string {
		return map[string]string{"projects/orders/app.yaml": shop(value)["projects/orders/app.yaml"]}
	}
	number, sha := f.open("two", "A new value", orders("two"), "olga")
	environment := "pr-" + strconv.Itoa(number)
	f.awaitCheck(sha, "success")
	f.await("the deployment", func() string { return f.repo.DeploymentState(sha, environment) }, "success")
	f.await("the value", func() string { return f.value(number) }, "two")
	f.says(number, "is healthy since")

	data := filepath.Join(lake, "trunkline-previews", "shop", environment, "orders", "raw")
	other := filepath.Join(lake, "trunkline-previews", "shop", environment+"0")
	for _, dir := range []string{data, other} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(data, "a.parquet"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}

	newer := f.push("two", "A newer value", orders("three"), "olga")
	f.await("the deployment of the push", func() string { return f.repo.DeploymentState(newer, environment) }, "success")
	f.await("the value of the push", func() string { return f.value(number) }, "three")
	f.await("the deployment before the push", func() string { return f.repo.DeploymentState(sha, environment) }, "inactive")

	f.comment(number, "/trunkline preview sleep", "olga")
	f.says(number, "is asleep")
	f.daemon.kill()
	f.start()
	f.await("the deployment after a restart", func() string { return f.repo.DeploymentState(newer, environment) }, "inactive")
	f.comment(number, "/trunkline preview wake", "rita")
	f.says(number, "since you may not")
	f.comment(number, "/trunkline preview wake", "olga")
	f.await("the deployment of what was woken", func() string { return f.repo.DeploymentState(newer, environment) }, "success")

	if err := f.repo.Close(number, "olga"); err != nil {
		t.Fatal(err)
	}
	f.await("the deployment of what was closed", func() string { return f.repo.DeploymentState(newer, environment) }, "")
	if got := f.value(number); got != "none" {
		t.Errorf("it is gone, and there is still %q", got)
	}
	if _, err := os.Stat(filepath.Dir(filepath.Dir(data))); !os.IsNotExist(err) {
		t.Errorf("its data are still there: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("the data of another preview are gone: %v", err)
	}
}

func (f *forge) comment(number int, body, as string) {
	f.t.Helper()
	if _, err := f.repo.Comment(number, body, as); err != nil {
		f.t.Fatal(err)
	}
}

// TestPreviewOfAFork: of a fork, what an owner has approved in a review runs, and nothing else.
func TestPreviewOfAFork(t *testing.T) {
	f := newForgeOf(t, pkg.Cluster(t), previewed(t.TempDir()))
	f.start()
	fork, err := f.repo.Fork("mallory")
	if err != nil {
		t.Fatal(err)
	}
	if err := fork.Branch("mine", "main"); err != nil {
		t.Fatal(err)
	}
	push := func(value string) string {
		sha, err := fork.Push("mine", value, map[string]string{"projects/orders/app.yaml": shop(value)["projects/orders/app.yaml"]}, "mallory")
		if err != nil {
			t.Fatal(err)
		}
		return sha
	}
	first := push("two")
	number, err := f.repo.Open(githubtest.PullSpec{Title: "mine", Author: "mallory", From: fork, Head: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	environment := "pr-" + strconv.Itoa(number)
	f.awaitCheck(first, "failure")
	f.says(number, "waiting for approval")
	f.comment(number, "/trunkline preview up", "mallory")
	f.says(number, "since you may not")
	if got := f.value(number); got != "none" || slices.Contains(f.repo.Environments(), environment) {
		t.Fatalf("nobody approved it, and there is %q; GitHub has %v", got, f.repo.Environments())
	}
	if err := f.repo.Review(number, "APPROVED", "olga"); err != nil {
		t.Fatal(err)
	}
	f.await("the deployment of what was approved", func() string { return f.repo.DeploymentState(first, environment) }, "success")
	f.await("the value", func() string { return f.value(number) }, "two")
	second := push("evil")
	f.awaitCheck(second, "failure")
	f.await("what was approved to be gone", func() string { return f.value(number) }, "none")
	if got := f.repo.DeploymentState(second, environment); got != "" {
		t.Errorf("the push after the approval is deployed: %q", got)
	}
	if err := f.repo.Close(number, "mallory"); err != nil {
		t.Fatal(err)
	}
	f.await("the deployment of what was closed", func() string { return f.repo.DeploymentState(first, environment) }, "")
}
