// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/egress"
	"trunkline.dev/trunkline/notify/channel"
)

// postOffice is a mail server that has one user, and takes mail from nobody else.
type postOffice struct {
	refuse  error
	letters [][]byte
	to      []string
}

// NewSession implements [smtp.Backend].
func (p *postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{office: p}, nil }

type session struct {
	office *postOffice
	signed bool
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "trunkline" || password != "secret" {
			return smtp.ErrAuthFailed
		}
		s.signed = true
		return nil
	}), nil
}

func (s *session) Mail(string, *smtp.MailOptions) error {
	if !s.signed {
		return smtp.ErrAuthRequired
	}
	return s.office.refuse
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.office.to = append(s.office.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	s.office.letters = append(s.office.letters, body)
	return err
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// mailServer starts a server with STARTTLS, and returns a channel that sends mail to it.
func mailServer(t *testing.T, office *postOffice) channel.Channel {
	t.Helper()
	certified := httptest.NewUnstartedServer(http.NotFoundHandler())
	certified.StartTLS() // it has a certificate for 127.0.0.1
	t.Cleanup(certified.Close)
	server := smtp.NewServer(office)
	server.TLSConfig = certified.TLS.Clone()
	server.TLSConfig.NextProtos = nil
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	return channel.Channel{
		Kind: channel.Mail, URL: text("smtp://" + listener.Addr().String()), From: "Trunkline <trunkline@example.com>", To: []string{"ann@example.com", "bob@example.com"},
		Username: "trunkline", Token: text("secret"), Roots: roots,
	}
}

func TestMail(t *testing.T) {
	office := &postOffice{}
	c := mailServer(t, office)
	if diff := cmp.Diff(egress.Answer{Done: true}, c.Send(t.Context(), nil, platform, messages()["some"], noon)); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff([]string{"ann@example.com", "bob@example.com"}, office.to); diff != "" {
		t.Error(diff)
	}
	letter, err := mail.ReadMessage(bytes.NewReader(office.letters[0]))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, name := range []string{"Subject", "From", "To", "Bcc", "Message-Id", "Auto-Submitted"} {
		got[name] = letter.Header.Get(name)
	}
	if diff := cmp.Diff(map[string]string{
		"Subject": "[acme] 2 things to know", "From": `"Trunkline" <trunkline@example.com>`, "To": "<ann@example.com>, <bob@example.com>", "Bcc": "",
		"Message-Id": "<o-3@trunkline.invalid>", "Auto-Submitted": "auto-generated",
	}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	_, params, err := mime.ParseMediaType(letter.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(letter.Body, params["boundary"])
	for _, file := range []string{"mail.txt", "mail.html"} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
		file = filepath.Join("testdata", file)
		if *update {
			if err := os.WriteFile(file, body, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(body)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", file, diff)
		}
		if strings.Contains(string(body), "<script>") && strings.HasSuffix(file, ".html") {
			t.Errorf("%s runs what others have written", file)
		}
	}
}

func TestMailIsNotTaken(t *testing.T) {
	office := &postOffice{}
	c := mailServer(t, office)
	office.refuse = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	if got := c.Send(t.Context(), nil, platform, messages()["one"], noon); got.Refused != "the server refused the mail with code 550" {
		t.Errorf("what is refused for good is tried again: %+v", got)
	}
	office.refuse = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "later"}
	if got := c.Send(t.Context(), nil, platform, messages()["one"], noon); got.Failed == "" {
		t.Errorf("what is refused for now is given up: %+v", got)
	}
	c.Token = text("another secret")
	if got := c.Send(t.Context(), nil, platform, messages()["one"], noon); got.Done || strings.Contains(got.Failed+got.Refused, "another secret") {
		t.Errorf("a wrong password: %+v", got)
	}
	c.Token, c.Roots = text("secret"), nil
	if got := c.Send(t.Context(), nil, platform, messages()["one"], noon); got.Failed == "" {
		t.Errorf("a server that nobody knows is told the password: %+v", got)
	}
}
