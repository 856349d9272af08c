// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
)

// others do what others do while a keeper is at work, until ctx ends: people write manifests, and notifications come.
func (w *storm) others(ctx context.Context, k *Keeper) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(1+w.dice(20)) * time.Millisecond):
		}
		w.mu.Lock()
		quiet := w.quiet
		w.mu.Unlock()
		if acts := w.acts(); !quiet && w.dice(12) == 0 {
			acts[w.dice(len(acts))]()
		}
		if w.dice(2) == 0 {
			k.Hint(w.notification())
		}
	}
}

// somewhere is a lot that is to be made, of either dataset.
func (w *storm) somewhere() (dataset string, l lot.Lot) {
	return []string{"raw", "clean"}[w.dice(2)], lot.Hourly.At(w.first().Add(time.Duration(w.dice(w.lots)) * time.Hour))
}

// put writes a manifest by hand where none is.
func (w *storm) put(dataset, version string, l lot.Lot, text string) {
	key := manifest.Key{Dataset: manifest.Dataset{Name: dataset, Version: version}, Lot: l, State: manifest.Complete}
	w.ask(http.MethodPut, "manifests/"+key.Path(), text, "If-None-Match", "*")
}

// whole is a manifest of a lot that a person has made by hand, with its one object.
func (w *storm) whole(dataset string, l lot.Lot) string {
	key := fmt.Sprintf("%s/by-hand/%s-%d", dataset, l.ID(), w.dice(1<<30))
	w.write("lake", key, "by hand")
	w.hand.Store("s3://lake/"+key, true)
	return string(manifest.Manifest{State: manifest.Complete, LotID: l.ID(), URIType: manifest.Identifier, URIs: []string{"s3://lake/" + key}}.Encode())
}

// acts are what people do to the manifests, each once and somewhere. Of the lots that are to be made, they damage those of what is read
// only, and never where they have made what is made of it: a manifest that nobody reads is not found to be damaged after a restart.
func (w *storm) acts() []func() {
	anywhere := func(do func(dataset string, l lot.Lot)) func() { return func() { do(w.somewhere()) } }
	raw := func(text func(l lot.Lot) string) func() {
		return anywhere(func(_ string, l lot.Lot) {
			if l.Start.Hour()%2 == 0 {
				w.put("raw", "1", l, text(l))
			}
		})
	}
	year := 24 * 365 * time.Hour
	return []func(){
		// A lot that is made by hand counts.
		raw(func(l lot.Lot) string { return w.whole("raw", l) }),
		anywhere(func(_ string, l lot.Lot) {
			if l.Start.Hour()%2 == 1 {
				w.put("clean", "1", l, w.whole("clean", l))
			}
		}),
		// What is damaged does not: no manifest, half of one, nothing, that of another lot, and one that lists what belongs to others.
		raw(func(lot.Lot) string { return "{" }),
		raw(func(l lot.Lot) string { text := w.whole("raw", l); return text[:len(text)/2] }),
		raw(func(lot.Lot) string { return "" }),
		raw(func(l lot.Lot) string { return w.whole("raw", lot.Hourly.At(l.Start.Add(-time.Hour))) }),
		raw(func(l lot.Lot) string { return w.whole("elsewhere", l) }),
		// Nothing is made of a lot that is not due, of the next hour or the next year, or that nobody wants, from before the first.
		anywhere(func(dataset string, _ lot.Lot) {
			for _, at := range []time.Time{w.begin.Add(time.Hour), w.begin.Add(year), w.first().Add(-time.Hour), w.first().Add(-year)} {
				l := lot.Hourly.At(at)
				w.put(dataset, "1", l, w.whole(dataset, l))
			}
		}),
		// Nor of what nobody declares: another dataset, another version, lots of another length, and what is no manifest.
		anywhere(func(dataset string, l lot.Lot) {
			w.put("ghost", "1", l, w.whole("ghost", l))
			w.put(dataset, "2", l, w.whole(dataset, l))
			day := lot.Daily.At(l.Start)
			w.put(dataset, "1", day, w.whole(dataset, day))
			w.write("manifests", "datasets/name="+dataset+"/version=1/lot="+l.ID()+"/state=complete/manifest.json~", "a file of an editor")
			w.write("manifests", "datasets/name="+dataset+"/version=1/lot="+l.ID()+"/_SUCCESS", "")
		}),
	}
}

// notification is what one names that comes: of what may have happened, at any time and as often as it likes, or of nothing.
func (w *storm) notification() (uris []string) {
	for range 1 + w.dice(4) {
		dataset, l := w.somewhere()
		switch w.dice(8) {
		case 0:
			uris = append(uris, "", "s3://", "s3://manifests/", "s3://manifests/datasets/name=raw/../../x", "s3://elsewhere/a", "\x00")
		case 1:
			l = lot.Hourly.At(w.begin.Add(time.Duration(w.dice(100)) * time.Hour))
		case 2:
			dataset = "ghost"
		case 3:
			for i := range 2 * maxWritten {
				l := lot.Hourly.At(w.begin.Add(time.Duration(i-maxWritten) * time.Hour))
				uris = append(uris, "s3://manifests/"+manifest.Key{Dataset: manifest.Dataset{Name: dataset, Version: "1"}, Lot: l, State: manifest.Empty}.Path())
			}
		}
		uri := "s3://manifests/" + manifest.Key{Dataset: manifest.Dataset{Name: dataset, Version: "1"}, Lot: l, State: manifest.Complete}.Path()
		for range 1 + w.dice(2) {
			uris = append(uris, uri)
		}
	}
	return uris
}
