// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"strconv"
	"strings"
)

// The flags of the components. Defaults of Kubernetes stay (admission, PodSecurity, RBAC) unless a reason is given here.

func apiServerFlags(l Layout, port int, etcd string) []string {
	return []string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + strconv.Itoa(port),
		"--endpoint-reconciler-type=none", // an endpoint may not be a loopback address, and nothing routes to it
		"--service-cluster-ip-range=" + ServiceRange,
		"--authorization-mode=Node,RBAC",
		"--allow-privileged=true",
		"--client-ca-file=" + l.pki("ca.crt"),
		"--tls-cert-file=" + l.pki("apiserver.crt"), "--tls-private-key-file=" + l.pki("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + l.pki("service-accounts.key"),
		"--service-account-signing-key-file=" + l.pki("service-accounts.key"),
		"--kubelet-certificate-authority=" + l.pki("ca.crt"),
		"--kubelet-client-certificate=" + l.pki("kubelet-client.crt"), "--kubelet-client-key=" + l.pki("kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		// The nodes serve metrics.k8s.io as well, and believe the API server who asks.
		"--proxy-client-cert-file=" + l.pki("kubelet-client.crt"), "--proxy-client-key-file=" + l.pki("kubelet-client.key"),
		"--requestheader-client-ca-file=" + l.pki("ca.crt"), "--requestheader-allowed-names=" + kubeletClient,
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--profiling=false",
		"--shutdown-delay-duration=0s",
	}
}

// disabledControllers need a cloud, a kubelet that signs certificates, or features nobody uses here.
var disabledControllers = []string{
	"bootstrap-signer-controller", "token-cleaner-controller", "node-ipam-controller", "ttl-controller",
	"certificatesigningrequest-signing-controller", "certificatesigningrequest-approving-controller",
	"certificatesigningrequest-cleaner-controller", "podcertificaterequest-cleaner-controller",
	"persistentvolume-attach-detach-controller", "persistentvolume-expander-controller",
	"legacy-serviceaccount-token-cleaner-controller", "service-cidr-controller", "resourceclaim-controller",
	"device-taint-eviction-controller", "volumeattributesclass-protection-controller",
}

func controllerManagerFlags(l Layout) []string {
	flags := []string{
		"--kubeconfig=" + l.pki("controller-manager.kubeconfig"),
		"--leader-elect=false", // there is one
		"--secure-port=0",      // nobody asks it anything
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + l.pki("service-accounts.key"),
		"--root-ca-file=" + l.pki("ca.crt"),
		"--controllers=*,-" + strings.Join(disabledControllers, ",-"),
		"--profiling=false",
		// No throttling by the client: the API server's own fairness is what a test should meet.
		"--kube-api-qps=2000", "--kube-api-burst=4000",
		// A loaded machine must not make nodes look dead.
		"--node-monitor-grace-period=2m", "--node-monitor-period=5s",
		"--pvclaimbinder-sync-period=5s",
	}
	for _, kind := range []string{"deployment", "replicaset", "statefulset", "daemonset", "job", "cron-job", "namespace", "gc", "service-endpoint"} {
		flags = append(flags, "--concurrent-"+kind+"-syncs=20")
	}
	return flags
}

func schedulerFlags(l Layout) []string {
	return []string{
		"--kubeconfig=" + l.pki("scheduler.kubeconfig"),
		"--leader-elect=false", "--secure-port=0", "--profiling=false",
		"--kube-api-qps=2000", "--kube-api-burst=4000",
	}
}
