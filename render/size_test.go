// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"math"
	"testing"
)

func FuzzSizeOf(f *testing.F) {
	for _, s := range []string{"", "a", "a\"b\\c\n\r\t", "<&>", "\x00\b\f\x7f", "é\u2028\u2029", "\xff", "\xe2\x80"} {
		f.Add(s, int64(-1), 1.5, true)
	}
	f.Add("a", int64(math.MinInt64), 1e21, false)
	f.Add("a", int64(0), math.NaN(), false)
	f.Add("a", int64(10), math.Copysign(0, -1), false)
	f.Fuzz(func(t *testing.T, s string, n int64, fraction float64, b bool) {
		for _, v := range []any{
			s, n, fraction, b, nil, map[string]any(nil), []any(nil),
			map[string]any{},
			[]any{},
			int32(1),
			map[string]any{s: n, s + "x": s, "list": []any{s, n, b, nil, map[string]any{"a": fraction}}},
			[]any{s},
			[]any{[]any{}, []any{n, n}},
		} {
			want, wantErr := json.Marshal(v)
			got, err := sizeOf(v)
			if (err == nil) != (wantErr == nil) || err == nil && got != len(want) {
				t.Errorf("%#v: %d, %v; as JSON it has %d bytes, %v: %s", v, got, err, len(want), wantErr, want)
			}
		}
	})
}
