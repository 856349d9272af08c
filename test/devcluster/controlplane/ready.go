// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"trunkline.dev/trunkline/test/devcluster/process"
)

// pollInterval is short because each poll asks one small thing of an idle, local server.
const pollInterval = 50 * time.Millisecond

// await polls until what is there. It fails when a component dies, or when the time is up, and then blames the
// component that should have provided it.
func (c *cluster) await(ctx context.Context, by *process.Process, what string, ready func(context.Context) error) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case p := <-c.died:
			return p.Failure()
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w: %w; %s should provide it, the last lines of %s:\n%s",
				what, context.Cause(ctx), err, by.Name(), c.Layout.Log(by.Name()), by.LogTail(12))
		case <-tick.C:
		}
	}
}

func apiReady(client kubernetes.Interface) func(context.Context) error {
	return func(ctx context.Context) error {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	}
}

func defaultAccount(client kubernetes.Interface) func(context.Context) error {
	return func(ctx context.Context) error {
		if _, err := client.CoreV1().ConfigMaps(metav1.NamespaceDefault).Get(ctx, "kube-root-ca.crt", metav1.GetOptions{}); err != nil {
			return err
		}
		_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	}
}

func nodesReady(client kubernetes.Interface, want int) func(context.Context) error {
	return func(ctx context.Context) error {
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		if len(nodes.Items) < want {
			return fmt.Errorf("%d of %d nodes are registered", len(nodes.Items), want)
		}
		for _, node := range nodes.Items {
			if err := nodeReady(node); err != nil {
				return err
			}
		}
		return nil
	}
}

// allGroupsAnswer demands that all groups of the API can be listed: while one cannot, no namespace can be deleted.
func allGroupsAnswer(client kubernetes.Interface) func(context.Context) error {
	return func(context.Context) error {
		groups, _, err := client.Discovery().ServerGroupsAndResources()
		if err != nil {
			return err
		}
		for _, group := range groups {
			if group.Name == "metrics.k8s.io" {
				return nil
			}
		}
		return errors.New("metrics.k8s.io is not listed")
	}
}

// nodeReady demands more than the condition: while a node is tainted, nothing is scheduled to it.
func nodeReady(node corev1.Node) error {
	if len(node.Spec.Taints) > 0 {
		return fmt.Errorf("node %s has the taint %s", node.Name, node.Spec.Taints[0].Key)
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return errors.New("node " + node.Name + " is not ready")
}
