// SPDX-License-Identifier: Apache-2.0

package node

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// metricsPath is where the API server asks for what pods use.
const metricsPath = "/apis/metrics.k8s.io/v1beta1"

// metricsServer answers as metrics-server does. The API server has found out who asks, and whether they may.
type metricsServer struct {
	rt    runtime
	nodes []string
}

func (s metricsServer) register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+metricsPath, s.resources)
	mux.HandleFunc("GET "+metricsPath+"/pods", s.pods)
	mux.HandleFunc("GET "+metricsPath+"/namespaces/{namespace}/pods", s.pods)
	mux.HandleFunc("GET "+metricsPath+"/namespaces/{namespace}/pods/{pod}", s.pod)
	mux.HandleFunc("GET "+metricsPath+"/nodes", s.allNodes)
	mux.HandleFunc("GET "+metricsPath+"/nodes/{node}", s.node)
}

func typeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: metricsv1beta1.SchemeGroupVersion.String(), Kind: kind}
}

func (s metricsServer) resources(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, metav1.APIResourceList{
		TypeMeta:     metav1.TypeMeta{APIVersion: "v1", Kind: "APIResourceList"},
		GroupVersion: metricsv1beta1.SchemeGroupVersion.String(),
		APIResources: []metav1.APIResource{
			{Name: "nodes", Kind: "NodeMetrics", Verbs: metav1.Verbs{"get", "list"}},
			{Name: "pods", Kind: "PodMetrics", Namespaced: true, Verbs: metav1.Verbs{"get", "list"}},
		},
	})
}

func (s metricsServer) pods(w http.ResponseWriter, r *http.Request) {
	byLabel, err := labels.Parse(r.FormValue("labelSelector"))
	if err != nil {
		refuse(w, apierrors.NewBadRequest(err.Error()))
		return
	}
	byField, err := fields.ParseSelector(r.FormValue("fieldSelector"))
	if err != nil {
		refuse(w, apierrors.NewBadRequest(err.Error()))
		return
	}
	list := metricsv1beta1.PodMetricsList{TypeMeta: typeMeta("PodMetricsList"), Items: []metricsv1beta1.PodMetrics{}}
	for _, u := range s.rt.Usage() {
		namespace := r.PathValue("namespace")
		names := fields.Set{"metadata.name": u.pod.Name, "metadata.namespace": u.pod.Namespace}
		if (namespace == "" || namespace == u.pod.Namespace) && byLabel.Matches(labels.Set(u.pod.Labels)) && byField.Matches(names) {
			list.Items = append(list.Items, podMetrics(u))
		}
	}
	answer(w, http.StatusOK, list)
}

func (s metricsServer) pod(w http.ResponseWriter, r *http.Request) {
	for _, u := range s.rt.Usage() {
		if u.pod.Namespace == r.PathValue("namespace") && u.pod.Name == r.PathValue("pod") {
			answer(w, http.StatusOK, podMetrics(u))
			return
		}
	}
	refuse(w, apierrors.NewNotFound(metricsv1beta1.Resource("pods"), r.PathValue("namespace")+"/"+r.PathValue("pod")))
}

func (s metricsServer) allNodes(w http.ResponseWriter, _ *http.Request) {
	usage := s.rt.Usage()
	list := metricsv1beta1.NodeMetricsList{TypeMeta: typeMeta("NodeMetricsList"), Items: []metricsv1beta1.NodeMetrics{}}
	for _, name := range s.nodes {
		list.Items = append(list.Items, nodeMetrics(name, usage, time.Now()))
	}
	answer(w, http.StatusOK, list)
}

func (s metricsServer) node(w http.ResponseWriter, r *http.Request) {
	if name := r.PathValue("node"); slices.Contains(s.nodes, name) {
		answer(w, http.StatusOK, nodeMetrics(name, s.rt.Usage(), time.Now()))
		return
	}
	refuse(w, apierrors.NewNotFound(metricsv1beta1.Resource("nodes"), r.PathValue("node")))
}

func podMetrics(u podUsage) metricsv1beta1.PodMetrics {
	m := metricsv1beta1.PodMetrics{
		TypeMeta: typeMeta("PodMetrics"),
		ObjectMeta: metav1.ObjectMeta{
			Name: u.pod.Name, Namespace: u.pod.Namespace, Labels: u.pod.Labels, CreationTimestamp: metav1.Now(),
		},
	}
	for _, c := range u.containers {
		m.Timestamp, m.Window = metav1.NewTime(c.At), metav1.Duration{Duration: c.Window}
		m.Containers = append(m.Containers, metricsv1beta1.ContainerMetrics{Name: c.name, Usage: quantities(c.NanoCores, c.Bytes)})
	}
	return m
}

// nodeMetrics adds up the pods of a node. What the machine does besides is no part of the cluster.
func nodeMetrics(name string, usage []podUsage, now time.Time) metricsv1beta1.NodeMetrics {
	m := metricsv1beta1.NodeMetrics{
		TypeMeta:   typeMeta("NodeMetrics"),
		ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(now)},
		Timestamp:  metav1.NewTime(now), Window: metav1.Duration{Duration: leastWindow},
	}
	var cores, bytes int64
	for _, u := range usage {
		if u.pod.Spec.NodeName != name {
			continue
		}
		for _, c := range u.containers {
			cores, bytes = cores+c.NanoCores, bytes+c.Bytes
			m.Timestamp, m.Window = metav1.NewTime(c.At), metav1.Duration{Duration: c.Window}
		}
	}
	m.Usage = quantities(cores, bytes)
	return m
}

func quantities(nanoCores, bytes int64) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewScaledQuantity(nanoCores, resource.Nano),
		corev1.ResourceMemory: *resource.NewQuantity(bytes, resource.BinarySI),
	}
}

func answer(w http.ResponseWriter, code int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(object); err != nil {
		return // the client went away
	}
}

func refuse(w http.ResponseWriter, err *apierrors.StatusError) {
	status := err.Status()
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	answer(w, int(status.Code), status)
}
