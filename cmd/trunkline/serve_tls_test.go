// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/reconciler/status"
)

// writeCertificate writes a self-signed certificate of a name, and its key.
func writeCertificate(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// TestCertificatesAreReadAgain: a new one is used, and one that cannot be used leaves the old one.
func TestCertificatesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := writeCertificate(t, dir, "one")
	now := time.Now()
	c, err := newCertificates(certFile, keyFile, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	name := func() string {
		now = now.Add(time.Minute)
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.Subject.CommonName
	}
	steps := []struct {
		reason string
		change func()
		want   string
	}{
		{"as it was", func() {}, "one"},
		{"the files are replaced", func() { writeCertificate(t, dir, "two is longer") }, "two is longer"},
		{"the certificate is nonsense", func() { overwrite(t, certFile, "nonsense") }, "two is longer"},
		{"the key is another's", func() {
			_, other := writeCertificate(t, t.TempDir(), "other")
			writeCertificate(t, dir, "three")
			data, err := os.ReadFile(other)
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, keyFile, string(data)+"\n")
		}, "two is longer"},
		{"the files are away", func() { _ = os.Remove(certFile) }, "two is longer"},
		{"they are back", func() { writeCertificate(t, dir, "four") }, "four"},
	}
	for _, s := range steps {
		s.change()
		if got := name(); got != s.want {
			t.Errorf("%s: the certificate is %q, want %q", s.reason, got, s.want)
		}
	}
	for _, files := range [][2]string{{certFile, certFile}, {"missing", keyFile}} {
		if _, err := newCertificates(files[0], files[1], time.Now, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%v: a daemon starts with what is no certificate", files)
		}
	}
}

func overwrite(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestServeTLS asks the daemon's door by https, streams included, and ends with its context.
func TestServeTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := writeCertificate(t, dir, "one")
	flags := listening{address: "127.0.0.1:0", cert: certFile, key: keyFile}
	log := slog.New(slog.DiscardHandler)
	listener, err := flags.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	certificates, err := flags.certificates(log)
	if err != nil {
		t.Fatal(err)
	}
	d, handler := consoletest.New()
	d.Board.SetName("acme")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- door{listener: listener, handler: handler, certificates: certificates, log: log}.serve(ctx)
	}()
	r := remote{server: "https://" + listener.Addr().String(), caFile: certFile}
	c, err := r.client("ann")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := c.Status(t.Context()); err != nil || p.Name != "acme" {
		t.Errorf("got %+v, %v", p, err)
	}
	if p, err := c.Follow(t.Context(), time.Millisecond, untilAny); err != nil || p.Name != "acme" {
		t.Errorf("got %+v, %v", p, err)
	}
	stranger, err := client.New("https://"+listener.Addr().String(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("the system does not trust it, and the error is %v", err)
	}
	if resp, err := http.Get("http://" + listener.Addr().String() + "/healthz"); err == nil {
		if resp.Body.Close(); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("http is answered with %s", resp.Status)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// TestStreamsEndWithTheDaemon: whoever follows does not keep it from ending.
func TestStreamsEndWithTheDaemon(t *testing.T) {
	flags := listening{address: "127.0.0.1:0"}
	listener, err := flags.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, handler := consoletest.New()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- door{listener: listener, handler: handler, log: slog.New(slog.DiscardHandler)}.serve(ctx)
	}()
	c, err := client.New(fmt.Sprintf("http://%s", listener.Addr()), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Follow(t.Context(), time.Millisecond, cancelThenWait(cancel)); err == nil {
		t.Error("the stream goes on")
	}
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v", err)
	}
}

func untilAny(status.Platform) (bool, error) { return true, nil }

// cancelThenWait ends the daemon, and goes on following.
func cancelThenWait(cancel func()) func(status.Platform) (bool, error) {
	return func(status.Platform) (bool, error) {
		cancel()
		return false, nil
	}
}
