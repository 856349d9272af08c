// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/spf13/cobra"
	"golang.org/x/oauth2"

	"trunkline.dev/trunkline/console"
)

// loginTimeout bounds how long a person has to sign on.
const loginTimeout = 10 * time.Minute

// signingIn holds the flags of "trunkline login".
type signingIn struct {
	remote
	browser bool
}

func newLogin() *cobra.Command {
	l := &signingIn{}
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Sign on at the issuer that a daemon trusts",
		Long: `Login signs you on at the issuer that a daemon trusts, for the commands that ask that daemon.

It shows a code to enter at a page of the issuer, on any device. Where the issuer has no such page,
it prints an address to open in a browser on this machine. The token is kept in a file of yours that
nobody else can read, and renewed as long as the issuer lets it.`,
		Example: `  trunkline login --server https://trunkline.example.com
  trunkline whoami --server https://trunkline.example.com`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), loginTimeout)
			defer cancel()
			return l.run(ctx, cmd)
		},
	}
	l.flags(cmd)
	cmd.Flags().BoolVar(&l.browser, "browser", false, "sign on in a browser on this machine, also where the issuer takes codes")
	return cmd
}

func (l *signingIn) run(ctx context.Context, cmd *cobra.Command) error {
	c, err := l.anonymous()
	if err != nil {
		return err
	}
	info, err := c.SignOn(ctx)
	if err != nil {
		return refused(err)
	}
	config, device, err := oauthAt(ctx, info)
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...) }
	var token *oauth2.Token
	if device && !l.browser {
		token, err = byDevice(ctx, config, say)
	} else {
		token, err = byBrowser(ctx, config, say)
	}
	if err != nil {
		return err
	}
	kept, err := keptToken(info, token)
	if err != nil {
		return err
	}
	if err := saveToken(l.server, kept); err != nil {
		return err
	}
	return println(cmd.OutOrStdout(), "signed on; \"trunkline whoami\" says as whom")
}

// oauthAt asks the issuer how to sign on there, and whether it takes codes of devices.
func oauthAt(ctx context.Context, info console.SignOnInfo) (*oauth2.Config, bool, error) {
	u, err := url.Parse(info.Issuer)
	if err != nil || u.Scheme != "https" && !loopback(net.JoinHostPort(u.Hostname(), "0")) {
		return nil, false, &troubleError{fmt.Errorf("the daemon names %q as its issuer, which is no https address", plain(info.Issuer))}
	}
	provider, err := oidc.NewProvider(ctx, info.Issuer)
	if err != nil {
		return nil, false, &troubleError{fmt.Errorf("asking the issuer: %w", err)}
	}
	endpoint := provider.Endpoint()
	var says struct {
		Scopes []string `json:"scopes_supported"`
	}
	config := &oauth2.Config{ClientID: info.ClientID, Endpoint: endpoint, Scopes: info.Scopes}
	if provider.Claims(&says) == nil && slices.Contains(says.Scopes, oidc.ScopeOfflineAccess) {
		config.Scopes = append(slices.Clone(info.Scopes), oidc.ScopeOfflineAccess) // so that the token can be renewed
	}
	return config, endpoint.DeviceAuthURL != "", nil
}

// byDevice signs on with a code that is entered at a page of the issuer (RFC 8628).
func byDevice(ctx context.Context, config *oauth2.Config, say func(string, ...any)) (*oauth2.Token, error) {
	verifier := oauth2.GenerateVerifier()
	asked, err := config.DeviceAuth(ctx, oauth2.S256ChallengeOption(verifier))
	if err != nil {
		return nil, &troubleError{errors.New("the issuer gives this program no code; try --browser")}
	}
	say("Open %s and enter the code %s", plain(asked.VerificationURI), plain(asked.UserCode))
	if asked.VerificationURIComplete != "" {
		say("or open %s", plain(asked.VerificationURIComplete))
	}
	token, err := config.DeviceAccessToken(ctx, asked, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, &troubleError{errors.New("the sign-on was refused, or took too long")}
	}
	return token, nil
}

// byBrowser signs on in a browser on this machine, which the issuer sends back to this program.
func byBrowser(ctx context.Context, config *oauth2.Config, say func(string, ...any)) (*oauth2.Token, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, &troubleError{fmt.Errorf("waiting for the browser: %w", err)}
	}
	defer listener.Close()
	config.RedirectURL = "http://" + listener.Addr().String() + "/callback"
	state, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	codes := make(chan string, 1)
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		q := r.URL.Query()
		if r.URL.Path != "/callback" || q.Get("state") != state || q.Get("code") == "" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintln(w, "this is no answer of the issuer to this sign-on")
			return
		}
		_, _ = fmt.Fprintln(w, "You can close this page, and go back to the terminal.")
		select {
		case codes <- q.Get("code"):
		default: // there was one before
		}
	})}
	go func() { _ = server.Serve(listener) }() // it ends with the listener
	defer server.Close()
	say("Open %s", config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)))
	select {
	case <-ctx.Done():
		return nil, &troubleError{errors.New("nobody signed on in time")}
	case code := <-codes:
		token, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
		if err != nil {
			return nil, &troubleError{errors.New("the issuer did not take its code: is this program a client of it without a secret, and may it come back to 127.0.0.1?")}
		}
		return token, nil
	}
}

func newLogout() *cobra.Command {
	r := &remote{}
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "Forget the token of a daemon",
		Long:  `Logout deletes the token that "trunkline login" keeps for a daemon. At the issuer you stay signed on.`,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := tokenFileOf(r.server)
			if err != nil {
				return err
			}
			if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
				return &troubleError{fmt.Errorf("deleting the token: %w", err)}
			}
			return println(cmd.OutOrStdout(), "signed out")
		},
	}
	r.flags(cmd)
	return cmd
}

func newWhoami() *cobra.Command {
	r := &remote{}
	output := ""
	cmd := &cobra.Command{
		Use:   "whoami",
		Short: "Show as whom a daemon knows you",
		Long:  "Whoami asks a daemon as whom it knows you, how you signed on, and which groups you are in.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			show, err := formatNamed(output, writeMe)
			if err != nil {
				return err
			}
			c, err := r.client("")
			if err != nil {
				return err
			}
			me, err := c.Me(cmd.Context())
			if err != nil {
				return refused(err)
			}
			return show(cmd.OutOrStdout(), me)
		},
	}
	r.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or yaml")
	return cmd
}
