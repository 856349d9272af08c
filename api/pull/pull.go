// SPDX-License-Identifier: Apache-2.0

// Package pull is what the params of the blueprint pull say: what is fetched for a lot, over HTTP or from a database, and within which bounds.
//
// It is pure. Of Trunkline it imports api/lot, api/param and api/sqltext.
package pull

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/param"
)

// Blueprint is the name of the embedded blueprint.
const Blueprint = "pull"

// Spec is what is fetched. One of HTTP and Database is not nil.
type Spec struct {
	// To is the role that is written; empty: the only one, or else "main".
	To       string
	HTTP     *HTTP
	Database *Database
	// Filename is how files are called, without what they end in.
	Filename Template
	// MaxBytes is how much is written at most, for a lot.
	MaxBytes int64
	// Retries is how often a request is tried again that failed for a reason that may pass.
	Retries int
}

// Missing is what it means that there is nothing at a URL.
type Missing string

// What it may mean.
const (
	MissingFails Missing = "fail"
	MissingEmpty Missing = "empty"
)

// Unchanged is what a lot is whose source is as it was for the lot before.
type Unchanged string

// What it may be.
const (
	UnchangedEmpty Unchanged = "empty"
	UnchangedCopy  Unchanged = "copy"
	// UnchangedFetch does not ask whether it is.
	UnchangedFetch Unchanged = "fetch"
)

// Encoded is what becomes of an answer that is compressed on its way.
type Encoded string

// What may become of it.
const (
	Decoded Encoded = "decode"
	Kept    Encoded = "keep"
)

// HTTP is what is fetched over HTTP.
type HTTP struct {
	// URL has the placeholders of a [Template], and Query what is added to it, by name.
	URL   Template
	Query map[string]Template
	// Headers are those of each request to the host of the URL.
	Headers   map[string]Template
	Missing   Missing
	Unchanged Unchanged
	Encoded   Encoded
	// Pages is how many answers there may be, each but the first of which the one before names as the next.
	Pages int
	// Timeout is how long a server may send nothing.
	Timeout time.Duration
	// Hosts are those of the network's own that an answer may lead to.
	Hosts []string
	// AnyLength takes an answer of which nobody can know whether it is whole.
	AnyLength bool
}

// params are the JSON of the params. The schema of the blueprint has checked their types.
type params struct {
	To   string `json:"to"`
	HTTP *struct {
		URL       string            `json:"url"`
		Query     map[string]string `json:"query"`
		Headers   map[string]string `json:"headers"`
		Missing   Missing           `json:"missing"`
		Unchanged Unchanged         `json:"unchanged"`
		Encoded   Encoded           `json:"encoded"`
		Pages     int               `json:"pages"`
		Timeout   string            `json:"timeout"`
		Hosts     []string          `json:"hosts"`
		AnyLength bool              `json:"anyLength"`
	} `json:"http"`
	Database *database `json:"database"`
	Filename string    `json:"filename"`
	MaxMiB   int64     `json:"maxMiB"`
	Retries  *int      `json:"retries"`
}

// The defaults.
const (
	DefaultFilename = "part-{lot}"
	DefaultMaxMiB   = 10 << 10
	DefaultRetries  = 5
	DefaultPages    = 1000
	DefaultTimeout  = time.Minute
)

// longestTimeout bounds how long anything is waited for.
const longestTimeout = 24 * time.Hour

