// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/agent"
	"trunkline.dev/trunkline/reconciler/cluster"
)

const defaultAgentListen = "127.0.0.1:8081"

// agentProgram holds the flags of the agent.
type agentProgram struct {
	cluster, daemon, ca, cert, key, token string
	group                                 string
	kubeconfig                            string
	allowExec, lifeline, reach            bool
	data, listen                          string
	sops                                  unsealing
	logging                               logging
}

func newAgent() *cobra.Command {
	a := &agentProgram{}
	cmd := &cobra.Command{
		Use:   "agent --cluster NAME --daemon URL",
		Short: "Keep a cluster that the daemon cannot reach",
		Long: `Agent runs in a cluster that the daemon cannot reach. It dials out to the daemon, is told what
each release is to be, and keeps the releases by itself: it applies, watches, corrects drift and
judges health there, and tells the daemon how they are.

While the daemon cannot be reached it goes on with what it was told last, also when it is started
again: that is in its data folder. Of several agents of a cluster one keeps it, and the others wait.

The agent shows who it is by a client certificate, or by a token such as that of its service
account. Secrets that SOPS has encrypted are decrypted here, with keys that the daemon need not have.`,
		Example: `  trunkline agent --cluster edge --daemon https://trunkline.example.com:8443 \
      --token-file /var/run/secrets/trunkline/token --data /var/lib/trunkline
  trunkline agent --cluster edge --daemon https://trunkline.example.com:8443 \
      --daemon-ca-file ca.pem --cert-file edge.pem --key-file edge.key`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.run(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&a.cluster, "cluster", "", "name of the cluster, as its declaration has it")
	f.StringVar(&a.daemon, "daemon", "", "https `URL` where agents come to the daemon, its --agent-listen; HTTPS_PROXY counts")
	f.StringVar(&a.ca, "daemon-ca-file", "", "file with PEM certificates of the authority of the daemon's certificate; default: those of the system")
	f.StringVar(&a.cert, "cert-file", "", "file with the PEM certificate of the agent; it is read for each connection")
	f.StringVar(&a.key, "key-file", "", "file with the private key of the certificate")
	f.StringVar(&a.token, "token-file", "", "file with the token of the agent; it is read for each connection")
	f.StringVar(&a.kubeconfig, "kubeconfig", "", "`KUBECONFIG`, or KUBECONFIG#CONTEXT, of the cluster; default: the account of the pod")
	f.BoolVar(&a.allowExec, "allow-exec-credentials", false, "run the programs that a kubeconfig names to get credentials")
	f.StringVar(&a.group, "group", "trunkline-agent", "name of the agents of which one keeps the cluster, by Leases in trunkline-system there; a DNS label")
	f.StringVar(&a.data, "data", "", "folder for what the daemon said last; without it the agent does nothing after a restart until the daemon answers; default: trunkline-agent in the user's cache folder")
	f.BoolVar(&a.reach, "reach", false, "let the daemon through to ports of Services that releases here declare, such as Airflow, and to notebooks of people")
	f.StringVar(&a.listen, "listen", defaultAgentListen, "address for health and metrics")
	f.BoolVar(&a.lifeline, "lifeline", false, "end also when stdin does, so as not to outlive the program that started this one")
	a.sops.flags(cmd)
	a.logging.flags(cmd, "info")
	return cmd
}

func (a *agentProgram) check() (cluster.Config, error) {
	var none cluster.Config
	if a.cluster == "" {
		return none, usagef("no cluster given: add --cluster NAME, as its declaration has it")
	}
	u, err := url.Parse(a.daemon)
	switch {
	case a.daemon == "":
		return none, usagef("no daemon given: add --daemon https://HOST:PORT, its --agent-listen")
	case err != nil || u.Scheme != "https" || u.Host == "":
		return none, usagef("--daemon %q is no https URL", a.daemon)
	case (a.cert == "") != (a.key == ""):
		return none, usagef("--cert-file and --key-file belong together")
	case a.cert == "" && a.token == "":
		return none, usagef("nothing shows who the agent is: add --token-file, or --cert-file and --key-file")
	}
	if _, _, err := net.SplitHostPort(a.listen); err != nil {
		return none, usagef("--listen %q is not an address: write HOST:PORT", a.listen)
	}
	where := a.kubeconfig
	if where == "" {
		where = "in-cluster"
	}
	cfg, err := cluster.ParseConfig(a.cluster + "=" + where)
	if err != nil || cfg.Agent {
		return none, usagef("--kubeconfig %q: write KUBECONFIG or KUBECONFIG#CONTEXT", a.kubeconfig)
	}
	cfg.AllowExec = a.allowExec
	return cfg, nil
}

// client makes the connection: it verifies who the daemon is, and shows the certificate as it is now.
func (a *agentProgram) client() (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.ca != "" {
		data, err := os.ReadFile(a.ca)
		if err != nil {
			return nil, fmt.Errorf("reading the authority of the daemon: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("the file %s holds no PEM certificate of an authority", a.ca)
		}
	}
	if a.cert != "" {
		read := func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(a.cert, a.key)
			if err != nil {
				return nil, fmt.Errorf("reading the certificate of the agent %s and its key %s: %w", a.cert, a.key, err)
			}
			return &pair, nil
		}
		if _, err := read(); err != nil {
			return nil, err
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return read() }
	}
	return &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, TLSHandshakeTimeout: issuerTimeout},
		// A token is for the one that it is configured for.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// bearer returns the token as it is now; nil if there is none.
func (a *agentProgram) bearer() func() (string, error) {
	if a.token == "" {
		return nil
	}
	return func() (token string, err error) {
		err = readSecret(a.token, &token)
		return token, err
	}
}

// run is the agent, from its start to its end.
func (a *agentProgram) run(ctx context.Context, stdin io.Reader, stderr io.Writer) error {
	cfg, err := a.check()
	if err != nil {
		return err
	}
	log, err := a.logging.logger(stderr)
	if err != nil {
		return err
	}
	quietClients(log)
	if a.lifeline {
		ctx = untilEOF(ctx, stdin)
	}
	decrypter, err := a.sops.decrypter()
	if err != nil {
		return err
	}
	client, err := a.client()
	if err != nil {
		return err
	}
	book, unlock, err := a.book(log)
	if err != nil {
		return err
	}
	defer unlock()
	k := &keptCluster{agentProgram: a, config: cfg, decrypter: decrypter, client: client, book: book, log: log, changed: make(chan struct{}, 1)}
	if k.coordinator, err = k.meet(); err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", a.listen, err)
	}
	d := door{listener: listener, handler: k.handler(), log: log}
	log.Info("the agent has started", "cluster", a.cluster, "daemon", a.daemon, "listen", listener.Addr().String())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { k.coordinator.Run(ctx); return nil })
	group.Go(func() error { return k.run(ctx) })
	group.Go(func() error { return d.serve(ctx) })
	err = group.Wait()
	log.Info("stopped")
	return err
}

// agentRun is a run as the daemon is told of it.
func agentRun(run reconciler.Run) agent.Run {
	out := agent.Run{Release: run.Release, Commit: run.Commit, Applied: run.Applied, Pruned: run.Pruned, Took: run.Took}
	if run.Err != nil {
		out.Why = run.Err.Error()
	}
	return out
}

// book opens what the daemon said last, which is this process's own.
func (a *agentProgram) book(log *slog.Logger) (*agent.Book, func(), error) {
	if a.data == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, nil, usagef("say where the agent keeps what the daemon says: --data FOLDER (%w)", err)
		}
		a.data = filepath.Join(cache, "trunkline-agent")
	}
	unlock, err := lock(a.data)
	if err != nil {
		return nil, nil, err
	}
	book, damaged, err := agent.OpenBook(filepath.Join(a.data, "book"))
	if err != nil {
		unlock()
		return nil, nil, err
	}
	if damaged != nil {
		log.Warn("a part of what the daemon said last cannot be read; the daemon is asked for it", "err", damaged.Error())
	}
	return book, unlock, nil
}
