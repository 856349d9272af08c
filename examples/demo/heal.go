// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

// What someone changes by hand: the service of one project in prod.
const (
	driftProject   = "storefront"
	driftNamespace = "storefront-prod"
	driftWorkload  = "figures"
)

// heal changes something in a cluster by hand, and waits until it is taken back.
func (d *demo) heal(ctx context.Context) error {
	prod := d.clusters[len(d.clusters)-1]
	args := []string{"-n", driftNamespace, "scale", "deployment", driftWorkload, "--replicas=3"}
	d.story.say("Someone helps in prod, by hand:")
	d.story.quote("kubectl "+strings.Join(args, " "), "")
	begin := time.Now()
	if _, err := d.kubectl(ctx, prod, args...); err != nil {
		return err
	}
	d.story.busy("waiting for the daemon to see it")
	_, err := d.daemon.wait(ctx, func(p status.Platform) (bool, error) {
		r := inProd(p)
		return len(r.Drifts) > 0 && !r.Drifted() && r.Fine(), nil
	})
	d.story.idle()
	if err != nil {
		return fmt.Errorf("waiting for the change to be taken back: %w", err)
	}
	d.story.ok("kubectl → taken back", time.Since(begin))
	replicas, err := d.kubectl(ctx, prod, "-n", driftNamespace, "get", "deployment", driftWorkload, "-o", "jsonpath={.spec.replicas}")
	if err != nil {
		return err
	}
	if err := d.expect("the Deployment has the replicas that are declared", "1", strings.TrimSpace(replicas)); err != nil {
		return err
	}
	out, err := d.trunkline(ctx, "drift")
	if err != nil {
		return err
	}
	d.story.quote("trunkline drift", out)
	return nil
}

// inProd finds the project's release in prod; a zero one if there is none.
func inProd(p status.Platform) status.Release {
	for _, r := range p.Releases {
		if r.Project == driftProject && r.Environment == "prod" {
			return r
		}
	}
	return status.Release{}
}

// trunkline runs a command that asks the daemon.
func (d *demo) trunkline(ctx context.Context, args ...string) (string, error) {
	out, err := command(ctx, d.opts.trunkline(), append(args, "--server", d.daemon.Server())...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("running trunkline %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
