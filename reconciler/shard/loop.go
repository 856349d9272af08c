// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Run takes part until ctx ends, and then hands over what the replica has: it returns when the runs have ended and
// the others know, or after WriteTimeout.
func (c *Coordinator) Run(ctx context.Context) {
	for ctx.Err() == nil {
		again, err := c.tick(ctx)
		c.problem(ctx, err)
		c.announce()
		if again && err == nil {
			continue
		}
		timer := time.NewTimer(c.opts.Interval)
		select {
		case <-ctx.Done():
		case <-c.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
	c.leave(ctx)
}

// begin finds out, with the first look at the others, if nothing was ever done. Whatever is missing later was taken away.
func (c *Coordinator) begin(ctx context.Context, s *snapshot) error {
	if c.looked || c.opts.Untouched == nil || s.holder != nil {
		c.looked, c.untouched = true, c.untouched && s.holder == nil
		return nil
	}
	err := c.call(ctx, func(ctx context.Context) (err error) {
		c.untouched, err = c.opts.Untouched(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("finding out whether anything was ever done: %w", err)
	}
	c.looked = true
	return nil
}

// call makes one request. One that hangs leaves time for another before the Lease lapses.
func (c *Coordinator) call(ctx context.Context, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.RenewDeadline/3)
	defer cancel()
	return request(ctx)
}

// tick looks at the others once, and does what follows. It reports whether there is more to do at once.
func (c *Coordinator) tick(ctx context.Context) (again bool, err error) {
	if !c.joined {
		if err := c.join(ctx); err != nil {
			return false, err
		}
	}
	s, asked, err := c.look(ctx)
	if err != nil {
		return false, err
	}
	if err := c.begin(ctx, &s); err != nil {
		return false, err
	}
	c.listen(&s)
	c.memory.observe(&s, asked, c.opts.Now(), c.opts.Duration)
	me := self{name: c.name, seen: c.seen, holds: c.holds()}
	if c.opts.Sole {
		me.sole = c.opts.Identity
	}
	d := decide(me, &s, &c.memory, asked,
		timing{duration: c.opts.Duration, rebalance: c.opts.Rebalance, untouched: c.untouched})
	if d.lost != nil {
		c.drop()
		c.name, c.joined, c.seen = "", false, seen{}
		return false, d.lost
	}
	c.seen = d.seen
	next := record{shards: c.opts.Shards, seen: d.seen, holds: c.take(d, &s)}
	c.report(&s, d, asked)
	mine := s.members[c.name]
	again = mine.err != nil || mine.seen != next.seen || mine.holds != next.holds
	if err := c.renew(ctx, mine.lease, next); err != nil {
		return false, err
	}
	led, err := c.lead(ctx, &s, d)
	return again || led, errors.Join(append(d.problems, err)...)
}

// randomLen is how much of the name of a Lease is random.
const randomLen = 8

// join makes the Lease. What was under way under an earlier one has to end first: nobody waits for it any more.
func (c *Coordinator) join(ctx context.Context) error {
	if c.busy() {
		return errors.New("waiting for the runs to end that were under way when the Lease of this replica was lost")
	}
	if c.name == "" {
		// A name is never used twice: that a Lease is gone says that its replica is.
		c.name = c.opts.Group + "." + c.opts.Identity + "." + strings.ToLower(rand.Text()[:randomLen])
	}
	lease := &coordinationv1.Lease{ObjectMeta: c.meta(c.name)}
	if err := c.fill(lease, record{shards: c.opts.Shards}); err != nil {
		return err
	}
	err := c.call(ctx, func(ctx context.Context) error { return c.opts.Leases.Create(ctx, lease) })
	if err != nil && !apierrors.IsAlreadyExists(err) { // which an earlier attempt has made
		return fmt.Errorf("making the Lease %s: %w", c.name, err)
	}
	c.joined = true
	return nil
}

func (c *Coordinator) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: map[string]string{LabelGroup: c.opts.Group, labelManagedBy: manager}}
}

// fill writes into a Lease that this replica is alive, and what it has to say.
func (c *Coordinator) fill(lease *coordinationv1.Lease, r record) error {
	text, err := r.encode()
	if err != nil {
		return fmt.Errorf("writing the Lease %s: %w", lease.Name, err)
	}
	metav1.SetMetaDataAnnotation(&lease.ObjectMeta, annotationReplica, text)
	c.speak(lease)
	c.note(lease)
	seconds := int32(c.opts.Duration / time.Second) //nolint:gosec // at most ten minutes
	now := metav1.NewMicroTime(c.opts.Now())        // for people; nobody compares it with a clock
	lease.Spec = coordinationv1.LeaseSpec{HolderIdentity: &c.opts.Identity, LeaseDurationSeconds: &seconds, RenewTime: &now}
	return nil
}

// look reads all Leases, and says when it asked.
func (c *Coordinator) look(ctx context.Context) (s snapshot, asked time.Time, err error) {
	asked = c.opts.Now()
	err = c.call(ctx, func(ctx context.Context) error {
		leases, err := c.opts.Leases.List(ctx, c.opts.Group)
		if err == nil {
			s = read(c.opts.Group, c.seen, leases)
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("reading the Leases of the replicas: %w", err)
	}
	return s, asked, err
}

// renew publishes what this replica has to say. From when that was sent, the Lease holds again.
func (c *Coordinator) renew(ctx context.Context, mine *coordinationv1.Lease, r record) error {
	c.mu.Lock()
	r.work = c.runs.load(c.opts.Now(), r.holds)
	c.mu.Unlock()
	lease := mine.DeepCopy()
	if err := c.fill(lease, r); err != nil {
		return err
	}
	sent := c.opts.Now()
	if err := c.call(ctx, func(ctx context.Context) error { return c.opts.Leases.Update(ctx, lease) }); err != nil {
		return fmt.Errorf("renewing the Lease %s: %w", c.name, err)
	}
	c.renewedAt(sent)
	return nil
}

// lead does what the first replica does for all, and reports whether it did anything. That another one was faster is no
// error.
func (c *Coordinator) lead(ctx context.Context, s *snapshot, d decision) (bool, error) {
	var errs []error
	did := false
	do := func(what, name string, request func(context.Context) error) {
		err := c.call(ctx, request)
		if err == nil {
			did = true
		} else if !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && !apierrors.IsAlreadyExists(err) {
			errs = append(errs, fmt.Errorf("%s the Lease %s: %w", what, name, err))
		}
	}
	for _, lease := range d.end {
		c.opts.Log.Warn("a replica is gone", "lease", lease.Name)
		ended := ended(lease)
		do("ending", lease.Name, func(ctx context.Context) error { return c.opts.Leases.Update(ctx, ended) })
	}
	for _, lease := range d.remove {
		do("deleting", lease.Name, func(ctx context.Context) error { return c.opts.Leases.Delete(ctx, lease) })
	}
	if d.write == nil {
		return did, errors.Join(errs...)
	}
	if d.write.id == "" {
		d.write.id = rand.Text()
	}
	text, err := d.write.encode()
	if err != nil {
		return did, fmt.Errorf("writing the assignment: %w", err)
	}
	if s.holder == nil {
		lease := &coordinationv1.Lease{ObjectMeta: c.meta(assignmentName(c.opts.Group))}
		metav1.SetMetaDataAnnotation(&lease.ObjectMeta, annotationAssignment, text)
		do("making", lease.Name, func(ctx context.Context) error { return c.opts.Leases.Create(ctx, lease) })
	} else {
		lease := s.holder.DeepCopy()
		metav1.SetMetaDataAnnotation(&lease.ObjectMeta, annotationAssignment, text)
		do("writing", lease.Name, func(ctx context.Context) error { return c.opts.Leases.Update(ctx, lease) })
	}
	return did, errors.Join(errs...)
}

// ended returns a Lease as one whose replica is gone: nobody holds it.
func ended(lease *coordinationv1.Lease) *coordinationv1.Lease {
	lease = lease.DeepCopy()
	nobody := ""
	lease.Spec.HolderIdentity = &nobody
	return lease
}

// leave hands over everything: the runs are told to end, and when they have, the Lease is marked as ended.
func (c *Coordinator) leave(ctx context.Context) {
	c.drop()
	c.announce()
	if !c.joined {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.opts.WriteTimeout)
	defer cancel()
	err := errors.New("runs are under way")
	for {
		if !c.busy() {
			if err = c.release(ctx); err == nil {
				return
			}
		}
		timer := time.NewTimer(c.opts.Interval)
		select {
		case <-ctx.Done():
			timer.Stop()
			c.opts.Log.Warn("cannot hand over: the other replicas wait until the Lease is over", "lease", c.name, "lasts", c.opts.Duration, "err", err.Error())
			return
		case <-c.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// release marks the Lease of this replica as ended.
func (c *Coordinator) release(ctx context.Context) error {
	s, _, err := c.look(ctx)
	if err != nil {
		return err
	}
	mine, there := s.members[c.name]
	if !there || mine.ended {
		return nil // others have seen to it
	}
	return c.call(ctx, func(ctx context.Context) error { return c.opts.Leases.Update(ctx, ended(mine.lease)) })
}
