// SPDX-License-Identifier: Apache-2.0

package location_test

import (
	"path"
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/location"
)

func TestParse(t *testing.T) {
	for address, want := range map[string]struct{ is, err string }{
		"s3://lake/a/b/":                     {is: "s3://lake/a/b/"},
		"s3://lake/a":                        {is: "s3://lake/a/"},
		"s3://lake":                          {is: "s3://lake/"},
		"s3a://lake/a b/":                    {is: "s3://lake/a b/"},
		"gs://lake/%2e%2e/":                  {is: "gs://lake/%2e%2e/"},
		"azblob://container/x/":              {is: "azblob://container/x/"},
		"file:///data":                       {is: "file:///data/"},
		"s3://lake/<project>/":               {is: "s3://lake/<project>/"},
		"":                                   {err: "is no address of a store"},
		"lake/a/":                            {err: "is no address of a store"},
		"mem://lake/":                        {err: "want one of: s3, gs, azblob, file"},
		"S3://lake/":                         {err: "want one of: s3, gs, azblob, file"},
		"https://lake.s3.example/":           {err: "want one of: s3, gs, azblob, file"},
		"s3://":                              {err: "names no bucket"},
		"s3:///a/":                           {err: "names no bucket"},
		"file://host/a/":                     {err: "names no bucket"},
		"file:///":                           {err: "is a whole disk"},
		"s3://lake?endpoint=x/a/":            {err: "names no bucket"},
		"s3://la\x1bke/":                     {err: "names no bucket"},
		"s3://lake//a/":                      {err: "a part of it is empty"},
		"s3://lake/a//":                      {err: "a part of it is empty"},
		"s3://lake/a/../b/":                  {err: "a part of it is empty"},
		"s3://lake/./a/":                     {err: "a part of it is empty"},
		"s3://lake/..":                       {err: "a part of it is empty"},
		"s3://lake/a?versionId=1":            {err: "a character that no folder should have"},
		"s3://lake/a\x00b/":                  {err: "a character that no folder should have"},
		"s3://lake/a\u202eb/":                {err: "a character that no folder should have"},
		"s3://AKIA:hunter2@lake/a/":          {err: `"s3://***@lake/a/" names no bucket`},
		"s3://lake/a/?sig=hunter2":           {err: `"s3://lake/a/?***" has a character`},
		"hunter2@lake":                       {err: `"***@lake"`},
		"hunter2@x://lake":                   {err: `"***@x://lake"`},
		"s3://" + strings.Repeat("a:", 5000): {err: "names no bucket"},
	} {
		l, err := location.Parse(address)
		switch {
		case want.err == "" && (err != nil || l.String() != want.is):
			t.Errorf("%q is read as %q, %v; want %q", address, l, err, want.is)
		case want.err != "" && (err == nil || !strings.Contains(err.Error(), want.err) || strings.Contains(err.Error(), "hunter2") || len(err.Error()) > 500):
			t.Errorf("%q: the error is %.600v, want %q", address, err, want.err)
		}
	}
}

// FuzzParse: what is accepted is a folder that leads nowhere else, and is read again as the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"s3://lake/pr-1/", "file:///a/", "s3://a//", "s3a://b/../", "s3://lake/%2e%2e/", "azblob://c", "s3://a:b@c/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		l, err := location.Parse(address)
		if err != nil {
			return
		}
		if again, err := location.Parse(l.String()); err != nil || again != l {
			t.Errorf("%q is read as %q, and that as %q, %v", address, l, again, err)
		}
		if clean := path.Clean("/" + l.Folder); l.Folder != "" && clean+"/" != "/"+l.Folder {
			t.Errorf("%q leads to %q", address, clean)
		}
		if strings.ContainsAny(l.Bucket, "/@?:") || (l.Bucket == "") != (l.Scheme == "file") {
			t.Errorf("%q has the bucket %q", address, l.Bucket)
		}
	})
}
