// SPDX-License-Identifier: Apache-2.0

package columntype_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/columntype"
)

func TestCheck(t *testing.T) {
	for text, plain := range map[string]bool{
		"string": true, "BIGINT": true, "decimal": true, "decimal(12)": true, "decimal(38,38)": true, "char(1)": true, "varchar(65535)": true, "date": true,
		"array<string>": false, "map<string,array<int>>": false, "struct<a:int,b:struct<c:decimal(3,1)>>": false, "uniontype<int,string>": false,
	} {
		if got, err := columntype.Check(text); got != plain || err != nil {
			t.Errorf("%s: %t, %v", text, got, err)
		}
	}
	for text, why := range map[string]string{
		"": "names none", " string": "names none", "text": `no type "text"`, "string ": "after its end", "decimal(39)": "too large", "decimal(2,3)": "too large",
		"decimal()": "too large", "decimal(1,2,3)": "too large", "decimal(5,1,1)": "missing", "char": "needs a length", "varchar(0)": "too large", "int(3)": "no numbers",
		"array": "missing", "array<>": "names none", "array<int": "it ends", "map<array<int>,int>": "single value", "map<int>": "missing",
		"struct<a:int,A:int>": `two fields "a"`, "struct<>": "no name", "struct<a int>": "missing", "array<int>>": "after its end",
		strings.Repeat("array<", 100) + "int" + strings.Repeat(">", 100): "too deep", strings.Repeat("x", 20_000): "the limit",
	} {
		if _, err := columntype.Check(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.40s: the error is %v, want %q", text, err, why)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("map<string,array<struct<a:decimal(3,1)>>>")
	f.Fuzz(func(t *testing.T, text string) {
		plain, err := columntype.Check(text)
		if err == nil && plain == strings.Contains(text, "<") {
			t.Errorf("%q is plain: %t", text, plain)
		}
	})
}