// Parse reads the params. What the schema of the blueprint refuses may be an error of any kind; everything else is a [param.Error].
func Parse(values map[string]any) (Spec, error) {
	var p params
	if err := param.Read(values, &p); err != nil {
		return Spec{}, err
	}
	s := Spec{To: p.To, MaxBytes: cmp.Or(p.MaxMiB, DefaultMaxMiB) << 20, Retries: DefaultRetries}
	if p.Retries != nil {
		s.Retries = *p.Retries
	}
	var err error
	if s.Filename, err = ParseTemplate(cmp.Or(p.Filename, DefaultFilename)); err != nil {
		return Spec{}, param.Wrong(templateHint, err, "filename")
	}
	if len(s.Filename.Variables()) > 0 {
		return Spec{}, param.Wrong("", errors.New("no variable can be in the name of a file: it may be a secret"), "filename")
	}
	switch {
	case p.HTTP == nil && p.Database == nil:
		return Spec{}, param.Wrong(`write http: {url: "https://…"}, or database: {url: $(DATABASE_URL), sql: "SELECT …"}`, errors.New("nothing says what is fetched"))
	case p.HTTP != nil && p.Database != nil:
		return Spec{}, param.Wrong("write two workloads, each with a dataset of its own", errors.New("what is fetched over HTTP is not in a database"), "database")
	case p.Database != nil:
		s.Database, err = p.Database.spec()
		return s, err
	}
	h := p.HTTP
	s.HTTP = &HTTP{
		Missing: cmp.Or(h.Missing, MissingFails), Unchanged: cmp.Or(h.Unchanged, UnchangedEmpty), Encoded: cmp.Or(h.Encoded, Decoded),
		Pages: cmp.Or(h.Pages, DefaultPages), Hosts: h.Hosts, AnyLength: h.AnyLength, Query: map[string]Template{}, Headers: map[string]Template{},
	}
	if s.HTTP.Timeout, err = duration(h.Timeout, DefaultTimeout); err != nil {
		return Spec{}, param.Wrong(durationHint, err, "http", "timeout")
	}
	if err := s.HTTP.address(h.URL); err != nil {
		return Spec{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(h.Query)) {
		if s.HTTP.Query[name], err = ParseTemplate(h.Query[name]); err != nil {
			return Spec{}, param.Wrong(templateHint, err, "http", "query", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
		if s.HTTP.Headers[name], err = ParseTemplate(h.Headers[name]); err != nil {
			return Spec{}, param.Wrong(templateHint, err, "http", "headers", name)
		}
		if why := header(name, h.Headers[name]); why != "" {
			return Spec{}, param.Wrong("", errors.New(why), "http", "headers", name)
		}
	}
	return s, s.HTTP.clear()
}

// address reads the URL, and checks what of it is known before it is filled.
func (h *HTTP) address(text string) (err error) {
	at := []any{"http", "url"}
	if h.URL, err = ParseTemplate(text); err != nil {
		return param.Wrong(templateHint, err, at...)
	}
	if len(h.URL.Variables()) > 0 {
		return param.Wrong("write it in query or in headers", errors.New("no variable can be in the URL: it may be a secret, and URLs are shown"), at...)
	}
	if host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(text, "http://"), "https://"), "/"); strings.ContainsAny(host, "{}") {
		return param.Wrong("write the name of the host", errors.New("the host of the URL depends on the lot"), at...)
	}
	u, err := url.Parse(h.URL.sample())
	switch {
	case err != nil:
		return param.Wrong("", fmt.Errorf("%.200q is not a URL", text), at...)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.Opaque != "":
		return param.Wrong(`write it like "https://api.acme.example/orders?day={start:%Y-%m-%d}"`, fmt.Errorf("%.200q is not the URL of something on a server for HTTP", strip(text)), at...)
	case u.User != nil:
		return param.Wrong(`write headers: {Authorization: "Basic $(CREDENTIALS)"}, and the variable in secrets of the workload`, errors.New("the URL has credentials"), at...)
	case u.Fragment != "":
		return param.Wrong("", errors.New("the URL has a fragment, which no server is sent"), at...)
	}
	return nil
}

// strip leaves out what may be credentials.
func strip(text string) string {
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		return "…" + text[at:]
	}
	return text
}

// clear refuses to send secrets where everybody can read them.
func (h *HTTP) clear() error {
	u, err := url.Parse(h.URL.sample())
	if err != nil || u.Scheme == "https" || local(u.Hostname()) {
		return err
	}
	for _, of := range []struct {
		name      string
		templates map[string]Template
	}{{"headers", h.Headers}, {"query", h.Query}} {
		for _, name := range slices.Sorted(maps.Keys(of.templates)) {
			if len(of.templates[name].Variables()) > 0 {
				return param.Wrong("write https; only to this machine, or within a cluster, as to NAME.NAMESPACE.svc, http will do",
					errors.New("a variable, which may be a secret, would go over the network in clear"), "http", of.name, name)
			}
		}
	}
	return nil
}

// local reports whether a host is this machine, or a service of the cluster that it is in.
func local(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "localhost" || host == "127.0.0.1" || host == "::1" || strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".svc.cluster.local")
}

// headerName is that of a header.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// ours are the headers that say how an answer is sent, or whether it has changed.
var ours = []string{
	"accept-encoding", "connection", "content-length", "expect", "host", "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since",
	"range", "te", "trailer", "transfer-encoding", "upgrade",
}

// header says what is wrong with one; empty if nothing is.
func header(name, value string) string {
	switch {
	case !headerName.MatchString(name):
		return fmt.Sprintf("%.100q is not the name of a header", name)
	case slices.Contains(ours, strings.ToLower(name)):
		return fmt.Sprintf("the header %s is one that is set by pull itself", name)
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return "the value has a character that no header has"
	}
	return ""
}

const durationHint = `write a number and a unit, such as "90s" or "15m", of at most 24h`

// duration reads how long something may take.
func duration(text string, otherwise time.Duration) (time.Duration, error) {
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > longestTimeout {
		return 0, fmt.Errorf("%.100q is not how long something may take", text)
	}
	return d, nil
}

// Variables are the names of the variables of the workload that it needs, each with the path of the param.
func (s Spec) Variables() map[string][]any {
	out := map[string][]any{}
	add := func(t Template, path ...any) {
		for _, name := range t.Variables() {
			if out[name] == nil {
				out[name] = path
			}
		}
	}
	if h := s.HTTP; h != nil {
		for _, name := range slices.Sorted(maps.Keys(h.Query)) {
			add(h.Query[name], "http", "query", name)
		}
		for _, name := range slices.Sorted(maps.Keys(h.Headers)) {
			add(h.Headers[name], "http", "headers", name)
		}
	}
	if s.Database != nil {
		add(s.Database.URL, "database", "url")
	}
	return out
}
