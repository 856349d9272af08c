// SPDX-License-Identifier: Apache-2.0

package signers

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// commit is a commit object, taken apart as far as signatures need it.
type commit struct {
	// tree and parents are hashes in hexadecimal.
	tree    string
	parents []string
	// when is the committer's time.
	when time.Time

	// signature is empty if there is none, and payload what it is made over: everything else.
	signature, payload []byte
}

// The headers that hold signatures: one over the object as SHA-1 repositories have it, one over that of SHA-256 repositories.
const (
	signatureHeader    = "gpgsig"
	signatureHeader256 = "gpgsig-sha256"
)

// parseCommit takes a commit object apart. It is stricter than Git, which writes headers in one order and reads them in
// any: a commit that two readers could understand in two ways must not count as signed.
func parseCommit(raw []byte) (*commit, error) {
	c := &commit{}
	rest, step := raw, 0
	seen := map[string]bool{}
	for {
		header, after, err := nextHeader(rest)
		if err != nil {
			return nil, err
		}
		if header.name == "" {
			break
		}
		if signs := strings.HasPrefix(header.name, signatureHeader); signs && seen[header.name] {
			return nil, fmt.Errorf("it has several headers %q: one signature is needed", header.name)
		}
		seen[header.name] = true
		switch {
		case header.name == signatureHeader:
			c.signature = header.value
		case header.name == signatureHeader256: // over the same commit in another format, and not signed itself
		case strings.HasPrefix(header.name, signatureHeader):
			return nil, fmt.Errorf("it has a header %q, which Git does not write", printable(header.name))
		default:
			if step, err = c.take(step, header); err != nil {
				return nil, err
			}
			c.payload = append(c.payload, rest[:len(rest)-len(after)]...)
		}
		rest = after
	}
	if step != stepCommitter {
		return nil, errors.New("it lacks a tree, an author or a committer")
	}
	c.payload = append(c.payload, rest...)
	return c, nil
}

// header is one of a commit. Its value is without the space that begins its further lines.
type header struct {
	name  string
	value []byte
}

// nextHeader returns the first header and what comes after it; one without a name at the empty line that ends them.
func nextHeader(raw []byte) (h header, after []byte, err error) {
	line, after, ended := bytes.Cut(raw, []byte("\n"))
	switch {
	case len(line) == 0 && ended:
		return header{}, raw, nil
	case !ended:
		return header{}, nil, errors.New("its headers do not end")
	}
	name, value, ok := bytes.Cut(line, []byte(" "))
	if !ok || len(name) == 0 {
		return header{}, nil, fmt.Errorf("%q is no header of a commit", printable(string(line)))
	}
	h = header{name: string(name), value: append(bytes.Clone(value), '\n')}
	for len(after) > 0 && after[0] == ' ' {
		line, next, ended := bytes.Cut(after, []byte("\n"))
		if !ended {
			return header{}, nil, errors.New("its headers do not end")
		}
		h.value = append(append(h.value, line[1:]...), '\n')
		after = next
	}
	return h, after, nil
}

// The steps in which a commit's headers come.
const (
	stepNone = iota
	stepTree
	stepAuthor
	stepCommitter
)

// take reads a header that is no signature, after others.
func (c *commit) take(step int, h header) (int, error) {
	value := string(bytes.TrimSuffix(h.value, []byte("\n")))
	wrong := func() (int, error) {
		return step, fmt.Errorf("its header %q is not where Git writes it, or not as Git writes it", printable(h.name))
	}
	switch h.name {
	case "tree":
		if step != stepNone || !isHash(value) {
			return wrong()
		}
		c.tree, step = value, stepTree
	case "parent":
		if step != stepTree || !isHash(value) {
			return wrong()
		}
		c.parents = append(c.parents, value)
	case "author":
		if step != stepTree || strings.Contains(value, "\n") {
			return wrong()
		}
		step = stepAuthor
	case "committer":
		when, ok := timeOf(value)
		if step != stepAuthor || !ok {
			return wrong()
		}
		c.when, step = when, stepCommitter
	default: // encoding, mergetag and others, which say nothing of what is in the commit
		if step != stepCommitter {
			return wrong()
		}
	}
	return step, nil
}

func isHash(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && (len(raw) == 20 || len(raw) == 32) && s == strings.ToLower(s)
}

// timeOf reads the time that ends the line of a committer: seconds and a time zone.
func timeOf(line string) (time.Time, bool) {
	end := strings.LastIndex(line, "> ")
	if end < 0 || strings.Contains(line, "\n") {
		return time.Time{}, false
	}
	fields := strings.Split(line[end+2:], " ")
	if len(fields) != 2 {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || seconds < 0 || seconds > maxSeconds {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0).UTC(), true
}

// maxSeconds is the end of the year 9999.
const maxSeconds = 253402300799

// printable takes out of a text what would make a terminal obey it, and shortens it.
func printable(s string) string {
	const most = 100
	s = strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
