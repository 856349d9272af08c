// SPDX-License-Identifier: Apache-2.0

package component

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// etcd lives in the API server's process and working directory. The socket's path is relative, because the path of a
// Unix socket may have about 100 characters and temporary folders of tests are longer.
const (
	etcdSocket = "etcd.sock"
	etcdData   = "etcd"
	etcdLog    = "logs/etcd.log"

	// EtcdServers is the value of the API server's flag --etcd-servers.
	EtcdServers = "unix://" + etcdSocket
)

func startEtcd() (*embed.Etcd, error) {
	// What is advertised must have a port but is never used: there is one member, and its client has the socket.
	advertised := url.URL{Scheme: "http", Host: "localhost:2379"}
	cfg := embed.NewConfig()
	cfg.Name = "devcluster"
	cfg.Dir = etcdData
	cfg.ListenClientUrls = []url.URL{{Scheme: "unix", Host: etcdSocket}}
	cfg.ListenPeerUrls = []url.URL{{Scheme: "unix", Host: "etcd-peer.sock"}}
	cfg.AdvertiseClientUrls, cfg.AdvertisePeerUrls = []url.URL{advertised}, []url.URL{advertised}
	cfg.InitialCluster = cfg.Name + "=" + advertised.String()
	cfg.LogOutputs, cfg.LogLevel = []string{etcdLog}, "warn"
	// Without a threshold of its own, embedded etcd warns about every single request.
	cfg.WarningUnaryRequestDuration = time.Second
	cfg.UnsafeNoFsync = true // the data does not outlive the process
	cfg.QuotaBackendBytes = 4 << 30

	etcd, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, fmt.Errorf("starting etcd (its log: %s): %w", etcdLog, err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err := <-etcd.Err():
		return nil, fmt.Errorf("etcd ended (its log: %s): %w", etcdLog, err)
	case <-time.After(30 * time.Second):
		etcd.Close()
		return nil, errors.New("etcd did not become ready within 30 s (its log: " + etcdLog + ")")
	}
}
