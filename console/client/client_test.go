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
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// daemon is what the console needs of one, and remembers what it was asked for.
type daemon struct {
	asked []string
	err   error
}

func (d *daemon) Do(_ context.Context, id catalog.ReleaseID, act, by, why string) error {
	d.asked = append(d.asked, fmt.Sprintf("%s %s by %s: %s", act, id, by, why))
	return d.err
}

func (d *daemon) Approve(environment, by, why string) error {
	d.asked = append(d.asked, fmt.Sprintf("approve %s by %s: %s", environment, by, why))
	return d.err
}

func (d *daemon) Query(_ context.Context, f history.Filter) (history.Page, error) {
	d.asked = append(d.asked, "history of "+f.Release.Project)
	return history.Page{Next: 7}, d.err
}

const token = "s3cret"

var id = catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "eu"}

// requests are all that a client can ask.
var requests = map[string]func(context.Context, *client.Client) (string, error){
	"status": func(ctx context.Context, c *client.Client) (string, error) {
		p, err := c.Status(ctx, -1)
		return p.Name, err
	},
	"history": func(ctx context.Context, c *client.Client) (string, error) {
		p, err := c.History(ctx, url.Values{"project": {"orders"}})
		return fmt.Sprint(p.Next), err
	},
	"act": func(ctx context.Context, c *client.Client) (string, error) {
		return "", c.Act(ctx, id, "suspend", console.Hand{By: "ann", Why: "incident 7"})
	},
	"approve": func(ctx context.Context, c *client.Client) (string, error) {
		return "", c.Approve(ctx, "prod", console.Hand{By: "ann", Why: "they are gone"})
	},
	"sync": func(ctx context.Context, c *client.Client) (string, error) { return "", c.Sync(ctx) },
}

// serve gives a client with a token of the real console before d.
func serve(t *testing.T, d *daemon, token string) *client.Client {
	t.Helper()
	board := status.NewBoard(time.Now)
	board.SetName("acme")
	server := httptest.NewServer(console.New(console.Options{
		Board: board, Token: "s3cret", Actor: d, History: d, Metrics: http.NotFoundHandler(), MaxWait: time.Minute,
		Trigger: func() { d.asked = append(d.asked, "sync") },
	}))
	t.Cleanup(server.Close)
	c, err := client.New(server.URL+"/", token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhatIsAskedReachesTheDaemon(t *testing.T) {
	cases := map[string]struct{ answer, asked string }{
		"status":  {"acme", ""},
		"history": {"7", "history of orders"},
		"act":     {"", "suspend orders/prod@eu by ann: incident 7"},
		"approve": {"", "approve prod by ann: they are gone"},
		"sync":    {"", "sync"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := &daemon{}
			answer, err := requests[name](t.Context(), serve(t, d, token))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, a := range d.asked {
				got += a
			}
			if diff := cmp.Diff([]string{tc.answer, tc.asked}, []string{answer, got}); diff != "" {
				t.Errorf("answer and question (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNobodyIsAnsweredWithoutTheToken(t *testing.T) {
	for name, ask := range requests {
		d := &daemon{}
		if _, err := ask(t.Context(), serve(t, d, "wrong")); !errors.Is(err, client.ErrToken) {
			t.Errorf("%s: the error is %v", name, err)
		}
		if len(d.asked) != 0 {
			t.Errorf("%s: the daemon was asked all the same: %v", name, d.asked)
		}
	}
}

func TestRefusalsAreInTheWordsOfTheDaemon(t *testing.T) {
	d := &daemon{err: fmt.Errorf("there is no healthy commit before: %w", console.ErrConflict)}
	c := serve(t, d, token)
	_, err := requests["act"](t.Context(), c)
	want := "asking the daemon at " + c.Server() + ": there is no healthy commit before: cannot be done"
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
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
		"NotJSON":  {"An answer that cannot be read is not ours.", "text/html", "<html>", 200, "invalid character '<' looking for beginning of value; is it a Trunkline"},
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
			c, err := client.New(server.URL, "")
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Status(t.Context(), -1)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s The error is %v, want %s", tc.reason, err, tc.want)
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
		if _, err := client.New(tc.address, ""); !errors.Is(err, tc.want) {
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
	c, err := client.New(u.String(), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range requests {
		if _, err := ask(t.Context(), c); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	server.Close()
	if _, err := c.Status(t.Context(), -1); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("nobody there: the error is %v", err)
	}
}
