// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/getsops/sops/v3"
	sopsaes "github.com/getsops/sops/v3/aes"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var cipherKey = bytes.Repeat([]byte("k"), dataKeySize)

// TestOpenValueIsThatOfSOPS decrypts what the library has encrypted: any value, at any place.
func TestOpenValueIsThatOfSOPS(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.String().AsAny(), rapid.Bool().AsAny(), rapid.Int().AsAny(), rapid.Float64().AsAny(),
			rapid.Just[any](sops.Comment{Value: "c"}), rapid.Just[any](time.Unix(0, 0)),
		).Draw(t, "value")
		about := rapid.String().Draw(t, "about")
		sealed, err := sopsaes.NewCipher().Encrypt(value, cipherKey, about)
		if err != nil {
			t.Fatal(err)
		}
		want := value
		switch value.(type) {
		case string, bool:
		default:
			want = other{}
		}
		got, err := openValue(sealed, cipherKey, about)
		if err != nil {
			t.Fatalf("%q does not decrypt: %v", sealed, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("decrypted (-want +got):\n%s", diff)
		}
		if sealed == "" {
			return
		}
		if got, err := openValue(sealed, cipherKey, about+"x"); err == nil {
			t.Errorf("it decrypts at another place, to %v", got)
		}
	})
}

// TestOpenValueRefuses changes an encrypted value in every way that the library refuses too. No error repeats it.
func TestOpenValueRefuses(t *testing.T) {
	sealed, err := sopsaes.NewCipher().Encrypt("hunter2", cipherKey, "a:")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(sealed, "iv:")
	iv, _, _ := strings.Cut(rest, ",tag:")
	for _, test := range []struct{ reason, value string }{
		{"no value of SOPS", "hunter2"},
		{"another cipher", strings.Replace(sealed, "AES256_GCM", "AES256_CBC", 1)},
		{"no type", strings.Replace(sealed, "type:str", "type:", 1)},
		{"an unknown type", strings.Replace(sealed, "type:str", "type:text", 1)},
		{"a boolean that is none", strings.Replace(sealed, "type:str", "type:bool", 1)},
		{"data not in base64", strings.Replace(sealed, "data:", "data:!", 1)},
		{"tag not in base64", strings.Replace(sealed, "tag:", "tag:!", 1)},
		{"an empty iv", strings.Replace(sealed, iv, "\r", 1)},
		{"another iv", strings.Replace(sealed, iv, "AAAA", 1)},
		{"a huge iv", strings.Replace(sealed, iv, strings.Repeat("AAAA", 1<<16), 1)},
		{"an empty tag", before + "iv:" + iv + ",tag:\r,type:str]"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			got, err := openValue(test.value, cipherKey, "a:")
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, %v; want an error that repeats nothing", got, err)
			}
			if theirs, err := sopsaes.NewCipher().Decrypt(test.value, cipherKey, "a:"); err == nil {
				t.Errorf("the library decrypts it to %v", theirs)
			}
		})
	}
	if _, err := openValue(sealed, cipherKey[1:], "a:"); err == nil {
		t.Error("it decrypts with a key of 31 bytes")
	}
}
