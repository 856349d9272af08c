// SPDX-License-Identifier: Apache-2.0

package github

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// publicAPI is where github.com has its API.
	publicAPI = "https://api.github.com/"
	// defaultMaxWait is how long a call waits for a rate limit, or for its turn, before it fails and says when to come back.
	defaultMaxWait = 5 * time.Second
	// defaultTimeout bounds one request.
	defaultTimeout = 30 * time.Second
	// defaultTries is how often what may be done twice is tried.
	defaultTries = 4
)

// config is what the options say.
type config struct {
	baseURL      string
	token        string
	appID        int64
	key          []byte
	install      int64
	installOwner string // whose repositories are in that installation
	base         http.RoundTripper
	now          func() time.Time
	maxWait      time.Duration
	timeout      time.Duration
	tries        int
	backoff      time.Duration
	budget       Budget
}

// Option is one thing about a client that is not as usual.
type Option func(*config)

// WithToken has requests be signed with a token: there are commit statuses then, and no check runs.
func WithToken(token string) Option { return func(c *config) { c.token = token } }

// WithApp has requests be signed by a GitHub App with its private key, in PEM.
func WithApp(id int64, key []byte) Option { return func(c *config) { c.appID, c.key = id, key } }

// WithInstallation names the App's installation in an account, which has the repositories of that owner. Those of any other are in another
// one, if the App is installed there: it is asked for, as is that of each repository without this option.
func WithInstallation(id int64, owner string) Option {
	return func(c *config) { c.install, c.installOwner = id, owner }
}

// WithBaseURL is for GitHub Enterprise Server, such as "https://github.example.com/api/v3/".
func WithBaseURL(base string) Option { return func(c *config) { c.baseURL = base } }

// apply makes the configuration, or says which options contradict each other.
func apply(options []Option) (config, error) {
	c := config{
		baseURL: publicAPI, now: time.Now, maxWait: defaultMaxWait, timeout: defaultTimeout, tries: defaultTries, backoff: 500 * time.Millisecond, budget: DefaultBudget(),
	}
	for _, o := range options {
		o(&c)
	}
	return c, errors.Join(c.checkCredentials(), c.checkNumbers(), c.checkURL())
}

func (c *config) checkCredentials() error {
	app := c.appID != 0 || len(c.key) > 0
	switch {
	case c.token != "" && app:
		return errors.New("GitHub: both a token and an App are given: leave one of them out")
	case c.token == "" && !app:
		return errors.New("GitHub: there are no credentials: give an App (its id and its private key) or a token")
	case app && c.appID <= 0:
		return errors.New("GitHub: the App has a private key and no id: give the number that its settings page shows as App ID")
	case app && len(c.key) == 0:
		return fmt.Errorf("GitHub: the App %d has no private key: its settings page makes one, a file that ends in .pem", c.appID)
	case c.install != 0 && !app:
		return errors.New("GitHub: an installation is given and no App: a token has no installation")
	case strings.ContainsAny(c.token, " \t\r\n"):
		return errors.New("GitHub: the token has a space or a line end in it: check the file that it was read from")
	}
	if !app {
		return nil
	}
	if _, err := jwt.ParseRSAPrivateKeyFromPEM(c.key); err != nil {
		return errors.New("GitHub: the App's private key cannot be read: it has to be the .pem file as GitHub made it") // the cause may quote it
	}
	return nil
}

func (c *config) checkNumbers() error {
	if c.maxWait < 0 || c.timeout <= 0 || c.tries < 1 || c.backoff < 0 || c.install < 0 {
		return errors.New("GitHub: waits and pauses are not negative, a timeout is positive, there is one try at least, and an installation has a positive id")
	}
	return c.budget.check()
}

func (c *config) checkURL() error {
	u, err := url.Parse(c.baseURL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("GitHub: the base URL has to look like https://github.example.com/api/v3/, without a user or parameters")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return fmt.Errorf("GitHub: the base URL %s is not https: credentials would be sent in the clear", u.Redacted())
	}
	if !strings.HasSuffix(c.baseURL, "/") {
		c.baseURL += "/"
	}
	return nil
}

func loopback(host string) bool {
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}
