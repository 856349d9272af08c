// SPDX-License-Identifier: Apache-2.0

package setup

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// PublicGitHub is where GitHub is unless an Enterprise is named.
const PublicGitHub = "https://github.com"

// MaxName is how many characters GitHub allows the name of an App.
const MaxName = 34

// Options say which App to register, and where.
type Options struct {
	// Org is the organization that owns the App; empty: the account of the person in the browser.
	Org string
	// Name is unique among all Apps of a GitHub. It can be changed on GitHub's page.
	Name string
	// URL is where people and GitHub reach the daemon.
	URL string
	// GitHub is where GitHub is; empty: [PublicGitHub].
	GitHub string
	// Webhook has GitHub report what happens, which it can only if it reaches URL. Without it the daemon polls.
	Webhook bool
	// Promotions lets the App write to branches, as promotions need.
	Promotions bool
	// Port is the one on the loopback interface for the browser; 0: any that is free.
	Port int
	// Timeout is how long to wait for the person in the browser; GitHub's own limit is an hour.
	Timeout time.Duration
	// Again says how to begin again, in messages; default: by the command.
	Again string
}

// orgName is what the names of organizations look like; they become a part of addresses.
var orgName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?$`)

// Check returns the options with what is not said filled in, or what is wrong with them.
func (o Options) Check() (Options, error) {
	if o.GitHub == "" {
		o.GitHub = PublicGitHub
	}
	o.GitHub, o.URL = strings.TrimRight(o.GitHub, "/"), strings.TrimRight(o.URL, "/")
	return o, errors.Join(o.checkOwner(), o.checkGitHub(), o.checkURL(), o.checkNumbers())
}

func (o Options) checkOwner() error {
	switch {
	case o.Org != "" && !orgName.MatchString(o.Org):
		return fmt.Errorf("%q is not the name of an organization: it is the last part of its address, such as acme in https://github.com/acme", clip(o.Org))
	case strings.TrimSpace(o.Name) == "":
		return errors.New("the App has no name: choose one that no other App has, such as \"Trunkline acme\"")
	case utf8.RuneCountInString(o.Name) > MaxName:
		return fmt.Errorf("the name %q has %d characters: GitHub's limit is %d", clip(o.Name), utf8.RuneCountInString(o.Name), MaxName)
	case strings.ContainsFunc(o.Name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("the name %q has characters that cannot be printed", clip(o.Name))
	default:
		return nil
	}
}

func (o Options) checkGitHub() error {
	u, err := address(o.GitHub)
	switch {
	case err != nil || u.Path != "":
		return fmt.Errorf("%s is not where a GitHub is: write https://HOST, without a path, a user or parameters", quote(o.GitHub))
	case u.Scheme != "https" && !local(u.Hostname()):
		return fmt.Errorf("GitHub at %s is not https: the App's private key would be sent in the clear", o.GitHub)
	default:
		return nil
	}
}

func (o Options) checkURL() error {
	u, err := address(o.URL)
	switch {
	case err != nil:
		return fmt.Errorf("%s is not where people reach the daemon: write https://HOST, without a user or parameters", quote(o.URL))
	case !o.Webhook:
		return nil
	case local(u.Hostname()):
		return fmt.Errorf("GitHub cannot reach %s, which is this machine itself: give the address of the daemon as GitHub sees it, or do without a webhook, and the daemon polls", o.URL)
	case u.Scheme != "https":
		return fmt.Errorf("the daemon at %s is not https: what GitHub reports would be sent in the clear", o.URL)
	case public(o.GitHub) && private(u.Hostname()):
		return fmt.Errorf("GitHub cannot reach %s, which is an address of a private network: do without a webhook, and the daemon polls", o.URL)
	default:
		return nil
	}
}

func (o Options) checkNumbers() error {
	if o.Port < 0 || o.Port > 65535 {
		return fmt.Errorf("%d is not a port: the limit is 65535", o.Port)
	}
	if o.Timeout < time.Second || o.Timeout > time.Hour {
		return fmt.Errorf("a timeout of %s is not between a second and an hour, which is GitHub's limit", o.Timeout)
	}
	return nil
}

func address(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("not an address")
	}
	return u, nil
}

// local reports whether a host is the machine itself.
func local(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// private reports whether a host is of a private network for certain.
func private(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast())
}

// public reports whether a GitHub is one that GitHub itself runs.
func public(github string) bool {
	u, err := url.Parse(github)
	return err == nil && (strings.EqualFold(u.Hostname(), "github.com") || strings.HasSuffix(strings.ToLower(u.Hostname()), ".ghe.com"))
}

// unusedHook is the address of a webhook that is switched off, where the daemon's is one that GitHub refuses to store.
const unusedHook = "https://trunkline.invalid/hooks/github"

// hookURL is where the daemon hears from GitHub.
func (o Options) hookURL() string {
	u, err := url.Parse(o.URL)
	if !o.Webhook && (err != nil || u.Scheme != "https" || local(u.Hostname()) || private(u.Hostname())) {
		return unusedHook
	}
	return o.URL + "/hooks/github"
}

// settings is the page of the owner's Apps.
func (o Options) settings() string {
	if o.Org == "" {
		return o.GitHub + "/settings/apps"
	}
	return o.GitHub + "/organizations/" + o.Org + "/settings/apps"
}

// API returns the base of the REST API of a GitHub: of github.com, of GitHub Enterprise Cloud with data residency
// (NAME.ghe.com), or of GitHub Enterprise Server.
func API(github string) string {
	github = strings.TrimRight(github, "/")
	if u, err := url.Parse(github); err == nil && public(github) {
		return u.Scheme + "://api." + u.Host + "/"
	}
	return github + "/api/v3/"
}

// quote is an address in a message; one in which there may be a password is not repeated.
func quote(address string) string {
	if strings.Contains(address, "@") {
		return "an address with a user in it"
	}
	return strconv.Quote(clip(address))
}

// clip cuts what someone else wrote to what a message has room for.
func clip(s string) string {
	runes := []rune(s)
	if len(runes) <= 100 {
		return s
	}
	return string(runes[:99]) + "…"
}
