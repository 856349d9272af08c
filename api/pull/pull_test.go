// SPDX-License-Identifier: Apache-2.0

package pull_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/param"
	"trunkline.dev/trunkline/api/pull"
)

type object = map[string]any

// TestParse is what is refused, and where.
func TestParse(t *testing.T) {
	http := func(more ...any) object {
		h := object{"url": "https://api.acme.example/orders"}
		for i := 0; i < len(more); i += 2 {
			h[more[i].(string)] = more[i+1]
		}
		return object{"http": h}
	}
	db := func(more ...any) object {
		d := object{"url": "$(DATABASE_URL)", "sql": "SELECT * FROM orders WHERE day = :start"}
		for i := 0; i < len(more); i += 2 {
			d[more[i].(string)] = more[i+1]
		}
		return object{"database": d}
	}
	for _, tc := range []struct {
		params object
		path   []any
		want   string
	}{
		{http(), nil, ""},
		{http("url", "https://api.acme.example/{start:%Y/%m/%d}/{lot}.csv", "query", object{"from": "{start}", "key": "$(KEY)"}, "headers", object{"Authorization": "Bearer $(TOKEN)"}), nil, ""},
		{http("url", "http://orders.shop.svc:8080/x", "headers", object{"Authorization": "Bearer $(TOKEN)"}), nil, ""},
		{nil, nil, "nothing says what is fetched"},
		{object{"http": http()["http"], "database": db()["database"]}, []any{"database"}, "what is fetched over HTTP is not in a database"},
		{http("url", "ftp://a.example/x"), []any{"http", "url"}, `"ftp://a.example/x" is not the URL of something on a server for HTTP`},
		{http("url", "file:///etc/passwd"), []any{"http", "url"}, `"file:///etc/passwd" is not the URL of something on a server for HTTP`},
		{http("url", "https:///x"), []any{"http", "url"}, `"https:///x" is not the URL of something on a server for HTTP`},
		{http("url", "https://u:p@a.example/x"), []any{"http", "url"}, "the URL has credentials"},
		{http("url", "https://a.example/x#y"), []any{"http", "url"}, "the URL has a fragment, which no server is sent"},
		{http("url", "https://a.example/%zz"), []any{"http", "url"}, `"https://a.example/%zz" is not a URL`},
		{http("url", "https://{lot}.example/x"), []any{"http", "url"}, "the host of the URL depends on the lot"},
		{http("url", "https://a.example/?key=$(KEY)"), []any{"http", "url"}, "no variable can be in the URL: it may be a secret, and URLs are shown"},
		{http("url", "https://a.example/{day}"), []any{"http", "url"}, "{day} stands for nothing; want one of: {lot}, {start}, {end}"},
		{http("url", "https://a.example/{lot:%Y}"), []any{"http", "url"}, "{lot} is the id of the lot, and has no format"},
		{http("url", "https://a.example/{start:}"), []any{"http", "url"}, "{start:} has no format"},
		{http("url", "https://a.example/{start:%Q}"), []any{"http", "url"}, "%Q is none of %Y %y %m %d %j %H %M %S %s %%"},
		{http("url", "https://a.example/{start:%}"), []any{"http", "url"}, `the format "%" ends in the middle of a %`},
		{http("url", "https://a.example/{start"), []any{"http", "url"}, `"{start" is no placeholder`},
		{http("url", "https://a.example/}"), []any{"http", "url"}, "a } closes nothing"},
		{http("query", object{"key": "$(A-B)"}), []any{"http", "query", "key"}, `"$(A-B)" is no variable, such as $(TOKEN)`},
		{http("headers", object{"X Y": "1"}), []any{"http", "headers", "X Y"}, `"X Y" is not the name of a header`},
		{http("headers", object{"X": "1\n2"}), []any{"http", "headers", "X"}, "the value has a character that no header has"},
		{http("headers", object{"If-None-Match": "1"}), []any{"http", "headers", "If-None-Match"}, "the header If-None-Match is one that is set by pull itself"},
		{http("url", "http://a.example/x", "headers", object{"X": "$(TOKEN)"}), []any{"http", "headers", "X"}, "a variable, which may be a secret, would go over the network in clear"},
		{http("url", "http://a.example/x", "query", object{"k": "$(TOKEN)"}), []any{"http", "query", "k"}, "a variable, which may be a secret, would go over the network in clear"},
		{http("timeout", "soon"), []any{"http", "timeout"}, `"soon" is not how long something may take`},
		{http("timeout", "25h"), []any{"http", "timeout"}, `"25h" is not how long something may take`},
		{object{"http": http()["http"], "filename": "x-$(TOKEN)"}, []any{"filename"}, "no variable can be in the name of a file: it may be a secret"},
		{db(), nil, ""},
		{db("url", "postgres://reader:$(PASSWORD)@db.acme.example/shop?sslmode=verify-full"), nil, ""},
		{db("url", "postgres://reader:hunter2@db.acme.example/shop"), []any{"database", "url"}, "the URL has a password that everybody can read"},
		{db("url", "postgres://db.acme.example/shop?user=a&password=b"), []any{"database", "url"}, "the URL has a password that everybody can read"},
		{db("url", "mysql://db.acme.example/shop"), []any{"database", "url"}, "it is not the URL of a PostgreSQL"},
		{db("url", "postgres:///shop"), []any{"database", "url"}, "it is not the URL of a PostgreSQL"},
		{db("url", "postgres://db/{lot}"), []any{"database", "url"}, "the database depends on the lot"},
		{db("sql", " "), []any{"database", "sql"}, "the SQL is not one statement: it has no statement"},
		{db("sql", "SELECT 1; DELETE FROM orders"), []any{"database", "sql"}, "the SQL is not one statement: it has several statements"},
		{db("sql", "SELECT 1) AS x; DELETE FROM orders --"), []any{"database", "sql"}, "the SQL is not one statement: it has several statements"},
		{db("sql", "SELECT :begin"), []any{"database", "sql"}, "the SQL has the parameter :begin, which nothing is known of"},
		{db("timeout", "0s"), []any{"database", "timeout"}, `"0s" is not how long something may take`},
	} {
		_, err := pull.Parse(tc.params)
		var got []any
		text := ""
		if e, ok := errors.AsType[*param.Error](err); ok {
			got, text = e.Path, e.Error()
		} else if err != nil {
			t.Errorf("%v: %v", tc.params, err)
		}
		if diff := cmp.Diff(fmt.Sprint(tc.path, tc.want), fmt.Sprint(got, text)); diff != "" {
			t.Errorf("%v: -want +got:\n%s", tc.params, diff)
		}
	}
}

