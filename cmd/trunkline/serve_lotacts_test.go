// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	lotflow "trunkline.dev/trunkline/flow"
	"trunkline.dev/trunkline/reconciler/history"
)

// TestExpiredEvent is what the history has of lots that are not kept any more.
func TestExpiredEvent(t *testing.T) {
	first := lot.Daily.At(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	one := lotflow.Expired{Environment: "prod", Dataset: "orders/clean@1", Lots: 1, First: first, Last: first, Why: "older than the retention of 30 days"}
	three := one
	three.Lots, three.Last = 3, first.Next().Next()
	for want, e := range map[string]lotflow.Expired{
		"1 lot is removed with its data, 20260101P1D000":                       one,
		"3 lots are removed with their data, 20260101P1D000 to 20260103P1D000": three,
	} {
		event := history.Event{
			Kind: history.Removed, Release: catalog.ReleaseID{Project: "orders", Environment: "prod"}, By: "retention", Object: "orders/clean@1", Why: one.Why, Message: want,
		}
		if diff := cmp.Diff(event, expiredEvent(e)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}
