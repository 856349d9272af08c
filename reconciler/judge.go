package reconciler

import (
	"context"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/policy/custom"
)

// judgement is a revision's declarations, and what is said against them.
type judgement struct {
	catalog  *catalog.Catalog
	custom   *custom.Set
	input    policy.Input
	verdicts *policy.Result
}

// judge reads the declarations of a revision and judges them; what is the same as in the last one that was accepted
// is not looked at again. There is no base to compare with: what is merged was judged against its base before, and
// what it says of rules and exceptions is what counts from now on.
func (r *Reconciler) judge(ctx context.Context, rev Revision, changed []string, known bool) (j *judgement, err error) {
	j = &judgement{}
	if known {
		j.catalog, _, err = r.judged.catalog.Update(rev.Tree, changed)
	} else {
		j.catalog, _, err = catalog.Load(rev.Tree, r.opts.Library)
	}
	if err != nil {
		return nil, err
	}
	if _, whole := j.catalog.Relinked(); known && !whole {
		j.custom = r.judged.custom
	} else if j.custom, err = custom.Load(j.catalog); err != nil {
		return nil, err
	}
	j.input = policy.Input{Catalog: j.catalog, Custom: j.custom, Now: day(r.opts.Now())}
	if r.judged != nil {
		j.input.Previous = r.judged.verdicts
	}
	j.verdicts, err = policy.Check(ctx, j.input)
	return j, err
}

// objects judges what the releases render to, if there are policies for that. A release that does not render is kept
// as it is, and there is nothing to judge.
func (j *judgement) objects(ctx context.Context, now time.Time, releases []catalog.Release, results map[catalog.ReleaseID]rendered) (err error) {
	if !j.custom.JudgesObjects() {
		return nil
	}
	var problems v1alpha1.Problems
	for _, rel := range releases {
		out := results[rel.ID]
		if p, ok := j.catalog.Project(rel.ID.Project); ok && out.err == nil {
			objects, err := out.objects.Unpack()
			if err != nil {
				return err
			}
			problems = append(problems, j.custom.Objects(ctx, j.catalog, p, rel.ID, objects)...)
		}
	}
	in := j.input
	in.Objects, in.Previous, in.Now = problems, j.verdicts, day(now)
	verdicts, err := policy.Check(ctx, in)
	if err == nil {
		j.verdicts = verdicts
	}
	return err
}

// day is the day of a time: rules and exceptions count by days, and what was judged on one need not be judged again.
func day(now time.Time) time.Time { return now.UTC().Truncate(24 * time.Hour) }
