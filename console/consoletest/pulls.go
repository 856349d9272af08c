// SPDX-License-Identifier: Apache-2.0

package consoletest

import (
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/webhooks/report"
)

// pulls are those of a daemon.
type pulls struct{ d *Daemon }

// Pulls implements [console.Pulls].
func (p pulls) Pulls() []report.Pull {
	var out []report.Pull
	for _, one := range p.d.Reported {
		out = append(out, one.Pull)
	}
	return out
}

// Pull implements [console.Pulls].
func (p pulls) Pull(name string) (report.Pull, *report.Facts, error) {
	for _, one := range p.d.Reported {
		if one.Name == name {
			return one.Pull, one.Facts, nil
		}
	}
	return report.Pull{}, nil, console.ErrNotFound
}
