// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
)

// fault is something that happens to the replicas.
type fault struct {
	At      time.Duration
	Kind    string
	Replica int
	Lasts   time.Duration
}

// scenario is one course of events.
type scenario struct {
	Seed     int64
	Shards   []bool // of each replica
	Offsets  []time.Duration
	Rates    []float64
	Slow     time.Duration
	Faults   []fault
	Releases int
}

var faultKinds = []string{
	"kill", "stop", "start", "pause", "cut", "delete assignment", "damage assignment", "restore assignment",
	"delete lease", "damage lease", "stranger",
}

func scenarios(t *rapid.T) scenario {
	n := rapid.IntRange(2, 4).Draw(t, "replicas")
	second := func(from, to int) *rapid.Generator[time.Duration] {
		return rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.IntRange(from*10, to*10).Draw(t, "tenths")) * time.Second / 10
		})
	}
	s := scenario{
		Seed: rapid.Int64().Draw(t, "seed"), Releases: rapid.IntRange(1, 12).Draw(t, "releases"),
		Slow: rapid.SampledFrom([]time.Duration{5 * time.Millisecond, 300 * time.Millisecond}).Draw(t, "slow"),
	}
	sharing := rapid.Bool().Draw(t, "sharing")
	for range n {
		s.Shards = append(s.Shards, sharing && rapid.IntRange(0, 9).Draw(t, "shards") > 0)
		s.Offsets = append(s.Offsets, second(-36000, 36000).Draw(t, "offset"))
		s.Rates = append(s.Rates, rapid.Float64Range(0.98, 1.02).Draw(t, "rate"))
	}
	for range rapid.IntRange(0, 12).Draw(t, "faults") {
		s.Faults = append(s.Faults, fault{
			At: second(0, 40).Draw(t, "after"), Kind: rapid.SampledFrom(faultKinds).Draw(t, "kind"),
			Replica: rapid.IntRange(0, n-1).Draw(t, "replica"), Lasts: second(0, 45).Draw(t, "lasts"),
		})
	}
	return s
}

// simulation is a scenario that is played.
type simulation struct {
	t         *testing.T
	s         scenario
	w         *world
	opts      Options
	releases  []catalog.ReleaseID
	processes []*process // those that were started last, by replica
	all       []*process
	kept      *coordinationv1.Lease // an assignment of before
}

func (m *simulation) start(i int) {
	p := &process{
		w: m.w, name: fmt.Sprintf("r%d", i), offset: m.s.Offsets[i], rate: m.s.Rates[i], slow: m.s.Slow,
		random: rand.New(rand.NewSource(m.s.Seed + int64(len(m.all)))),
	}
	opts := m.opts
	opts.Shards = m.s.Shards[i]
	p.run(m.t, opts, m.releases)
	m.processes[i] = p
	m.all = append(m.all, p)
}

func (m *simulation) strike(f fault) {
	p := m.processes[f.Replica]
	holder := assignmentName(m.opts.Group)
	switch f.Kind {
	case "kill":
		p.kill()
	case "stop":
		p.stop()
	case "start": // beside the one that may be running still: a rolling update, or a mistake
		m.start(f.Replica)
	case "pause":
		p.mu.Lock()
		p.paused = time.Now().Add(f.Lasts)
		p.mu.Unlock()
	case "cut":
		p.mu.Lock()
		p.cut = time.Now().Add(f.Lasts)
		p.mu.Unlock()
	case "delete assignment":
		m.w.meddle(holder, func(*coordinationv1.Lease) bool { return false })
	case "damage assignment":
		m.w.meddle(holder, func(l *coordinationv1.Lease) bool {
			l.Annotations[annotationAssignment] = `{"v":1,"epoch":9223372036854775807,"owners":[99]}`
			return true
		})
	case "restore assignment": // keeps one, and puts it back another time
		m.w.meddle(holder, func(l *coordinationv1.Lease) bool {
			if m.kept == nil {
				m.kept = l.DeepCopy()
			} else {
				l.Annotations = m.kept.DeepCopy().Annotations
				m.kept = nil
			}
			return true
		})
	case "delete lease", "damage lease":
		for _, l := range m.w.list() {
			if strings.HasPrefix(l.Name, m.opts.Group+"."+p.name+".") {
				m.w.meddle(l.Name, func(l *coordinationv1.Lease) bool {
					l.Annotations[annotationReplica] = `{"v":99}`
					return f.Kind == "damage lease"
				})
			}
		}
	case "stranger":
		l := &coordinationv1.Lease{}
		l.Name = fmt.Sprintf("stranger-%s", time.Since(m.w.start))
		someone := "someone"
		l.Spec.HolderIdentity = &someone
		_ = m.w.create(l)
	}
}

// owned lists what is wrong at the end: every release is to have one owner.
func (m *simulation) owned() []string {
	var wrong []string
	for _, id := range m.releases {
		var by []string
		for _, p := range m.all {
			if !p.isDead() && p.coordinator.Owned(id) {
				by = append(by, p.name)
			}
		}
		if len(by) != 1 {
			wrong = append(wrong, fmt.Sprintf("%s belongs to %v in the end", id, by))
		}
	}
	return wrong
}

// play returns what went wrong, and how often something was written.
func play(t *testing.T, s scenario) (wrong []string, writes int) {
	m := &simulation{
		t: t, s: s, w: newWorld(), processes: make([]*process, len(s.Shards)),
		opts: Options{
			Group: "acme", Duration: 20 * time.Second, RenewDeadline: 6 * time.Second, WriteTimeout: 12 * time.Second,
			Interval: time.Second, Rebalance: 10 * time.Second,
		},
	}
	for i := range s.Releases {
		m.releases = append(m.releases, catalog.ReleaseID{Project: fmt.Sprintf("p%d", i), Environment: "dev", Cluster: "here"})
	}
	for i := range m.processes {
		m.start(i)
	}
	for _, f := range s.Faults {
		time.Sleep(f.At)
		m.strike(f)
	}
	time.Sleep(45 * time.Second) // the longest fault
	m.start(0)                   // so that there is one at all
	// The network stays bad, so that now and then a Lease lapses for a moment.
	deadline := time.Now().Add(8 * m.opts.Duration)
	for wrong = m.owned(); len(wrong) > 0 && time.Now().Before(deadline); wrong = m.owned() {
		time.Sleep(m.opts.Interval)
	}
	time.Sleep(m.opts.WriteTimeout)
	for _, p := range m.all {
		p.stop()
	}
	for _, p := range m.all {
		p.running.Wait()
	}
	m.w.requests.Wait()
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	return append(wrong, m.w.found...), m.w.writes
}

func TestNoReleaseIsEverTwoReplicas(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := scenarios(rt)
		var wrong []string
		var writes int
		synctest.Test(t, func(t *testing.T) { wrong, writes = play(t, s) })
		if len(wrong) > 0 {
			rt.Fatalf("%+v:\n%s", s, strings.Join(wrong, "\n"))
		}
		if writes == 0 {
			rt.Fatalf("%+v: nobody ever wrote anything", s)
		}
	})
}
