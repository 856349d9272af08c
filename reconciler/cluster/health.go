package cluster

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/plan/health"
)

// Health says how an object is doing.
type Health = health.State

// The healths, from good to bad.
const (
	Healthy     = health.Healthy
	Progressing = health.Progressing
	Stalled     = health.Stalled
	Failed      = health.Failed
)

// HealthOf gives the health of an object and, unless it is healthy, why; see [health.Of].
func HealthOf(o *unstructured.Unstructured, rules *health.Rules) (Health, string) {
	v := health.Of(o, rules)
	return v.State, v.Message
}

// JudgeBy sets the rules by which objects are judged from now on; nil has none. The objects whose rule is another one are
// listed again.
func (c *Cluster) JudgeBy(rules *health.Rules) {
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
