// SPDX-License-Identifier: Apache-2.0

package pull

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"trunkline.dev/trunkline/api/pull"
)

// asking is what is asked of servers for one lot.
type asking struct {
	*Puller

	client *http.Client
	// origin is the server that the credentials are for, and headers what it gets.
	origin  origin
	headers http.Header
}

// request fetches over HTTP.
func (p *Puller) request(ctx context.Context) (told, note string, err error) {
	first, headers, err := p.address()
	if err != nil {
		return "", "", err
	}
	a := &asking{Puller: p, origin: originOf(first), headers: headers}
	if a.client, err = a.newClient(); err != nil {
		return "", "", err
	}
	defer a.client.CloseIdleConnections()
	was, known, err := p.before(ctx)
	if err != nil {
		return "", "", err
	}
	got, err := again(ctx, p, func() (answer, error) { return a.get(ctx, first, 0, was) })
	switch {
	case err != nil:
		return "", "", err
	case got.unchanged && !known:
		return "", "", fmt.Errorf("%s answered that nothing changed, and was not asked", shown(first))
	case got.unchanged && p.spec.HTTP.Unchanged == pull.UnchangedCopy:
		if err := p.copied(ctx, was.Lot); err != nil {
			return "", "", err
		}
		was.Lot = p.run.Lot.ID()
		return "nothing changed since the lot before, which is copied", was.text(), nil
	case got.unchanged:
		return "nothing changed since " + was.Lot, was.text(), nil
	case got.missing:
		return "there is nothing at " + shown(first), "", nil
	case got.next == nil:
		is := memory{Source: p.source(), ETag: got.etag, Modified: got.modified, Lot: p.run.Lot.ID()}
		if got.bytes == 0 || p.run.Lot.IsZero() {
			return fmt.Sprintf("%d bytes were fetched", got.bytes), "", nil
		}
		return fmt.Sprintf("%d bytes were fetched", got.bytes), is.text(), nil
	}
	// Of several answers, what the first is says nothing of the others, and is not remembered.
	return a.pages(ctx, first, got)
}

// pages fetches what follows the first answer.
func (a *asking) pages(ctx context.Context, first *url.URL, got answer) (told, note string, err error) {
	seen := map[string]bool{first.String(): true}
	total, n := got.bytes, 1
	for got.next != nil {
		at := got.next
		switch {
		case seen[at.String()]:
			return "", "", fmt.Errorf("%s names as the next answer one that was fetched before", shown(first))
		case n >= a.spec.HTTP.Pages:
			return "", "", fmt.Errorf("%s has more than %d answers, which is the limit: raise http.pages", shown(first), a.spec.HTTP.Pages)
		}
		seen[at.String()] = true
		n++
		if got, err = again(ctx, a.Puller, func() (answer, error) { return a.get(ctx, at, n, memory{}) }); err != nil {
			return "", "", err
		}
		if got.missing || got.unchanged {
			return "", "", fmt.Errorf("%s is named as the next answer, and is not there", shown(at))
		}
		total += got.bytes
	}
	return fmt.Sprintf("%d bytes were fetched, in %d answers", total, n), "", nil
}

// address fills the URL and the headers.
func (p *Puller) address() (*url.URL, http.Header, error) {
	h := p.spec.HTTP
	text, err := h.URL.Fill(p.run.Lot, p.lookup, asItIs)
	if err != nil {
		return nil, nil, fmt.Errorf("http.url: %w", err)
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, nil, errors.New("http.url is not a URL once it is filled")
	}
	if len(h.Query) > 0 {
		query := u.Query()
		for name, t := range h.Query {
			value, err := t.Fill(p.run.Lot, p.lookup, asItIs)
			if err != nil {
				return nil, nil, fmt.Errorf("http.query.%s: %w", name, err)
			}
			query.Set(name, value)
		}
		u.RawQuery = query.Encode()
	}
	headers := http.Header{}
	for name, t := range h.Headers {
		value, err := t.Fill(p.run.Lot, p.lookup, asItIs)
		if err != nil {
			return nil, nil, fmt.Errorf("http.headers.%s: %w", name, err)
		}
		if value = strings.TrimSpace(value); strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return nil, nil, fmt.Errorf("http.headers.%s: a variable in it has a line break, or another character that no header has", name)
		}
		headers.Set(name, value)
	}
	return u, headers, nil
}

// shown is a URL without what may be secret.
func shown(u *url.URL) string {
	bare := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return bare.String()
}

// answer is what a server said.
type answer struct {
	unchanged, missing bool
	etag, modified     string
	bytes              int64
	next               *url.URL
}

// get asks once, and writes what is answered. The number is that of the file, from the second answer on.
func (a *asking) get(ctx context.Context, at *url.URL, number int, was memory) (answer, error) {
	ctx, watch := watched(ctx, a.spec.HTTP.Timeout)
	defer watch.stop()
	fail := func(err error) (answer, error) {
		if silent := watch.silent(ctx); silent != nil {
			err = silent
		}
		return answer{}, fmt.Errorf("GET %s: %w", shown(at), err)
	}
	resp, err := a.send(ctx, at, was)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read, or is of no use
	resp.Body = watch.reader(resp.Body)
	out := answer{etag: resp.Header.Get("ETag"), modified: resp.Header.Get("Last-Modified")}
	switch code := resp.StatusCode; {
	case code == http.StatusNotModified:
		out.unchanged = true
		return out, nil
	case code == http.StatusNoContent:
		return out, nil
	case (code == http.StatusNotFound || code == http.StatusGone) && a.spec.HTTP.Missing == pull.MissingEmpty:
		out.missing = true
		return out, nil
	case code != http.StatusOK && code != http.StatusNonAuthoritativeInfo:
		return fail(refused(resp, a.Now()))
	}
	if out.next, err = next(resp); err != nil {
		return fail(final(err))
	}
	body, ending, err := a.body(resp)
	if err != nil {
		return fail(err)
	}
	content := bufio.NewReader(body)
	if _, err := content.Peek(1); errors.Is(err, io.EOF) {
		return out, nil // nothing of a length of none is written
	} else if err != nil {
		return fail(err)
	}
	if out.next != nil {
		number = max(number, 1)
	}
	name, err := a.file(number, cmp.Or(ending, ".bin"))
	if err != nil {
		return answer{}, final(err)
	}
	if out.bytes, err = a.write(ctx, name, content); err != nil {
		return fail(err)
	}
	return out, nil
}

// send sends a request, and returns the answer that is not a redirection.
func (a *asking) send(ctx context.Context, at *url.URL, was memory) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, final(plain(err))
	}
	if originOf(at) == a.origin {
		maps.Copy(req.Header, a.headers)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "trunkline-lot")
	}
	req.Header.Set("Accept-Encoding", "gzip")
	if was.ETag != "" {
		req.Header.Set("If-None-Match", was.ETag)
	} else if was.Modified != "" {
		req.Header.Set("If-Modified-Since", was.Modified)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, plain(err)
	}
	return resp, nil
}

// plain is what went wrong, without the URL; what no later request would do better is permanent.
func plain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if no, ok := errors.AsType[*refusedError](err); ok {
		return final(no)
	}
	return err
}
