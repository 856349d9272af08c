// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/flow/assets"
	"trunkline.dev/trunkline/flow/deliver"
	"trunkline.dev/trunkline/flow/egress"
)

// eventTargets holds the flags about the targets that environments have told of their lots.
type eventTargets struct{ urls, formats, secrets, tokens []string }

func (e *eventTargets) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&e.urls, "event-target", nil, "`NAME=URL` of a target that environments may have told of their lots; repeat for each; default: none")
	f.StringArrayVar(&e.formats, "event-format", nil, "`NAME=FORMAT` in which a target is told: cloudevents, cloudevents-binary, clusterless or openlineage; default: cloudevents")
	f.StringArrayVar(&e.secrets, "event-secret-file", nil, "`NAME=FILE` with the secret that a target's messages are signed with, as Standard Webhooks have it")
	f.StringArrayVar(&e.tokens, "event-token-file", nil, "`NAME=FILE` with a bearer token for a target")
}

// targets returns the targets by their names.
func (e *eventTargets) targets() (map[string]deliver.Target, error) {
	out := map[string]deliver.Target{}
	if err := eachNamed("--event-target", e.urls, func(name, url string) error {
		if strings.HasPrefix(name, "@") {
			return usagef("--event-target %q: a name does not begin with @", name)
		}
		if _, twice := out[name]; twice {
			return usagef("--event-target names %q twice", name)
		}
		out[name] = deliver.Target{URL: url, Format: deliver.CloudEvents}
		return nil
	}); err != nil {
		return nil, err
	}
	set := func(flag string, values []string, set func(t *deliver.Target, value string) error) error {
		return eachNamed(flag, values, func(name, value string) error {
			t, known := out[name]
			if !known {
				return usagef("%s is about %q, which is no target: add --event-target %s=URL", flag, name, name)
			}
			if err := set(&t, value); err != nil {
				return &usageError{fmt.Errorf("%s: %w", flag, err)}
			}
			out[name] = t
			return nil
		})
	}
	if err := set("--event-format", e.formats, func(t *deliver.Target, value string) (err error) {
		t.Format, err = deliver.ParseFormat(value)
		return err
	}); err != nil {
		return nil, err
	}
	if err := set("--event-secret-file", e.secrets, func(t *deliver.Target, file string) error { t.Secret = secretIn(file); return nil }); err != nil {
		return nil, err
	}
	if err := set("--event-token-file", e.tokens, func(t *deliver.Target, file string) error { t.Token = secretIn(file); return nil }); err != nil {
		return nil, err
	}
	for name, t := range out {
		if err := t.Check(); err != nil {
			return nil, usagef("--event-target %s: %w", name, err)
		}
	}
	return out, nil
}

// eachNamed takes NAME=VALUE apart.
func eachNamed(flag string, values []string, do func(name, value string) error) error {
	for _, v := range values {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" || value == "" {
			return usagef("%s is NAME=VALUE", flag)
		}
		if err := do(name, value); err != nil {
			return err
		}
	}
	return nil
}

// secretIn reads a secret from a file whenever it is needed.
func secretIn(file string) func() (string, error) {
	return func() (string, error) {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		secret := strings.TrimSpace(string(data))
		if secret == "" {
			return "", fmt.Errorf("%s is empty", file)
		}
		return secret, nil
	}
}

// makeEvents makes what tells others of lots.
func (d *daemon) makeEvents() (*deliver.Dispatcher, error) {
	targets, err := d.flags.events.targets()
	if err != nil {
		return nil, err
	}
	targets[egress.OwnAirflow] = deliver.Target{Format: deliver.Assets, Send: assets.NewTeller(d.airflows, d.flags.stores, d.waitsForAsset).Send}
	told := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trunkline_lot_events_total", Help: "Attempts to tell a target of lots, by what came of them: delivered, failed (it is tried again) or dead (it is with the dead letters).",
	}, []string{"environment", "target", "outcome"})
	events := deliver.New(deliver.Options{
		Targets: targets, Stores: d.flags.stores, Client: deliver.NewClient(), Limits: egress.DefaultLimits(), Upkeep: deliver.DefaultUpkeep,
		Log: d.log, Now: time.Now,
		Ended: func(environment, target, outcome string) { told.WithLabelValues(environment, target, outcome).Inc() },
	})
	d.metrics.registry.MustRegister(told, eventsCollector{events})
	return events, nil
}

// eventsCollector asks what tells others when it is scraped.
type eventsCollector struct{ events *deliver.Dispatcher }

func eventsDescription() *prometheus.Desc {
	return prometheus.NewDesc("trunkline_lot_events_waiting", "Events of lots that wait to be delivered to a target.", []string{"environment", "target"}, nil)
}

// Describe implements [prometheus.Collector].
func (c eventsCollector) Describe(ch chan<- *prometheus.Desc) { ch <- eventsDescription() }

// Collect implements [prometheus.Collector].
func (c eventsCollector) Collect(ch chan<- prometheus.Metric) {
	desc := eventsDescription()
	for _, w := range c.events.Waiting() {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(w.Facts), w.Environment, w.Target)
	}
}
