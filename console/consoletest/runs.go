// SPDX-License-Identifier: Apache-2.0

package consoletest

import (
	"context"
	"fmt"

	"trunkline.dev/trunkline/console"
)

// runs are those of a daemon.
type runs struct{ d *Daemon }

// Run implements [console.Runs].
func (r runs) Run(_ context.Context, id console.RunID) (console.RunFound, error) {
	found, ok := r.d.Ran[id.Name()]
	if !ok || r.d.Err != nil {
		return found, r.or(id, r.d.Err)
	}
	return found, nil
}

// RunLog implements [console.Runs].
func (r runs) RunLog(_ context.Context, id console.RunID) (console.LotLog, error) {
	found, ok := r.d.RunLogs[id.Name()]
	if !ok || r.d.Err != nil {
		return found, r.or(id, r.d.Err)
	}
	return found, nil
}

func (r runs) or(id console.RunID, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("nothing is known of the run %s of %s in %s: %w", id.Name(), id.Of(), id.Environment, console.ErrNotFound)
}
