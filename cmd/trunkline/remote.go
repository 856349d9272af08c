package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/reconciler/git"
)

// remote holds the flags of those commands that ask a running daemon.
type remote struct{ server, tokenFile string }

func (r *remote) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.server, "server", "http://"+defaultListen, "address of the daemon")
	cmd.Flags().StringVar(&r.tokenFile, "token-file", "", "file with the daemon's token, if it asks for one")
}

func (r *remote) client() (*client.Client, error) {
	token := ""
	if r.tokenFile != "" {
		data, err := os.ReadFile(r.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("reading the token: %w", err)
		}
		token = strings.TrimSpace(string(data))
	}
	c, err := client.New(r.server, token)
	if err != nil {
		return nil, usagef("--server %q is %w", git.Redact(r.server), err)
	}
	return c, nil
}

// refused adds to an error of the client which flag would mend it.
func refused(err error) error {
	var no *client.RefusedError
	var unanswered *url.Error
	switch {
	case errors.As(err, &no):
		return errors.New(plain(oneLine(err.Error()))) // what it says is not ours
	case errors.Is(err, client.ErrToken):
		return fmt.Errorf("%w; give the file that holds it with --token-file", err)
	case errors.As(err, &unanswered):
		return fmt.Errorf("%w; is it running, and is --server right?", err)
	}
	return err
}

// format writes a value for people or for programs.
type format[T any] func(io.Writer, T) error

// formatNamed gives the format that -o asks for: the table, or what programs read.
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
