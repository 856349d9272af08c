// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"trunkline.dev/trunkline/webhooks/github/setup"
)

func newGitHub() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "github",
		Short: "Connect the daemon to GitHub",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("name a subcommand: setup")
		},
	}
	cmd.AddCommand(newGitHubSetup())
	return cmd
}

// gitHubSetup holds the flags of the command.
type gitHubSetup struct {
	options   setup.Options
	user      bool
	noWebhook bool
	out       string
}

func newGitHubSetup() *cobra.Command {
	var s gitHubSetup
	cmd := &cobra.Command{
		Use:   "setup --org ORG|--user --url URL",
		Short: "Register a GitHub App with the least permissions",
		Long: `Setup registers a GitHub App, with one click in a browser.

It prints the address of a page on this machine. Open it where you are signed in to GitHub as an
owner of the organization: the page shows each permission with its reason, and its button leads to
GitHub, which asks you to confirm. The App's private key and the secret of its webhook then come
here, into two files that only you can read. They are never printed, and files that exist are never
written over.

On a machine without a browser, choose a port and forward it: "ssh -L 8765:127.0.0.1:8765 HOST",
with --port 8765.

docs/github.md says what each permission is for, how to do the same by hand, and what comes next.`,
		Example: `  trunkline github setup --org acme --url https://trunkline.example.com
  trunkline github setup --org acme --no-webhook \
    --url https://trunkline.acme.internal
  trunkline github setup --org acme --url https://trunkline.example.com \
      --github https://github.example.com --out /etc/trunkline`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	f := cmd.Flags()
	o := &s.options
	f.StringVar(&o.Org, "org", "", "name of the organization, `ORG`, that owns the App and the repository")
	f.BoolVar(&s.user, "user", false, "your own account owns the App and the repository")
	f.StringVar(&o.Name, "name", "", "`NAME` of the App, which no other App of that GitHub has; default: Trunkline ORG")
	f.StringVar(&o.URL, "url", "", "`URL` where people and GitHub reach the daemon: the --public-url of \"trunkline serve\"")
	f.StringVar(&o.GitHub, "github", setup.PublicGitHub, "`URL` of GitHub Enterprise")
	f.StringVar(&s.out, "out", ".", "existing `FOLDER` for the private key and the secret of the webhook")
	f.BoolVar(&o.Promotions, "promotions", false, "let the App write to branches, as promotions, rollbacks and newer images by pull request need")
	f.BoolVar(&s.noWebhook, "no-webhook", false, "GitHub cannot reach the daemon, which polls instead")
	f.IntVar(&o.Port, "port", 0, "`PORT` of the page on this machine; default: one that is free")
	f.DurationVar(&o.Timeout, "timeout", 30*time.Minute, "how long to wait for you")
	// There is nothing to switch off: no browser is ever opened.
	f.Bool("no-browser", true, "only print the address of the page, as is always done")
	f.Lookup("no-browser").Hidden = true
	return cmd
}

// check finds what is wrong with the flags before anything is done.
func (s *gitHubSetup) check() error {
	switch {
	case s.user == (s.options.Org != ""):
		return usagef("say who owns the App: --org ORG for an organization, or --user for your own account")
	case s.options.URL == "":
		return usagef("no address of the daemon given: add --url https://HOST, where people reach it")
	case s.options.Name == "" && s.user:
		return usagef("no name given: add --name NAME, which no other App of that GitHub has")
	case s.options.Name == "":
		s.options.Name = nameOfApp(s.options.Org)
	}
	s.options.Webhook = !s.noWebhook
	checked, err := s.options.Check()
	if err != nil {
		return &usageError{err}
	}
	s.options = checked
	return nil
}

func (s *gitHubSetup) run(cmd *cobra.Command) error {
	if err := s.check(); err != nil {
		return err
	}
	out, err := filepath.Abs(s.out)
	if err != nil {
		return fmt.Errorf("finding the folder %s: %w", s.out, err)
	}
	files, err := setup.Reserve(out)
	if err != nil {
		return err
	}
	app, err := setup.Register(cmd.Context(), s.options, func(page string) {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "Open this page in a browser on this machine, where you are signed in to %s:\n\n  %s\n\nWaiting for %s; Ctrl-C ends it.\n", s.options.GitHub, page, s.options.Timeout)
	})
	if err != nil {
		return errors.Join(err, files.Discard())
	}
	if err := files.Write(app); err != nil {
		return fmt.Errorf("the App %q is registered, and its secrets are lost: make a new private key, and set a new secret of the webhook, at %s: %w", app.Name, app.Settings, err)
	}
	return s.tell(cmd.OutOrStdout(), app, out)
}

// gitHubConfiguration is the part of a DaemonConfiguration that is about the App.
type gitHubConfiguration struct {
	Spec struct {
		GitHub struct {
			Repository string `yaml:"repository"`
			AppID      int64  `yaml:"appID"`
			AppKeyFile string `yaml:"appKeyFile"`
			URL        string `yaml:"url,omitempty"`
			PublicURL  string `yaml:"publicURL"`
		} `yaml:"github"`
		Serve struct {
			HookSecretFile string `yaml:"hookSecretFile"`
		} `yaml:"serve,omitempty"`
	} `yaml:"spec"`
}

// gitHubConfigurationOf says how a daemon uses an App whose secrets are in files; hook is empty without a webhook.
func gitHubConfigurationOf(app setup.App, o setup.Options, repository, key, hook string) (c gitHubConfiguration) {
	g := &c.Spec.GitHub
	owner := app.Owner
	if owner == "" {
		owner = "OWNER"
	}
	if repository == "" {
		repository = owner + "/REPOSITORY"
	}
	g.Repository, g.AppID, g.AppKeyFile, g.PublicURL = repository, app.ID, key, o.URL
	if o.GitHub != setup.PublicGitHub {
		g.URL = o.GitHub
	}
	if len(app.HookSecret) > 0 {
		c.Spec.Serve.HookSecretFile = hook
	}
	return c
}

// yamlOf is a value as people write it into a file.
func yamlOf(v any) (string, error) {
	var text strings.Builder
	enc := yaml.NewEncoder(&text)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(v), enc.Close()); err != nil {
		return "", fmt.Errorf("writing the configuration: %w", err)
	}
	return text.String(), nil
}

// tell prints what there is now, and what to do next.
func (s *gitHubSetup) tell(w io.Writer, app setup.App, out string) error {
	text, err := yamlOf(gitHubConfigurationOf(app, s.options, "", filepath.Join(out, setup.KeyFile), filepath.Join(out, setup.HookFile)))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `The App %q is registered: %s

1. Install it, in the repository that the daemon follows and in no other:
   %s

2. Add this to the DaemonConfiguration, with the name of the repository:

%s
3. Keep the files as what they are: whoever has the private key is the App.

Next: docs/github.md, from "Install the App" on.
`, plain(app.Name), app.Settings, app.Install, text)
	return err
}
