// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// some is a snapshot of two datasets, one of which has no lots.
func some() Snapshot {
	var m survey.Maker
	m.Dataset("a/x@1", lot.Hourly)
	m.Dataset("b/y@1", lot.Daily)
	for n := range 50 {
		f := survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: noon.Add(time.Duration(n) * time.Minute)}}
		if n == 7 {
			f = survey.Lot{Mark: plan.Mark{State: plan.Partial, Written: noon}, Partial: map[string]time.Time{"r1abc": noon, "r2abc": noon.Add(time.Hour)}}
		}
		m.Add(survey.At{Series: "a/x@1", Lot: lot.Hourly.At(noon.Add(time.Duration(2*n) * time.Hour))}, f)
	}
	return Snapshot{"acme", "prod", noon, map[string]string{"a/x@1": "s3://m/a/", "b/y@1": "s3://m/b/"}, m.Stock()}
}

func all(s Snapshot) map[survey.At]survey.Lot {
	out := map[survey.At]survey.Lot{}
	for _, id := range s.Lots.Datasets() {
		for at, f := range s.Lots.Lots(id) {
			out[survey.At{Series: id, Lot: at}] = f
		}
	}
	return out
}

// TestRoundTrip: what is written is read, but for ETags.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m survey.Maker
		s := Snapshot{"acme", "prod", noon, map[string]string{}, nil}
		for i := range rapid.IntRange(0, 3).Draw(t, "datasets") {
			id, unit := fmt.Sprint("a/d@", i), rapid.SampledFrom(lot.Units()).Draw(t, "unit")
			m.Dataset(id, unit)
			s.Stores[id] = "s3://m/"
			at := unit.At(time.Unix(rapid.Int64Range(-60e9, 250e9).Draw(t, "since"), 0))
			for range rapid.IntRange(0, 8).Draw(t, "lots") {
				f := survey.Lot{Mark: plan.Mark{State: plan.State(rapid.IntRange(1, 4).Draw(t, "state")), Written: timeOf(rapid.Int64().Draw(t, "written"))}, ETag: "e"}
				for range rapid.IntRange(0, 2).Draw(t, "failed") {
					f.Partial = map[string]time.Time{rapid.StringN(1, 20, 100).Draw(t, "attempt"): noon}
				}
				m.Add(survey.At{Series: id, Lot: at}, f)
				for range rapid.IntRange(1, 3).Draw(t, "step") {
					at = at.Next()
				}
			}
		}
		s.Lots = m.Stock()
		data, err := Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		want := all(s)
		for at, f := range want {
			f.ETag = ""
			want[at] = f
		}
		if diff := cmp.Diff(want, all(got)); diff != "" || !slices.Equal(s.Lots.Datasets(), got.Lots.Datasets()) || !cmp.Equal(s.Stores, got.Stores) || !got.Taken.Equal(noon) {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

// unpacked is a snapshot before it is compressed.
func unpacked(t *testing.T, data []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func packed(text string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return out.Bytes()
}

// TestOfNoUse: a snapshot that is damaged, of another version, of someone else, too old or from the future is none, and it is said why; one
// that is missing is no error.
func TestOfNoUse(t *testing.T) {
	data, err := Encode(some())
	if err != nil {
		t.Fatal(err)
	}
	text := unpacked(t, data)
	for name, tc := range map[string]struct {
		data []byte
		now  time.Time
		want string
	}{
		"as it is":              {data, noon.Add(time.Hour), ""},
		"a clock that is ahead": {data, noon.Add(-time.Minute), ""},
		"empty":                 {nil, noon, "it is damaged"},
		"no archive":            {[]byte("lots"), noon, "it is damaged"},
		"half":                  {data[:len(data)/2], noon, "damaged"},
		"a bit that flipped":    {flipped(data), noon, "damaged"},
		"half, and an archive":  {packed(text[:len(text)-20]), noon, "damaged"},
		"more than it says":     {packed(text + "x"), noon, "it does not end where it has to"},
		"no header":             {packed(""), noon, "it has no first line"},
		"an endless header":     {packed(strings.Repeat(" ", maxHeader+1<<17)), noon, "it has no first line"},
		"a newer version":       {packed(strings.Replace(text, `"version":1`, `"version":2`, 1)), noon, "its version is 2, and this program knows 1"},
		"more lots than any":    {packed(strings.Replace(text, `"lots":50`, `"lots":99999999`, 1)), noon, `what it says of "a/x@1" is none of 99999999 lots`},
		"fewer than none":       {packed(strings.Replace(text, `"lots":50`, `"lots":-1`, 1)), noon, `is none of -1 lots`},
		"an unknown unit":       {packed(strings.Replace(text, `"unit":"hourly"`, `"unit":"weekly"`, 1)), noon, `what it says of "a/x@1"`},
		"another unit":          {packed(strings.Replace(text, `"unit":"hourly"`, `"unit":"Twelfths"`, 1)), noon, ""},
		"one dataset twice":     {packed(strings.Replace(text, `"id":"b/y@1"`, `"id":"a/x@1"`, 1)), noon, `what it says of "a/x@1"`},
		"another environment":   {packed(strings.Replace(text, `"prod"`, `"dev"`, 1)), noon, `it is of "dev" of "acme"`},
		"another platform":      {packed(strings.Replace(text, `"acme"`, `"evil"`, 1)), noon, `it is of "prod" of "evil"`},
		"too old":               {data, noon.Add(MaxAge + time.Second), "it is older than 24h0m0s"},
		"from the future":       {data, noon.Add(-time.Hour), "it is from the future"},
		"of no time":            {packed(strings.Replace(text, `2026-01-02T12:00:00Z`, `0001-01-01T00:00:00Z`, 1)), noon, "it is older than"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &folder{data: tc.data}
			s, ok, err := Read(t.Context(), f, "acme", "prod", tc.now)
			switch {
			case tc.want == "" && (err != nil || !ok || s.Lots.Len() != 50):
				t.Errorf("it is not read: %v, %v", ok, err)
			case tc.want != "" && (ok || err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "reading the snapshot of the lots of prod: ")):
				t.Errorf("it is read: %v, %v; want %q", ok, err, tc.want)
			}
		})
	}
	for name, address := range map[string]string{"nothing": "file://" + t.TempDir() + "/none/"} {
		err := bucket.With(t.Context(), address, bucket.Options{}, func(f bucket.Folder) error {
			if _, ok, err := Read(t.Context(), f, "acme", "prod", noon); ok || err != nil {
				t.Errorf("%s is read: %v, %v", name, ok, err)
			}
			if err := Write(t.Context(), f, some()); err != nil {
				return err
			}
			if _, ok, err := Read(t.Context(), f, "acme", "prod", noon); !ok || err != nil {
				t.Errorf("what was written is not read: %v", err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func flipped(data []byte) []byte {
	out := slices.Clone(data)
	out[len(out)-6] ^= 1
	return out
}

// folder has one object, whatever it is asked for.
type folder struct{ data []byte }

func (f *folder) Read(_ context.Context, _ string, _ int64) ([]byte, error) { return f.data, nil }
func (f *folder) Replace(_ context.Context, _ string, data []byte) error {
	f.data = data
	return nil
}

// FuzzDecode: whatever the bytes are, they are a snapshot that is the same when it is written again, or an error.
func FuzzDecode(f *testing.F) {
	data, err := Encode(some())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Encode(s)
		if err != nil && !errors.Is(err, ErrTooLarge) {
			t.Fatal(err)
		}
		got, err := Decode(again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(all(s), all(got)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// FuzzColumns is the same, past what is compressed.
func FuzzColumns(f *testing.F) {
	f.Add([]byte("\x02\x01\x02\x02\x0b\x02\x02r1\x06"))
	f.Fuzz(func(t *testing.T, columns []byte) {
		for _, unit := range []string{"hourly", "daily"} {
			for n := range 4 {
				head := fmt.Sprintf(`{"version":1,"platform":"acme","environment":"prod","taken":"2026-01-02T12:00:00Z","datasets":[{"id":"a","store":"s","unit":%q,"lots":%d}]}`, unit, n)
				s, err := Decode(packed(head + "\n" + string(columns)))
				if err == nil && s.Lots.Len() != n {
					t.Errorf("%d lots are read, want %d", s.Lots.Len(), n)
				}
			}
		}
	})
}

// BenchmarkSnapshot writes and reads one of a million lots.
func BenchmarkSnapshot(b *testing.B) {
	var m survey.Maker
	s := Snapshot{"acme", "prod", noon, map[string]string{}, nil}
	for i := range 200 {
		id := fmt.Sprintf("p/d-%03d@1", i)
		m.Dataset(id, lot.Hourly)
		at := lot.Hourly.At(noon)
		for n := range 5000 {
			written := at.End().Add(time.Duration(n*7919%60_000) * time.Millisecond)
			m.Add(survey.At{Series: id, Lot: at}, survey.Lot{Mark: plan.Mark{State: plan.Complete, Written: written}})
			at = at.Next()
		}
	}
	s.Lots = m.Stock()
	data, err := Encode(s)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			if _, err := Encode(s); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(data))/(1<<20), "MB")
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, err := Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
