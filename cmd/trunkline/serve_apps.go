// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/access"
	sealed "trunkline.dev/trunkline/access/session"
	"trunkline.dev/trunkline/access/tokens"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/apps"
)

// applications holds the flags about the origin at which people reach what runs in clusters.
type applications struct{ listen, url string }

func (a *applications) flags(f *pflag.FlagSet) {
	f.StringVar(&a.listen, "apps-listen", "", "address for applications that run in clusters, such as notebooks; default: none")
	f.StringVar(&a.url, "apps-url", "", "`URL` by which people reach applications, on another host than this daemon's; with \"*.\" each has a host of its own; default: *.localhost where --apps-listen is loopback")
}

// check finds what is wrong with the flags, and completes them.
func (a *applications) check(s *serve) error {
	if a.listen == "" {
		if a.url != "" {
			return usagef("--apps-url takes --apps-listen: applications are not at the daemon's own address")
		}
		return nil
	}
	_, port, err := net.SplitHostPort(a.listen)
	switch {
	case err != nil:
		return usagef("--apps-listen %q is not an address: write HOST:PORT", a.listen)
	case !loopback(a.listen) && !s.listening.asksForTokens() && !s.signOn.asked():
		return usagef("--apps-listen %s can be reached from other machines: have people sign on, or listen on 127.0.0.1", a.listen)
	case a.url == "" && (!loopback(a.listen) || port == "0"):
		return usagef("--apps-listen takes --apps-url: the address by which people reach applications, such as https://*.apps.example.com")
	case s.replicas.home != "" && s.signOn.keyFile == "":
		return usagef("--apps-listen with several replicas takes --sign-on-session-key-file: they have to have a key in common")
	case a.url == "":
		a.url = "http://*.localhost:" + port
		if s.listening.cert != "" {
			a.url = "https" + strings.TrimPrefix(a.url, "http")
		}
	}
	origin, err := apps.ParseOrigin(a.url)
	if err != nil {
		return usagef("--apps-url: %w", err)
	}
	if host := origin.Hostname(); !origin.Secure() && host != "localhost" && !loopback(net.JoinHostPort(host, "0")) {
		return usagef("--apps-url %s: people come by https, but for those on this machine", a.url)
	}
	if at, err := url.Parse(s.signOn.address); err == nil && at.Host != "" && !origin.Apart(at.Hostname()) {
		return usagef("--apps-url %s is at the host of --sign-on-url: what runs in applications is code of others, and could act there; give them another host, such as https://*.apps.example.com", a.url)
	}
	return nil
}

// appsDoor is where people come in to applications.
type appsDoor struct {
	door

	// finders are those of each kind of application.
	finders map[string]apps.Finder
}

// openAppsDoor listens for those who come to applications.
func (d *daemon) openAppsDoor(ctx context.Context) error {
	a := &d.flags.apps
	if a.listen == "" {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", a.listen, err)
	}
	d.closers = append(d.closers, func() { _ = listener.Close() }) // it is closed already, once it has served
	d.appsDoor = &appsDoor{door: door{listener: listener, log: d.log}, finders: map[string]apps.Finder{}}
	return nil
}

// makeApps makes what answers at the origin of applications, and what lets people in there; nil if there is none.
func (d *daemon) makeApps(sessions *console.Sessions, store *tokens.Store) (console.Apps, error) {
	if d.appsDoor == nil {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	origin, err := apps.ParseOrigin(d.flags.apps.url)
	if err != nil {
		return nil, &usageError{err}
	}
	keys := rand.Text() + rand.Text() // of one daemon, until its next start
	if d.flags.signOn.keyFile != "" {
		keys = ""
		if err := readSecret(d.flags.signOn.keyFile, &keys); err != nil {
			return nil, err
		}
	}
	jar, err := sealed.New(keys, origin.Secure())
	if err != nil {
		return nil, &troubleError{err}
	}
	who := &appSessions{d: d, issuer: sessions != nil && sessions.Jar != nil, store: store}
	server := apps.New(apps.Options{
		Origin: origin, Console: d.flags.address(), Jar: jar, Finders: d.appsDoor.finders, Generation: who.generation, Good: who.good, Now: time.Now, Log: d.log,
	})
	d.appsDoor.handler = server
	return appEntrance{server}, nil
}

// appEntrance lets people in to applications.
type appEntrance struct{ server *apps.Server }

// Enter implements [console.Apps].
func (a appEntrance) Enter(ctx context.Context, ref console.AppRef, to string, who access.Principal) (string, error) {
	address, err := a.server.Enter(ctx, apps.Ref(ref), to, who)
	for kind, as := range map[error]error{apps.ErrNotFound: console.ErrNotFound, apps.ErrNotReady: console.ErrConflict} {
		if errors.Is(err, kind) {
			return "", &actError{err, as}
		}
	}
	return address, err
}

// appSessions reports whether the sign-on is good by which a session at an application was begun.
type appSessions struct {
	d *daemon
	// issuer reports whether people sign on at one, and store keeps whose sessions and tokens are good; nil: nothing does.
	issuer bool
	store  *tokens.Store
}

// generation is that of a new session of someone; 0 where it is not kept.
func (a *appSessions) generation(ctx context.Context, who access.Principal) (int64, error) {
	if a.store == nil || who.SignOn != access.BySession && who.SignOn != access.ByIssuer {
		return 0, nil
	}
	return a.store.SessionOf(ctx, who.Name)
}

func (a *appSessions) good(ctx context.Context, who access.Principal, of int64) (bool, error) {
	named := func(name string) bool {
		if !a.d.flags.listening.asksForTokens() {
			return false
		}
		for _, t := range a.d.live.Load().secrets.callers.get().tokens {
			if t.Name == name {
				return true
			}
		}
		return false
	}
	switch who.SignOn {
	case access.ByLoopback:
		return !a.d.flags.listening.asksForTokens() && !a.d.flags.signOn.asked(), nil
	case access.ByToken:
		if who.Name == access.SharedToken {
			return named(""), nil
		}
		return named(who.Name), nil
	case access.BySession, access.ByIssuer:
		if !a.issuer || named(who.Name) {
			return false, nil
		}
		if a.store == nil {
			return true, nil
		}
		return a.store.SessionGood(ctx, who.Name, of)
	case access.ByOwnToken, access.ByProjectToken:
		if a.store == nil {
			return false, nil
		}
		t, err := a.store.Get(ctx, who.Token)
		if errors.Is(err, tokens.ErrUnknown) {
			return false, nil
		}
		return err == nil && t.Revoked.IsZero() && time.Now().Before(t.Expires), err
	case access.ByHook, access.ByFederation, access.ByGitHub: // they have no browser
	}
	return false, nil
}
