// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/flow/deliver"
	"trunkline.dev/trunkline/notify"
	"trunkline.dev/trunkline/notify/channel"
	"trunkline.dev/trunkline/notify/watch"
)

func newNotify() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "notify",
		Short: "See who is told of what goes wrong, and try a channel",
		Long: `Notifications tell people and systems what goes wrong with a platform, and when that is over. The
declarations say who is told of what, by the names of channels; the configuration of the daemon
says where these are.`,
		Example: `  trunkline notify list
  trunkline notify test data-team --config trunkline-daemon.yaml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("name a subcommand: list or test")
		},
	}
	cmd.AddCommand(newNotifyList(), newNotifyTest())
	return cmd
}

// told is a line of who is told of what.
type told struct {
	Channel      string   `json:"channel"`
	Kind         string   `json:"kind,omitempty"`
	About        []string `json:"about,omitempty"`
	Projects     []string `json:"projects,omitempty"`
	Environments []string `json:"environments,omitempty"`
	Only         []string `json:"only,omitempty"`
	After        string   `json:"after,omitempty"`
	Repeat       string   `json:"repeat"`
}

// toldTable prints who is told of what.
var toldTable = columns[told]{
	names:  []string{"Channel", "Kind", "Projects", "Environments", "Only", "After", "About"},
	fields: []string{"channel", "kind", "about", "projects", "environments", "only", "after", "repeat"},
	row: func(t told, _ paintFunc) []string {
		or := func(list []string) string {
			if len(list) == 0 {
				return "all"
			}
			return cell(strings.Join(list, ", "))
		}
		after := t.After
		if after == "" {
			after = "default"
		}
		return []string{t.Channel, t.Kind, or(t.Projects), or(t.Environments), or(t.Only), after, or(t.About)}
	},
	values: func(t told) []string {
		return []string{
			t.Channel, t.Kind, strings.Join(t.About, " "), strings.Join(t.Projects, " "), strings.Join(t.Environments, " "), strings.Join(t.Only, " "), t.After, t.Repeat,
		}
	},
	none: "Nobody is told of anything: notify of the platform, an environment or a project says who is.",
}

func newNotifyList() *cobra.Command {
	var s source
	var output, config string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List who is told of what",
		Long: `List says who is told of what goes wrong, as it is declared. It works offline and sends nothing.
With the configuration of the daemon it also says what each channel is, and which is not
configured: such a one is told nothing.

Exit codes: 0 success; 1 the declarations are invalid, or something failed; 2 usage error.`,
		Example: `  trunkline notify list
  trunkline notify list --config trunkline-daemon.yaml --rev main`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			print, err := rowsNamed(output, toldTable)
			if err != nil {
				return err
			}
			var configured map[string]channel.Channel
			if config != "" {
				if _, configured, err = channelsIn(config); err != nil {
					return err
				}
			}
			_, cat, err := s.load(cmd)
			if err != nil {
				return err
			}
			return print(cmd.OutOrStdout(), toldOf(watch.Routes(cat), configured, config != ""))
		},
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&config, "config", "", "`FILE` with the configuration of the daemon; default: channels are named only")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output format: table, json, yaml, csv or tsv")
	return cmd
}

func toldOf(routes []notify.Route, configured map[string]channel.Channel, known bool) []told {
	out := []told{}
	for _, r := range routes {
		t := told{Channel: r.Channel, Projects: r.Projects, Environments: r.Environments, Only: r.Names, Repeat: notify.DefaultRepeat.String()}
		if known {
			t.Kind = "not configured"
			if c, is := configured[r.Channel]; is {
				t.Kind = string(c.Kind)
			}
		}
		for _, topic := range r.Topics {
			t.About = append(t.About, string(topic))
		}
		if r.After != nil {
			t.After = r.After.String()
		}
		if r.Repeat > 0 {
			t.Repeat = r.Repeat.String()
		}
		out = append(out, t)
	}
	return out
}

// channelsIn reads the channels of a configuration, as the daemon would.
func channelsIn(config string) (*serve, map[string]channel.Channel, error) {
	cmd, s := serveCommand()
	if err := cmd.Flags().Set("config", config); err != nil {
		return nil, nil, err
	}
	if err := s.readConfig(cmd.Flags()); err != nil {
		return nil, nil, err
	}
	channels, err := s.channels.channels()
	return s, channels, err
}

func newNotifyTest() *cobra.Command {
	var config string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "test CHANNEL --config FILE",
		Short: "Send a test message to a channel",
		Long: `Test sends a message to a channel, as the configuration of the daemon has it, and says what came of
it. Run it where the daemon runs: it reads the same files with secrets, and asks the same servers.
An incident that it opens is closed again.

Exit codes: 0 it was delivered; 1 it was not; 2 usage error.`,
		Example: `  trunkline notify test data-team --config trunkline-daemon.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one channel of the configuration")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if config == "" {
				return usagef("say where the configuration of the daemon is: --config FILE")
			}
			s, channels, err := channelsIn(config)
			if err != nil {
				return err
			}
			c, is := channels[args[0]]
			if !is {
				return usagef("there is no channel %.60q in %s: it has %s", args[0], config, orNone(slices.Sorted(maps.Keys(channels))))
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			if err := tryChannel(ctx, c, args[0], s.github.public); err != nil {
				return fmt.Errorf("channel %s: %w", args[0], err)
			}
			return println(cmd.OutOrStdout(), args[0]+": the test message was delivered")
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "`FILE` with the configuration of the daemon")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait for the channel")
	return cmd
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// tryChannel sends a test message, and closes what it opened.
func tryChannel(ctx context.Context, c channel.Channel, name, console string) error {
	now := time.Now()
	id := strings.ToLower(rand.Text())
	condition := notify.Condition{Topic: notify.Test, Mark: id, Reason: "Someone tries whether the channel " + name + " works.", Since: now}
	item := notify.Item{Condition: condition, Key: condition.Key(), Standing: notify.Happened}
	messages := []notify.Message{{ID: id + "-1", Channel: name, At: now, Items: []notify.Item{item}}}
	if c.Limit().Each {
		item.Standing, item.Over = notify.Resolved, now
		messages = append(messages, notify.Message{ID: id + "-2", Channel: name, At: now, Items: []notify.Item{item}})
	}
	for _, m := range messages {
		answer := c.Send(ctx, deliver.NewClient(), channel.Platform{Name: "test", Console: console}, m, now)
		if why := answer.Refused + answer.Failed; why != "" {
			return errors.New(why)
		}
	}
	return nil
}
