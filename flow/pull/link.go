// SPDX-License-Identifier: Apache-2.0

package pull

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// next is where the headers say that the data go on; nil if they end here.
func next(resp *http.Response) (*url.URL, error) {
	target := nextIn(strings.Join(resp.Header.Values("Link"), ","))
	if target == "" {
		return nil, nil //nolint:nilnil // there is none, and nothing is wrong
	}
	u, err := resp.Request.URL.Parse(target)
	switch {
	case err != nil:
		return nil, errors.New("it names a next answer by what is no URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fmt.Errorf("it names a next answer that is not there over HTTP: %s", shown(u))
	case resp.Request.URL.Scheme == "https" && u.Scheme == "http":
		return nil, fmt.Errorf("it names a next answer that would come in clear: %s", shown(u))
	}
	u.Fragment = ""
	return u, nil
}

// nextIn finds the target of the link of the relation "next" in the header of RFC 8288.
func nextIn(header string) string {
	for rest := header; ; {
		_, after, found := strings.Cut(rest, "<")
		if !found {
			return ""
		}
		target, params, closed := strings.Cut(after, ">")
		if !closed {
			return ""
		}
		var is bool
		is, rest = isNext(params)
		if is {
			return strings.TrimSpace(target)
		}
	}
}

// isNext reads the parameters of a link up to the comma behind it, and reports whether the relation is "next". Of several relations, the first counts.
func isNext(params string) (is bool, rest string) {
	decided := false
	for params = strings.TrimLeft(params, " \t"); strings.HasPrefix(params, ";"); params = strings.TrimLeft(params, " \t") {
		params = strings.TrimLeft(params[1:], " \t")
		end := strings.IndexAny(params, "=;,")
		if end < 0 {
			return is, ""
		}
		name := strings.TrimSpace(params[:end])
		if params = params[end:]; params[0] != '=' {
			continue
		}
		var value string
		value, params = valueOf(strings.TrimLeft(params[1:], " \t"))
		if strings.EqualFold(name, "rel") && !decided {
			decided = true
			for relation := range strings.FieldsSeq(value) {
				is = is || strings.EqualFold(relation, "next")
			}
		}
	}
	return is, params
}

// valueOf reads a value, which may be in quotes.
func valueOf(text string) (value, rest string) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, ";, \t")
		if end < 0 {
			return text, ""
		}
		return text[:end], text[end:]
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if i++; i < len(text) {
				b.WriteByte(text[i])
			}
		case '"':
			return b.String(), text[i+1:]
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String(), ""
}
