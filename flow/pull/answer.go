// SPDX-License-Identifier: Apache-2.0

package pull

import (
	"compress/gzip"
	"context"
	"crypto/md5" //nolint:gosec // a server says so what it sent; it is no protection against anybody
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/pull"
)

// refused is what an answer means that has no data: what may pass is tried again.
func refused(resp *http.Response, now time.Time) error {
	code := resp.StatusCode
	err := fmt.Errorf("it answered %s", strings.TrimSpace(strconv.Itoa(code)+" "+http.StatusText(code)))
	switch {
	case code == http.StatusAccepted, code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500 && code != http.StatusNotImplemented:
		return &laterError{err, retryAfter(resp.Header.Get("Retry-After"), now)}
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		err = fmt.Errorf("%w: look at http.headers and http.query, and at the secrets of the workload", err)
	case code == http.StatusNotFound, code == http.StatusGone:
		err = fmt.Errorf("%w; if that means that the lot has no data, write http.missing: empty", err)
	}
	return final(err)
}

// retryAfter reads how long to wait: seconds, or a time; 0 if it says neither.
func retryAfter(text string, now time.Time) time.Duration {
	const most = 1 << 30 // seconds; more is none the longer
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseUint(text, 10, 63); err == nil {
		return time.Duration(min(seconds, most)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// body is what an answer holds, which ends in an error if it is not whole, and what a file of it ends in.
func (a *asking) body(resp *http.Response) (io.Reader, string, error) {
	encoded := strings.ToLower(strings.TrimSpace(strings.Join(resp.Header.Values("Content-Encoding"), ",")))
	zipped := encoded == "gzip" || encoded == "x-gzip"
	checks := digests(resp.Header)
	// By HTTP/1 an answer may end with the connection, and so may half of it.
	if resp.ProtoMajor == 1 && resp.ContentLength < 0 && len(resp.TransferEncoding) == 0 && len(checks) == 0 && !zipped && !a.spec.HTTP.AnyLength {
		return nil, "", final(errors.New("the server says neither how long its answer is nor where it ends, so that half of it could be missing: " +
			"if you can put up with that, write http.anyLength: true"))
	}
	var body io.Reader = &whole{Reader: resp.Body, checks: checks}
	ending := ending(resp)
	if encoded != "" {
		ending = strings.TrimSuffix(ending, ".gz") // that it is compressed is said by the answer, and of the answer
	}
	switch {
	case encoded == "" || encoded == "identity":
	case !zipped:
		return nil, "", final(fmt.Errorf("its answer is compressed as %.40q, and it was asked for gzip or nothing", encoded))
	case a.spec.HTTP.Encoded == pull.Kept:
		return body, ending + ".gz", nil
	default:
		unzipped, err := gzip.NewReader(body)
		if errors.Is(err, io.EOF) {
			return strings.NewReader(""), ending, nil
		}
		if err != nil {
			return nil, "", fmt.Errorf("its answer says that it is gzip: %w", err)
		}
		return unzipped, ending, nil
	}
	return body, ending, nil
}

// whole is a body that ends in an error if it is not what the server says that it is.
type whole struct {
	io.Reader

	checks []check
}

// check compares a body with one digest.
type check struct {
	header string
	hash   hash.Hash
	want   string
}

// Read reads.
func (w *whole) Read(into []byte) (int, error) {
	n, err := w.Reader.Read(into)
	for _, c := range w.checks {
		c.hash.Write(into[:n])
	}
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	for _, c := range w.checks {
		sum := c.hash.Sum(nil)
		if base64.StdEncoding.EncodeToString(sum) != c.want && hex.EncodeToString(sum) != strings.ToLower(c.want) { // some write MD5 so
			return 0, fmt.Errorf("its answer is damaged: by %s it is not what was sent", c.header)
		}
	}
	return n, err
}

// digestIn finds a digest as RFC 9530 writes it, and RFC 3230 did.
var digestIn = regexp.MustCompile(`(?i)\b(sha-256|sha-512|md5)=:?([A-Za-z0-9+/]+={0,2})`)

// digests are what the headers say of the body, as it is sent.
func digests(h http.Header) (all []check) {
	for _, name := range []string{"Content-Digest", "Repr-Digest", "Digest"} {
		for _, m := range digestIn.FindAllStringSubmatch(strings.Join(h.Values(name), ","), -1) {
			algorithms := map[string]func() hash.Hash{"sha-256": sha256.New, "sha-512": sha512.New, "md5": md5.New}
			all = append(all, check{name, algorithms[strings.ToLower(m[1])](), m[2]})
		}
	}
	if sum := strings.TrimSpace(h.Get("Content-MD5")); sum != "" {
		all = append(all, check{"Content-MD5", md5.New(), sum}) //nolint:gosec // as above
	}
	return all
}

// endings are what files end in, by their type.
var endings = map[string]string{
	"text/csv": ".csv", "application/csv": ".csv", "text/tab-separated-values": ".tsv", "application/json": ".json", "text/json": ".json",
	"application/x-ndjson": ".json", "application/ndjson": ".json", "application/jsonl": ".json", "application/json-lines": ".json", "application/geo+json": ".json",
	"application/vnd.apache.parquet": ".parquet", "application/parquet": ".parquet", "text/plain": ".txt", "text/xml": ".xml", "application/xml": ".xml", "text/html": ".html",
	"application/gzip": ".gz", "application/x-gzip": ".gz", "application/zstd": ".zst", "application/zip": ".zip", "application/pdf": ".pdf",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}

// fileEnding is what the name of a file at a URL ends in.
var fileEnding = regexp.MustCompile(`(?:\.[A-Za-z0-9]{1,8})?\.[A-Za-z0-9]{1,8}$`)

// known are the endings of names that say what a file is.
var known = regexp.MustCompile(`(?i)^\.(csv|tsv|json|jsonl|ndjson|parquet|txt|xml|avro|orc|xlsx|zip|pdf|html|gz|zst|bz2|(csv|tsv|json|jsonl|ndjson|txt|xml)\.(gz|zst|bz2))$`)

// ending is what a file ends in: as its name at the URL, if that says what it is, or else by its type. Empty if neither does.
func ending(resp *http.Response) string {
	name := path.Base(resp.Request.URL.Path)
	for end := fileEnding.FindString(name); end != ""; end = end[max(1, strings.LastIndexByte(end, '.')):] {
		if known.MatchString(end) {
			return strings.ToLower(end)
		}
		if strings.LastIndexByte(end, '.') == 0 {
			break
		}
	}
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	if end := endings[kind]; end != "" {
		return end
	}
	if _, suffix, ok := strings.Cut(kind, "+"); ok && (suffix == "json" || suffix == "xml") {
		return "." + suffix
	}
	return ""
}

// errSilent is why a request ended.
var errSilent = errors.New("silent")

// watch ends a request while which nothing is received.
type watch struct {
	timer   *time.Timer
	timeout time.Duration
	cancel  context.CancelCauseFunc
}

func watched(ctx context.Context, timeout time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, &watch{time.AfterFunc(timeout, func() { cancel(errSilent) }), timeout, cancel}
}

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// silent says that the request was ended since nothing was received; nil if it was not.
func (w *watch) silent(ctx context.Context) error {
	if !errors.Is(context.Cause(ctx), errSilent) {
		return nil
	}
	return fmt.Errorf("it sent nothing for %s", w.timeout)
}

// reader is a body that is received while something of it comes.
func (w *watch) reader(body io.ReadCloser) io.ReadCloser { return &watchedBody{body, w} }

type watchedBody struct {
	io.ReadCloser

	*watch
}

// Read reads.
func (b *watchedBody) Read(into []byte) (int, error) {
	b.timer.Reset(b.timeout)
	n, err := b.ReadCloser.Read(into)
	// What is done with it takes its own time, in which the server is not waited for.
	b.timer.Stop()
	return n, err
}
