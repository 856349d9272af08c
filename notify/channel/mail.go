// SPDX-License-Identifier: Apache-2.0

package channel

import (
	"bytes"
	"context"
	"crypto/tls"
	_ "embed" // the templates of mails
	"errors"
	"fmt"
	htmltemplate "html/template"
	"net/url"
	"strconv"
	texttemplate "text/template"
	"time"

	"github.com/wneessen/go-mail"

	"trunkline.dev/trunkline/flow/egress"
	"trunkline.dev/trunkline/notify"
)

//go:embed mail.html
var mailHTML string

//go:embed mail.txt
var mailText string

// mailTimeout bounds an attempt to send a mail.
const mailTimeout = 30 * time.Second

// letter is what the templates are given.
type letter struct {
	Headline, Platform, Console, Untold string
	Items                               []letterItem
}

type letterItem struct {
	Title, Color, Link string
	// Kind is how much it matters, in a word, and Class the same for the style sheet.
	Kind, Class string
	Lines       []string
}

// mailColors are how a mail shows how much something matters.
var mailColors = map[notify.Severity]string{notify.Critical: "#c62828", notify.Warning: "#b26a00", notify.Info: "#455a64"}

func letterOf(p Platform, m notify.Message) letter {
	out := letter{Headline: headline(p, m), Platform: p.Name, Console: link(p.Console), Untold: untold(m)}
	for _, i := range m.Items {
		one := letterItem{Title: title(i), Color: mailColors[i.Topic.Severity()], Link: where(p, i), Kind: string(i.Topic.Severity()), Class: string(i.Topic.Severity()), Lines: details(i)}
		if i.Standing == notify.Resolved {
			one.Color, one.Kind, one.Class = "#2e7d32", "over", "over"
		}
		out.Items = append(out.Items, one)
	}
	return out
}

// mailBodies returns the text and the HTML of a mail.
func mailBodies(p Platform, m notify.Message) (text, html string, err error) {
	l := letterOf(p, m)
	var t, h bytes.Buffer
	plain, err := texttemplate.New("mail.txt").Parse(mailText)
	if err != nil {
		return "", "", err
	}
	rich, err := htmltemplate.New("mail.html").Parse(mailHTML)
	if err != nil {
		return "", "", err
	}
	err = errors.Join(plain.Execute(&t, l), rich.Execute(&h, l))
	return t.String(), h.String(), err
}

// mail sends a message by SMTP, with TLS unless the server is on this machine.
func (c Channel) mail(ctx context.Context, p Platform, m notify.Message) egress.Answer {
	client, err := c.smtp()
	if err != nil {
		return egress.Answer{Failed: err.Error()}
	}
	msg, err := c.message(p, m)
	if err != nil {
		return egress.Answer{Refused: err.Error()}
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil {
		return egress.Answer{Done: true}
	}
	if sent, ok := errors.AsType[*mail.SendError](err); ok && !sent.IsTemp() && sent.ErrorCode() >= 500 {
		return egress.Answer{Refused: fmt.Sprintf("the server refused the mail with code %d", sent.ErrorCode())}
	}
	return egress.Answer{Failed: "the mail cannot be handed over: " + c.without(err.Error())}
}

// without takes the password out of a text.
func (c Channel) without(text string) string {
	if c.Token == nil {
		return text
	}
	if password, err := c.Token(); err == nil && password != "" {
		return string(bytes.ReplaceAll([]byte(text), []byte(password), []byte("***")))
	}
	return text
}

// smtp makes the client of the server.
func (c Channel) smtp() (*mail.Client, error) {
	address, err := c.URL()
	if err != nil {
		return nil, fmt.Errorf("reading the server: %w", err)
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, errors.New("the server is smtp://HOST:587 or smtps://HOST:465, without credentials")
	}
	options := []mail.Option{
		mail.WithTimeout(mailTimeout), mail.WithTLSConfig(&tls.Config{ServerName: u.Hostname(), RootCAs: c.Roots, MinVersion: tls.VersionTLS12}),
	}
	port := 587
	switch {
	case u.Scheme == "smtps":
		port = 465
		options = append(options, mail.WithSSL())
	case local(u.Hostname()) && c.Token == nil:
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if text := u.Port(); text != "" {
		if port, err = strconv.Atoi(text); err != nil {
			return nil, errors.New("the server has no such port")
		}
	}
	options = append(options, mail.WithPort(port))
	if c.Token != nil {
		password, err := c.Token()
		if err != nil {
			return nil, fmt.Errorf("reading the password: %w", err)
		}
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(c.Username), mail.WithPassword(password))
	}
	return mail.NewClient(u.Hostname(), options...)
}

// message makes a mail. Its Message-ID is that of the message, so that one that comes twice is one.
func (c Channel) message(p Platform, m notify.Message) (*mail.Msg, error) {
	text, html, err := mailBodies(p, m)
	if err != nil {
		return nil, fmt.Errorf("writing the mail: %w", err)
	}
	msg := mail.NewMsg()
	if err := errors.Join(msg.From(c.From), msg.To(c.To...)); err != nil {
		return nil, errors.New("an address of the mail cannot be used")
	}
	msg.Subject(headline(p, m))
	msg.SetMessageIDWithValue(m.ID + "@trunkline.invalid")
	msg.SetDateWithValue(m.At)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // so that nothing answers that it is on holiday
	msg.SetBodyString(mail.TypeTextPlain, text)
	msg.AddAlternativeString(mail.TypeTextHTML, html)
	return msg, nil
}
