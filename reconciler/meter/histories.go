// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"database/sql"
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/reconciler/history"
)

const (
	// annotationHistory has the address of the history server on the pod of a driver of Spark, whose application is called as the pod is.
	annotationHistory = "spark.trunkline.dev/history"
	// maxHistory bounds its length, and maxHistories how many are read of a run, which has one for each time that it was tried.
	maxHistory, maxHistories = 1000, 20
)

// historyOf is where the history of a pod is shown; empty if it says nothing of it, or says what is no address for a browser. Whoever may make pods
// can say anything.
func historyOf(o *unstructured.Unstructured) string {
	base := strings.TrimSuffix(o.GetAnnotations()[annotationHistory], "/")
	u, err := url.Parse(base)
	if base == "" || err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || len(base) > maxHistory {
		return ""
	}
	return u.JoinPath("history", o.GetName()).String() + "/"
}

// keepHistory keeps where the history of a pod of a run is shown.
func keepHistory(ctx context.Context, tx *sql.Tx, platform string, f usage.Fact) error {
	if f.History == "" || f.Place.Run == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO trunkline_usage_histories (platform, project, environment, run, uid, began, address) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT DO NOTHING`, platform, f.Place.Project, f.Place.Environment, f.Place.Run, f.UID, micros(f.Began), f.History)
	return err
}

// Histories returns where the history of a run is shown, the first time that it was tried first.
func (l *Ledger) Histories(ctx context.Context, platform, project, environment, run string) (out []string, err error) {
	err = l.db.Read(ctx, func(ctx context.Context, r history.Reader) error {
		out = nil
		rows, err := r.QueryContext(ctx, `SELECT address FROM trunkline_usage_histories
			WHERE platform = $1 AND project = $2 AND environment = $3 AND run = $4 ORDER BY began, uid LIMIT $5`, platform, project, environment, run, maxHistories)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var address string
			if err := rows.Scan(&address); err != nil {
				return err
			}
			out = append(out, address)
		}
		return rows.Err()
	})
	return out, err
}
