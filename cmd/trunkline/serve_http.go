// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/pflag"
)

// stopTimeout bounds how long answers under way may take when the daemon ends.
const stopTimeout = 2 * time.Second

// listening holds the flags about who may call the daemon, and how.
type listening struct {
	address string
	// token, tokens, hook, arrivals, cert and key are files.
	token, tokens, hook, arrivals, cert, key string
}

func (l *listening) flags(f *pflag.FlagSet) {
	f.StringVar(&l.address, "listen", defaultListen, "address for health, metrics, the API and the hook; not loopback only with --token-file or --tokens-file")
	f.StringVar(&l.token, "token-file", "", "file with a token that callers share, sent as \"Authorization: Bearer TOKEN\"; they say who they are, unverified; it is read again when it changes")
	f.StringVar(&l.tokens, "tokens-file", "", "file with a token for each caller, \"name: token\" on each line: the name is who acts; it is read again when it changes")
	f.StringVar(&l.hook, "hook-secret-file", "", "file with the secret of a webhook at GitHub, which may then POST its push events to /hooks/sync; it is read again when it changes")
	f.StringVar(&l.arrivals, "arrivals-token-file", "", "file with the token with which object stores may POST notifications to /hooks/arrivals, as a bearer token or ?token=; it is read again when it changes")
	f.StringVar(&l.cert, "tls-cert-file", "", "file with the PEM certificate, and its chain, to serve https; it is read again when it changes")
	f.StringVar(&l.key, "tls-key-file", "", "file with the private key of the certificate")
}

func (l *listening) check(signOn bool) error {
	if _, _, err := net.SplitHostPort(l.address); err != nil {
		return usagef("--listen %q is not an address: write HOST:PORT", l.address)
	}
	if !l.asksForTokens() && !signOn && !loopback(l.address) {
		return usagef("--listen %s can be reached from other machines: ask for tokens with --token-file or --tokens-file, have people sign on with --sign-on-issuer, or listen on 127.0.0.1", l.address)
	}
	if (l.cert == "") != (l.key == "") {
		return usagef("--tls-cert-file and --tls-key-file belong together")
	}
	return nil
}

func (l *listening) listen(ctx context.Context) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", l.address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", l.address, err)
	}
	return listener, nil
}

// certificates returns the certificate to serve; nil if HTTP is served.
func (l *listening) certificates(log *slog.Logger) (*certificates, error) {
	if l.cert == "" {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	return newCertificates(l.cert, l.key, time.Now, log)
}

// door is where callers come in.
type door struct {
	listener     net.Listener
	handler      http.Handler
	certificates *certificates
	log          *slog.Logger
}

// serve answers until ctx ends.
func (d door) serve(ctx context.Context) error {
	server := &http.Server{
		Handler: d.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(d.log.Handler(), slog.LevelDebug), // callers that went away, for the most part
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		stopped <- server.Shutdown(bounded)
	}()
	var err error
	if d.certificates != nil {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: d.certificates.get}
		err = server.ServeTLS(d.listener, "", "")
	} else {
		err = server.Serve(d.listener)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving HTTP: %w", err)
	}
	return <-stopped
}
