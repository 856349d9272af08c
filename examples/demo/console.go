// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// page is a page of the console that is looked at.
type page struct {
	what, path string
	// wants are texts that have to be on it.
	wants []string
}

// consolePages are those that have the story of the demo in them.
func (d *demo) consolePages() []page {
	pull := fmt.Sprintf("/pulls/pr-%d", d.pull)
	return []page{
		{"The pull request, with its report", pull, []string{pullTitle, "merged", pullProject, "What happens to objects"}},
		{"All that were opened", "/pulls?state=all", []string{pull, mistakeSubject}},
		{"What it became in prod, object by object", "/releases/" + pullProject + "/prod/prod", []string{"healthy", "Objects", "Job"}},
		{"The lots of a dataset", "/lots?environment=" + lotsEnvironment, []string{"sales", "/lots/" + lotsEnvironment + "/"}},
		{"What it did cost", "/costs", []string{"idle", "<svg"}},
	}
}

// openConsole looks at the pages of the console that tell of what was done here.
func (d *demo) openConsole(ctx context.Context) error {
	d.story.say("The daemon has pages, for people who do not live in a terminal. These have what happened here:")
	for _, p := range d.consolePages() {
		begin := time.Now()
		text, err := d.readPage(ctx, p.path)
		if err != nil {
			return err
		}
		for _, want := range p.wants {
			if !strings.Contains(text, want) {
				return fmt.Errorf("the page %s does not have %q", p.path, want)
			}
		}
		d.checks++
		d.story.ok(p.what+": "+d.daemon.Server()+p.path, time.Since(begin))
	}
	return nil
}

// readPage asks for a page as a browser does.
func (d *demo) readPage(ctx context.Context, path string) (string, error) {
	address, err := url.Parse(d.daemon.Server() + path)
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Accept", "text/html")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil || resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the page %s is answered with %d: %w", path, resp.StatusCode, err)
	}
	return string(body), nil
}
