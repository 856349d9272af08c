// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

// labImage is an image by its digest, as the platform has to name those of notebooks; here, the node has it.
const labImage = "trunkline.local/host@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// platformEdits has the platform say which images notebooks are made from.
func platformEdits() []edit {
	return []edit{{"trunkline.yaml", "  defaults:\n", "  workspaces:\n    bases: {jupyter: {image: \"" + labImage + "\"}}\n  defaults:\n"}}
}

// openNotebook merges a project with a notebook, opens it, and enters it as a browser does.
func (d *demo) openNotebook(ctx context.Context) error {
	d.story.say("People look at data in notebooks. The platform names the images, a project says what notebooks of it read, and whoever may opens one with a command:")
	edits := platformEdits()
	commit, begin, err := d.addProjects(ctx, []string{"lab"}, "Notebooks that read the sales", edits, "@jupyter@", d.opts.engine("engines/jupyter"))
	if err != nil {
		return err
	}
	d.story.diff(edits[0].file, edits)
	d.story.blank()
	r := newRoll(d, sincePush, commit, func(r status.Release) bool { return r.Project == "lab" })
	r.begin = begin
	if _, err := r.wait(ctx); err != nil {
		return err
	}
	begin = time.Now()
	d.story.busy("JupyterLab starts")
	out, err := d.trunkline(ctx, "notebook", "open", "lab", "--env", lotsEnvironment)
	d.story.idle()
	if err != nil {
		return err
	}
	d.story.quote("trunkline notebook open lab --env "+lotsEnvironment, out)
	d.story.blank()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	page, err := enter(ctx, lines[len(lines)-1])
	if err != nil {
		return err
	}
	d.story.ok("opened → JupyterLab answers", time.Since(begin))
	return d.expect("a browser has JupyterLab, at an origin of its own", "JupyterLab", page)
}

// enter follows the address that lets a browser in, and returns the title of the page that it comes to.
func enter(ctx context.Context, address string) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	at, err := url.Parse(address)
	if err != nil || at.Port() == "" {
		return "", errors.Join(err, fmt.Errorf("%q is not the address of a notebook", address))
	}
	// A browser takes names that end in localhost for this machine; the resolver of a system may not.
	here := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", at.Port()))
	}}
	defer here.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := (&http.Client{Jar: jar, Transport: here}).Do(req)
	if err != nil {
		return "", fmt.Errorf("entering the notebook: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || resp.StatusCode != http.StatusOK {
		return "", errors.Join(err, fmt.Errorf("the notebook answers %s: %s", resp.Status, text))
	}
	_, title, _ := strings.Cut(string(text), "<title>")
	title, _, _ = strings.Cut(title, "</title>")
	return strings.TrimSpace(title), nil
}
