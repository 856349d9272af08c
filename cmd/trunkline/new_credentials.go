// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"trunkline.dev/trunkline/reconciler/git"
)

// gitCredentials is what the credential helpers of Git know of an address.
type gitCredentials struct {
	url                string
	username, password string
	// text describes them to the helpers.
	text string
}

// askHelpers asks the helpers that Git is configured with, as Git does for itself; false if none knows anything, or there is no Git. Nobody is asked at the terminal.
func askHelpers(ctx context.Context, address string) (c gitCredentials, found bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return c, false
	}
	if _, has := u.User.Password(); has || strings.ContainsAny(u.Host+u.Path+u.User.Username(), "\n\x00") {
		return c, false
	}
	question := "protocol=" + u.Scheme + "\nhost=" + u.Host + "\npath=" + strings.TrimPrefix(u.Path, "/") + "\n"
	if name := u.User.Username(); name != "" {
		question += "username=" + name + "\n"
	}
	answer, err := gitCredential(ctx, "fill", question)
	if err != nil {
		return c, false
	}
	c.text = answer
	for line := range strings.Lines(answer) {
		switch key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "="); key {
		case "username":
			c.username = value
		case "password":
			c.password = value
		}
	}
	u.User = nil
	c.url = u.String()
	return c, c.username != "" || c.password != ""
}

// remote is a repository with these credentials, and none in its address.
func (c gitCredentials) remote(r git.Remote) git.Remote {
	r.URL, r.Auth.Username, r.Auth.Password = c.url, c.username, c.password
	return r
}

// tell says what came of them, so that helpers keep them, or forget them. What goes wrong with that is theirs.
func (c gitCredentials) tell(ctx context.Context, verb string) {
	_, _ = gitCredential(ctx, verb, c.text)
}

func gitCredential(ctx context.Context, verb, input string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", "credential", verb)
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
	cmd.Stdin = strings.NewReader(input + "\n")
	out, err := cmd.Output()
	return string(out), err
}
