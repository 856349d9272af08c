// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// object is a JSON object.
type object = map[string]any

// maxBody bounds what a request may have, in bytes.
const maxBody = 16 << 20

// call is one request to the REST API.
type call struct {
	*http.Request
	who  caller
	repo *repo // nil where the path names none
	body []byte
	// link is the header by which a list says what comes next.
	link string
}

// failure is an answer that is no success.
type failure struct {
	status  int
	message string
	errors  []any
	header  map[string]string
	doc     string
}

func (f *failure) Error() string { return fmt.Sprintf("%d %s", f.status, f.message) }

func notFound() error { return &failure{status: http.StatusNotFound, message: "Not Found"} }

func forbidden(format string, args ...any) error {
	return &failure{status: http.StatusForbidden, message: fmt.Sprintf(format, args...)}
}

// invalid is the answer to what GitHub's description allows and GitHub does not.
func invalid(resource, field, message string) error {
	return &failure{status: http.StatusUnprocessableEntity, message: "Validation Failed", errors: []any{
		object{"resource": resource, "field": field, "code": "custom", "message": message},
	}}
}

// handler does what a request asks for, with the fake locked, and returns a status and a body for JSON; nil: none.
type handler func(c *call) (int, any, error)

// apiMux has all routes of the REST API.
func (g *GitHub) apiMux() http.Handler {
	mux := &router{missed: func(w http.ResponseWriter, req *http.Request) {
		g.serve(w, req, route{serve: func(*call) (int, any, error) { return 0, nil, notFound() }})
	}}
	for _, routes := range [][]route{
		g.appRoutes(), g.repoRoutes(), g.pullRoutes(), g.commentRoutes(), g.checkRoutes(), g.statusRoutes(), g.deploymentRoutes(), g.dataRoutes(), g.refRoutes(), g.hookRoutes(),
	} {
		for _, r := range routes {
			mux.add(r.pattern, func(w http.ResponseWriter, req *http.Request) { g.serve(w, req, r) })
		}
	}
	return mux
}

// route is one operation. Needs is the permission without which there is none, such as "checks:write".
type route struct {
	pattern, needs string
	// asApp is for the App itself, by its JWT; open needs nobody.
	asApp, open bool
	// free does not count against the rate limit.
	free  bool
	serve handler
}

// serve answers one request, or breaks down where a test wants that.
func (g *GitHub) serve(w http.ResponseWriter, req *http.Request, r route) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		return // the client went away
	}
	defer g.counter.arrive(req)()
	fault := g.faultFor(req)
	if fault != nil && fault.before(w, req) {
		return
	}
	status, header, answer := g.answer(req, body, r)
	if fault != nil && fault.after(w, req, status, header, answer) {
		return
	}
	maps.Copy(w.Header(), header)
	w.WriteHeader(status)
	_, _ = w.Write(answer)
	if g.opts.Observe != nil && (fault == nil || fault.Status == 0) {
		g.opts.Observe(Exchange{Request: req, Sent: body, Status: status, Header: w.Header(), Received: answer})
	}
}

// answer is what a GitHub in good health says.
func (g *GitHub) answer(req *http.Request, body []byte, r route) (int, http.Header, []byte) {
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-Github-Media-Type": {"github.v3; format=json"}}
	header.Set("X-Github-Request-Id", random(8))
	c := &call{Request: req, body: body}
	status, value, err := g.judge(c, r, header)
	if err != nil {
		var f *failure
		if !errors.As(err, &f) {
			g.opts.Log.Error("a request broke the fake", "method", req.Method, "path", req.URL.Path, "err", err)
			f = &failure{status: http.StatusInternalServerError, message: err.Error()}
		}
		for key, v := range f.header {
			header.Set(key, v)
		}
		status, value = f.status, f.body()
	}
	if value == nil {
		header.Del("Content-Type")
		return status, header, nil
	}
	out, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("githubtest: %s %s has an answer that is no JSON: %v", req.Method, req.URL.Path, err))
	}
	if c.link != "" {
		header.Set("Link", c.link)
	}
	if req.Method == http.MethodGet && status == http.StatusOK && !r.free {
		sum := sha256.Sum256(append(out, c.link...))
		etag := `W/"` + hex.EncodeToString(sum[:]) + `"`
		header.Set("Etag", etag)
		header.Set("Cache-Control", "private, max-age=60, s-maxage=60")
		if match(req.Header.Get("If-None-Match"), etag) {
			header.Del("Content-Type")
			g.counter.giveBack(c.who.payer(), header) // an answer of 304 is free
			return http.StatusNotModified, header, nil
		}
	}
	return status, header, out
}

