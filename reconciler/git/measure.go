// SPDX-License-Identifier: Apache-2.0

package git

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"
)

// extent is how much hangs below a folder.
type extent struct {
	files int64
	depth int
	// complete reports that every object below was seen in the store.
	complete bool
}

// measure walks everything below a folder once per distinct folder, so that a tree which repeats itself
// beyond all bounds is found out by adding, not by walking. With complete set it also asks for every blob.
func (o *objects) measure(ctx context.Context, h plumbing.Hash, depth int, complete bool) (extent, error) {
	if x, ok := o.extents.get(h); ok && (x.complete || !complete) {
		return x, o.checkExtent(x, depth)
	}
	if err := ctx.Err(); err != nil {
		return extent{}, err
	}
	f, err := o.folder(h)
	if err != nil {
		return extent{}, err
	}
	sum := extent{depth: 1, complete: complete}
	for _, e := range f.entries {
		sub := extent{files: 1}
		switch {
		case e.kind == kindFolder:
			if depth >= o.limits.MaxDepth {
				return sum, o.tooDeep()
			}
			if sub, err = o.measure(ctx, e.hash, depth+1, complete); err != nil {
				return sum, err
			}
		case e.kind != kindModule && complete:
			if err := o.has(e.hash); err != nil {
				return sum, err
			}
		}
		sum.depth = max(sum.depth, sub.depth+1)
		// No overflow: a folder's sum is bounded before it is added to the next.
		if sum.files += sub.files; sum.files > o.limits.MaxFiles {
			return sum, &LimitError{Subject: "the tree", Limit: o.limits.MaxFiles, Unit: "files", Field: "MaxFiles"}
		}
	}
	o.extents.put(h, sum, 1)
	return sum, nil
}

func (o *objects) checkExtent(x extent, depth int) error {
	if depth+x.depth-1 > o.limits.MaxDepth {
		return o.tooDeep()
	}
	return nil
}

func (o *objects) tooDeep() error {
	return &LimitError{Subject: "the tree", Limit: int64(o.limits.MaxDepth), Unit: "folders in one path", Field: "MaxDepth"}
}
