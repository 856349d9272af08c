// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/reconciler/cloud"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/git"
)

const defaultListen = "127.0.0.1:8080"

// serve holds the flags of the daemon.
type serve struct {
	config    string // file
	chosen    chosen
	remote    git.Remote
	passwords struct{ password, token, passphrase string } // files
	dir       string
	clusters  []string
	// clouds reach the clusters that clouds run.
	clouds    *cloud.Clouds
	data      string
	listening listening
	signOn    signingOn
	apps      applications
	poll      time.Duration
	admission admission
	sources   sourceFlags
	allowExec bool
	account   string
	replicas  replicas
	lifeline  bool
	profile   string // folder
	history   keeping
	metering  metering
	sops      unsealing
	github    atGitHub
	images    followed
	artifacts fetched
	stores    bucket.Options
	events    eventTargets
	channels  channelFlags
	traces    tracing
	// lotsInterval is how often manifests are listed.
	lotsInterval time.Duration
	logging      logging
	agents       agents
}

func newServe() *cobra.Command {
	cmd, _ := serveCommand()
	return cmd
}

// serveCommand returns the command, and what its flags go to.
func serveCommand() (*cobra.Command, *serve) {
	s := &serve{clouds: newClouds()}
	cmd := &cobra.Command{
		Use:   "serve --repo URL --cluster NAME=KUBECONFIG",
		Short: "Keep clusters in the state of a repository",
		Long: `Serve follows a branch of a repository and keeps clusters in the state that it declares.

The repository declares what runs; flags say how to reach the clusters, and with which credentials.
A commit whose declarations are invalid is refused as a whole, and what runs stays as it is. The
same holds while the repository or a cluster is unreachable.

A configuration file can replace the flags: "trunkline explain daemonConfiguration" describes it.
Flags win over the file. It is read again when it changes, and at SIGHUP: what is wrong with it is
said, and leaves the one before in use.

Only the clusters and the repository need a backup. The data folder is a cache; it also holds the
history of events, unless that goes to PostgreSQL, and nothing depends on the history.`,
		Example: `  trunkline serve --config trunkline-daemon.yaml
  trunkline serve --repo git@github.com:acme/data.git \
      --git-key-file id_ed25519 --git-known-hosts known_hosts \
      --cluster dev=dev.kubeconfig --cluster prod=prod.kubeconfig#admin
  trunkline serve --repo https://github.com/acme/data.git \
      --git-password-file token --cluster here=in-cluster
  curl -X POST http://127.0.0.1:8080/hooks/sync      # fetch the repository now`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.readConfig(cmd.Flags()); err != nil {
				return err
			}
			return s.run(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.config, "config", "", "`FILE` with the configuration of the daemon, a DaemonConfiguration; flags win over it")
	s.repositoryFlags(f)
	s.admission.flags(f)
	s.sources.flags(f)
	s.clusterFlags(f)
	s.listening.flags(f)
	s.signOn.flags(f)
	s.apps.flags(f)
	f.StringVar(&s.data, "data", "", "folder for the copy of the repository; it may be lost, and nobody else may write to it; default: trunkline in the user's cache folder")
	f.BoolVar(&s.lifeline, "lifeline", false, "end also when stdin does, so as not to outlive the program that started this one")
	f.StringVar(&s.profile, "profile-dir", "", "existing folder for a CPU and a heap profile, written when the daemon exits")
	f.Lookup("profile-dir").Hidden = true // for those who make the daemon faster
	s.history.flags(cmd)
	s.metering.flags(f)
	s.traces.flags(f)
	s.replicas.flags(cmd)
	s.sops.flags(cmd)
	s.github.flags(f)
	s.images.flags(f)
	s.artifacts.flags(f)
	s.agents.flags(f)
	s.events.flags(f)
	s.channels.flags(f)
	f.StringVar(&s.stores.Endpoint, "s3-endpoint", "", "`URL` of an S3 that is not AWS', with the data and manifests of datasets; credentials are those of AWS' own tools")
	f.DurationVar(&s.lotsInterval, "lots-interval", lotsInterval, "how often the manifests of lots are listed, which finds what others have written")
	s.logging.flags(cmd, "info")
	sayKeys(f)
	return cmd, s
}

func (s *serve) repositoryFlags(f *pflag.FlagSet) {
	f.StringVar(&s.remote.URL, "repo", "", "repository: a path, or a file://, http(s):// or ssh:// URL, or user@host:path")
	f.StringVar(&s.remote.Branch, "branch", "main", "branch to follow")
	f.StringVar(&s.dir, "dir", "", "folder of the repository that holds the platform; default: the repository itself")
	f.DurationVar(&s.poll, "poll", 30*time.Second, "how often to fetch; POST /hooks/sync fetches at once")
	f.StringVar(&s.remote.Auth.Username, "git-username", "", "user name for http(s)")
	f.StringVar(&s.passwords.password, "git-password-file", "", "file with the password or access token for http(s)")
	f.StringVar(&s.passwords.token, "git-token-file", "", "file with a bearer token for http(s)")
	f.StringVar(&s.remote.Auth.CAFile, "git-ca-file", "", "file with PEM certificates to trust for https besides the system's")
	f.StringVar(&s.remote.Auth.PrivateKeyFile, "git-key-file", "", "file with the private key for ssh")
	f.StringVar(&s.passwords.passphrase, "git-key-passphrase-file", "", "file with the passphrase of the private key")
	f.StringVar(&s.remote.Auth.KnownHostsFile, "git-known-hosts", "", "file with the host keys to accept for ssh")
}

func (s *serve) clusterFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&s.clusters, "cluster", nil, clusterUsage+"; or NAME=agent, for one whose agent comes to the daemon")
	f.BoolVar(&s.allowExec, "allow-exec-credentials", false, "run the programs that a kubeconfig names to get credentials")
	f.Var(accountName{&s.account}, "default-service-account", "`NAME` of the account, in a release's namespace, as which it is deployed if its environment names none; default: the daemon's own rights")
}

