// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// certificates returns callers the certificate of two files, as they are now.
type certificates struct {
	files atomic.Pointer[files[*tls.Certificate]]
}

// newCertificates reads the certificate, which has to be good at first.
func newCertificates(certFile, keyFile string, now func() time.Time, log *slog.Logger) (*certificates, error) {
	f, err := newFiles("the TLS certificate", []string{certFile, keyFile}, func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("reading the TLS certificate %s and its key %s: %w", certFile, keyFile, err)
		}
		return &pair, nil
	}, now, log)
	c := &certificates{}
	c.files.Store(f)
	return c, err
}

// get is [tls.Config.GetCertificate].
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.files.Load().get(), nil
}

// use has the files of another one count.
func (c *certificates) use(other *certificates) { c.files.Store(other.files.Load()) }
