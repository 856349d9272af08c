// SPDX-License-Identifier: Apache-2.0

package cluster

import "trunkline.dev/trunkline/plan/health"

// SetHealthRules sets the rules by which the health of objects of custom kinds is decided from now on; nil has none. The
// objects whose rule is another one are listed again.
func (c *Cluster) SetHealthRules(rules *health.Rules) {
	changed := rules.Changed(c.rules.Swap(rules))
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn != nil {
		for _, kind := range changed {
			conn.observer.again(kind)
		}
	}
}
