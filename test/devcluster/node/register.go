// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	goruntime "runtime"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// leaseSeconds and heartbeatInterval are the kubelet's own.
	leaseSeconds      = 40
	heartbeatInterval = 10 * time.Second

	// hostIP is where the API server reaches the nodes.
	hostIP = "127.0.0.1"
)

// nodeName is the name of the i-th node, counting from 0.
func nodeName(i int) string { return fmt.Sprintf("node-%d", i+1) }

func register(ctx context.Context, cfg Config, port int32) error {
	for i := range cfg.Count {
		err := retry(ctx, func(ctx context.Context) error { return registerOne(ctx, cfg, nodeName(i), port) })
		if err != nil {
			return fmt.Errorf("registering node %s: %w", nodeName(i), err)
		}
	}
	return nil
}

func registerOne(ctx context.Context, cfg Config, name string, port int32) error {
	if err := renewLease(ctx, cfg, name); err != nil {
		return err
	}
	nodes := cfg.Client.CoreV1().Nodes()
	node, err := nodes.Create(ctx, newNode(name), metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		node, err = nodes.Get(ctx, name, metav1.GetOptions{})
	}
	if err != nil {
		return err
	}
	node.Status = nodeStatus(name, cfg.Version, port, metav1.Now())
	_, err = nodes.UpdateStatus(ctx, node, metav1.UpdateOptions{})
	return err
}

func newNode(name string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: name,
		Labels: map[string]string{
			corev1.LabelHostname:                 name,
			corev1.LabelOSStable:                 "linux", // what manifests select; on another system the processes are that system's
			corev1.LabelArchStable:               goruntime.GOARCH,
			"devcluster.trunkline.dev/pretended": "true",
		},
	}}
}

func nodeStatus(name, version string, port int32, now metav1.Time) corev1.NodeStatus {
	// More than any machine has: nothing is reserved or enforced, so nothing should be refused for want of room.
	room := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("10000"),
		corev1.ResourceMemory:           resource.MustParse("100Ti"),
		corev1.ResourceEphemeralStorage: resource.MustParse("1Pi"),
		corev1.ResourcePods:             resource.MustParse("100000"),
	}
	condition := func(kind corev1.NodeConditionType, status corev1.ConditionStatus) corev1.NodeCondition {
		return corev1.NodeCondition{Type: kind, Status: status, Reason: "Devcluster", LastHeartbeatTime: now, LastTransitionTime: now}
	}
	return corev1.NodeStatus{
		Capacity:    room,
		Allocatable: room,
		Phase:       corev1.NodeRunning,
		Conditions: []corev1.NodeCondition{
			condition(corev1.NodeMemoryPressure, corev1.ConditionFalse),
			condition(corev1.NodeDiskPressure, corev1.ConditionFalse),
			condition(corev1.NodePIDPressure, corev1.ConditionFalse),
			condition(corev1.NodeReady, corev1.ConditionTrue),
		},
		Addresses:       []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: hostIP}, {Type: corev1.NodeHostName, Address: name}},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: port}},
		NodeInfo: corev1.NodeSystemInfo{
			KubeletVersion: version, OperatingSystem: "linux", Architecture: goruntime.GOARCH,
			OSImage: "devcluster (" + goruntime.GOOS + ")", ContainerRuntimeVersion: "devcluster://" + version,
		},
	}
}

// heartbeat keeps the nodes alive. A failure is only logged: the next beat follows, and the grace is much longer.
func heartbeat(ctx context.Context, cfg Config) {
	tick := time.NewTicker(heartbeatInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for i := range cfg.Count {
			if err := renewLease(ctx, cfg, nodeName(i)); err != nil && ctx.Err() == nil {
				cfg.Log.Error("heartbeat failed, will try again", "node", nodeName(i), "error", err)
			}
		}
	}
}

func renewLease(ctx context.Context, cfg Config, name string) error {
	leases := cfg.Client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	now, seconds := metav1.NowMicro(), int32(leaseSeconds)
	lease, err := leases.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = leases.Create(ctx, &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: corev1.NamespaceNodeLease},
			Spec:       coordinationv1.LeaseSpec{HolderIdentity: &name, LeaseDurationSeconds: &seconds, RenewTime: &now},
		}, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	lease.Spec.RenewTime = &now
	_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
	return err
}
