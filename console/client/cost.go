// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net/url"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/cost/usage"
)

// Cost returns what something did cost that a query of the API asks for.
func (c *Client) Cost(ctx context.Context, query url.Values) (console.CostAnswer, error) {
	var a console.CostAnswer
	return a, c.get(ctx, "/api/v1/cost?"+query.Encode(), &a)
}

// CostOutlook returns what this month is going to cost.
func (c *Client) CostOutlook(ctx context.Context) (console.CostOutlook, error) {
	var o console.CostOutlook
	return o, c.get(ctx, "/api/v1/cost/outlook", &o)
}

// Bills holds what was counted against what was billed.
func (c *Client) Bills(ctx context.Context, query url.Values) (console.BillAnswer, error) {
	var a console.BillAnswer
	return a, c.get(ctx, "/api/v1/cost/bills?"+query.Encode(), &a)
}

// ImportBill has a bill kept, and returns what came of it.
func (c *Client) ImportBill(ctx context.Context, b usage.Bill, why string) (string, error) {
	var out console.Outcome
	err := c.post(ctx, "/api/v1/cost/bills", console.BillImport{Why: why, Bill: b}, &out)
	return out.Message, err
}
