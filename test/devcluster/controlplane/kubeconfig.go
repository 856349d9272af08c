// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"trunkline.dev/trunkline/test/devcluster/pki"
)

// writeKubeconfig writes a kubeconfig that stands alone: it holds the certificates, not paths to them.
func writeKubeconfig(u user, cluster, server string, ca []byte, pair pki.Pair) error {
	config := clientcmdapi.NewConfig()
	config.Clusters[cluster] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
	config.AuthInfos[u.name] = &clientcmdapi.AuthInfo{ClientCertificateData: pair.Cert, ClientKeyData: pair.Key}
	config.Contexts[cluster] = &clientcmdapi.Context{Cluster: cluster, AuthInfo: u.name}
	config.CurrentContext = cluster
	if err := clientcmd.WriteToFile(*config, u.path); err != nil {
		return fmt.Errorf("writing the kubeconfig of %s: %w", u.name, err)
	}
	return nil
}
