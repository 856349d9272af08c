// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/doctor"
)

// daemon asks the daemon how it is doing.
func (o Options) daemon(ctx context.Context) (doctor.Fact[doctor.Running], *doctor.Clock) {
	if o.Daemon == nil {
		return doctor.Unknown[doctor.Running]("no daemon was named: --server URL"), nil
	}
	fact := ask(ctx, o.Timeout, "the daemon", func(ctx context.Context) doctor.Fact[runs] {
		r := runs{clock: clockAt(ctx, o.Now, o.Daemon)}
		r.said, r.err = o.running(ctx)
		return doctor.Known(r)
	})
	if fact.Value == nil {
		return doctor.Fact[doctor.Running]{Unknown: fact.Unknown, Silent: fact.Silent}, nil
	}
	if fact.Value.err != nil {
		return doctor.Known(unanswered(fact.Value.err)), fact.Value.clock
	}
	return doctor.Known(fact.Value.said), fact.Value.clock
}

type runs struct {
	said  doctor.Running
	err   error
	clock *doctor.Clock
}

func (o Options) running(ctx context.Context) (out doctor.Running, err error) {
	if out.State, err = o.Daemon.Status(ctx); err != nil {
		return out, err
	}
	if out.Ready, err = o.Daemon.Ready(ctx); err != nil {
		return out, err
	}
	itself, err := o.Daemon.Daemon(ctx)
	if err != nil || itself == nil {
		return out, err
	}
	out.Version, out.Fetched, out.Poll = itself.Version, itself.Fetched, time.Duration(itself.Poll*float64(time.Second))
	return out, nil
}

// unanswered says why a daemon does not answer, and what to do about it.
func unanswered(err error) doctor.Running {
	out := doctor.Running{Error: err.Error(), Hint: hintOf(err)}
	refused, _ := errors.AsType[*client.RefusedError](err)
	switch {
	case errors.Is(err, client.ErrToken):
		out.Hint = "name the file that holds your token: --token-file FILE"
	case refused != nil && refused.Code == http.StatusForbidden:
		out.Hint = "ask whoever runs the daemon for a token that may"
	case errors.Is(err, syscall.ECONNREFUSED):
		out.Absent = true
		out.Hint = "start it, or name the address where it listens: --server URL"
	}
	return out
}

// hintOf says what to do about a connection that does not work; empty if that is not known.
func hintOf(err error) string {
	var unknownAuthority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &unknownAuthority):
		return "trust the authority that signed its certificate: name the file with it, or correct the one that is named"
	case errors.As(err, &hostname):
		return "use a name or an address that its certificate is for"
	case errors.As(err, &invalid):
		return "have another certificate made, and see whether the clocks are right"
	case errors.As(err, &dns):
		return "correct the name, or have the name server know it: a VPN may be needed"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: start it, or correct the address"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way there from here: a VPN or a route may be needed"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "something in between drops it: a firewall, or a VPN that is not up"
	}
	return ""
}

// clockAt reads the clock of the daemon's machine.
func clockAt(ctx context.Context, now func() time.Time, c *client.Client) *doctor.Clock {
	asked := now()
	header, err := c.Alive(ctx)
	if err != nil {
		return nil
	}
	return clockOf(header, asked, now())
}
