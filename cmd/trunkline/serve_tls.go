// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateInterval is how often a certificate's files are looked at, at most.
const certificateInterval = time.Second

// certificates returns callers the certificate of two files, as they are now. Whoever renews it replaces the files; one that
// cannot be read leaves the one from before in use.
type certificates struct {
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	// state is that of the files that current was read from, and looked when they were last looked at.
	state  [2]fileState
	looked time.Time
}

// fileState differs once a file was replaced.
type fileState struct {
	modified time.Time
	size     int64
}

// newCertificates reads the certificate, which has to be good at first.
func newCertificates(certFile, keyFile string, now func() time.Time, log *slog.Logger) (*certificates, error) {
	c := &certificates{certFile: certFile, keyFile: keyFile, now: now, log: log}
	state, err := c.stat()
	if err == nil {
		err = c.read(state)
	}
	c.looked = now()
	return c, err
}

// get is [tls.Config.GetCertificate].
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= certificateInterval {
		c.looked = now
		state, err := c.stat()
		if err == nil && state != c.state {
			if err = c.read(state); err == nil {
				c.log.Info("the TLS certificate has changed")
			}
		}
		if err != nil {
			c.log.Warn("cannot read the new TLS certificate; the one from before stays in use", "err", err.Error())
		}
	}
	return c.current, nil
}

func (c *certificates) stat() (state [2]fileState, err error) {
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return state, fmt.Errorf("reading the TLS certificate: %w", err)
		}
		state[i] = fileState{info.ModTime(), info.Size()}
	}
	return state, nil
}

// read reads the files, which may be replaced one after the other: then the pair does not fit, and is read again later.
func (c *certificates) read(state [2]fileState) error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("reading the TLS certificate %s and its key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current, c.state = &pair, state
	return nil
}
