// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/access/session"
)

const key, older = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"

func jar(t *testing.T, keys string) *session.Jar {
	t.Helper()
	j, err := session.New(keys, true)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJar(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	cookie, err := jar(t, older).Seal("a", "ada", now, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Name != "__Host-a" || cookie.Path != "/" || cookie.Domain != "" {
		t.Errorf("got %+v", cookie)
	}
	if strings.Contains(cookie.Value, "ada") {
		t.Error("what it holds can be read")
	}
	for name, c := range map[string]struct {
		reason, keys, name string
		change             func(value string) string
		after              time.Duration
		ok                 bool
	}{
		"good":         {"the same key opens", older, "a", nil, 0, true},
		"another":      {"so does that of another replica, which has a newer one first", key + "\n" + older + "\n", "a", nil, time.Minute, true},
		"over":         {"it ends", older, "a", nil, time.Hour, false},
		"forgotten":    {"a key that is taken away opens nothing", key, "a", nil, 0, false},
		"another name": {"a cookie passes for no other one", older, "b", nil, 0, false},
		"changed":      {"nothing of it can be changed", older, "a", func(v string) string { return "A" + v[1:] + "" }, 0, false},
		"cut":          {"nor left out", older, "a", func(v string) string { return v[:len(v)-4] }, 0, false},
		"empty":        {"an empty one is none", older, "a", func(string) string { return "" }, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			value := cookie.Value
			if c.change != nil {
				if value = c.change(value); value == cookie.Value {
					value = "B" + value[1:]
				}
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.AddCookie(&http.Cookie{Name: "__Host-" + c.name, Value: value})
			var got string
			if err := jar(t, c.keys).Open(r, c.name, now.Add(c.after), &got); (err == nil) != c.ok || c.ok != (got == "ada") {
				t.Errorf("%s: got %q, %v", c.reason, got, err)
			}
		})
	}
	if _, err := jar(t, key).Seal("a", strings.Repeat("x", 5000), now, now.Add(time.Hour)); err == nil {
		t.Error("a cookie that no browser keeps is made")
	}
	for _, short := range []string{"", "\n", "short"} {
		if _, err := session.New(short, true); err == nil {
			t.Errorf("%q is accepted as a key", short)
		}
	}
}

// FuzzOpen: nobody else makes a cookie.
func FuzzOpen(f *testing.F) {
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	j, err := session.New(key, false)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", "a="+value)
		var got any
		if j.Open(r, "a", time.Unix(0, 0), &got) == nil {
			t.Errorf("%q holds %v", value, got)
		}
	})
}
