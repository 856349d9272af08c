// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// deliveryTimeout is how long GitHub waits for the answer to a delivery.
const deliveryTimeout = 10 * time.Second

// hook is where deliveries go: a repository's own, or that of an App.
type hook struct {
	id          int64
	repo        *repo // nil: the App's
	app         *App
	owner       string
	url, secret string
	events      []string
	created     time.Time
	deliveries  []*delivery // the oldest first
}

func (h *hook) target() (url, secret string) {
	if h.app != nil {
		return h.app.HookURL, h.app.HookSecret
	}
	return h.url, h.secret
}

// Delivery is one event on its way, or after it was sent.
type Delivery struct {
	// GUID identifies the event, also when it is sent again. Event is its kind and Action what happened.
	GUID, Event, Action string
	Payload             []byte
	// Status is what the receiver answered; 0: nobody did.
	Status int

	to *delivery
}

type delivery struct {
	Delivery
	id           int64
	hook         *hook
	installation int64
	repository   int64
	at           time.Time
	took         time.Duration
	redelivery   bool
	answer       string
}

// mail sends deliveries, one after the other, and never while the fake is locked.
type mail struct {
	g      *GitHub
	client *http.Client
	ctx    context.Context //nolint:containedctx // the life of the sender, which is this struct
	cancel context.CancelFunc

	mu      sync.Mutex
	changed *sync.Cond
	queue   []*delivery
	busy    bool
	held    []*delivery
	holding bool
	drop    func(Delivery) bool
	ended   chan struct{}
}

func newMail(g *GitHub) *mail {
	m := &mail{g: g, client: &http.Client{Timeout: deliveryTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, ended: make(chan struct{})}
	m.ctx, m.cancel = context.WithCancel(g.background())
	m.changed = sync.NewCond(&m.mu)
	go m.run()
	return m
}

func (m *mail) close() {
	m.cancel()
	m.mu.Lock()
	m.changed.Broadcast()
	m.mu.Unlock()
	<-m.ended
	m.client.CloseIdleConnections()
}

// run sends what is in the queue until the fake is closed.
func (m *mail) run() {
	defer close(m.ended)
	for {
		m.mu.Lock()
		for len(m.queue) == 0 && m.ctx.Err() == nil {
			m.changed.Wait()
		}
		if m.ctx.Err() != nil {
			m.mu.Unlock()
			return
		}
		next := m.queue[0]
		m.queue, m.busy = m.queue[1:], true
		m.mu.Unlock()
		m.send(next)
		m.mu.Lock()
		m.busy = false
		m.changed.Broadcast()
		m.mu.Unlock()
	}
}

// post has an event be sent. The fake is locked; the payload is of this moment.
func (m *mail) post(h *hook, e event) {
	url, _ := h.target()
	if url == "" && m.g.opts.ObserveDelivery == nil {
		return
	}
	payload := m.g.payload(e)
	if m.g.opts.ObserveDelivery != nil {
		m.g.opts.ObserveDelivery(e.name, payload)
	}
	if url == "" {
		return // to nobody
	}
	d := &delivery{Delivery: Delivery{GUID: guid(), Event: e.name, Action: e.action, Payload: payload}, id: m.g.id(), hook: h, at: m.g.now()}
	if e.installation != nil {
		d.installation = e.installation.id
	}
	if e.repo != nil {
		d.repository = e.repo.id
	}
	h.deliveries = append(h.deliveries, d)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.drop != nil && m.drop(d.Delivery):
	case m.holding:
		m.held = append(m.held, d)
	default:
		m.queue = append(m.queue, d)
		m.changed.Broadcast()
	}
}

func guid() string {
	r := random(16)
	return fmt.Sprintf("%s-%s-%s-%s-%s", r[:8], r[8:12], r[12:16], r[16:20], r[20:])
}

