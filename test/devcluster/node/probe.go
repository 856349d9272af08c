// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"trunkline.dev/trunkline/test/devcluster/node/container"
)

// prober runs the probes of one attempt of a container.
type prober struct {
	of   *containerRun
	proc *container.Container
}

// run probes until ctx is done. It tells unhealthy once when the container has to be restarted.
func (p *prober) run(ctx context.Context, unhealthy chan<- error) {
	c := p.of.c
	if c.StartupProbe != nil && !p.watch(ctx, c.StartupProbe, true, nil, unhealthy) {
		return
	}
	p.of.set(func(s *containerState) {
		s.started = true
		s.ready = c.ReadinessProbe == nil
	})
	if p.of.started != nil {
		close(p.of.started)
		p.of.started = nil
	}
	if c.LivenessProbe != nil {
		alive := make(chan struct{})
		defer func() { <-alive }()
		go func() {
			defer close(alive)
			p.watch(ctx, c.LivenessProbe, false, nil, unhealthy)
		}()
	}
	if c.ReadinessProbe != nil {
		p.watch(ctx, c.ReadinessProbe, false, func(ready bool) {
			if ctx.Err() == nil {
				p.of.set(func(s *containerState) { s.ready = ready })
			}
		}, nil)
	}
}

// watch runs one probe periodically. It calls changed with each new verdict, sends to failed and returns when the verdict
// is bad, and returns true at the first success if once is set.
func (p *prober) watch(ctx context.Context, probe *corev1.Probe, once bool, changed func(bool), failed chan<- error) bool {
	wait := time.Duration(probe.InitialDelaySeconds) * time.Second
	var successes, failures int32
	verdict := false
	for {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
		wait = time.Duration(max(probe.PeriodSeconds, 1)) * time.Second
		err := p.probe(ctx, probe)
		if err == nil {
			successes, failures = successes+1, 0
		} else {
			successes, failures = 0, failures+1
		}
		switch {
		case ctx.Err() != nil:
			return false
		case successes >= max(probe.SuccessThreshold, 1):
			if once {
				return true
			}
			if changed != nil && !verdict {
				changed(true)
			}
			verdict = true
		case failures >= max(probe.FailureThreshold, 1):
			if failed != nil {
				failed <- err
				return false
			}
			if changed != nil && verdict {
				changed(false)
			}
			verdict = false
		}
	}
}

// probe asks once.
func (p *prober) probe(ctx context.Context, probe *corev1.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(max(probe.TimeoutSeconds, 1))*time.Second)
	defer cancel()
	switch {
	case probe.HTTPGet != nil:
		return p.httpGet(ctx, probe.HTTPGet)
	case probe.TCPSocket != nil:
		address, err := p.address(probe.TCPSocket.Host, probe.TCPSocket.Port)
		if err != nil {
			return err
		}
		conn, err := p.of.w.dial(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("probing: %w", err)
		}
		return conn.Close()
	case probe.Exec != nil:
		return p.exec(ctx, probe.Exec.Command)
	default:
		return errors.New("devcluster knows only the probes httpGet, tcpSocket and exec")
	}
}

func (p *prober) httpGet(ctx context.Context, get *corev1.HTTPGetAction) error {
	address, err := p.address(get.Host, get.Port)
	if err != nil {
		return err
	}
	scheme := "http"
	if get.Scheme == corev1.URISchemeHTTPS {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+address+"/"+strings.TrimPrefix(get.Path, "/"), nil)
	if err != nil {
		return fmt.Errorf("probing: %w", err)
	}
	for _, header := range get.HTTPHeaders {
		request.Header.Add(header.Name, header.Value)
	}
	client := &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       p.of.w.dial,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // as the kubelet: a probe trusts nothing it reads
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("probing: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		return fmt.Errorf("probing: HTTP probe failed with statuscode: %d", response.StatusCode)
	}
	return nil
}

func (p *prober) exec(ctx context.Context, command []string) error {
	spec, err := p.of.spec(p.of.w.dir, os.DevNull)
	if err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("probing: %w", err)
	}
	defer null.Close()
	spec.Args, spec.Output = command, null
	proc, err := p.proc.Exec(spec)
	if err != nil {
		return fmt.Errorf("probing: %w", err)
	}
	exited := make(chan int, 1)
	go func() { exited <- proc.Wait() }()
	select {
	case code := <-exited:
		if code != 0 {
			return fmt.Errorf("probing: the command %q exits with %d", command, code)
		}
		return nil
	case <-ctx.Done():
		proc.Kill()
		<-exited
		return fmt.Errorf("probing: the command %q: %w", command, ctx.Err())
	}
}

// address is where to probe: the pod's own address unless told otherwise, and a port by number or name.
func (p *prober) address(host string, port intstr.IntOrString) (string, error) {
	if host == "" {
		host = p.of.w.state.ip
	}
	if port.Type == intstr.Int {
		return net.JoinHostPort(host, port.String()), nil
	}
	for _, known := range p.of.c.Ports {
		if known.Name == port.StrVal {
			return net.JoinHostPort(host, strconv.Itoa(int(known.ContainerPort))), nil
		}
	}
	if _, err := strconv.Atoi(port.StrVal); err == nil {
		return net.JoinHostPort(host, port.StrVal), nil
	}
	return "", fmt.Errorf("probing: the container has no port called %q", port.StrVal)
}
