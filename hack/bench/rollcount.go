// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/number"
)

// countRoll counts the requests of a roll-out, on a cluster of its own: the proxy that counts takes processor time.
func (b *bench) countRoll(ctx context.Context, p platform, n int) error {
	b.progress("%d apps: counting the requests of a roll-out", n)
	return b.onCell(ctx, clusterName, func(c *cell) (err error) {
		dir, err := b.folder("counter")
		if err != nil {
			return err
		}
		proxy, err := startCounter(ctx, c.Config, kubeconfigIn(dir, clusterName))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, proxy.close()) }()
		h, err := b.newHome(ctx, p)
		if err != nil {
			return err
		}
		return b.withDaemon(ctx, h, []string{clusterName + "=" + proxy.kubeconfig}, func(d *daemon) error {
			if _, err := roll(ctx, h, d, n, c.names(), c.PID()); err != nil {
				return err
			}
			if err := proxy.settle(ctx); err != nil {
				return err
			}
			calls := proxy.take()
			b.sheet.add(row{
				what: "requests of the start and a roll-out", apps: n, figure: verbs(calls, 1),
				beside: fmt.Sprintf("%s in all: %s", number.Of(total(calls)), most(calls)),
			})
			return nil
		})
	})
}

// most lists the calls of which there were more than a few, by resource.
func most(calls map[call]int) string {
	const few = 10
	var out []string
	for _, c := range slices.SortedFunc(maps.Keys(calls), func(a, b call) int {
		return cmp.Or(cmp.Compare(calls[b], calls[a]), cmp.Compare(a.verb, b.verb), cmp.Compare(a.resource, b.resource))
	}) {
		if calls[c] > few {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", number.Of(calls[c]), c.verb, c.resource)))
		}
	}
	return strings.Join(out, ", ")
}
