// SPDX-License-Identifier: Apache-2.0

package consoletest

import (
	"context"
	"fmt"

	"trunkline.dev/trunkline/console"
)

// taskLogs are those of a daemon.
type taskLogs struct{ d *Daemon }

// TaskLog implements [console.TaskLogs].
func (l taskLogs) TaskLog(_ context.Context, of console.TaskRef) (console.TaskLog, error) {
	if l.d.Err != nil {
		return console.TaskLog{}, l.d.Err
	}
	found, there := l.d.TaskLogs[of]
	if !there {
		return console.TaskLog{}, fmt.Errorf("Airflow has no DAG %q of the project %s: %w", of.Dag, of.Project, console.ErrNotFound) //nolint:staticcheck // it is a name
	}
	return found, nil
}
