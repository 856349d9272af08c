// SPDX-License-Identifier: Apache-2.0

package reports

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"trunkline.dev/trunkline/reconciler/durable"
)

const (
	// shortest and longest are how long a link is good: its end is on a grid, so that it stays the same from push to push.
	shortest, longest = 7 * 24 * time.Hour, 14 * 24 * time.Hour
	// keyFor is how long links are signed with a key.
	keyFor = 30 * 24 * time.Hour
	// keySize and macSize are in bytes.
	keySize, macSize = 32, 16
	// purpose keeps a signature from being one of something else.
	purpose = "trunkline report 1"
)

// id names a report.
type id [16]byte

// idOf names the report on a head of a pull request.
func idOf(pull, head string) (out id) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s", pull, head))
	copy(out[:], sum[:])
	return out
}

func (i id) String() string { return hex.EncodeToString(i[:]) }

// expiry is when a link that is made now expires.
func expiry(now time.Time) time.Time { return now.Truncate(longest - shortest).Add(longest) }

// key signs links. The first one of several is the newest.
type key struct {
	Made   time.Time `json:"made"`
	Secret []byte    `json:"secret"`
}

type keys []key

// readKeys reads the keys of a file; none if there is no such file.
func readKeys(file string) (out keys, err error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the keys of links to reports: %w", err)
	}
	if err := json.Unmarshal(data, &out); err != nil || slices.ContainsFunc(out, func(k key) bool { return len(k.Secret) != keySize }) {
		return nil, fmt.Errorf("%s does not hold the keys of links to reports: delete it, and all links end", file)
	}
	return out, nil
}

func (k keys) write(file string) error {
	data, err := json.Marshal(k) //nolint:gosec // the file is for them
	if err == nil {
		err = durable.Write(file, data, filepath.Join(filepath.Dir(file), temporary+"*"))
	}
	if err != nil {
		return fmt.Errorf("writing the keys of links to reports: %w", err)
	}
	return nil
}

// rotated returns the keys for links that are made now: with a new one if the newest is old, or of the future, and without those
// whose links have all expired.
func (k keys) rotated(now time.Time) (out keys, changed bool, err error) {
	for _, old := range k {
		if age := now.Sub(old.Made); age >= 0 && age < keyFor+longest {
			out = append(out, old)
		}
	}
	if len(out) > 0 && now.Sub(out[0].Made) < keyFor {
		return out, len(out) != len(k), nil
	}
	secret := make([]byte, keySize)
	if _, err := rand.Read(secret); err != nil {
		return nil, false, fmt.Errorf("making a key for links to reports: %w", err)
	}
	return slices.Insert(out, 0, key{now.UTC(), secret}), true, nil
}

// link signs what a link says with the newest key.
func (k keys) link(report id, expires time.Time) string {
	body := binary.BigEndian.AppendUint64(slices.Clone(report[:]), uint64(expires.Unix())) //nolint:gosec // after 1970
	return base64.RawURLEncoding.EncodeToString(append(body, k[0].sign(body)...))
}

// open returns which report a link is to; false if it is none of ours, or expired.
func (k keys) open(link string, now time.Time) (report id, ok bool) {
	const size = len(report) + 8
	if len(link) != base64.RawURLEncoding.EncodedLen(size+macSize) {
		return id{}, false
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(link)
	if err != nil || len(data) != size+macSize {
		return id{}, false
	}
	signed := false
	for _, one := range k {
		signed = hmac.Equal(data[size:], one.sign(data[:size])) || signed
	}
	copy(report[:], data)
	expires := time.Unix(int64(binary.BigEndian.Uint64(data[len(report):size])), 0) //nolint:gosec // it is signed
	if !signed || !now.Before(expires) {
		return id{}, false
	}
	return report, true
}

func (k key) sign(body []byte) []byte {
	mac := hmac.New(sha256.New, k.Secret)
	_, _ = mac.Write([]byte(purpose)) // a hash never fails
	_, _ = mac.Write(body)
	return mac.Sum(nil)[:macSize]
}
