// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"
)

const (
	// hidden stands for a value.
	hidden = "[redacted]"
	// shortest is the length from which on a value is taken out. A shorter one hides nothing, and would be found in every other word.
	shortest = 3
)

// forms are the texts that a value may be found as: plain, in base64, quoted and as a part of an address, whole and line by line. The longest comes
// first, so that one that holds another does not leave its rest.
func forms(values map[string]string) [][]byte {
	var all []string
	for _, value := range values {
		some := []string{value, base64.StdEncoding.EncodeToString([]byte(value)), url.QueryEscape(value), url.PathEscape(value)}
		if quoted, err := json.Marshal(value); err == nil {
			some = append(some, string(quoted[1:len(quoted)-1]))
		}
		for line := range strings.Lines(value) {
			some = append(some, strings.TrimSpace(line))
		}
		all = append(all, some...)
	}
	all = slices.DeleteFunc(all, func(s string) bool { return len(s) < shortest })
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	all = slices.Compact(all)
	out := make([][]byte, len(all))
	for i, s := range all {
		out[i] = []byte(s)
	}
	return out
}

// hider passes on what is written to it without values. What may be the beginning of one is held back until it is known, and nothing else is.
type hider struct {
	to    io.Writer
	forms [][]byte
	// begins are the bytes that a form begins with.
	begins [256]bool
	held   []byte
}

func newHider(to io.Writer, forms [][]byte) *hider {
	h := &hider{to: to, forms: forms}
	for _, f := range forms {
		h.begins[f[0]] = true
	}
	return h
}

// Write implements [io.Writer].
func (h *hider) Write(p []byte) (int, error) {
	h.held = append(h.held, p...)
	if err := h.pass(false); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush passes on what was held back: nothing comes after it.
func (h *hider) Flush() error { return h.pass(true) }

// pass passes on what is known to be, or to be part of, no value.
func (h *hider) pass(last bool) error {
	var out bytes.Buffer
	i := 0
	for i < len(h.held) {
		if !h.begins[h.held[i]] {
			out.WriteByte(h.held[i])
			i++
			continue
		}
		n, wait := h.match(h.held[i:], last)
		if wait {
			break
		}
		if n > 0 {
			out.WriteString(hidden)
			i += n
			continue
		}
		out.WriteByte(h.held[i])
		i++
	}
	h.held = append(h.held[:0], h.held[i:]...)
	if out.Len() == 0 {
		return nil
	}
	_, err := h.to.Write(out.Bytes())
	return err
}

// match is the length of the longest form that a text begins with. Wait says that a longer one may become of it.
func (h *hider) match(text []byte, last bool) (n int, wait bool) {
	for _, f := range h.forms {
		if bytes.HasPrefix(text, f) {
			return len(f), false
		}
		if !last && len(text) < len(f) && bytes.HasPrefix(f, text) {
			return 0, true
		}
	}
	return 0, false
}
