// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	clientrest "k8s.io/client-go/rest"

	lotflow "trunkline.dev/trunkline/flow"
	"trunkline.dev/trunkline/flow/afar"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// configInterval is how often the configuration is looked at. It is read by its name each time, so that it does not matter how it was
	// replaced: in place, by another file, or by a symbolic link in the path to it, as Kubernetes does with a ConfigMap.
	configInterval = 2 * time.Second
	// configRetry is after how many looks one that was refused is tried again: what was wrong may be a file that it names.
	configRetry = 15
)

// inForce are the settings of the daemon that may change while it runs, as they are now.
type inForce struct {
	flags   *serve
	configs []cluster.Config
	secrets secretFiles
	// identities are who the agents of clusters are.
	identities identities
}

// keepConfig follows the configuration until ctx ends: it looks at each tick. SIGHUP has it read at once.
func (d *daemon) keepConfig(ctx context.Context, ticks <-chan time.Time) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	defer signal.Stop(asked)
	c := newConfigWatch(d.live.Load().flags)
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
			c.next = c.look()
			c.read(d.reread())
		case <-ticks:
			if c.due() {
				c.read(d.reread())
			}
		}
	}
}

// configWatch says when the configuration is to be read again.
type configWatch struct {
	// look returns something that is another once the configuration, or a key file that it names, is another.
	look func() string
	// seen is what it was when it was read last, and next what it may be to become: a file that is being written is not read before two
	// looks have found the same.
	seen, next string
	// wait is after how many looks it is read again although nothing has changed; 0: it is not.
	wait int
}

func newConfigWatch(s *serve) *configWatch {
	c := &configWatch{look: s.print}
	c.seen = s.chosen.read + keyFiles(s.sops.ageFiles)
	c.next = c.seen
	return c
}

func (c *configWatch) due() bool {
	now := c.look()
	stable := now == c.next
	c.next = now
	if now != c.seen {
		return stable
	}
	if c.wait == 0 {
		return false
	}
	c.wait--
	return c.wait == 0
}

// read notes what came of reading it.
func (c *configWatch) read(err error) {
	c.seen, c.wait = c.next, 0
	if err != nil {
		c.wait = configRetry
	}
}

// print is what the configuration, and the key files that it named at the start, are now.
func (s *serve) print() string {
	data, err := os.ReadFile(s.config)
	if err != nil {
		return err.Error()
	}
	return string(data) + keyFiles(s.sops.ageFiles)
}

// keyFiles tells key files from others.
func keyFiles(flags []string) string {
	var b strings.Builder
	for _, flag := range flags {
		_, file, err := secrets.ParseScope(flag)
		if err != nil {
			continue
		}
		if info, err := os.Stat(file); err == nil {
			fmt.Fprintf(&b, "\x00%s %d %d", file, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// reread has the configuration count as it is now, as a whole or not at all, and says what came of it.
func (d *daemon) reread() error {
	changed, err := d.reload()
	d.metrics.configured(err)
	text := ""
	if err != nil {
		text = strings.TrimSpace(err.Error())
	}
	before := d.board.Snapshot().Source.Configuration
	d.board.SetSource(func(src *status.Source) { src.Configuration = text })
	switch {
	case err != nil && text != before:
		d.log.Error("the configuration is refused; the one before stays in use", "file", d.flags.config, "err", text)
	case err == nil && (len(changed) > 0 || before != ""):
		d.log.Info("the configuration was read again", "file", d.flags.config, "changed", changed)
	}
	return err
}

// reload does so. What can be wrong is found before anything is changed. It returns the flags of the keys that were changed.
func (d *daemon) reload() ([]string, error) {
	now := d.live.Load()
	next, err := now.flags.again()
	if err != nil {
		return nil, err
	}
	configs, err := next.check()
	if err != nil {
		return nil, next.inFile(err)
	}
	if err := now.flags.restarts(next); err != nil {
		return nil, err
	}
	after := &inForce{flags: next, configs: configs}
	if after.secrets, err = next.secrets(d.log); err != nil {
		return nil, next.inFile(err)
	}
	decrypter, err := next.sops.decrypter()
	if err != nil {
		return nil, next.inFile(err)
	}
	certificates, err := next.listening.certificates(d.log)
	if err != nil {
		return nil, next.inFile(err)
	}
	if after.identities, err = next.agents.identities(d.log); err != nil {
		return nil, next.inFile(err)
	}
	if err := unreadableClusters(now.configs, configs); err != nil {
		return nil, next.inFile(err)
	}
	if err := next.logging.check(); err != nil {
		return nil, next.inFile(err)
	}
	did, err := d.rec.SetClusters(configs)
	if err != nil {
		return nil, next.inFile(err)
	}
	d.live.Store(after)
	d.lots.SetClusters(d.jobsOf(configs))
	d.counting.setClusters(configs)
	d.decrypter.Replace(decrypter)
	if d.door.certificates != nil {
		d.door.certificates.use(certificates)
	}
	d.flags.logging.set(next.logging.level)
	if len(did.Added)+len(did.Removed)+len(did.Changed) > 0 {
		d.log.Info("clusters have changed", "added", did.Added, "removed", did.Removed, "changed", did.Changed)
	}
	d.triggerAll() // with the credentials that count now
	return now.flags.changes(next), nil
}

// inFile says of what is wrong with values that the configuration has them.
func (s *serve) inFile(err error) error { return fmt.Errorf("%s: error: %w", s.config, err) }

// unreadableClusters reports clusters that were configured in another way before, and whose files cannot be read.
func unreadableClusters(before, after []cluster.Config) error {
	for _, c := range after {
		if c.Agent || slices.Contains(before, c) || c.Managed != nil { // a cloud that does not answer is no mistake in a file
			continue
		}
		if _, err := c.REST(); err != nil {
			return err
		}
	}
	return nil
}

// homeREST is how the cluster is reached now in which the replicas meet.
func (d *daemon) homeREST() (*clientrest.Config, error) {
	configs := d.live.Load().configs
	i := slices.IndexFunc(configs, func(c cluster.Config) bool { return c.Name == d.flags.replicas.home })
	if i < 0 {
		return nil, fmt.Errorf("the cluster %q is not configured", d.flags.replicas.home)
	}
	return configs[i].REST()
}

// jobsOf returns the Jobs of clusters: the same ones as before of those that are reached as before. Those of a cluster that an agent keeps
// are made and watched by the agent.
func (d *daemon) jobsOf(configs []cluster.Config) (all []lotflow.Cluster) {
	of := map[cluster.Config]lotflow.Cluster{}
	for _, c := range configs {
		if of[c] = d.jobs[c]; of[c] != nil {
			continue
		}
		if desk := d.rec.Desk(c.Name); desk != nil {
			of[c] = afar.New(c.Name, desk, d.log)
		} else {
			of[c] = jobs.New(c.Name, c.REST, d.log)
		}
	}
	d.jobs = of
	for _, c := range slices.SortedFunc(maps.Keys(of), func(a, b cluster.Config) int { return strings.Compare(a.Name, b.Name) }) {
		all = append(all, of[c])
	}
	return all
}