// check finds what is wrong with the flags before anything is started.
func (s *serve) check() ([]cluster.Config, error) {
	if s.remote.URL == "" {
		return nil, usagef("no repository given: add --repo URL")
	}
	if err := s.remote.Validate(); err != nil {
		return nil, &usageError{err}
	}
	if len(s.clusters) == 0 {
		return nil, usagef("no cluster given: add --cluster NAME=KUBECONFIG")
	}
	if s.poll < time.Second {
		return nil, usagef("--poll is at least 1s")
	}
	if s.lotsInterval < minLotsInterval {
		return nil, usagef("--lots-interval is at least %s", minLotsInterval)
	}
	if err := s.admission.check(); err != nil {
		return nil, err
	}
	if _, err := s.sources.sources(); err != nil {
		return nil, err
	}
	if err := s.listening.check(s.signOn.asked()); err != nil {
		return nil, err
	}
	if err := s.signOn.check(); err != nil {
		return nil, err
	}
	if err := s.apps.check(s); err != nil {
		return nil, err
	}
	if err := s.history.check(); err != nil {
		return nil, err
	}
	if err := s.metering.check(s.history.where); err != nil {
		return nil, err
	}
	if s.github.repository == "" && len(s.sources.githubs) > 0 {
		return nil, usagef("--source-github-repo goes with --github-repo: pull requests of sources are judged as those of the platform's own repository, whose people decide")
	}
	if s.github.repository != "" && s.replicas.shards {
		return nil, usagef("--github-repo does not go with --shards: one replica works on pull requests, and has to have all releases; leave --shards out, so that the leader has them")
	}
	if err := s.images.check(s.github.repository != ""); err != nil {
		return nil, err
	}
	if _, err := s.events.targets(); err != nil {
		return nil, err
	}
	if err := s.traces.check(); err != nil {
		return nil, err
	}
	if err := s.channels.check(&s.history, &s.replicas); err != nil {
		return nil, err
	}
	var configs []cluster.Config
	for _, c := range s.clusters {
		cfg, err := parseCluster(c, s.clouds)
		if err != nil {
			return nil, &usageError{err}
		}
		cfg.AllowExec = s.allowExec
		configs = append(configs, cfg)
	}
	return configs, s.agents.check(configs, &s.replicas)
}

// run is the daemon, from its start to its end.
func (s *serve) run(ctx context.Context, stdin io.Reader, stderr io.Writer) error {
	configs, err := s.check()
	if err != nil {
		return err
	}
	log, err := s.logging.logger(stderr)
	if err != nil {
		return err
	}
	quietClients(log)
	if s.lifeline {
		ctx = untilEOF(ctx, stdin)
	}
	s.stores.Shared = bucket.NewShared(time.Now)
	defer func() { _ = s.stores.Shared.Close() }() // nothing is lost by it
	d, err := s.assemble(ctx, configs, log)
	if err != nil {
		return err
	}
	defer d.close()
	return d.run(ctx)
}

// loopback reports whether an address can be reached from this machine only.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
