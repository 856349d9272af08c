// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"trunkline.dev/trunkline/test/devcluster/pki"
)

// ServiceRange is the range of cluster IPs. Kubernetes wants /16 or larger for its allocator to be quiet. It leads somewhere
// only where pods have a network of their own.
const ServiceRange = "10.96.0.0/12"

// Layout names the files of a devcluster below its folder.
type Layout struct{ Dir string }

// Kubeconfig is the file for people and tests: cluster-admin.
func (l Layout) Kubeconfig() string { return filepath.Join(l.Dir, "kubeconfig") }

// Logs is the folder of the components' logs; it survives a clean stop.
func (l Layout) Logs() string { return filepath.Join(l.Dir, "logs") }

// Log is the log file of one component.
func (l Layout) Log(component string) string { return filepath.Join(l.Logs(), component+".log") }

// Pods is the folder of the pods' logs and scratch space.
func (l Layout) Pods() string { return filepath.Join(l.Dir, "pods") }

// Volumes is the folder of what claims for volumes get.
func (l Layout) Volumes() string { return filepath.Join(l.Dir, "volumes") }

// PKI is the folder of keys, certificates and the components' kubeconfigs.
func (l Layout) PKI() string { return filepath.Join(l.Dir, "pki") }

func (l Layout) pki(name string) string { return filepath.Join(l.PKI(), name) }

// marker says that a folder is one of ours, so that nothing of someone else's is ever removed.
const marker = ".devcluster"

// Acquire makes the folder, takes it for this process alone, and removes what an earlier, killed devcluster left in it.
// The folder is free again when the returned file is closed.
func (l Layout) Acquire() (*os.File, error) {
	entries, err := os.ReadDir(l.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking into the cluster's folder: %w", err)
	}
	_, err = os.Stat(filepath.Join(l.Dir, marker))
	if len(entries) > 0 && err != nil {
		return nil, fmt.Errorf("%s is neither empty nor a folder of an earlier devcluster; give --dir one that is", l.Dir)
	}
	if err := os.MkdirAll(l.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the cluster's folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(l.Dir, marker), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("marking the cluster's folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("another devcluster runs in %s; give --dir another folder: %w", l.Dir, err)
	}
	return lock, l.prepare()
}

func (l Layout) prepare() error {
	if err := l.Clean(); err != nil {
		return err
	}
	for _, dir := range []string{l.Logs(), l.PKI(), l.Pods(), l.Volumes()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making the folders of the cluster: %w", err)
		}
	}
	logs, err := filepath.Glob(l.Log("*"))
	if err != nil {
		return fmt.Errorf("listing old logs: %w", err)
	}
	for _, log := range logs {
		if err := os.Remove(log); err != nil {
			return fmt.Errorf("removing an old log: %w", err)
		}
	}
	return nil
}

// Clean removes all that is of no use once the cluster is gone: everything but the logs.
func (l Layout) Clean() error {
	for _, path := range []string{
		l.Kubeconfig(), l.PKI(), l.Pods(), l.Volumes(), filepath.Join(l.Dir, "etcd"),
		filepath.Join(l.Dir, "etcd.sock"), filepath.Join(l.Dir, "etcd-peer.sock"),
	} {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("cleaning the folder of the cluster: %w", err)
		}
	}
	return nil
}

// kubeletClient is the name by which the API server shows itself to the nodes.
const kubeletClient = "kube-apiserver-kubelet-client"

// user is someone with a client certificate and a kubeconfig.
type user struct {
	name   string
	groups []string
	path   string
}

// writeCredentials makes a new authority and everything signed by it. server is the API server's URL.
func writeCredentials(l Layout, name, server string, now time.Time) error {
	ca, err := pki.NewAuthority("devcluster "+name, now)
	if err != nil {
		return err
	}
	_, services, err := net.ParseCIDR(ServiceRange)
	if err != nil {
		return fmt.Errorf("parsing the service range: %w", err)
	}
	first := append(net.IP(nil), services.IP.To4()...)
	first[3]++ // the first address is that of the service "kubernetes"

	loopback := net.IPv4(127, 0, 0, 1)
	api, err := ca.Server(server, []string{
		"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}, []net.IP{loopback, first})
	if err != nil {
		return err
	}
	kubelet, err := ca.Server("devcluster-node", []string{"devcluster-metrics.kube-system.svc"}, []net.IP{loopback})
	if err != nil {
		return err
	}
	// The API server shows this one to the nodes; the group lets nobody do anything at the API server itself.
	toKubelet, err := ca.Client(kubeletClient, "devcluster:apiserver")
	if err != nil {
		return err
	}
	signing, err := pki.NewSigningKey()
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"ca.crt":        ca.PEM,
		"apiserver.crt": api.Cert, "apiserver.key": api.Key,
		"kubelet.crt": kubelet.Cert, "kubelet.key": kubelet.Key,
		"kubelet-client.crt": toKubelet.Cert, "kubelet-client.key": toKubelet.Key,
		"service-accounts.key": signing,
	}
	for file, content := range files {
		if err := os.WriteFile(l.pki(file), content, 0o600); err != nil {
			return fmt.Errorf("writing credentials: %w", err)
		}
	}
	for _, u := range []user{
		{"devcluster-admin", []string{"system:masters"}, l.Kubeconfig()},
		{"devcluster-node", []string{"system:masters"}, l.pki("node.kubeconfig")},
		{"system:kube-controller-manager", nil, l.pki("controller-manager.kubeconfig")},
		{"system:kube-scheduler", nil, l.pki("scheduler.kubeconfig")},
	} {
		pair, err := ca.Client(u.name, u.groups...)
		if err != nil {
			return err
		}
		if err := writeKubeconfig(u, name, server, ca.PEM, pair); err != nil {
			return err
		}
	}
	return nil
}
