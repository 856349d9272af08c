// SPDX-License-Identifier: Apache-2.0

package rendercache

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"trunkline.dev/trunkline/render"
)

// maxEntry bounds the file of an entry, in bytes: the objects of a release have 16 MiB, and its read-set is less.
const maxEntry = 48 << 20

// head is what is read of an entry to find out whether it counts, and what its objects are.
type head struct {
	Facts    []fact           `json:"facts"`
	Reads    render.ReadSet   `json:"reads"`
	Parts    []render.Part    `json:"parts"`
	Digest   string           `json:"digest"`
	Warnings []render.Warning `json:"warnings,omitempty"`
}

// The file of an entry: the code that authenticates it under its name, the length of the head in four bytes, the head as
// JSON, and the objects as [render.Packed] has them.
const (
	macSize  = sha256.Size
	headFrom = macSize + 4
)

// encode returns the file of an entry without its code, which [seal] puts in.
func encode(facts []fact, objects *render.Packed, reads render.ReadSet) ([]byte, error) {
	top, err := json.Marshal(head{facts, reads, objects.Parts(), objects.Digest(), objects.Warnings()})
	if err != nil {
		return nil, err
	}
	body := objects.Data()
	size := headFrom + len(top) + len(body)
	if size > maxEntry {
		return nil, fmt.Errorf("it has more than %d MiB", maxEntry>>20)
	}
	out := make([]byte, headFrom, size)
	binary.BigEndian.PutUint32(out[macSize:], uint32(len(top))) //nolint:gosec // bounded above
	return append(append(out, top...), body...), nil
}

// seal authenticates an entry under a name.
func seal(secret []byte, name string, data []byte) { copy(data, code(secret, name, data)) }

var errForeign = errors.New("it is damaged, or was not written by this daemon")

// open checks that an entry is what was sealed under a name, and returns its head and the JSON of the objects.
func open(secret []byte, name string, data []byte) (top head, body []byte, err error) {
	if len(data) < headFrom || !hmac.Equal(data[:macSize], code(secret, name, data)) {
		return top, nil, errForeign
	}
	end := headFrom + int64(binary.BigEndian.Uint32(data[macSize:]))
	if end > int64(len(data)) {
		return top, nil, errForeign
	}
	return top, data[end:], json.Unmarshal(data[headFrom:end], &top)
}

func code(secret []byte, name string, data []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(name)) // of one length always
	mac.Write(data[macSize:])
	return mac.Sum(nil)
}
