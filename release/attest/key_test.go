// SPDX-License-Identifier: Apache-2.0

package attest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
)

func TestReadKeyRefuses(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := encrypted.Encrypt(der, []byte("right"))
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, bytes []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	for _, tt := range []struct{ name, content, want string }{
		{"text", "secret words", "is not PEM"},
		{"another password", text("ENCRYPTED SIGSTORE PRIVATE KEY", locked), "COSIGN_PASSWORD"},
		{"a public key", text("PUBLIC KEY", der), "is a \"PUBLIC KEY\""},
		{"another algorithm", text("PRIVATE KEY", der), "of ECDSA"},
		{"damaged", text("PRIVATE KEY", der[:20]), "asn1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(file, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ReadKey(file, "wrong")
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("error %v, want one that says %q and names the file", err, tt.want)
			}
			if err != nil && (strings.Contains(err.Error(), "secret words") || strings.Contains(err.Error(), "wrong")) {
				t.Errorf("the error has what is secret: %v", err)
			}
		})
	}
	if _, err := ReadKey(filepath.Join(t.TempDir(), "none"), ""); err == nil {
		t.Error("a file that is not there is read")
	}
}
