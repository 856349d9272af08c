package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	stdlog "log"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	defaultListen = "127.0.0.1:8080"
	// stopTimeout bounds how long answers under way may take when the daemon ends.
	stopTimeout = 2 * time.Second
	// gcPercent has garbage collected twice as often as usual: the daemon lives long and works little, so memory is dearer
	// to those who run it than the processor time.
	gcPercent = 50
)

// serve holds the flags of the daemon.
type serve struct {
	remote    git.Remote
	passwords struct{ password, token, passphrase string } // files
	dir       string
	clusters  []string
	data      string
	listen    string
	token     string // file
	poll      time.Duration
	allowExec bool
	account   string
	replicas  replicas
	lifeline  bool
	profile   string // folder
	history   keeping
	sops      unsealing
	logging   logging
}

func newServe() *cobra.Command {
	var s serve
	cmd := &cobra.Command{
		Use:   "serve --repo URL --cluster NAME=KUBECONFIG",
		Short: "Keep clusters in the state of a repository",
		Long: `Serve follows a branch of a repository and keeps clusters in the state that it declares.

The repository says what runs; how to reach the clusters, and with which credentials, is said
here and never there. A commit whose declarations are wrong is refused as a whole, and what
runs is left as it is; so it is while the repository or a cluster cannot be reached.

Nothing but the clusters and the repository has to be kept: the data folder is a cache. It
also holds the history of what happened, unless that goes to PostgreSQL; nothing depends on it.`,
		Example: `  trunkline serve --repo git@github.com:acme/data.git --git-key-file id_ed25519 --git-known-hosts known_hosts \
      --cluster dev=dev.kubeconfig --cluster prod=prod.kubeconfig#admin
  trunkline serve --repo https://github.com/acme/data.git --git-password-file token --cluster here=in-cluster
  curl -X POST http://127.0.0.1:8080/hooks/sync      # look at the repository now`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.remote.URL, "repo", "", "repository: a path, or a file://, http(s):// or ssh:// URL, or user@host:path")
	f.StringVar(&s.remote.Branch, "branch", "main", "branch to follow")
	f.StringVar(&s.dir, "dir", "", "folder of the repository that holds the platform; default: the repository itself")
	f.StringArrayVar(&s.clusters, "cluster", nil, "how to reach a cluster: NAME=KUBECONFIG, NAME=KUBECONFIG#CONTEXT or NAME=in-cluster; repeat for each")
	f.BoolVar(&s.allowExec, "allow-exec-credentials", false, "run the programs that a kubeconfig names to get credentials")
	f.Func("default-service-account", "`NAME` of the account, in a release's namespace, as which it is deployed if its environment names none; default: the daemon's own rights", func(name string) error {
		_, err := cluster.ServiceAccount("any", name) // an empty one must not mean that there is none
		s.account = name
		if err != nil {
			return fmt.Errorf("%q is not a name of a service account", name)
		}
		return nil
	})
	f.StringVar(&s.data, "data", "", "folder for the copy of the repository; it may be lost, and nobody else may write to it; default: trunkline in the user's cache folder")
	f.StringVar(&s.listen, "listen", defaultListen, "address for health, metrics, status and the trigger; not loopback only with --token-file")
	f.StringVar(&s.token, "token-file", "", "file with the token that callers must send as \"Authorization: Bearer TOKEN\"")
	f.DurationVar(&s.poll, "poll", 30*time.Second, "how often to look at the repository; POST /hooks/sync looks at once")
	f.StringVar(&s.remote.Auth.Username, "git-username", "", "user name for http(s)")
	f.StringVar(&s.passwords.password, "git-password-file", "", "file with the password or access token for http(s)")
	f.StringVar(&s.passwords.token, "git-token-file", "", "file with a bearer token for http(s)")
	f.StringVar(&s.remote.Auth.CAFile, "git-ca-file", "", "file with PEM certificates to trust for https besides the system's")
	f.StringVar(&s.remote.Auth.PrivateKeyFile, "git-key-file", "", "file with the private key for ssh")
	f.StringVar(&s.passwords.passphrase, "git-key-passphrase-file", "", "file with the passphrase of the private key")
	f.StringVar(&s.remote.Auth.KnownHostsFile, "git-known-hosts", "", "file with the host keys to accept for ssh")
	f.BoolVar(&s.lifeline, "lifeline", false, "end also when stdin does, so as not to outlive the program that started this one")
	f.StringVar(&s.profile, "profile-dir", "", "folder that is there, for a CPU and a heap profile that are written when the daemon ends")
	f.Lookup("profile-dir").Hidden = true // for those who make the daemon faster
	s.history.flags(cmd)
	s.replicas.flags(cmd)
	s.sops.flags(cmd)
	s.logging.flags(cmd, "info")
	return cmd
}

