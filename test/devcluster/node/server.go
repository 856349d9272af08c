// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
)

// apiServerClient is the name in the certificate by which the API server shows itself; nobody else is served.
const apiServerClient = "kube-apiserver-kubelet-client"

// ServerConfig has the files of the nodes' HTTPS server.
type ServerConfig struct {
	// CA is the authority that clients must be certified by; Cert and Key are the server's own.
	CA, Cert, Key string
}

// server is the part of the kubelet's API that kubectl needs.
type server struct {
	http *http.Server
	port int32
}

func listen(ctx context.Context, cfg ServerConfig, rt runtime, nodes []string, log *slog.Logger) (*server, error) {
	cert, err := tls.LoadX509KeyPair(cfg.Cert, cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("loading the nodes' certificate: %w", err)
	}
	ca, err := os.ReadFile(cfg.CA)
	if err != nil {
		return nil, fmt.Errorf("loading the nodes' authority: %w", err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(ca)

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", hostIP+":0")
	if err != nil {
		return nil, fmt.Errorf("listening for the API server: %w", err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return nil, fmt.Errorf("listening for the API server: unexpected address %v", listener.Addr())
	}
	mux := http.NewServeMux()
	mux.Handle("GET /containerLogs/{namespace}/{pod}/{container}", logHandler(rt))
	metricsServer{rt, nodes}.register(mux)
	streams := streamServer{rt}
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", streams.exec)
	mux.HandleFunc("/attach/{namespace}/{pod}/{container}", streams.attach)
	mux.HandleFunc("/portForward/{namespace}/{pod}", streams.portForward)
	s := &server{
		port: int32(address.Port), //nolint:gosec // a port fits
		http: &http.Server{
			Handler:           onlyAPIServer(mux),
			ReadHeaderTimeout: 10 * time.Second,
			BaseContext:       func(net.Listener) context.Context { return ctx },
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
			TLSConfig: &tls.Config{
				MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert},
				ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
			},
		},
	}
	go func() {
		if err := s.http.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the nodes' server ended", "error", err)
		}
	}()
	return s, nil
}

func (s *server) close() { _ = s.http.Close() } // the process ends next

func onlyAPIServer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS.PeerCertificates[0].Subject.CommonName != apiServerClient {
			http.Error(w, "only the API server is served", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func logHandler(rt runtime) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := parseLogRequest(r.URL.Query(), time.Now())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		request.Namespace, request.Pod, request.Container = r.PathValue("namespace"), r.PathValue("pod"), r.PathValue("container")
		reader, err := rt.Logs(r.Context(), request)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		var out io.Writer = w
		if request.LimitBytes > 0 {
			out = &limitedWriter{w: w, left: request.LimitBytes}
		}
		flush := func() { _ = http.NewResponseController(w).Flush() } // the write that follows fails too, if it fails
		flush()
		_ = reader.Send(r.Context(), out, flush) // the client went away, or has its limit
	})
}

// parseLogRequest reads the parameters the API server passes on.
func parseLogRequest(query url.Values, now time.Time) (LogRequest, error) {
	request := LogRequest{
		Follow:     query.Get("follow") == "true",
		Previous:   query.Get("previous") == "true",
		Timestamps: query.Get("timestamps") == "true",
		Tail:       -1,
	}
	number := func(name string, set func(int64)) error {
		text := query.Get(name)
		if text == "" {
			return nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("%s=%q is not a number from 0 on", name, text)
		}
		set(n)
		return nil
	}
	if text := query.Get("sinceTime"); text != "" {
		since, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return LogRequest{}, fmt.Errorf("sinceTime=%q is not a time such as 2026-01-31T12:00:00Z", text)
		}
		request.Since = since
	}
	return request, errors.Join(
		number("tailLines", func(n int64) { request.Tail = n }),
		number("limitBytes", func(n int64) { request.LimitBytes = n }),
		number("sinceSeconds", func(n int64) { request.Since = now.Add(-time.Duration(n) * time.Second) }),
	)
}

// limitedWriter fails once its limit is reached.
type limitedWriter struct {
	w    io.Writer
	left int64
}

// Write implements io.Writer.
func (l *limitedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) <= l.left {
		l.left -= int64(len(p))
		return l.w.Write(p)
	}
	n, err := l.w.Write(p[:l.left])
	l.left = 0
	return n, errors.Join(err, io.ErrShortWrite)
}
