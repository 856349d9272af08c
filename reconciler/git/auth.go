// SPDX-License-Identifier: Apache-2.0

package git

import (
	"crypto/x509"
	"fmt"
	"os"

	"github.com/go-git/go-git/v5/plumbing/transport/http"
)

// check refuses credentials that cannot apply to the location or contradict each other: a key that is
// silently ignored reads as "authentication failed" hours later.
func (a Auth) check(loc location) error {
	refuse := func(because string) error {
		return &RefusedError{What: RefusedAuth, Value: a.String(), Because: because}
	}
	overHTTP := loc.scheme == "http" || loc.scheme == "https"
	usesHTTP := a.Username != "" || a.Password != "" || a.BearerToken != "" || a.CAFile != ""
	usesSSH := a.PrivateKeyFile != "" || a.KnownHostsFile != "" || a.Passphrase != ""
	switch {
	case usesHTTP && !overHTTP:
		return refuse("user name, password, bearer token and CA file are for http(s), the URL's scheme is " + loc.scheme)
	case usesSSH && loc.scheme != "ssh":
		return refuse("key and known_hosts files are for ssh, the URL's scheme is " + loc.scheme)
	case a.BearerToken != "" && (a.Username != "" || a.Password != ""):
		return refuse("give a bearer token, or a user name and password, not both")
	case overHTTP && loc.user != "" && (a.BearerToken != "" || a.Username != "" || a.Password != ""):
		return refuse("the URL holds credentials too; take them out of the URL")
	case hasControl(a.Username + a.Password + a.BearerToken):
		return refuse("a credential holds a line break or another control character; was the file's last newline kept?")
	case loc.scheme == "ssh" && a.KnownHostsFile == "":
		return refuse("ssh needs a known_hosts file, since host keys are always checked")
	case loc.scheme == "ssh" && a.PrivateKeyFile == "":
		return refuse("ssh needs a private key file")
	}
	return nil
}

// http returns the method that signs requests; nil for none.
func (a Auth) http(loc location) http.AuthMethod {
	switch {
	case a.BearerToken != "":
		return &http.TokenAuth{Token: a.BearerToken}
	case a.Username != "" || a.Password != "":
		return &http.BasicAuth{Username: a.Username, Password: a.Password}
	case loc.user != "":
		return &http.BasicAuth{Username: loc.user, Password: loc.password}
	}
	return nil
}

// roots returns the certificates to trust; nil means the system's.
func (a Auth) roots() (*x509.CertPool, error) {
	if a.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(a.CAFile)
	if err != nil {
		return nil, fmt.Errorf("reading the CA file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the CA file %q: it holds no PEM certificate", a.CAFile)
	}
	return pool, nil
}
