// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

var id = catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "eu"}

// requests are all that a client can ask.
var requests = map[string]func(context.Context, *client.Client) (string, error){
	"status": func(ctx context.Context, c *client.Client) (string, error) {
		p, err := c.Status(ctx)
		return p.Name, err
	},
	"follow": func(ctx context.Context, c *client.Client) (string, error) {
		p, err := c.Follow(ctx, time.Millisecond, func(status.Platform) (bool, error) { return true, nil })
		return p.Name, err
	},
	"environment": func(ctx context.Context, c *client.Client) (string, error) {
		e, err := c.Environment(ctx, "prod")
		return e.Name, err
	},
	"history": func(ctx context.Context, c *client.Client) (string, error) {
		p, err := c.History(ctx, url.Values{"project": {"orders"}})
		return fmt.Sprint(p.Next), err
	},
	"act": func(ctx context.Context, c *client.Client) (string, error) {
		r, err := c.Act(ctx, id, "suspend", "incident 7")
		return r.String(), err
	},
	"lots": func(ctx context.Context, c *client.Client) (string, error) {
		all, err := c.Lots(ctx, "prod")
		return fmt.Sprint(len(all)), err
	},
	"act on lots": func(ctx context.Context, c *client.Client) (string, error) {
		return c.ActOnLots(ctx, "prod", "orders/clean", "retry", console.RetryAct{Why: "incident 7"})
	},
	"remove a lot": func(ctx context.Context, c *client.Client) (string, error) {
		done, err := c.RemoveLots(ctx, "prod", "orders/clean@1", "20260101PT1H004", console.RemoveAct{Why: "incident 7"})
		return done.Message, err
	},
	"remove lots": func(ctx context.Context, c *client.Client) (string, error) {
		done, err := c.RemoveLots(ctx, "prod", "orders/clean@1", "", console.RemoveAct{From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), DryRun: true})
		return fmt.Sprint(done.Lots), err
	},
	"log": func(ctx context.Context, c *client.Client) (string, error) {
		log, err := c.Log(ctx, "prod", "orders/clean@1", "20260101PT1H004", "r1")
		return log.Text, err
	},
	"approve": func(ctx context.Context, c *client.Client) (string, error) {
		return "", c.Approve(ctx, "prod", "d1", "they are gone")
	},
	"sync": func(ctx context.Context, c *client.Client) (string, error) { return "", c.Sync(ctx) },
}

