// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/flow/deliver"
	"trunkline.dev/trunkline/notify/channel"
	"trunkline.dev/trunkline/notify/post"
	"trunkline.dev/trunkline/notify/watch"
)

// channelFlags holds the flags about the channels that declarations name in their notifications.
type channelFlags struct{ kinds, urls, urlFiles, tokens, secrets, to, from, users, perHour []string }

func (c *channelFlags) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&c.kinds, "channel", nil, "`NAME=KIND` of a channel that notifications may name: slack, teams, mail, pagerduty, opsgenie, webhook or cloudevents; repeat for each; default: none")
	f.StringArrayVar(&c.urls, "channel-url", nil, "`NAME=URL` of a channel, if it is no secret; of mail: smtp://HOST:587 or smtps://HOST:465")
	f.StringArrayVar(&c.urlFiles, "channel-url-file", nil, "`NAME=FILE` with the URL of a channel, as of Slack and Teams")
	f.StringArrayVar(&c.tokens, "channel-token-file", nil, "`NAME=FILE` with the token, key or password of a channel")
	f.StringArrayVar(&c.secrets, "channel-secret-file", nil, "`NAME=FILE` with the secret that a webhook's messages are signed with, as Standard Webhooks have it")
	f.StringArrayVar(&c.to, "channel-to", nil, "`NAME=ADDRESS` of mail, or the channel that a bot of Slack writes to; repeat for each")
	f.StringArrayVar(&c.from, "channel-from", nil, "`NAME=ADDRESS` that mail is from")
	f.StringArrayVar(&c.users, "channel-username", nil, "`NAME=USER` who signs on to a mail server")
	f.StringArrayVar(&c.perHour, "channel-per-hour", nil, "`NAME=N` messages that a channel is sent in any hour at most; default: 30")
}

// channelForm is how channels are called, as in the declarations.
var channelForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// channels returns the channels by their names.
func (c *channelFlags) channels() (map[string]channel.Channel, error) {
	out := map[string]channel.Channel{}
	if err := eachNamed("--channel", c.kinds, func(name, kind string) error {
		if _, twice := out[name]; twice || !channelForm.MatchString(name) {
			return usagef("--channel names %q, which is there already, or no name of lower-case letters, digits and dashes", name)
		}
		out[name] = channel.Channel{Kind: channel.Kind(kind)}
		return nil
	}); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		flag   string
		values []string
		set    func(*channel.Channel, string) error
	}{
		{"--channel-url", c.urls, func(ch *channel.Channel, v string) error {
			ch.URL = func() (string, error) { return v, nil }
			return nil
		}},
		{"--channel-url-file", c.urlFiles, func(ch *channel.Channel, v string) error { ch.URL = secretIn(v); return nil }},
		{"--channel-token-file", c.tokens, func(ch *channel.Channel, v string) error { ch.Token = secretIn(v); return nil }},
		{"--channel-secret-file", c.secrets, func(ch *channel.Channel, v string) error { ch.Secret = secretIn(v); return nil }},
		{"--channel-to", c.to, func(ch *channel.Channel, v string) error { ch.To = append(ch.To, v); return nil }},
		{"--channel-from", c.from, func(ch *channel.Channel, v string) error { ch.From = v; return nil }},
		{"--channel-username", c.users, func(ch *channel.Channel, v string) error { ch.Username = v; return nil }},
		{"--channel-per-hour", c.perHour, func(ch *channel.Channel, v string) (err error) {
			if ch.PerHour, err = strconv.Atoi(v); err != nil || ch.PerHour < 1 {
				return fmt.Errorf("%.20q is no number of messages, from 1", v)
			}
			return nil
		}},
	} {
		if err := eachNamed(f.flag, f.values, func(name, value string) error {
			ch, known := out[name]
			if !known {
				return usagef("%s is about %q, which is no channel: add --channel %s=KIND", f.flag, name, name)
			}
			if err := f.set(&ch, value); err != nil {
				return &usageError{fmt.Errorf("%s: %w", f.flag, err)}
			}
			out[name] = ch
			return nil
		}); err != nil {
			return nil, err
		}
	}
	for name, ch := range out {
		if err := ch.Check(); err != nil {
			return nil, usagef("--channel %s: %w", name, err)
		}
	}
	return out, nil
}

// check finds what is wrong with the flags. What was told is kept in the database of the history, which replicas have to share.
func (c *channelFlags) check(h *keeping, r *replicas) error {
	channels, err := c.channels()
	switch {
	case err != nil || len(channels) == 0:
		return err
	case h.where == historyOff:
		return usagef("--channel needs a history, in whose database it is kept what was told: leave --history off out")
	case r.home != "" && h.where != historyPostgres:
		return usagef("--channel with several replicas (--home) needs --history postgres: they have to know what one of them has told")
	}
	return nil
}

