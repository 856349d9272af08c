// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Max bounds one frame, in bytes: a build reads at most 32 MiB of files and makes 16 MiB of objects.
const Max = 64 << 20

// Write writes fields as one frame: the length of what follows in four bytes, and each field with its own length
// before it.
func Write(w io.Writer, fields ...[]byte) error {
	size := 0
	for _, f := range fields {
		size += binary.MaxVarintLen32 + len(f)
	}
	out := make([]byte, 4, 4+size)
	for _, f := range fields {
		out = binary.AppendUvarint(out, uint64(len(f)))
		out = append(out, f...)
	}
	if len(out)-4 > Max {
		return fmt.Errorf("a message of more than %d MiB", Max>>20)
	}
	binary.BigEndian.PutUint32(out, uint32(len(out)-4)) //nolint:gosec // bounded above
	_, err := w.Write(out)
	return err
}

// ErrFrame is something that is no message.
var ErrFrame = errors.New("a message that is none")

// Read reads one frame; the error is [io.EOF] when there is none more.
func Read(r io.Reader) ([][]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > Max {
		return nil, fmt.Errorf("a message of more than %d MiB", Max>>20)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, errors.Join(ErrFrame, err)
	}
	return split(data)
}

// split cuts what is in a frame into its fields; there is at least one.
func split(data []byte) (fields [][]byte, err error) {
	for len(data) > 0 {
		n, used := binary.Uvarint(data)
		if used <= 0 || n > uint64(len(data)-used) { //nolint:gosec // used is not more than there is
			return nil, ErrFrame
		}
		end := used + int(n) //nolint:gosec // not more than there is
		fields, data = append(fields, data[used:end:end]), data[end:]
	}
	if len(fields) == 0 {
		return nil, ErrFrame
	}
	return fields, nil
}
