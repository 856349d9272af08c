// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"encoding/json"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	annotationSaid = "trunkline.dev/said" // What a replica passes on to the others, on its Lease.
	// sayFor is in how many intervals the others can hear something, and maxSaid how many bytes can be heard at a time: of more, what was
	// said first is left out.
	sayFor, maxSaid = 5, 32 << 10
)

// said is a text for the others.
type said struct {
	number int64
	at     time.Time
	text   string
}

// saidJSON is what a Lease has of them: the texts, and the number of the first.
type saidJSON struct {
	From  int64    `json:"from"`
	Texts []string `json:"texts"`
}

// Say has the other replicas hear texts, by Options.Heard, with the next renewals of the Lease: it costs no request. Each hears a text once, as
// a rule, and not at all if there are too many: nothing may depend on it. Any goroutine may call it.
func (c *Coordinator) Say(texts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range texts {
		c.number++
		c.said = append(c.said, said{c.number, c.opts.Now(), text})
	}
	size := 0
	for i, one := range slices.Backward(c.said) {
		if size += len(one.text); size > maxSaid {
			c.said = c.said[i+1:]
			break
		}
	}
}

// speak writes into the Lease of this replica what the others are to hear.
func (c *Coordinator) speak(lease *coordinationv1.Lease) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.said) > 0 && c.opts.Now().Sub(c.said[0].at) > sayFor*c.opts.Interval {
		c.said = c.said[1:]
	}
	delete(lease.Annotations, annotationSaid)
	if len(c.said) == 0 {
		return
	}
	out := saidJSON{From: c.said[0].number}
	for _, s := range c.said {
		out.Texts = append(out.Texts, s.text)
	}
	if data, err := json.Marshal(out); err == nil && len(data) <= maxAnnotation {
		metav1.SetMetaDataAnnotation(&lease.ObjectMeta, annotationSaid, string(data))
	}
}

// listen hears what the others have said since it was listened last. It belongs to the goroutine of Run.
func (c *Coordinator) listen(s *snapshot) {
	heard := map[string]int64{}
	var texts []string
	for name, m := range s.members {
		var in saidJSON
		if name == c.name || decode(m.lease.Annotations[annotationSaid], &in) != nil {
			if last, before := c.heard[string(m.lease.UID)]; before {
				heard[string(m.lease.UID)] = last
			}
			continue
		}
		last := c.heard[string(m.lease.UID)]
		for i, text := range in.Texts {
			if in.From+int64(i) > last {
				texts = append(texts, text)
			}
		}
		heard[string(m.lease.UID)] = max(last, in.From+int64(len(in.Texts))-1)
	}
	c.heard = heard
	if len(texts) > 0 {
		c.opts.Heard(texts)
	}
}
