// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"
	"log/slog"
	"time"
)

// Collector collects a store while it is used, whenever it has grown enough.
type Collector struct {
	Store *Store
	// Keep returns the commits whose content may be asked for besides that of the tracks' own. An error says that it is not
	// known, and nothing is collected.
	Keep func(ctx context.Context) ([]string, error)
	// Interval is the time between two looks at the store. Default: 10 minutes.
	Interval time.Duration
	Log      *slog.Logger
}

const (
	collectInterval = 10 * time.Minute
	// collectTimeout bounds one collection.
	collectTimeout = time.Hour
)

// Run looks at the store at an interval until ctx ends.
func (c Collector) Run(ctx context.Context) {
	if c.Interval <= 0 {
		c.Interval = collectInterval
	}
	tick := time.NewTicker(c.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := c.once(ctx); err != nil && ctx.Err() == nil {
			c.Log.Warn("cannot collect the local copy of the repository; it is tried again", "in", c.Interval.String(), "err", err.Error())
		}
	}
}

func (c Collector) once(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, collectTimeout)
	defer cancel()
	grown, err := c.Store.Grown()
	if err != nil || !grown {
		return err
	}
	keep, err := c.Keep(ctx)
	if err != nil {
		return err
	}
	done, err := c.Store.Collect(ctx, keep)
	if err == nil {
		c.Log.Info("the local copy of the repository was collected", "before", done.Before.Bytes, "after", done.After.Bytes, "objects", done.Objects)
	}
	return err
}
