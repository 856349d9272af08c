// SPDX-License-Identifier: Apache-2.0

package clusterless

import (
	"strings"
	"unicode"

	"trunkline.dev/trunkline/scaffold"
)

// label makes a DNS label of a name, as Clusterless does for what it deploys: "S3PutListener" is "s3-put-listener". It is empty if the
// name has no letter or digit of ASCII.
func label(name string) string {
	var b strings.Builder
	runes := []rune(name)
	dash := func() {
		if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
	}
	for i, r := range runes {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			dash()
			continue
		}
		if unicode.IsUpper(r) && i > 0 {
			before := runes[i-1]
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if unicode.IsLower(before) || unicode.IsDigit(before) || unicode.IsUpper(before) && next {
				dash()
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	const most = 63
	out := b.String()
	return strings.Trim(out[:min(len(out), most)], "-")
}

// datasetName is what a dataset is called. Its manifests are found by it, so that it stays as it is if it can.
func datasetName(name string) string {
	if scaffold.CheckName(name) == nil {
		return name
	}
	return label(name)
}

// storeName is how the store of a bucket is called: as the bucket, without what tells placements apart.
func storeName(bucket string, p placement) string {
	name := "-" + strings.ToLower(bucket) + "-"
	for _, part := range []string{p.account, p.region, strings.ToLower(p.stage)} {
		if part != "" {
			name = strings.ReplaceAll(name, "-"+part+"-", "-")
		}
	}
	if short := label(name); short != "" {
		return short
	}
	return label(bucket)
}