// TestFill writes placeholders by the lot, and variables as they are to stand there.
func TestFill(t *testing.T) {
	l, err := lot.ParseID("20260105PT1H013")
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{"KEY": "a b", "NONE": ""}
	lookup := func(name string) (string, bool) {
		v, ok := variables[name]
		return v, ok
	}
	for text, want := range map[string]string{
		"":              "",
		"x":             "x",
		"{lot}":         "20260105PT1H013",
		"{start}/{end}": "2026-01-05T13:00:00Z/2026-01-05T14:00:00Z",
		"{start:%Y/%m/%d/%H%M%S}-{end:%y %j %s%%}": "2026/01/05/130000-26 005 1767621600%",
		"$(KEY)$(NONE)": "<a b><>",
		"$5 $":          "$5 $",
		"é{lot}":        "é20260105PT1H013",
	} {
		tmpl, err := pull.ParseTemplate(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := tmpl.Fill(l, lookup, func(v string) string { return "<" + v + ">" })
		if err != nil || got != want {
			t.Errorf("%s: it is %q, want %q; %v", text, got, want, err)
		}
	}
	tmpl, err := pull.ParseTemplate("{start}$(OTHER)")
	if err != nil {
		t.Fatal(err)
	}
	if got := tmpl.Shown(l); got != "2026-01-05T13:00:00Z$(OTHER)" {
		t.Errorf("it is shown as %s", got)
	}
	if got := tmpl.Shown(lot.Lot{}); got != "{start}$(OTHER)" {
		t.Errorf("without a lot it is shown as %s", got)
	}
	if _, err := tmpl.Fill(l, lookup, nil); err == nil || err.Error() != "the variable OTHER is not set: name it in secrets or env of the workload" {
		t.Errorf("the error is %v", err)
	}
}

// FuzzTemplate: what is read is shown as it was written.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{"{start:%Y}", "$(A)", "{", "$(", "}", "é"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tmpl, err := pull.ParseTemplate(text)
		if err != nil {
			return
		}
		if got := tmpl.Shown(lot.Lot{}); got != text {
			t.Errorf("%q is shown as %q", text, got)
		}
		tmpl.Shown(lot.Daily.At(time.Unix(0, 0)))
	})
}
