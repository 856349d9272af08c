// SPDX-License-Identifier: Apache-2.0

package apps

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	// ours begins the names of the cookies of the console and of this origin: a browser sends those of one host to all its ports.
	ours = "trunkline"
	// maxConns bounds the connections to one application, and idleConn is how long one is kept that is not used.
	maxConns, idleConn = 64, 30 * time.Second
	// unused is after how long without a request nothing is kept of the way to an application.
	unused = 10 * time.Minute
	// answerTimeout bounds how long an application may think before it answers.
	answerTimeout = 5 * time.Minute
)

// pass has the application answer.
func (s *Server) pass(w http.ResponseWriter, r *http.Request, k kept, t Target) {
	prefix := k.Ref.Prefix()
	base := t.Base
	if base == "" {
		base = prefix
	}
	proxy := &httputil.ReverseProxy{
		Transport: s.routes.to(k.Ref, t, s.opts.Now()), FlushInterval: -1,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", "application"
			p.Out.URL.Path, p.Out.URL.RawPath = rebased(p.In.URL, prefix, base)
			p.Out.Host = p.In.Host
			p.Out.Header.Set("X-Forwarded-Host", p.In.Host)
			p.Out.Header.Set("X-Forwarded-Proto", s.opts.Origin.scheme)
			strip(p.Out.Header)
			if t.Authorize != nil {
				t.Authorize(p.Out)
			}
		},
		ModifyResponse: func(resp *http.Response) error {
			s.opts.Origin.contain(resp.Header, k.Ref, prefix, base)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() != nil {
				err = ErrNotFound // nobody waits, or may not any more
			}
			s.cannot(w, r, k, err)
		},
	}
	proxy.ServeHTTP(w, r)
}

// rebased is the path of a request at the application.
func rebased(in *url.URL, prefix, base string) (path, raw string) {
	base = strings.TrimSuffix(base, "/") + "/"
	path = base + strings.TrimPrefix(in.Path, prefix)
	if in.RawPath != "" && strings.HasPrefix(in.RawPath, prefix) {
		raw = base + strings.TrimPrefix(in.RawPath, prefix)
	}
	return path, raw
}

// strip takes out of a request what is the console's, and every credential of the browser's.
func strip(h http.Header) {
	for _, name := range []string{"Authorization", "Proxy-Authorization", "Trunkline-Claim", "X-Forwarded-For", "Forwarded", "X-Real-Ip", "X-Remote-User", "Remote-User"} {
		h.Del(name)
	}
	cookies := (&http.Request{Header: http.Header{"Cookie": h.Values("Cookie")}}).Cookies()
	h.Del("Cookie")
	var kept []string
	for _, c := range cookies {
		if !isOurs(c.Name) {
			kept = append(kept, c.String())
		}
	}
	if len(kept) > 0 {
		h.Set("Cookie", strings.Join(kept, "; "))
	}
}

// isOurs reports whether a cookie is the console's or this origin's.
func isOurs(name string) bool {
	name = strings.ToLower(name)
	for _, prefix := range []string{"__host-", "__secure-"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return strings.HasPrefix(name, ours)
}

// contain keeps what an application answers within its prefix: where it leads, its cookies, and who may frame or read it.
func (o Origin) contain(h http.Header, ref Ref, prefix, base string) {
	for _, name := range []string{
		"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Private-Network", // no other origin reads it
		"Service-Worker-Allowed",                                                                                                     // a worker is for the application alone
		"Strict-Transport-Security", "Alt-Svc", "Clear-Site-Data", "Origin-Agent-Cluster", "Report-To", "Reporting-Endpoints", "Nel", // what is said of the whole host
	} {
		h.Del(name)
	}
	h.Add("Content-Security-Policy", "frame-ancestors 'self'") // beside what the application says: both count
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Referrer-Policy") == "" {
		h.Set("Referrer-Policy", "same-origin")
	}
	if to := h.Get("Location"); to != "" {
		h.Set("Location", o.location(to, ref, prefix, base))
	}
	cookies := (&http.Response{Header: http.Header{"Set-Cookie": h.Values("Set-Cookie")}}).Cookies()
	h.Del("Set-Cookie")
	for _, c := range cookies {
		if isOurs(c.Name) {
			continue // nobody but us says who has signed on
		}
		c.Domain = ""
		if path := below(c.Path, prefix, base); path != "" {
			c.Path = path
		} else {
			c.Path = prefix
		}
		c.Secure = c.Secure || o.Secure()
		if text := c.String(); text != "" {
			h.Add("Set-Cookie", text)
		}
	}
}

// location is where an application leads, as the browser has to be told: below its prefix if that is what it means.
func (o Origin) location(to string, ref Ref, prefix, base string) string {
	u, err := url.Parse(to)
	if err != nil {
		return prefix
	}
	own := u.Host == "" || strings.EqualFold(u.Host, o.hostOf(ref)) || u.Host == "application"
	if !own || u.Host == "" && !strings.HasPrefix(u.Path, "/") {
		return to // elsewhere, or relative to where it is
	}
	u.Scheme, u.Host = "", ""
	path := below(u.Path, prefix, base)
	if path == "" {
		return prefix
	}
	u.Path, u.RawPath = path, ""
	return u.String()
}

// below is a path of the application as one of this origin; empty if it is not below either.
func below(path, prefix, base string) string {
	base = strings.TrimSuffix(base, "/") + "/"
	switch {
	case strings.HasPrefix(path+"/", prefix): // it knows where it is
		return path
	case strings.HasPrefix(path+"/", base):
		return prefix + strings.TrimPrefix(strings.TrimPrefix(path, strings.TrimSuffix(base, "/")), "/")
	}
	return ""
}

// routes are the connections to applications. The zero value has none.
type routes struct {
	mu  sync.Mutex
	all map[string]*route
}

type route struct {
	transport *http.Transport
	used      time.Time
}

// to returns the way to an application.
func (a *routes) to(ref Ref, t Target, now time.Time) *http.Transport {
	key := ref.Prefix() + t.Key
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all == nil {
		a.all = map[string]*route{}
	}
	for other, r := range a.all {
		if other != key && now.Sub(r.used) > unused {
			r.transport.CloseIdleConnections()
			delete(a.all, other)
		}
	}
	r := a.all[key]
	if r == nil {
		r = &route{transport: &http.Transport{
			DialContext:     func(ctx context.Context, _, _ string) (net.Conn, error) { return t.Dial(ctx) },
			MaxConnsPerHost: maxConns, MaxIdleConnsPerHost: 8, IdleConnTimeout: idleConn, DisableCompression: true, ResponseHeaderTimeout: answerTimeout,
		}}
		a.all[key] = r
	}
	r.used = now
	return r.transport
}
