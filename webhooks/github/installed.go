// SPDX-License-Identifier: Apache-2.0

package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Installed is the App as it is installed in a repository.
type Installed struct {
	// Permissions are those that its owner has granted, by their names, with "read", "write" or "admin".
	Permissions map[string]string `json:"permissions"`
	Events      []string          `json:"events"`
	// Suspended is when someone suspended it; empty if nobody did.
	Suspended string `json:"suspended_at"`
}

// IsApp reports whether requests are made as an App, and not with a token.
func (r *Repository) IsApp() bool { return r.client.app != nil }

// Installed returns how the App is installed in the repository.
func (r *Repository) Installed(ctx context.Context) (out Installed, err error) {
	err = r.asApp(ctx, "looking at the App's installation", fmt.Sprintf("repos/%s/%s/installation", r.owner, r.name), &out)
	return out, err
}

// Delivery is something that GitHub sent to the App's webhook.
type Delivery struct {
	Event string    `json:"event"`
	At    time.Time `json:"delivered_at"`
	// Status says what came of it, and Code is the answer's; 0: there was none.
	Status string `json:"status"`
	Code   int    `json:"status_code"`
}

// Arrived reports whether it was accepted.
func (d Delivery) Arrived() bool { return d.Code/100 == 2 }

// Deliveries returns the last ones, the newest first.
func (r *Repository) Deliveries(ctx context.Context, most int) (out []Delivery, err error) {
	err = r.asApp(ctx, "listing the deliveries of the App's webhook", fmt.Sprintf("app/hook/deliveries?per_page=%d", most), &out)
	return out, err
}

// Hook returns where the App's webhook sends to, without what may be secret in it; empty if it has none.
func (r *Repository) Hook(ctx context.Context) (string, error) {
	var hook struct {
		URL string `json:"url"`
	}
	if err := r.asApp(ctx, "looking at the App's webhook", "app/hook/config", &hook); err != nil || hook.URL == "" {
		return "", err
	}
	at, err := url.Parse(hook.URL)
	if err != nil {
		return "the address of the webhook", nil //nolint:nilerr // GitHub sends there all the same
	}
	return at.Scheme + "://" + at.Host + at.Path, nil
}

// asApp asks for something that the App is told of itself, and not as an installation.
func (r *Repository) asApp(ctx context.Context, what, path string, into any) error {
	app := r.client.app
	if app == nil {
		return fmt.Errorf("GitHub, %s: %s: there is no App, but a token", r.FullName(), what)
	}
	req, err := app.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		return explain(what, r.FullName(), err)
	}
	_, err = app.Do(ctx, req, into)
	return explain(what, r.FullName(), err)
}