// check finds what is wrong with the flags before anything is started.
func (s *serve) check() ([]cluster.Config, error) {
	if s.remote.URL == "" {
		return nil, usagef("say which repository to follow: --repo URL")
	}
	if err := s.remote.Validate(); err != nil {
		return nil, &usageError{err}
	}
	if len(s.clusters) == 0 {
		return nil, usagef("say how to reach the clusters: --cluster NAME=KUBECONFIG")
	}
	if s.poll < time.Second {
		return nil, usagef("--poll is at least 1s")
	}
	if _, _, err := net.SplitHostPort(s.listen); err != nil {
		return nil, usagef("--listen %q is not an address: write HOST:PORT", s.listen)
	}
	if s.token == "" && !loopback(s.listen) {
		return nil, usagef("--listen %s can be reached from other machines: ask for a token with --token-file, or listen on 127.0.0.1", s.listen)
	}
	if err := s.history.check(); err != nil {
		return nil, err
	}
	var configs []cluster.Config
	for _, c := range s.clusters {
		cfg, err := cluster.ParseConfig(c)
		if err != nil {
			return nil, &usageError{err}
		}
		cfg.AllowExec = s.allowExec
		configs = append(configs, cfg)
	}
	return configs, nil
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

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
	debug.SetGCPercent(gcPercent)
	if s.lifeline {
		ctx = untilEOF(ctx, stdin)
	}
	token, err := s.secrets()
	if err != nil {
		return err
	}
	decrypter, err := s.sops.decrypter()
	if err != nil {
		return err
	}
	if s.data == "" {
		// Not the temporary folder: anybody on the machine could put a copy there, which would be applied.
		cache, err := os.UserCacheDir()
		if err != nil {
			return usagef("say where the copy of the repository goes: --data FOLDER (%w)", err)
		}
		s.data = filepath.Join(cache, "trunkline")
	}
	unlock, err := lock(s.data)
	if err != nil {
		return err
	}
	defer unlock()
	store, err := git.Open(filepath.Join(s.data, "git"))
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.Recovered(); err != nil {
		log.Warn("the copy of the repository was damaged and is made anew", "err", err.Error())
	}
	pool, err := newBuilders()
	if err != nil {
		return err
	}
	defer pool.Close()
	renderer := s.renderer(pool, log)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", s.listen, err)
	}

	board := status.NewBoard(time.Now)
	board.SetSource(func(src *status.Source) { src.URL, src.Branch = git.Redact(s.remote.URL), s.remote.Branch })
	metrics := newMetrics(board)
	past, err := newHistorian(&s.history, s.data, board, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if past.recorder != nil {
		metrics.registry.MustRegister(&historyCollector{past.recorder})
	}
	idle := newRest()
	sharing, err := s.replicas.coordinator(configs, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	rec, err := reconciler.New(reconciler.Options{
		DefaultServiceAccount: s.account, Sharing: sharing.orNone(), Clusters: configs, Library: blueprints.FS, Renderer: renderer, Secrets: decrypter, Board: board,
		Trees: trees(store, s.dir), Tell: func(e history.Event) { metrics.told(e); past.record(e) }, Observe: func(run reconciler.Run) { idle.touch(); metrics.observe(run); past.ran(run) }, Log: log, Now: time.Now,
	})
	if err != nil {
		return errors.Join(&usageError{err}, listener.Close())
	}
	follower := &reconciler.Follower{Store: store, Reconciler: rec, Board: board, Dir: s.dir, Log: log, Observe: past.judged}
	trigger := git.NewTrigger()
	follower.Refetch = func() { git.Trigger(trigger) }
	collector := git.Collector{Store: store, Keep: rec.Needed, Log: log}
	watcher := git.Watcher{
		Fetch:    func(ctx context.Context) (git.Head, error) { return store.Fetch(ctx, s.remote) },
		Interval: s.poll,
		Jitter:   func(d time.Duration) time.Duration { return d + time.Duration(rand.Int64N(int64(d)/10+1)) }, //nolint:gosec // spreading load
		OnHead:   func(h git.Head) { metrics.fetched(nil); follower.Head(h) },
		OnError:  func(err error) { metrics.fetched(err); follower.Failed(err) },
		Trigger:  trigger,
	}
	handler := console.New(console.Options{
		Board: board, Actor: hands{rec}, Metrics: promhttp.HandlerFor(metrics.registry, promhttp.HandlerOpts{}),
		History: past.forConsole(), Trigger: func() { git.Trigger(trigger) }, Token: token, Log: log,
	})

	finish := func() error { return nil }
	if s.profile != "" {
		if finish, err = profile(s.profile); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	// What is recorded last is recorded after everything else has ended.
	stopHistory := past.start(ctx)
	log.Info("serving", "repo", s.remote.String(), "listen", listener.Addr().String(), "clusters", len(configs))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { rec.Run(ctx); return nil })
	group.Go(func() error { idle.run(ctx); return nil })
	group.Go(func() error { sharing.run(ctx, rec, board); return nil })
	group.Go(func() error { follower.Run(ctx); return nil })
	group.Go(func() error { watcher.Run(ctx); return nil })
	group.Go(func() error { collector.Run(ctx); return nil })
	group.Go(func() error { return serveHTTP(ctx, listener, handler, log) })
	err = group.Wait()
	stopHistory()
	err = errors.Join(err, finish())
	runtime.KeepAlive(rec) // a profile of memory shows what is in use
	runtime.KeepAlive(follower)
	log.Info("stopped")
	return err
}

// trees gives the content of older commits.
func trees(store *git.Store, dir string) func(context.Context, string) (fs.FS, error) {
	return func(ctx context.Context, commit string) (fs.FS, error) {
		tree, err := store.Tree(ctx, commit)
		if err != nil || dir == "" {
			return tree, err
		}
		return tree.At(path.Clean(dir))
	}
}

// serveHTTP answers until ctx ends.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelDebug), // callers that went away, for the most part
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		stopped <- server.Shutdown(bounded)
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving HTTP: %w", err)
	}
	return <-stopped
}

