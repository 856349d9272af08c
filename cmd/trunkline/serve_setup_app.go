// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	agekeys "filippo.io/age"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/bootstrap"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/durable"
	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/webhooks/github/setup"
)

// appMaker has GitHub make Apps, and puts their credentials where they belong.
type appMaker struct {
	flags   *serve
	keys    *secrets.Decrypter
	catalog func() *catalog.Catalog
	log     *slog.Logger
	// one App is made at a time.
	one sync.Mutex
}

// appPlace is where the credentials of an App go: into a folder, or encrypted to whoever commits them.
type appPlace struct {
	folder     string
	recipients []*agekeys.X25519Recipient
	// said says so.
	said string
}

// place returns where they go, or why there is no such place.
func (s *appMaker) place() (appPlace, error) {
	if folder := s.flags.github.setupFolder; folder != "" {
		at, err := filepath.Abs(folder)
		if err != nil {
			return appPlace{}, fmt.Errorf("finding the folder %s: %w", folder, err)
		}
		out := appPlace{folder: at, said: "The daemon writes them into its folder " + at + ", for nobody else to read."}
		for _, name := range []string{setup.KeyFile, setup.HookFile} {
			if _, err := os.Lstat(filepath.Join(at, name)); err == nil {
				return out, fmt.Errorf("%s exists already, and may be the secret of an App that is in use: move it away, or name another folder with github.setupFolder", filepath.Join(at, name))
			}
		}
		return out, nil
	}
	to := s.keys.Recipients(secrets.Release{Project: bootstrap.Project, Environment: bootstrap.Environment})
	if len(to) == 0 {
		return appPlace{}, errors.New("the daemon has no place for the credentials of an App: name a folder with github.setupFolder, or give it a key of age with sops.ageKeyFiles; or run \"trunkline github setup\" on a machine of your own")
	}
	return appPlace{recipients: to, said: "The daemon encrypts them for its own keys of SOPS, so that they can be committed; nobody reads them in between."}, nil
}

// refusal answers a person with what is wrong.
func refusal(code int, err error) error { return console.Problemf(code, "%s", err.Error()) }

// Offer implements [console.Setup].
func (s *appMaker) Offer(asked console.NewApp, state, back string) (console.AppOffer, error) {
	place, err := s.place()
	if err != nil {
		return console.AppOffer{}, refusal(http.StatusConflict, err)
	}
	o, err := appOptions(s.flags, asked).Check()
	if err != nil {
		return console.AppOffer{}, refusal(http.StatusBadRequest, err)
	}
	form, err := o.Offer(state, back)
	if err != nil {
		return console.AppOffer{}, err
	}
	at, err := url.Parse(o.GitHub)
	if err != nil {
		return console.AppOffer{}, fmt.Errorf("the address of GitHub: %w", err)
	}
	out := console.AppOffer{Origin: at.Scheme + "://" + at.Host, Action: form.Action, Manifest: form.Manifest, Place: place.said}
	for _, p := range o.Permissions() {
		out.Permissions = append(out.Permissions, console.AppPermission{Title: p.Title, Why: p.Why, Write: p.Access == "write"})
		if o.Webhook {
			out.Events = append(out.Events, p.Events...)
		}
	}
	if slices.Sort(out.Events); o.Webhook {
		out.Hook = form.Hook
	}
	return out, nil
}

// Register implements [console.Setup]. GitHub hands the credentials out once, so that there has to be a place for them before it is asked.
func (s *appMaker) Register(ctx context.Context, asked console.NewApp, code string, by access.Principal) (console.MadeApp, error) {
	s.one.Lock()
	defer s.one.Unlock()
	place, err := s.place()
	if err != nil {
		return console.MadeApp{}, refusal(http.StatusConflict, err)
	}
	o, err := appOptions(s.flags, asked).Check()
	if err != nil {
		return console.MadeApp{}, refusal(http.StatusBadRequest, err)
	}
	if err := s.keepable(); err != nil {
		return console.MadeApp{}, fmt.Errorf("making room for the App: %w", err)
	}
	var files *setup.Files
	if place.folder != "" {
		if files, err = setup.Reserve(place.folder); err != nil {
			return console.MadeApp{}, refusal(http.StatusConflict, err)
		}
	}
	app, err := o.Exchange(ctx, code)
	if err != nil {
		if files != nil {
			err = errors.Join(err, files.Discard())
		}
		return console.MadeApp{}, refusal(http.StatusBadGateway, err)
	}
	made := console.MadeApp{ID: app.ID, Name: app.Name, Settings: app.Settings, Install: app.Install, At: time.Now().UTC().Truncate(time.Second), By: by.String()}
	if files != nil {
		err = s.intoFolder(&made, app, o, place, files)
	} else {
		err = s.sealed(&made, app, o, place)
	}
	if err != nil {
		s.log.Error("the credentials of an App are lost", "app", app.ID, "err", err.Error())
		return made, console.Problemf(http.StatusInternalServerError, "the App %q is registered, and its credentials are lost; the daemon's log says why: make a new private key, and set a new secret of the webhook, at %s", app.Name, app.Settings)
	}
	if err := s.keep(made); err != nil {
		s.log.Warn("what is left to do for an App is not kept for later", "app", app.ID, "err", err.Error())
	}
	return made, nil
}

