// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 4 << 20

// refusedError is an answer that is no success.
type refusedError struct {
	host string
	code int
	says string
}

func (e *refusedError) Error() string {
	text := fmt.Sprintf("%s answers %d %s", e.host, e.code, http.StatusText(e.code))
	if e.says != "" {
		text += ": " + e.says
	}
	return text
}

// doer makes requests: our client, or that of AWS' SDK.
type doer interface {
	Do(req *http.Request) (*http.Response, error)
}

// call makes a request, and decodes the answer. The error has no secret: neither parameters of the address nor headers.
func call(client doer, req *http.Request, into any) error {
	resp, err := client.Do(req)
	if err != nil {
		if asked, ok := errors.AsType[*url.Error](err); ok {
			err = asked.Err
		}
		return fmt.Errorf("%s does not answer: %w", req.URL.Host, err)
	}
	defer func() { _ = resp.Body.Close() }() // it is read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("reading what %s answers: %w", req.URL.Host, err)
	case len(body) > maxAnswer:
		return fmt.Errorf("%s answers with more than %d MiB", req.URL.Host, maxAnswer>>20)
	case resp.StatusCode != http.StatusOK:
		return &refusedError{req.URL.Host, resp.StatusCode, message(body)}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s answers with something else than JSON", req.URL.Host)
	}
	return nil
}

// message is what an API says of a refusal: AWS, Google and Azure each have it elsewhere.
func message(body []byte) string {
	var said struct {
		Message      string `json:"message"`
		MessageUpper string `json:"Message"`
		Error        any    `json:"error"`
		Description  string `json:"error_description"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	text := said.Message + said.MessageUpper
	if inner, ok := said.Error.(map[string]any); ok && text == "" {
		text, _ = inner["message"].(string)
	}
	if text == "" {
		text = said.Description
	}
	const most = 300
	if text = strings.Join(strings.Fields(text), " "); len(text) > most {
		text = text[:most] + "…"
	}
	return text
}

// authorityOf decodes the authority of an API server's certificate.
func authorityOf(encoded string) ([]byte, error) {
	pem, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(pem) == 0 {
		return nil, errors.New("the cloud does not say which authority its certificate is of")
	}
	return pem, nil
}

// withHTTPS is an address of which a cloud may leave out the scheme.
func withHTTPS(address string) string {
	if strings.Contains(address, "://") {
		return address
	}
	return "https://" + address
}