// secrets reads the files that hold secrets; the token is that of the daemon's own callers.
func (s *serve) secrets() (token string, err error) {
	for _, secret := range []struct {
		file string
		into *string
	}{
		{s.token, &token},
		{s.passwords.password, &s.remote.Auth.Password},
		{s.passwords.token, &s.remote.Auth.BearerToken},
		{s.passwords.passphrase, &s.remote.Auth.Passphrase},
		{s.history.dsnFile, &s.history.dsn},
	} {
		if secret.file == "" {
			continue
		}
		data, err := os.ReadFile(secret.file)
		if err != nil {
			return "", fmt.Errorf("reading a secret: %w", err)
		}
		if *secret.into = strings.TrimSpace(string(data)); *secret.into == "" {
			return "", fmt.Errorf("the file %s holds no secret: it is empty", secret.file)
		}
	}
	return token, nil
}

// quietClients has the Kubernetes client log through ours, and only for those who debug: what matters of it is
// in the status already. What else is printed by way of Go's standard logger is dropped: Helm prints values there
// that it cannot merge, which can be secrets.
func quietClients(log *slog.Logger) {
	stdlog.SetOutput(io.Discard)
	if log.Enabled(context.Background(), slog.LevelDebug) {
		klog.SetSlogLogger(log)
		return
	}
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))
}