// intoFolder writes the credentials into files, which the configuration is to name.
func (s *appMaker) intoFolder(made *console.MadeApp, app setup.App, o setup.Options, place appPlace, files *setup.Files) error {
	if err := files.Write(app); err != nil {
		return err
	}
	key, hook := filepath.Join(place.folder, setup.KeyFile), filepath.Join(place.folder, setup.HookFile)
	made.Files, made.Goes = []string{key}, "the configuration of the daemon"
	if len(app.HookSecret) > 0 {
		made.Files = append(made.Files, hook)
	}
	var err error
	made.Configuration, err = yamlOf(gitHubConfigurationOf(app, o, s.flags.repositoryAtGitHub(), key, hook))
	return err
}

// chartValues are what the values of the chart say about the App.
type chartValues struct {
	Config  any      `yaml:"config"`
	Secrets []string `yaml:"secrets"`
}

// sealed encrypts the credentials, as "trunkline bootstrap" does.
func (s *appMaker) sealed(made *console.MadeApp, app setup.App, o setup.Options, place appPlace) error {
	values := map[string]string{bootstrap.AppKey: string(app.Key)}
	if len(app.HookSecret) > 0 {
		values[bootstrap.HookSecret] = string(app.HookSecret)
	}
	data, err := secrets.Seal(secrets.Plain{
		Name: bootstrap.GitHubSecret, Values: values,
		Annotations: map[string]string{"trunkline.dev/prune": "disabled"}, // without it the daemon could not start again
	}, place.recipients, time.Now())
	if err != nil {
		return err
	}
	made.Sealed, made.File = string(data), path.Join(s.flags.dir, bootstrap.SecretFile(bootstrap.GitHubSecret))
	c := gitHubConfigurationOf(app, o, s.flags.repositoryAtGitHub(), bootstrap.Mounted(bootstrap.GitHubSecret, bootstrap.AppKey), bootstrap.Mounted(bootstrap.GitHubSecret, bootstrap.HookSecret))
	made.Goes = "the values of the daemon's chart, and to the Secrets that are there already"
	if cat := s.catalog(); cat != nil && slices.Contains(cat.ProjectNames(), bootstrap.Project) {
		made.Goes = "the params of the workload " + bootstrap.Project + " in " + path.Join(s.flags.dir, bootstrap.ProjectFile) + ", and to the Secrets that are there already"
	}
	made.Configuration, err = yamlOf(chartValues{Config: c.Spec, Secrets: []string{bootstrap.GitHubSecret}})
	return err
}

// setupFolder is where what is left to do is kept, without any credential that is not encrypted.
func (s *appMaker) setupFolder() string { return filepath.Join(s.flags.data, "setup") }

// keepable reports why nothing can be kept; nil if something can.
func (s *appMaker) keepable() error {
	if err := durable.MakeFolder(s.setupFolder(), 0o700); err != nil {
		return err
	}
	file := filepath.Join(s.setupFolder(), "tried")
	return errors.Join(durable.Write(file, nil, file+"-*"), durable.Remove(file))
}

func (s *appMaker) keep(made console.MadeApp) error {
	data, err := json.Marshal(made)
	if err != nil {
		return fmt.Errorf("writing what is left to do: %w", err)
	}
	file := filepath.Join(s.setupFolder(), "app-"+strconv.FormatInt(made.ID, 10)+".json")
	return durable.Write(file, data, file+"-*")
}

// madeLast is the App that was made here last, unless it is in use; nil: there is none.
func (s *appMaker) madeLast() *console.MadeApp {
	names, err := filepath.Glob(filepath.Join(s.setupFolder(), "app-*.json"))
	if err != nil {
		return nil
	}
	var last *console.MadeApp
	for _, name := range names {
		data, err := os.ReadFile(name)
		var made console.MadeApp
		if err != nil || json.Unmarshal(data, &made) != nil {
			continue // it is a hint for people, and nothing else
		}
		if last == nil || made.At.After(last.At) {
			last = &made
		}
	}
	if last != nil && last.ID == s.flags.github.app {
		return nil
	}
	return last
}
