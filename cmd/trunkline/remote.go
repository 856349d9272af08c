// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/git"
)

// renewTimeout bounds how long renewing a token takes.
const renewTimeout = 30 * time.Second

// remote holds the flags of those commands that ask a running daemon.
type remote struct{ server, tokenFile, caFile string }

func (r *remote) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.server, "server", "http://"+defaultListen, "address of the daemon")
	cmd.Flags().StringVar(&r.tokenFile, "token-file", "", "file with your token for the daemon, if it asks for one; default: that of \"trunkline login\"")
	cmd.Flags().StringVar(&r.caFile, "server-ca-file", "", "file with the PEM certificates to trust for an https address; default: the system's")
}

// client returns a client of the daemon for someone who says who they are.
func (r *remote) client(claim string) (*client.Client, error) {
	opts := client.Options{Claim: claim}
	if r.tokenFile != "" {
		data, err := os.ReadFile(r.tokenFile)
		if err != nil {
			return nil, &troubleError{fmt.Errorf("reading the token: %w", err)}
		}
		opts.Token = strings.TrimSpace(string(data))
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), renewTimeout)
		defer cancel()
		var err error
		if opts.Token, err = loggedIn(ctx, r.server, time.Now()); err != nil {
			return nil, err
		}
	}
	return r.with(opts)
}

// anonymous returns a client of the daemon for someone who has not signed on.
func (r *remote) anonymous() (*client.Client, error) { return r.with(client.Options{}) }

// with returns a client of the daemon.
func (r *remote) with(opts client.Options) (*client.Client, error) {
	if r.caFile != "" {
		data, err := os.ReadFile(r.caFile)
		if err != nil {
			return nil, &troubleError{fmt.Errorf("reading the certificates: %w", err)}
		}
		if opts.RootCAs = x509.NewCertPool(); !opts.RootCAs.AppendCertsFromPEM(data) {
			return nil, &troubleError{fmt.Errorf("reading the certificates: %s holds none in PEM", r.caFile)}
		}
	}
	c, err := client.New(r.server, opts)
	if err != nil {
		return nil, usagef("--server %q is %w", git.Redact(r.server), err)
	}
	return c, nil
}

// refused adds to an error of the client which flag would fix it, and decides the exit code: 1 if the daemon could not
// do what was asked for, and 2 if it does not answer, or there is no such thing.
func refused(err error) error {
	var no *client.RefusedError
	var unanswered *url.Error
	switch {
	case errors.As(err, &no) && no.Code == http.StatusConflict || errors.As(err, &no) && no.Code == http.StatusServiceUnavailable:
		return errors.New(plain(oneLine(err.Error()))) // what it says is not ours
	case errors.As(err, &no):
		return &troubleError{errors.New(plain(oneLine(err.Error())))}
	case errors.Is(err, client.ErrToken):
		return &troubleError{fmt.Errorf("%w; name the file that holds it with --token-file, or sign on with \"trunkline login\"", err)}
	case errors.As(err, &unanswered):
		return &troubleError{fmt.Errorf("%w; is it running, and is --server right?", err)}
	}
	return &troubleError{err}
}

// format writes a value for people or for programs.
type format[T any] func(io.Writer, T) error

// formatNamed returns the format that -o asks for: the table, or what programs read.
func formatNamed[T any](name string, table format[T]) (format[T], error) {
	names := []string{"table", "json", "yaml"}
	formats := []format[T]{table, writeJSON[T], writeYAML[T]}
	i := slices.Index(names, name)
	if i < 0 {
		return nil, usagef("-o %s: choose table, json or yaml", name)
	}
	return formats[i], nil
}

func writeJSON[T any](w io.Writer, v T) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return println(w, string(data))
}

func writeYAML[T any](w io.Writer, v T) error {
	data, err := yaml.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "---\n%s", data)
	return err
}