func match(sent, etag string) bool {
	for s := range strings.SplitSeq(sent, ",") {
		if strings.TrimPrefix(strings.TrimSpace(s), "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// body is the failure as GitHub writes it.
func (f *failure) body() object {
	doc := f.doc
	if doc == "" {
		doc = "https://docs.github.com/rest"
	}
	o := object{"message": f.message, "documentation_url": doc, "status": strconv.Itoa(f.status)}
	if f.errors != nil {
		o["errors"] = f.errors
	}
	return o
}

// judge lets a request through that may pass: who it is, how many there were, what it may do.
func (g *GitHub) judge(c *call, r route, header http.Header) (status int, value any, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !r.open {
		if c.who, err = g.signedBy(c.Request, r); err != nil {
			return 0, nil, err
		}
	}
	if !r.free {
		if err := g.counter.admit(c.Request, c.who.payer(), header); err != nil {
			return 0, nil, err
		}
	}
	if owner := c.PathValue("owner"); owner != "" {
		if c.repo, err = g.visible(c, owner+"/"+c.PathValue("repo"), r); err != nil {
			return 0, nil, err
		}
	}
	return r.serve(c)
}

// visible finds a repository that a caller sees and in which it may do what the route does.
func (g *GitHub) visible(c *call, fullName string, r route) (*repo, error) {
	found := g.repos[repoKey(fullName)]
	if found == nil {
		if moved := g.movedTo(fullName); moved != nil {
			target := g.apiURL("%s", strings.Replace(c.URL.EscapedPath(), "/repos/"+url.PathEscape(c.PathValue("owner"))+"/"+url.PathEscape(c.PathValue("repo")), "/repositories/"+strconv.FormatInt(moved.id, 10), 1))
			status := http.StatusTemporaryRedirect // which keeps method and body
			if c.Method == http.MethodGet {
				status = http.StatusMovedPermanently
			}
			return nil, &failure{status: status, message: "Moved Permanently", header: map[string]string{"Location": target}}
		}
	}
	if found == nil || found.deleted || !c.who.sees(found) && !r.asApp {
		return nil, notFound()
	}
	if r.asApp {
		return found, nil
	}
	if err := c.who.may(found, r.needs); err != nil {
		return nil, err
	}
	return found, nil
}

// movedTo finds the repository that had a name before.
func (g *GitHub) movedTo(fullName string) *repo {
	for _, r := range g.repos {
		for _, f := range r.former {
			if f == repoKey(fullName) {
				return r
			}
		}
	}
	return nil
}

// read decodes the body of a request. A wrong type is refused, an unknown field is not, as at GitHub.
func (c *call) read(into any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return &failure{status: http.StatusUnprocessableEntity, message: fmt.Sprintf("Invalid request.\n\nFor '%s', %s is not of the right type.", wrong.Field, wrong.Value)}
		}
		return &failure{status: http.StatusBadRequest, message: "Problems parsing JSON"}
	}
	return nil
}

// number reads a number of the path.
func (c *call) number(name string) int64 {
	n, err := strconv.ParseInt(c.PathValue(name), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// pageOf cuts the page out of a list that a request asks for.
func pageOf[T any](c *call, base string, all []T) []T {
	q := c.URL.Query()
	size := number(q.Get("per_page"), 30)
	size = min(max(size, 1), 100)
	page := max(number(q.Get("page"), 1), 1)
	from := min((page-1)*size, len(all))
	to := min(from+size, len(all))
	last := max((len(all)+size-1)/size, 1)
	var links []string
	add := func(rel string, n int) {
		q.Set("page", strconv.Itoa(n))
		links = append(links, fmt.Sprintf(`<%s%s?%s>; rel="%s"`, base, c.URL.EscapedPath(), q.Encode(), rel))
	}
	if page > 1 {
		add("prev", page-1)
	}
	if to < len(all) {
		add("next", page+1)
		add("last", last)
	}
	if page > 1 {
		add("first", 1)
	}
	c.link = strings.Join(links, ", ")
	return all[from:to]
}

func number(s string, otherwise int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return otherwise
}

// shapes writes a list.
func shapes[T any](all []T, shape func(T) object) []any {
	out := make([]any, 0, len(all))
	for _, each := range all {
		out = append(out, shape(each))
	}
	return out
}
