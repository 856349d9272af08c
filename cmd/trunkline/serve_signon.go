// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/access"
	sealed "trunkline.dev/trunkline/access/session"
	"trunkline.dev/trunkline/access/signon"
	"trunkline.dev/trunkline/access/tokens"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/history"
)

// tokensFile is in the data folder.
const tokensFile = "tokens.db"

// signingOn holds the flags about issuers at which people and machines sign on.
type signingOn struct {
	issuer, client, secretFile, cliClient, nameClaim, groupsClaim, keyFile, address string
	scopes                                                                          []string
	machines, audiences, subjects, groups                                           []string
}

func (s *signingOn) flags(f *pflag.FlagSet) {
	f.StringVar(&s.issuer, "sign-on-issuer", "", "`URL` of the issuer of OpenID Connect at which people sign on; default: none")
	f.StringVar(&s.client, "sign-on-client-id", "", "what the issuer knows this daemon by")
	f.StringVar(&s.secretFile, "sign-on-client-secret-file", "", "file with the secret that the issuer gave this daemon")
	f.StringVar(&s.cliClient, "sign-on-cli-client-id", "", "what the issuer knows the command line by, which has no secret; default: as this daemon")
	f.StringVar(&s.address, "sign-on-url", "", "`URL` by which people reach this daemon; the issuer sends them back to it, at /login/callback")
	f.StringVar(&s.keyFile, "sign-on-session-key-file", "", "file with the key of sessions, 32 characters or more, the same for all replicas; of several lines the first is used for new ones")
	f.StringArrayVar(&s.scopes, "sign-on-scope", nil, "scope to ask for beside openid; repeat for each; default: profile, email and groups")
	f.StringVar(&s.nameClaim, "sign-on-name-claim", signon.DefaultNameClaim, "claim that has the name of a person")
	f.StringVar(&s.groupsClaim, "sign-on-groups-claim", signon.DefaultGroupsClaim, "claim that has the groups of a person")
	f.StringArrayVar(&s.machines, "machine-issuer", nil, "`NAME=URL` of an issuer of tokens for machines, such as that of GitHub Actions; repeat for each; default: none")
	f.StringArrayVar(&s.audiences, "machine-audience", nil, "`NAME=AUDIENCE` that the tokens of an issuer have to be for")
	f.StringArrayVar(&s.subjects, "machine-subject", nil, "`NAME=PATTERN` of the subjects of an issuer to let in; * is any text without a colon; repeat for each")
	f.StringArrayVar(&s.groups, "machine-group", nil, "`NAME=GROUP` that the machines of an issuer are in; repeat for each")
}

// asked reports whether anybody signs on at an issuer.
func (s *signingOn) asked() bool { return s.issuer != "" || len(s.machines) > 0 }

func (s *signingOn) check() error {
	if s.issuer == "" && (s.client != "" || s.secretFile != "" || s.cliClient != "" || s.keyFile != "" || s.address != "") {
		return usagef("--sign-on-issuer is missing: nobody signs on without it")
	}
	if s.issuer != "" {
		u, err := url.Parse(s.address)
		if err != nil || u.Host == "" || u.Path != "" && u.Path != "/" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Host+":0") && !loopback(u.Host)) {
			return usagef("--sign-on-url %q is not the https address of this daemon, without a path: write it like https://trunkline.example.com", s.address)
		}
		if s.keyFile == "" {
			return usagef("--sign-on-session-key-file is missing: write a key into a file with \"openssl rand -hex 32\"")
		}
	}
	_, err := s.service()
	return err
}