// start returns a daemon that asks for a token, and a client of it.
func start(t *testing.T, token string) (*consoletest.Daemon, *client.Client) {
	t.Helper()
	d := consoletest.Start(t, consoletest.WithToken)
	d.Board.SetName("acme")
	d.Board.SetRelease(id, func(*status.Release) {})
	d.Page = history.Page{Next: 7}
	d.LotLogs = []console.LotLog{{Attempt: "r1", Text: "the first try\n"}}
	c, err := client.New(d.URL+"/", client.Options{Token: token, Claim: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	return d, c
}

func TestWhatIsAskedReachesTheDaemon(t *testing.T) {
	cases := map[string]struct{ answer, asked string }{
		"status":      {"acme", ""},
		"follow":      {"acme", ""},
		"environment": {"prod", ""},
		"history":     {"7", ""},
		"act":         {"orders/prod@eu", "suspend orders/prod@eu by ann (unverified): incident 7"},
		"approve":     {"", "approve d1 of prod by ann (unverified): they are gone"},
		"sync":        {"", "sync"},
		"lots":        {"0", ""},
		"remove lots": {"3", "remove orders/clean@1 2026-01-01T00:00:00Z dry in prod by ann (unverified): "},
		"log":         {"the first try\n", ""},
		"act on lots": {"retry orders/clean is done", "retry orders/clean in prod by ann (unverified): incident 7"},
		"remove a lot": {
			"remove orders/clean@1 20260101PT1H004 is done", "remove orders/clean@1 20260101PT1H004 in prod by ann (unverified): incident 7",
		},
	}
	for name, ask := range requests {
		t.Run(name, func(t *testing.T) {
			tc := cases[name]
			d, c := start(t, consoletest.Token)
			answer, err := ask(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tc.answer, tc.asked}, []string{answer, strings.Join(d.Asked(), "; ")}); diff != "" {
				t.Errorf("answer and question (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNobodyIsAnsweredWithoutTheToken(t *testing.T) {
	for name, ask := range requests {
		d, c := start(t, "wrong")
		if _, err := ask(t.Context(), c); !errors.Is(err, client.ErrToken) {
			t.Errorf("%s: the error is %v", name, err)
		}
		if asked := d.Asked(); len(asked) != 0 {
			t.Errorf("%s: the daemon was asked all the same: %v", name, asked)
		}
	}
}

func TestRefusalsAreInTheWordsOfTheDaemon(t *testing.T) {
	d, c := start(t, consoletest.Token)
	d.Err = fmt.Errorf("there is no healthy commit before: %w", console.ErrConflict)
	_, err := requests["act"](t.Context(), c)
	want := "asking the daemon at " + c.Server() + ": there is no healthy commit before: conflict"
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

// TestAllPagesAreRead: a state of more releases than a page holds is whole.
func TestAllPagesAreRead(t *testing.T) {
	d, c := start(t, consoletest.Token)
	for i := range 1005 {
		d.Board.SetRelease(catalog.ReleaseID{Project: fmt.Sprintf("p%04d", i), Environment: "dev", Cluster: "eu"}, func(*status.Release) {})
	}
	d.Board.SetCluster(status.Cluster{Name: "eu", Reachable: true})
	read, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := d.Board.Snapshot()
	want.Time = read.Time
	if diff := cmp.Diff(want, read); diff != "" {
		t.Errorf("-board +read:\n%s", diff)
	}
	followed, err := c.Follow(t.Context(), time.Millisecond, func(status.Platform) (bool, error) { return true, nil })
	if err != nil {
		t.Fatal(err)
	}
	want.Time = followed.Time
	if diff := cmp.Diff(want, followed); diff != "" {
		t.Errorf("-board +followed:\n%s", diff)
	}
}

func TestFollow(t *testing.T) {
	d, c := start(t, consoletest.Token)
	var names []string
	_, err := c.Follow(t.Context(), 10*time.Millisecond, func(p status.Platform) (bool, error) {
		names = append(names, fmt.Sprintf("%s %d", p.Name, len(p.Releases)))
		switch len(names) {
		case 1:
			d.Board.SetName("acme 2")
		case 2:
			d.Board.RemoveRelease(id)
		case 3:
			d.CloseClientConnections() // whoever follows comes back, and goes on
			d.Board.SetName("acme 3")
		}
		return len(names) == 4, nil
	})
	if diff := cmp.Diff([]string{"acme 1", "acme 2 1", "acme 2 0", "acme 3 0"}, names); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	boom := errors.New("boom")
	if _, err := c.Follow(t.Context(), time.Millisecond, func(status.Platform) (bool, error) { return false, boom }); !errors.Is(err, boom) {
		t.Errorf("the error is %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err = c.Follow(ctx, time.Millisecond, func(status.Platform) (bool, error) { cancel(boom); return false, nil })
	if !errors.Is(err, boom) {
		t.Errorf("the error is %v", err)
	}
	d.Close()
	if _, err := c.Follow(t.Context(), time.Millisecond, func(status.Platform) (bool, error) { return true, nil }); err == nil {
		t.Error("there is no daemon, and no error")
	}
}

func TestSomethingElseIsSaidToBeNoDaemon(t *testing.T) {
	cases := map[string]struct {
		reason, kind, text string
		code               int
		want               string
	}{
		"Page":     {"What a proxy says is a page for browsers.", "text/html", "<html>\x1b[31mno</html>", 502, "it answered 502 Bad Gateway; is it a Trunkline?"},
		"NoPath":   {"Another program has no such path.", "text/plain; charset=utf-8", "404 page not found", 404, "it answered 404 Not Found; is it a Trunkline?"},
		"Problem":  {"What says that it is a problem has to be one.", "application/problem+json", "<html>", 500, "it answered 500 Internal Server Error; is it a Trunkline?"},
		"NotJSON":  {"An answer that cannot be read is not ours.", "text/html", "<html>", 200, "is it a Trunkline"},
		"Redirect": {"A loop of redirects ends.", "", "", 302, "stopped after 10 redirects"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.kind)
				w.Header().Set("Location", "/again")
				w.WriteHeader(tc.code)
				_, _ = fmt.Fprint(w, tc.text)
			}))
			defer server.Close()
			c, err := client.New(server.URL, client.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"status", "follow"} {
				_, err = requests[name](t.Context(), c)
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("%s: %s The error is %v, want %s", name, tc.reason, err, tc.want)
				}
			}
		})
	}
}

func TestAddress(t *testing.T) {
	cases := map[string]struct {
		reason, address string
		want            error
	}{
		"HTTP":     {"This is one.", "http://127.0.0.1:8080", nil},
		"HTTPS":    {"So is this, with a path before.", "https://trunkline.example.com/at/", nil},
		"NoScheme": {"What is left out is not guessed.", "127.0.0.1:8080", client.ErrAddress},
		"Other":    {"A file is no daemon.", "file:///etc/passwd", client.ErrAddress},
		"Empty":    {"Nothing is no address.", "", client.ErrAddress},
	}
	for name, tc := range cases {
		if _, err := client.New(tc.address, client.Options{}); !errors.Is(err, tc.want) {
			t.Errorf("%s: %s The error is %v", name, tc.reason, err)
		}
	}
}

// TestPasswordInTheAddressIsNotShown: people put one there, and errors land in logs.
func TestPasswordInTheAddressIsNotShown(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("ann", "hunter2")
	c, err := client.New(u.String(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range requests {
		if _, err := ask(t.Context(), c); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	server.Close()
	for name, ask := range requests {
		if _, err := ask(t.Context(), c); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("nobody there, %s: the error is %v", name, err)
		}
	}
}
