package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/status"
)

// statusTimeout bounds one request; it is longer than the daemon holds one.
const statusTimeout = 40 * time.Second

func newStatus() *cobra.Command {
	var server, output, tokenFile string
	var watch bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how every release is doing",
		Long: `Status asks a running daemon how everything is doing: the newest commit, and for each release
the commit it is at, how applying it went, its health, since when, and what is in the way.

It ends with 0 if everything is fine, and with 1 if there is something to look at.`,
		Example: `  trunkline status
  trunkline status --watch
  trunkline status -o json | jq '.releases[] | select(.health != "healthy")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			printer, ok := map[string]func(io.Writer, status.Platform) error{
				"table": func(w io.Writer, p status.Platform) error { return printTable(w, p, width(w)) },
				"json":  printJSON, "yaml": printYAML,
			}[output]
			if !ok {
				return usagef("-o %s: choose table, json or yaml", output)
			}
			client, err := newClient(server, tokenFile)
			if err != nil {
				return err
			}
			if watch {
				return client.watch(cmd.Context(), cmd.OutOrStdout(), printer)
			}
			p, err := client.status(cmd.Context(), -1)
			if err != nil {
				return err
			}
			if err := printer(cmd.OutOrStdout(), p); err != nil {
				return err
			}
			if !p.Fine() {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&server, "server", "http://"+defaultListen, "address of the daemon")
	cmd.Flags().StringVar(&tokenFile, "token-file", "", "file with the daemon's token, if it asks for one")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "how to print: table, json or yaml")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "print again whenever something changes, until interrupted")
	return cmd
}

// client asks a daemon.
type client struct{ server, token string }

func newClient(server, tokenFile string) (*client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usagef("--server %q is not an address: write http://HOST:PORT", git.Redact(server))
	}
	c := &client{server: strings.TrimSuffix(server, "/")}
	if tokenFile != "" {
		data, err := os.ReadFile(tokenFile)
		if err != nil {
			return nil, fmt.Errorf("reading the token: %w", err)
		}
		c.token = strings.TrimSpace(string(data))
	}
	return c, nil
}

// status gives the state once it has changed after the revision.
func (c *client) status(ctx context.Context, after int64) (status.Platform, error) {
	var p status.Platform
	err := c.get(ctx, "/api/v1/status?after="+strconv.FormatInt(after, 10), &p)
	return p, err
}

// maxRefusal bounds what is shown of an answer that says why it is none.
const maxRefusal = 512

// get asks for a path, and reads the answer.
func (c *client) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server+path, nil)
	if err != nil {
		return fmt.Errorf("asking the daemon: %w", err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("asking the daemon: %w; is it running, and is --server right?", err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized:
		return fmt.Errorf("asking the daemon at %s: it wants its token; give the file that holds it with --token-file", git.Redact(c.server))
	default:
		return &refusal{server: git.Redact(c.server), status: resp.Status, code: resp.StatusCode, text: beginning(resp.Body)}
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("reading the daemon's answer: %w; is it a Trunkline at %s?", err, git.Redact(c.server))
	}
	return nil
}

// beginning reads what an answer says, the first line of it.
func beginning(r io.Reader) string {
	data, _ := io.ReadAll(io.LimitReader(r, maxRefusal)) // what came is shown
	line, _, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
	return line
}

// refusal is an answer that is none.
type refusal struct {
	server, status string
	code           int
	// text is what the answer says.
	text string
}

// Error implements error.
func (e *refusal) Error() string {
	return fmt.Sprintf("asking the daemon at %s: it answered %s; is it a Trunkline?", e.server, e.status)
}

func (c *client) watch(ctx context.Context, w io.Writer, printer func(io.Writer, status.Platform) error) error {
	after := int64(-1)
	for {
		p, err := c.status(ctx, after)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil // interrupted, which is how watching ends
		}
		if err != nil {
			return err
		}
		if p.Revision == after {
			continue
		}
		after = p.Revision
		if isTerminal(w) {
			if _, err := io.WriteString(w, "\x1b[H\x1b[2J"); err != nil {
				return err
			}
		}
		if err := printer(w, p); err != nil {
			return err
		}
	}
}

func printJSON(w io.Writer, p status.Platform) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return println(w, string(data))
}

func printYAML(w io.Writer, p status.Platform) error {
	data, err := yaml.Marshal(p)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "---\n%s", data)
	return err
}