// machineIssuers returns the issuers of machines.
func (s *signingOn) machineIssuers() ([]signon.Machine, error) {
	var out []signon.Machine
	at := map[string]int{}
	if err := eachNamed("--machine-issuer", s.machines, func(name, issuer string) error {
		at[name] = len(out)
		out = append(out, signon.Machine{Name: name, Issuer: issuer})
		return nil
	}); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		flag   string
		values []string
		set    func(m *signon.Machine, value string)
	}{
		{"--machine-audience", s.audiences, func(m *signon.Machine, v string) { m.Audience = v }},
		{"--machine-subject", s.subjects, func(m *signon.Machine, v string) { m.Subjects = append(m.Subjects, v) }},
		{"--machine-group", s.groups, func(m *signon.Machine, v string) { m.Groups = append(m.Groups, v) }},
	} {
		if err := eachNamed(part.flag, part.values, func(name, value string) error {
			i, known := at[name]
			if !known {
				return usagef("%s is about %q, which is no issuer: add --machine-issuer %s=URL", part.flag, name, name)
			}
			part.set(&out[i], value)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// service returns what finds out who people and machines are, without the secret of the client.
func (s *signingOn) service() (*signon.Service, error) {
	client := &http.Client{Timeout: 15 * time.Second}
	out := &signon.Service{}
	machines, err := s.machineIssuers()
	if err != nil {
		return nil, err
	}
	for _, m := range machines {
		if m.Issuer == s.issuer {
			return nil, usagef("--machine-issuer %s is also --sign-on-issuer: whose token one is could not be told; let machines have an issuer of their own", m.Name)
		}
	}
	if len(machines) > 0 {
		if out.Machines, err = signon.NewMachines(machines, client, time.Now); err != nil {
			return nil, &usageError{err}
		}
	}
	if s.issuer == "" {
		return out, nil
	}
	secret := ""
	if err := readSecret(s.secretFile, &secret); err != nil {
		return nil, err
	}
	scopes := s.scopes
	if len(scopes) == 0 {
		scopes = []string{"profile", "email", "groups"}
	}
	back, err := url.JoinPath(s.address, "login", "callback")
	if err != nil {
		return nil, &usageError{err}
	}
	out.People, err = signon.NewPeople(signon.Options{
		Issuer: s.issuer, ClientID: s.client, ClientSecret: secret, CLIClientID: s.cliClient, RedirectURL: back, Scopes: scopes,
		NameClaim: s.nameClaim, GroupsClaim: s.groupsClaim, Client: client, Now: time.Now,
	})
	if err != nil {
		return nil, &usageError{err}
	}
	return out, nil
}

// sessions returns how people and machines sign on; nil if nobody does at an issuer.
func (s *signingOn) sessions() (*console.Sessions, error) {
	if !s.asked() {
		return nil, nil //nolint:nilnil // nobody does, which is no error
	}
	service, err := s.service()
	if err != nil {
		return nil, err
	}
	out := &console.Sessions{Service: service, Now: time.Now}
	if s.issuer == "" {
		return out, nil
	}
	keys := ""
	if err := readSecret(s.keyFile, &keys); err != nil {
		return nil, err
	}
	u, err := url.Parse(s.address)
	if err != nil {
		return nil, &usageError{err}
	}
	if out.Jar, err = sealed.New(keys, u.Scheme == "https"); err != nil {
		return nil, &troubleError{err}
	}
	return out, nil
}

// openTokens opens the tokens that people make for themselves, and which sessions are good, beside the history; nil where that is not kept.
func (d *daemon) openTokens() (*tokens.Store, error) {
	k := &d.flags.history
	if k.where == historyOff {
		return nil, nil //nolint:nilnil // there are none, which is no error
	}
	var database history.Database
	var err error
	if k.where == historyPostgres {
		database, err = k.database(d.flags.data)
	} else {
		database, err = history.SQLite(filepath.Join(d.flags.data, tokensFile))
	}
	if err != nil {
		return nil, err
	}
	store := tokens.NewStore(database, time.Now)
	d.closers = append(d.closers, func() { _ = store.Close() })
	return store, nil
}

// access returns who may do what, as the accepted commit says.
func (d *daemon) access() *access.Rules { return declaredAccess(d.rec.Catalog()) }

func declaredAccess(cat *catalog.Catalog) *access.Rules {
	if cat == nil {
		return access.New([]*v1alpha1.Access{{}}) // what is declared is not known yet: nobody with a name has a right
	}
	return access.New(cat.Granted())
}
