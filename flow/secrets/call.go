// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/secretref"
)

const (
	// callTimeout bounds one request.
	callTimeout = 15 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 4 << 20
	// maxToken bounds the file with a token, in bytes.
	maxToken = 64 << 10
)

// answer is what a server said. Its body may be a secret.
type answer struct {
	host   string
	status int
	header http.Header
	body   []byte
}

// get asks for what is at an address, with a token.
func get(ctx context.Context, client *http.Client, at, token string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	return call(client, req)
}

// call makes a request. Who does not answer, or has to be asked again, is unreachable.
func call(client *http.Client, req *http.Request) (answer, error) {
	a := answer{host: req.URL.Host}
	resp, err := client.Do(req)
	if err != nil {
		if asked, ok := errors.AsType[*url.Error](err); ok {
			err = asked.Err // the address is left out: it is known, and long
		}
		return a, refused(secretref.Unreachable, "%s does not answer: %v", a.host, err)
	}
	defer func() { _ = resp.Body.Close() }() // it is read
	a.status, a.header = resp.StatusCode, resp.Header
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return a, refused(secretref.Unreachable, "what %s answers cannot be read to its end", a.host)
	case len(a.body) > maxAnswer:
		return a, refused(secretref.Refused, "%s answers with more than %d MiB", a.host, maxAnswer>>20)
	case a.status >= http.StatusInternalServerError, a.status == http.StatusTooManyRequests, a.status == http.StatusRequestTimeout:
		return a, refused(secretref.Unreachable, "%s", a.says())
	}
	return a, nil
}

// errorCode is what a server may call an error. Anything else may be anything.
var errorCode = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,79}$`)

// says is how a server answered: the status, and what it calls the error if that is a plain name. The rest of it is left out.
func (a answer) says(codes ...string) string {
	text := fmt.Sprintf("%s answers %d", a.host, a.status)
	for _, code := range codes {
		if errorCode.MatchString(code) {
			return text + " " + code
		}
	}
	return text
}

// refusal is an answer that is no success, by its status alone.
func (a answer) refusal(codes ...string) error {
	reason := secretref.Refused
	switch a.status {
	case http.StatusNotFound:
		reason = secretref.NotFound
	case http.StatusForbidden:
		reason = secretref.Denied
	case http.StatusUnauthorized:
		reason = secretref.NoIdentity
	}
	return refused(reason, "%s", a.says(codes...))
}

// decode reads an answer. It may be a secret, and so the error says nothing of it.
func (a answer) decode(into any) error {
	if json.Unmarshal(a.body, into) != nil {
		return refused(secretref.Refused, "%s answers with something else than was asked for", a.host)
	}
	return nil
}

// token reads the token of an account from its file.
func (o Options) token(file string) (string, error) {
	data, err := o.Read(file)
	switch {
	case err != nil:
		return "", refused(secretref.NoIdentity, "the pod has no token of its account: %v", err)
	case len(data) > maxToken || len(data) == 0:
		return "", refused(secretref.NoIdentity, "%s has no token", file)
	}
	return strings.TrimSpace(string(data)), nil
}

// trusting is a transport that trusts certificates alone; empty for those of the system.
func trusting(t *http.Transport, certificates string) (*http.Transport, error) {
	if certificates == "" {
		return t, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(certificates)) {
		return nil, refused(secretref.Refused, "the certificates of the store cannot be read")
	}
	t = t.Clone()
	t.TLSClientConfig = t.TLSClientConfig.Clone()
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = newTLS()
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}
