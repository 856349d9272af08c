// SPDX-License-Identifier: Apache-2.0

package meter

import "trunkline.dev/trunkline/reconciler/history"

// Tables are those of the meter. What was released is never changed: a change is a new step at the end.
//
// Times are microseconds since 1970, days are texts such as "2026-11-21", and amounts billionths of a currency. A thing is known by
// (cluster, uid), and what it did cost on a day by these and the day: so it is there once.
func Tables() history.Tables {
	return history.Tables{What: "costs", Versions: "trunkline_usage", Steps: [][]string{{
		`CREATE TABLE trunkline_usage_things (
			cluster TEXT NOT NULL,
			uid TEXT NOT NULL,
			platform TEXT NOT NULL,
			kind TEXT NOT NULL,
			project TEXT NOT NULL,
			environment TEXT NOT NULL,
			workload TEXT NOT NULL,
			run TEXT NOT NULL,
			once BIGINT NOT NULL,
			began BIGINT NOT NULL,
			until_at BIGINT NOT NULL,
			certainty BIGINT NOT NULL,
			PRIMARY KEY (cluster, uid)
		)`,
		`CREATE INDEX trunkline_usage_things_until ON trunkline_usage_things (platform, until_at)`,
		`CREATE TABLE trunkline_usage_days (
			day TEXT NOT NULL,
			cluster TEXT NOT NULL,
			uid TEXT NOT NULL,
			platform TEXT NOT NULL,
			kind TEXT NOT NULL,
			project TEXT NOT NULL,
			environment TEXT NOT NULL,
			owner TEXT NOT NULL,
			workload TEXT NOT NULL,
			run TEXT NOT NULL,
			lot TEXT NOT NULL,
			spot BIGINT NOT NULL,
			currency TEXT NOT NULL,
			nano BIGINT NOT NULL,
			lasted BIGINT NOT NULL,
			core_ms BIGINT NOT NULL,
			mib_s BIGINT NOT NULL,
			used_core_ms BIGINT NOT NULL,
			used_mib_s BIGINT NOT NULL,
			measured BIGINT NOT NULL,
			unpriced BIGINT NOT NULL,
			PRIMARY KEY (day, cluster, uid)
		)`,
		`CREATE INDEX trunkline_usage_days_project ON trunkline_usage_days (platform, project, day)`,
		// When each cluster was looked at last, and when nobody looked.
		`CREATE TABLE trunkline_usage_looks (platform TEXT NOT NULL, cluster TEXT NOT NULL, began BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (platform, cluster))`,
		`CREATE TABLE trunkline_usage_gaps (
			platform TEXT NOT NULL, cluster TEXT NOT NULL, began BIGINT NOT NULL, until_at BIGINT NOT NULL, lost BIGINT NOT NULL,
			PRIMARY KEY (platform, cluster, began)
		)`,
		// The first day of which single things are still kept.
		`CREATE TABLE trunkline_usage_folded (platform TEXT NOT NULL PRIMARY KEY, day TEXT NOT NULL)`,
		`CREATE TABLE trunkline_usage_bills (
			platform TEXT NOT NULL, account TEXT NOT NULL, period TEXT NOT NULL, day TEXT NOT NULL, cluster TEXT NOT NULL, service TEXT NOT NULL,
			currency TEXT NOT NULL, nano BIGINT NOT NULL,
			PRIMARY KEY (platform, account, period, day, cluster, service)
		)`,
		`CREATE INDEX trunkline_usage_bills_day ON trunkline_usage_bills (platform, day)`,
		// What a project was to cost in an environment in a month, by the first estimate of that month.
		`CREATE TABLE trunkline_usage_estimates (
			platform TEXT NOT NULL, month TEXT NOT NULL, project TEXT NOT NULL, environment TEXT NOT NULL, currency TEXT NOT NULL, nano BIGINT NOT NULL,
			PRIMARY KEY (platform, month, project, environment, currency)
		)`,
	}, {
		// What pods of runs used at moments, as [usage.Sampled] keeps it.
		`CREATE TABLE trunkline_usage_samples (
			platform TEXT NOT NULL, project TEXT NOT NULL, environment TEXT NOT NULL, run TEXT NOT NULL, uid TEXT NOT NULL, at BIGINT NOT NULL,
			core_m BIGINT NOT NULL, mib BIGINT NOT NULL, asked_core_m BIGINT NOT NULL, asked_mib BIGINT NOT NULL,
			PRIMARY KEY (platform, project, environment, run, uid, at)
		)`,
		`CREATE INDEX trunkline_usage_samples_at ON trunkline_usage_samples (platform, at)`,
	}, {
		// Where the history of pods of runs is shown.
		`CREATE TABLE trunkline_usage_histories (
			platform TEXT NOT NULL, project TEXT NOT NULL, environment TEXT NOT NULL, run TEXT NOT NULL, uid TEXT NOT NULL, began BIGINT NOT NULL, address TEXT NOT NULL,
			PRIMARY KEY (platform, project, environment, run, uid)
		)`,
		`CREATE INDEX trunkline_usage_histories_began ON trunkline_usage_histories (platform, began)`,
	}}}
}