// Sign is the signature of a body, as the header X-Hub-Signature-256 has it.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// NewDelivery makes the request of a delivery.
func NewDelivery(ctx context.Context, url, secret, guid, event string, payload []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(payload))
	if err != nil {
		return nil, fmt.Errorf("making a delivery: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "GitHub-Hookshot/githubtest")
	req.Header.Set("X-GitHub-Event", event)
	req.Header.Set("X-GitHub-Delivery", guid)
	if secret != "" {
		req.Header.Set("X-Hub-Signature-256", Sign(secret, payload))
	}
	return req, nil
}

// send sends one delivery and records what came of it.
func (m *mail) send(d *delivery) {
	m.g.mu.Lock()
	url, secret := d.hook.target()
	m.g.mu.Unlock()
	began := time.Now()
	status, answer := 0, ""
	req, err := NewDelivery(m.ctx, url, secret, d.GUID, d.Event, d.Payload)
	if err == nil {
		req.Header.Set("X-GitHub-Hook-ID", fmt.Sprint(d.hook.id))
		var resp *http.Response
		if resp, err = m.client.Do(req); err == nil {
			status = resp.StatusCode
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
			answer = string(body)
			_ = resp.Body.Close()
		}
	}
	if err != nil {
		m.g.opts.Log.Debug("a delivery was not answered", "event", d.Event, "err", err)
	}
	m.g.mu.Lock()
	defer m.g.mu.Unlock()
	d.Status, d.answer, d.took = status, answer, time.Since(began)
}

// again sends a delivery once more, with the same GUID, as a delivery of its own in the list.
func (m *mail) again(d *delivery) {
	copied := *d
	copied.id, copied.redelivery, copied.at, copied.Status, copied.answer = m.g.id(), true, m.g.now(), 0, ""
	d.hook.deliveries = append(d.hook.deliveries, &copied)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, &copied)
	m.changed.Broadcast()
}

// Hold keeps all deliveries back from here on, until the function that is returned says what becomes of them: it gets
// those that were held, in order, and those that it returns are sent, in its order and as often as they occur.
func (g *GitHub) Hold() (release func(choose func([]Delivery) []Delivery)) {
	m := g.mail
	m.mu.Lock()
	m.holding = true
	m.mu.Unlock()
	return func(choose func([]Delivery) []Delivery) {
		m.mu.Lock()
		held := make([]Delivery, 0, len(m.held))
		for _, d := range m.held {
			public := d.Delivery
			public.to = d
			held = append(held, public)
		}
		m.held, m.holding = nil, false
		m.mu.Unlock()
		chosen := choose(held)
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, c := range chosen {
			m.queue = append(m.queue, c.to)
		}
		m.changed.Broadcast()
	}
}

// All has those that were held be sent in order, once each.
func All(held []Delivery) []Delivery { return held }

// Reversed has the last one be sent first.
func Reversed(held []Delivery) []Delivery {
	slices.Reverse(held)
	return held
}

// Twice has each be sent twice.
func Twice(held []Delivery) []Delivery {
	var out []Delivery
	for _, d := range held {
		out = append(out, d, d)
	}
	return out
}

// None loses all of them.
func None([]Delivery) []Delivery { return nil }

// Drop loses each delivery of which lost says so, from here on; nil: none is lost any more.
func (g *GitHub) Drop(lost func(Delivery) bool) {
	g.mail.mu.Lock()
	defer g.mail.mu.Unlock()
	g.mail.drop = lost
}

// Delivered waits until everything that was to be sent was sent and answered, or the context ends.
func (g *GitHub) Delivered(ctx context.Context) error {
	m := g.mail
	stop := context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.changed.Broadcast()
	})
	defer stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	for (len(m.queue) > 0 || m.busy) && ctx.Err() == nil && m.ctx.Err() == nil {
		m.changed.Wait()
	}
	return ctx.Err()
}

// Deliveries are all deliveries of an App so far, the oldest first, those that were lost among them.
func (g *GitHub) Deliveries(app *App) []Delivery {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []Delivery
	for _, d := range app.hook.deliveries {
		out = append(out, d.Delivery)
	}
	return out
}
