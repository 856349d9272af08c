// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"maps"
	"slices"

	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

// have is what is known of the lots of an environment: what its stores had when they were listed, and what has been seen since of single
// lots. What a listing says does not change, so that others than the loop may read it.
type have struct {
	// stock is nil before anything is known.
	stock *survey.Stock
	// own are the lots that were looked at one by one since the stores were listed, and touched those of them that were since the listing
	// began that is under way: what that says of them is older.
	own     map[survey.At]survey.Lot
	touched map[survey.At]bool
	// damaged are the manifests that say that they count, and do not, by their ETag.
	damaged map[survey.At]string
	// supposed are the datasets of which nothing is known but what a snapshot says: they have not been listed yet.
	supposed map[string]bool
	// news is what is left to take of the listing that ended last; nil if that is all done.
	news *taking
}

// taking is a listing that is taken piece by piece.
type taking struct {
	lots *survey.Stock
	// own are the lots that were looked at before, and left those that have changed, but for datasets that count already.
	own, left []survey.At
	counts    map[string]bool
}

// piece cuts off the next lots.
func (t *taking) piece() (lots []survey.At) {
	from := &t.own
	if len(t.own) == 0 {
		from = &t.left
	}
	n := min(pieces, len(*from))
	lots, *from = (*from)[:n], (*from)[n:]
	return lots
}

// pieces is how many lots are taken at a time: they take some milliseconds.
const pieces = 1000

func newHave() have {
	return have{own: map[survey.At]survey.Lot{}, touched: map[survey.At]bool{}, damaged: map[survey.At]string{}, supposed: map[string]bool{}}
}

// lot is what is known of a lot. A manifest that is known to be damaged does not count.
func (h *have) lot(at survey.At) survey.Lot {
	f, seen := h.own[at]
	if !seen {
		f = h.stock.Lot(at)
	}
	return h.believed(at, f)
}

// believed is what is found, without what is known to be damaged.
func (h *have) believed(at survey.At, f survey.Lot) survey.Lot {
	if etag, is := h.damaged[at]; is && f.ETag == etag && f.State.There() {
		f.State = plan.Partial
	}
	return f
}

// sure reports whether a dataset was listed.
func (h *have) sure(dataset string) bool { return h.stock.Has(dataset) && !h.supposed[dataset] }

// put notes what there is of a lot now. What was damaged is forgotten once there is another manifest.
func (h *have) put(at survey.At, f survey.Lot) {
	if etag, is := h.damaged[at]; is && (f.ETag != etag || !f.State.There()) {
		delete(h.damaged, at)
	}
	h.own[at] = f
}

// failed are the lots of which an attempt has failed, as they are known.
func (h *have) failed() map[survey.At]survey.Lot {
	out := map[survey.At]survey.Lot{}
	for at := range h.stock.Failed() {
		out[at] = h.lot(at)
	}
	for at := range h.own {
		out[at] = h.lot(at)
	}
	maps.DeleteFunc(out, func(_ survey.At, f survey.Lot) bool { return len(f.Partial) == 0 })
	return out
}

// view is what is known at the moment, for others than the loop.
func (h *have) view() have {
	return have{stock: h.stock, own: maps.Clone(h.own), damaged: maps.Clone(h.damaged), supposed: maps.Clone(h.supposed)}
}

// seen is what is known, as it is planned with.
func (h *have) seen() *plan.Seen {
	out := &plan.Seen{}
	for _, id := range h.stock.Datasets() {
		out.Lots(id, h.stock.Marks(id))
	}
	for _, at := range slices.Collect(maps.Keys(h.own)) {
		out.Lot(at.Series, at.Lot, h.lot(at).Mark)
	}
	for at := range h.damaged {
		out.Lot(at.Series, at.Lot, h.lot(at).Mark)
	}
	return out
}

// keep forgets the datasets that are not wanted any more, or are in another place by now.
func (h *have) keep(wanted func(dataset string) bool) {
	if h.stock == nil {
		return
	}
	if h.news != nil {
		h.news.lots = h.news.lots.Only(wanted)
	}
	h.stock = h.stock.Only(wanted)
	maps.DeleteFunc(h.own, func(at survey.At, _ survey.Lot) bool { return !wanted(at.Series) })
	maps.DeleteFunc(h.touched, func(at survey.At, _ bool) bool { return !wanted(at.Series) })
	maps.DeleteFunc(h.damaged, func(at survey.At, _ string) bool { return !wanted(at.Series) })
	maps.DeleteFunc(h.supposed, func(id string, _ bool) bool { return !wanted(id) })
}

// suppose takes what a snapshot says of datasets that have not been listed, and returns that.
func (h *have) suppose(stock *survey.Stock) *survey.Stock {
	more := stock.Only(func(id string) bool { return !h.stock.Has(id) })
	for _, id := range more.Datasets() {
		h.supposed[id] = true
	}
	h.stock = h.stock.With(more)
	return more
}

// begin takes a listing that has ended, of what has changed since the one before as it says. Datasets that were listed for the first time
// count at once: it returns whether there are any. The others are taken by [have.next], piece by piece.
func (h *have) begin(lots *survey.Stock, changed []survey.At) (first bool) {
	fresh := func(id string) bool { return !h.sure(id) }
	added := lots.Only(fresh)
	first = h.stock == nil || len(added.Datasets()) > 0
	h.news = &taking{lots: lots, left: changed, counts: map[string]bool{}}
	for at := range h.own {
		switch {
		case !added.Has(at.Series) && lots.Has(at.Series):
			h.news.own = append(h.news.own, at)
		case added.Has(at.Series) && !h.touched[at]:
			delete(h.own, at) // the listing is newer
		}
	}
	h.stock = h.stock.With(added)
	for _, id := range added.Datasets() {
		delete(h.supposed, id)
		h.news.counts[id] = true
	}
	return first
}

// next returns what a piece of the listing that ended last says, which is to be put; once it was, it has to be told by [have.ended]. It is
// false if nothing is left.
func (h *have) next() (lots map[survey.At]survey.Lot, ok bool) {
	if h.news == nil {
		return nil, false
	}
	piece := h.news.piece()
	lots = make(map[survey.At]survey.Lot, len(piece))
	for _, at := range piece {
		if !h.touched[at] && !h.news.counts[at.Series] && h.news.lots.Has(at.Series) {
			lots[at] = h.news.lots.Lot(at)
		}
	}
	return lots, true
}

// ended has the listing, once all of it was taken, be what is known, but for what was seen since it began.
func (h *have) ended() {
	if h.news == nil || len(h.news.own)+len(h.news.left) > 0 {
		return
	}
	was, lots := h.own, h.news.lots
	h.own = map[survey.At]survey.Lot{}
	for at := range h.touched {
		h.own[at] = was[at]
	}
	for _, id := range h.stock.Datasets() {
		if !lots.Has(id) { // it could not be listed
			maps.Copy(h.own, was)
			maps.DeleteFunc(h.own, func(at survey.At, _ survey.Lot) bool { return lots.Has(at.Series) && !h.touched[at] })
			break
		}
	}
	h.stock, h.news = h.stock.With(lots), nil
	clear(h.touched)
}
