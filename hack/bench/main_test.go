// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		reason string
		args   []string
		sizes  []int
		parts  []string
	}{
		{"by itself", nil, []int{200, 1000}, allParts},
		{"sizes are put in order, each once", []string{"-sizes", "50, 20,50"}, []int{20, 50}, allParts},
		{"one part", []string{"-only", "engines"}, []int{200, 1000}, []string{partEngines}},
	} {
		o, err := parse(test.args, io.Discard)
		if err != nil {
			t.Errorf("%s: %v", test.reason, err)
		}
		if diff := cmp.Diff([]any{test.sizes, test.parts}, []any{o.sizes, o.parts}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.reason, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct {
		reason string
		args   []string
		want   string
	}{
		{"no apps", []string{"-sizes", "0"}, `-sizes: "0" is not a number from 1 to`},
		{"too many apps", []string{"-sizes", "100001"}, "-sizes"},
		{"words", []string{"-sizes", "20,many"}, `-sizes: "many"`},
		{"a part that there is not", []string{"-only", "scale,all"}, `-only: "all" is not one of scale, large, spread, pulls, engines`},
		{"fewer than none", []string{"-large", "-1"}, "-large"},
		{"no cluster's worth", []string{"-spread", "0"}, "-spread"},
		{"never", []string{"-repeat", "0"}, "-repeat"},
		{"no time", []string{"-quiet", "1ms"}, "-quiet"},
		{"a file", []string{"x"}, `unexpected argument "x"`},
		{"a flag that there is not", []string{"-fast"}, "-fast"},
	} {
		var stderr bytes.Buffer
		if _, err := parse(test.args, &stderr); err == nil || !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%s: error %v, said %q, want %q", test.reason, err, stderr.String(), test.want)
		}
	}
}

func TestRunEnds(t *testing.T) {
	for _, test := range []struct {
		reason string
		args   []string
		code   int
		want   string
	}{
		{"help is no error", []string{"-h"}, 0, "-sizes"},
		{"wrong use", []string{"-repeat", "0"}, exitUsage, "-repeat"},
		{"the program is not built", []string{"-trunkline", "not/there"}, exitUsage, `the program not/there is not there: "make bench"`},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), test.args, &stdout, &stderr)
		if code != test.code || !strings.Contains(stderr.String(), test.want) || stdout.Len() > 0 {
			t.Errorf("%s: code %d, stdout %q, stderr %q; want code %d and %q", test.reason, code, stdout.String(), stderr.String(), test.code, test.want)
		}
	}
}
