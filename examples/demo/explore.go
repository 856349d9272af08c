// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

// showStatus runs the real "trunkline status".
func (d *demo) showStatus(ctx context.Context) error {
	code, out, err := d.status(ctx)
	if err != nil {
		return err
	}
	d.story.quote(d.opts.trunkline()+" status", out)
	d.story.blank()
	return d.expect("\"trunkline status\" exits with 0", "exit 0", fmt.Sprintf("exit %d", code))
}

// explore prints what to do next, ready to paste.
func (d *demo) explore() {
	prod := d.cluster("prod")
	kubectl := d.opts.devcluster() + " kubectl"
	d.story.heading("Now it is yours. In another terminal, in this folder:")
	for _, c := range []struct{ what, how string }{
		{"See how everything is doing, as it changes", d.opts.trunkline() + " status --watch --server " + d.daemon.Server()},
		{"See what a project becomes in an environment", d.opts.trunkline() + " render revenue --env prod --from " + d.opts.example},
		{
			"See what runs, and what a job said", "export KUBECONFIG=" + prod.kubeconfig + "\n" +
				kubectl + " get pods -A\n" +
				kubectl + " logs -n revenue-prod -l trunkline.dev/workload=convert",
		},
		{"See the data", "head " + d.path("lake", "prod", "revenue", "daily", "revenue.csv")},
		{"See which lots there are", d.opts.trunkline() + " lots --env " + lotsEnvironment + " --from " + d.repo.Work},
		{"Look at the pull requests, merge what is open, write \"/trunkline help\" below one", d.forge.hub.URL() + "/" + d.forge.repo.FullName()},
		{
			"Open a pull request of your own", "git clone " + d.forge.remote(viewer) + " my-acme && git -C my-acme switch -c rates-8\n" +
				"echo 2026-01-08,USD,0.9200 >> my-acme/projects/rates/data/fx.csv\n" +
				"git -C my-acme commit -a -m 'Rates of the 8th' && git -C my-acme push origin rates-8\n" +
				"curl -so /dev/null -H 'Authorization: Bearer " + d.forge.hub.Token(viewer) + "' " + d.forge.hub.APIURL() + "repos/" + d.forge.repo.FullName() + "/pulls \\\n" +
				`  -d '{"title": "Rates of the 8th", "head": "rates-8", "base": "main"}'`,
		},
		{"Look around in the console", d.daemon.Server() + "/"},
		{"See the daemon's figures", "curl -s " + d.daemon.Server() + "/metrics | grep ^trunkline"},
	} {
		d.story.blank()
		d.story.say(c.what)
		for l := range strings.Lines(c.how) {
			d.story.line(margin + "  " + d.story.cyan(strings.TrimSuffix(l, "\n")))
		}
	}
	d.story.blank()
	d.story.line(d.story.bold("Running until Ctrl-C.") + " Commits that arrive are shown here.")
	d.story.blank()
}

// follow tells of the user's own commits until the user ends the demo, which is how it should end.
func (d *demo) follow(ctx context.Context) error {
	t := narrator{story: d.story}
	p, err := d.daemon.Status(ctx)
	if err == nil {
		t.seen(p)
		_, err = d.daemon.wait(ctx, func(p status.Platform) (bool, error) { t.narrate(p); return false, nil })
	}
	if err := d.explain(ctx, err); err != errInterrupted { //nolint:errorlint // explain returns it unwrapped
		return err
	}
	return nil
}

// narrator prints what becomes of commits.
type narrator struct {
	story *story
	head  string
	since time.Time // when the commit that is on its way was seen; zero: none is
}

func (t *narrator) seen(p status.Platform) {
	if p.Source.Head != nil {
		t.head = p.Source.Head.Hash
	}
}

func (t *narrator) narrate(p status.Platform) {
	head := p.Source.Head
	if head == nil {
		return
	}
	decided := p.Source.Refused() || p.Source.Accepted != nil && p.Source.Accepted.Hash == head.Hash
	if head.Hash != t.head && decided {
		t.head, t.since = head.Hash, time.Time{}
		if p.Source.Refused() {
			t.story.line(margin + t.story.red("✗") + fmt.Sprintf(" refused %s %q", head.Short(), head.Subject))
			t.story.problem(p.Source.Problems.String())
			return
		}
		t.since = time.Now()
		t.story.check(fmt.Sprintf("accepted %s %q", head.Short(), head.Subject))
	}
	if t.since.IsZero() || slices.ContainsFunc(p.Releases, func(r status.Release) bool { return !r.Settled() }) {
		return
	}
	var there, bad []string
	for _, r := range p.Releases {
		switch {
		case !r.Fine():
			bad = append(bad, r.String()+": "+describe(r))
		case r.Commit == head.Hash:
			there = append(there, r.String())
		}
	}
	if len(there) == 0 && len(bad) == 0 {
		return // nothing of it has begun yet, or it changes nothing
	}
	if len(bad) == 0 {
		t.story.ok("healthy; changed by it: "+strings.Join(there, ", "), time.Since(t.since))
	} else {
		t.story.line(margin + t.story.red("✗") + " " + strings.Join(bad, "; "))
	}
	t.since = time.Time{}
}