// makeNotifications makes what tells channels, if there are any.
func (d *daemon) makeNotifications() error {
	told := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trunkline_notifications_total", Help: "Attempts to send a notification to a channel, by what came of them: delivered, failed (it is tried again) or dead (it is given up).",
	}, []string{"channel", "outcome"})
	collector := &notificationsCollector{}
	d.metrics.registry.MustRegister(told, collector)
	channels, err := d.flags.channels.channels()
	if err != nil || len(channels) == 0 {
		return err
	}
	database, err := d.flags.history.database(d.flags.data)
	if err != nil {
		return err
	}
	for name := range channels {
		for _, outcome := range []string{"delivered", "failed", "dead"} { // born at zero, so that the first one is an increase
			told.WithLabelValues(name, outcome)
		}
	}
	d.notifications = post.New(post.Options{
		Channels: channels, Database: database, Board: d.board, Past: d.past.recorder, Catalog: d.rec.Catalog, Links: d.notifyLinks(),
		Budgets: d.counting.overspent, Previews: d.previewsEnding,
		Leads:  func() bool { return d.sharing.coordinator == nil || d.sharing.coordinator.Leads() },
		Client: deliver.NewClient(), Log: d.log, Now: time.Now,
		Ended: func(channel, outcome string) { told.WithLabelValues(channel, outcome).Inc() },
	})
	collector.poster = d.notifications
	return nil
}

// overspent are the budgets that do not last.
func (c *counting) overspent() ([]watch.Budget, bool) {
	o := c.outlook.Load()
	if o == nil {
		return nil, false
	}
	var out []watch.Budget
	for _, i := range o.items {
		if i.exceeds() {
			out = append(out, watch.Budget{Environment: i.environment, Project: i.project, Month: cost.MonthOf(o.at).String(), Reason: i.reason(o.currency)})
		}
	}
	return out, true
}

// reason says why a budget does not last.
func (e expected) reason(currency string) string {
	const digits = 2
	amount := func(nano int64) string { return usage.Decimal(nano, digits) + " " + currency }
	parts := []string{amount(e.Spent) + " are spent"}
	if e.Recent {
		parts = append(parts, amount(e.ByRecent)+" by the end of the month if it goes on like the last days")
	}
	if e.Declared {
		parts = append(parts, amount(e.ByDeclared)+" as it is declared")
	}
	return "the budget of the month is " + amount(*e.budget) + ": " + strings.Join(parts, ", ")
}

// previewsEnding are the previews of pull requests, if this replica keeps them.
func (d *daemon) previewsEnding() ([]watch.Preview, bool) {
	pulls := d.pulls.Load()
	if pulls == nil {
		return nil, d.newPulls == nil
	}
	var out []watch.Preview
	for _, p := range pulls.Expiring() {
		out = append(out, watch.Preview{Name: p.Name, Expires: p.Expires})
	}
	return out, true
}

// notifyLinks are where people read more of what they are told.
func (d *daemon) notifyLinks() watch.Links {
	links := watch.Links{Console: d.flags.github.public}
	if repository := d.flags.github.repository; repository != "" {
		links.Repository = strings.TrimSuffix(d.flags.github.url, "/") + "/" + repository
	}
	return links
}

// notify tells channels. Where releases are shared, each replica tells of its own, and what was told is known to all.
func (d *daemon) notify(ctx context.Context) {
	if d.flags.replicas.shards {
		d.notifications.Run(ctx)
		return
	}
	d.sharing.lead(ctx, d.notifications.Run)
}

// notificationsCollector asks what tells channels when it is scraped.
type notificationsCollector struct{ poster *post.Poster }

func notificationsDescriptions() (waiting, dead, missing *prometheus.Desc) {
	of := []string{"channel"}
	return prometheus.NewDesc("trunkline_notifications_waiting", "Notifications that wait to be delivered to a channel.", of, nil),
		prometheus.NewDesc("trunkline_notifications_dead", "Notifications that a channel did not accept and that are given up, of the last 30 days.", of, nil),
		prometheus.NewDesc("trunkline_notification_channel_missing", "1 for a channel that the platform declares and that is not configured: it is told nothing.", of, nil)
}

// Describe implements [prometheus.Collector].
func (c *notificationsCollector) Describe(ch chan<- *prometheus.Desc) {
	waiting, dead, missing := notificationsDescriptions()
	ch <- waiting
	ch <- dead
	ch <- missing
}

// Collect implements [prometheus.Collector].
func (c *notificationsCollector) Collect(ch chan<- prometheus.Metric) {
	if c.poster == nil {
		return
	}
	waiting, dead, missing := notificationsDescriptions()
	for _, n := range c.poster.Counts() {
		ch <- prometheus.MustNewConstMetric(waiting, prometheus.GaugeValue, float64(n.Waiting), n.Channel)
		ch <- prometheus.MustNewConstMetric(dead, prometheus.GaugeValue, float64(n.Dead), n.Channel)
	}
	for _, name := range c.poster.Missing() {
		ch <- prometheus.MustNewConstMetric(missing, prometheus.GaugeValue, 1, name)
	}
}
