// SPDX-License-Identifier: Apache-2.0

package tunnel

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
)

// maxPods bounds the pods of a Service that are looked at.
const maxPods = 100

// Backend is a pod that takes what a Service is sent, and the port of it.
type Backend struct {
	Pod string
	// UID tells the pod from a later one of its name.
	UID  string
	Port int
}

// Backend finds a ready pod of a Service: the same one as long as it is ready, as those who have a session there expect it.
func (c *Cluster) Backend(ctx context.Context, as As, service string, port string) (Backend, error) {
	cfg, err := c.REST(as)
	if err != nil {
		return Backend{}, err
	}
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return Backend{}, fmt.Errorf("connecting to cluster %q: %w", c.name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	s, err := client.CoreV1().Services(as.Namespace).Get(ctx, service, metav1.GetOptions{})
	if err != nil {
		return Backend{}, refused(fmt.Errorf("reading the Service %s/%s: %w", as.Namespace, service, err))
	}
	if len(s.Spec.Selector) == 0 {
		return Backend{}, fmt.Errorf("the Service %s/%s has no selector: %w", as.Namespace, service, ErrNotThere)
	}
	i := slices.IndexFunc(s.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == port || fmt.Sprint(p.Port) == port })
	if i < 0 {
		return Backend{}, fmt.Errorf("the Service %s/%s has no port %q: %w", as.Namespace, service, port, ErrNotThere)
	}
	list, err := client.CoreV1().Pods(as.Namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(s.Spec.Selector).String(), Limit: maxPods})
	if err != nil {
		return Backend{}, refused(fmt.Errorf("listing the pods of the Service %s/%s: %w", as.Namespace, service, err))
	}
	return choose(list.Items, s.Spec.Ports[i])
}

// choose takes the oldest pod that is ready.
func choose(pods []corev1.Pod, port corev1.ServicePort) (Backend, error) {
	pods = slices.DeleteFunc(slices.Clone(pods), func(p corev1.Pod) bool { return !ready(&p) })
	slices.SortFunc(pods, func(a, b corev1.Pod) int {
		if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	for i := range pods {
		if n := portOf(&pods[i], port); n > 0 {
			return Backend{Pod: pods[i].Name, UID: string(pods[i].UID), Port: n}, nil
		}
	}
	return Backend{}, fmt.Errorf("no pod of it is ready: %w", ErrNotThere)
}

func ready(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// portOf is the port of a pod that a Service's leads to; 0 if the pod has none of its name.
func portOf(p *corev1.Pod, port corev1.ServicePort) int {
	if n := port.TargetPort.IntValue(); n > 0 {
		return n
	}
	if port.TargetPort.StrVal == "" {
		return int(port.Port)
	}
	for _, c := range p.Spec.Containers {
		for _, named := range c.Ports {
			if named.Name == port.TargetPort.StrVal {
				return int(named.ContainerPort)
			}
		}
	}
	return 0
}

// DialService opens a connection to a ready pod of a Service, by the name or the number of one of its ports.
func (c *Cluster) DialService(ctx context.Context, as As, service, port string) (net.Conn, error) {
	b, err := c.Backend(ctx, as, service, port)
	if err != nil {
		return nil, err
	}
	return c.Dial(ctx, as, b.Pod, b.Port)
}

// Secret reads a value of a Secret.
func (c *Cluster) Secret(ctx context.Context, as As, name, key string) (string, error) {
	cfg, err := c.REST(as)
	if err != nil {
		return "", err
	}
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return "", fmt.Errorf("connecting to cluster %q: %w", c.name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	s, err := client.CoreV1().Secrets(as.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", refused(fmt.Errorf("reading the Secret %s/%s: %w", as.Namespace, name, err))
	}
	value := string(s.Data[key])
	if value == "" {
		return "", fmt.Errorf("the Secret %s/%s has no %q: %w", as.Namespace, name, key, ErrNotThere)
	}
	return value, nil
}
