// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"trunkline.dev/trunkline/console/client"
)

// startLimit bounds the daemon's start until it listens.
const startLimit = 60 * time.Second

// DaemonSpec is what a daemon is started with, on a port that it finds itself.
type DaemonSpec struct {
	// Program is the file of trunkline.
	Program string
	// Repo is the repository that it follows, Data its folder, and Poll how often it looks at the repository.
	Repo, Data, Poll string
	// Clusters are "NAME=KUBECONFIG".
	Clusters []string
	// Args are further flags.
	Args []string
}

// Process returns what starts the daemon; the log and what else differs is for the caller to add.
func (s DaemonSpec) Process(log string) Spec {
	args := []string{"serve", "--repo", s.Repo, "--data", s.Data, "--listen", "127.0.0.1:0", "--poll", s.Poll, "--lifeline"}
	for _, c := range s.Clusters {
		args = append(args, "--cluster", c)
	}
	return Spec{
		Name: "the daemon", Path: s.Program, Args: append(args, s.Args...), Log: log, Ready: serving, OnStderr: true,
	}
}

// Connect waits until the daemon listens, and returns a client of it, and its URL.
func Connect(ctx context.Context, p *Process) (*client.Client, string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, errors.New("it does not listen after "+startLimit.String()))
	defer cancel()
	url, err := p.Ready(ctx)
	if err != nil {
		return nil, "", err
	}
	c, err := client.New(url, client.Options{Claim: "demo"})
	if err != nil {
		return nil, "", fmt.Errorf("the daemon listens at %q: %w", url, err)
	}
	return c, url, nil
}

// serving returns the URL that the daemon listens on, if the line of its log says so.
func serving(line string) (string, bool) {
	var entry struct{ Msg, Listen string }
	if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Msg != "serving" || entry.Listen == "" {
		return "", false
	}
	return "http://" + entry.Listen, true
}
