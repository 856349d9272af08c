// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/url"
	"strings"
	"time"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/flow/report"
)

// Lots returns what there is of all datasets that come in lots, of an environment or, if that is empty, of all.
func (c *Client) Lots(ctx context.Context, environment string) ([]console.DatasetLots, error) {
	query := url.Values{}
	if environment != "" {
		query.Set("environment", environment)
	}
	return allOf[console.DatasetLots](ctx, c, "/api/v1/lots", query)
}

// Datasets returns the datasets of a project.
func (c *Client) Datasets(ctx context.Context, project string) ([]console.Dataset, error) {
	return allOf[console.Dataset](ctx, c, "/api/v1/datasets", url.Values{"project": {project}})
}

// LotsOf returns the lots of a dataset that are in a range; if newest is not 0, no more than so many of the newest.
func (c *Client) LotsOf(ctx context.Context, environment, dataset string, r report.Range, newest string) ([]report.Lot, error) {
	query := ranged(r)
	if newest != "" {
		query.Set("newest", newest)
	}
	return allOf[report.Lot](ctx, c, lotPath("lots", environment, dataset), query)
}

// Gaps returns the gaps of a dataset that are in a range.
func (c *Client) Gaps(ctx context.Context, environment, dataset string, r report.Range) ([]report.Gap, error) {
	return allOf[report.Gap](ctx, c, lotPath("lots", environment, dataset, "gaps"), ranged(r))
}

// Lot returns all that is known of a lot.
func (c *Client) Lot(ctx context.Context, environment, dataset, lot string) (console.LotShown, error) {
	var l console.LotShown
	return l, c.get(ctx, lotPath("lots", environment, dataset, lot), &l)
}

// RemoveLots has a lot count no longer or, without one, those of a range, and returns what comes of it. It may take some minutes.
func (c *Client) RemoveLots(ctx context.Context, environment, dataset, lot string, body console.RemoveAct) (console.LotOutcome, error) {
	where := lotPath("lots", environment, dataset, "remove")
	if lot != "" {
		where = lotPath("lots", environment, dataset, lot, "remove")
	}
	var done console.LotOutcome
	err := c.within(removeTimeout).post(ctx, where, body, &done)
	return done, err
}

// Log returns the log of a run of a lot; without an attempt, of the last one.
func (c *Client) Log(ctx context.Context, environment, dataset, lot, attempt string) (console.LotLog, error) {
	where := lotPath("lots", environment, dataset, lot, "log")
	if attempt != "" {
		where += "?" + url.Values{"attempt": {attempt}}.Encode()
	}
	var found console.LotLog
	return found, c.within(logTimeout).get(ctx, where, &found)
}

// within is the same client, whose requests may take longer.
func (c *Client) within(timeout time.Duration) *Client {
	other := *c
	other.timeout = timeout
	return &other
}

// ActOnLots does something about the lots of a workload, or of the one that makes a dataset: retry, enable or disable. It returns what
// comes of it.
func (c *Client) ActOnLots(ctx context.Context, environment, id, act string, body console.RetryAct) (string, error) {
	var said console.Outcome
	err := c.post(ctx, lotPath("workloads", environment, id, act), body, &said)
	return said.Message, err
}

// lotPath is the path of what is asked about a dataset or a workload, by its id.
func lotPath(what, environment, id string, more ...string) string {
	project, name, _ := strings.Cut(id, "/")
	return path(append([]string{what, environment, project, name}, more...)...)
}

func ranged(r report.Range) url.Values {
	query := url.Values{}
	if !r.From.IsZero() {
		query.Set("from", r.From.UTC().Format(time.RFC3339))
	}
	if !r.Until.IsZero() {
		query.Set("until", r.Until.UTC().Format(time.RFC3339))
	}
	return query
}
