package console

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"trunkline.dev/trunkline/catalog"
)

// Actor does what people ask for by hand.
type Actor interface {
	// Do acts on a release, and returns when that is remembered.
	Do(ctx context.Context, id catalog.ReleaseID, act, by, why string) error
	// Approve confirms what the accepted commit removes from an environment.
	Approve(environment, by, why string) error
}

// What an [Actor] cannot do, it says with one of these.
var (
	// ErrNotFound says that there is no such release, environment or act.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that it cannot be done as things are.
	ErrConflict = errors.New("cannot be done")
	// ErrUnsaved says that it is done, and not remembered yet.
	ErrUnsaved = errors.New("not remembered yet")
)

const (
	// maxAct bounds the body of a request, in bytes.
	maxAct = 4 << 10
	// maxWord bounds who and why, in characters: they are kept with the release.
	maxWord = 500
	// actTimeout bounds how long a request waits for what was done to be remembered.
	actTimeout = 15 * time.Second
)

// Hand is the body of a request to act: who asks, and why.
type Hand struct {
	By  string `json:"by"`
	Why string `json:"why"`
}

// hand reads the body. It has to be JSON by its type, which a page of somebody else's cannot send from a browser
// without being asked whether it may.
func (c console) hand(w http.ResponseWriter, r *http.Request) (Hand, bool) {
	var h Hand
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		c.text(w, http.StatusUnsupportedMediaType, "the body has to be application/json")
		return h, false
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAct))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&h); err != nil {
		c.text(w, http.StatusBadRequest, `the body has to be like {"by": "ann", "why": "incident 7"}, of at most 4 KiB`)
		return h, false
	}
	h.By, h.Why = strings.TrimSpace(h.By), strings.TrimSpace(h.Why)
	if h.By == "" || len(h.By) > maxWord || len(h.Why) > maxWord {
		c.text(w, http.StatusBadRequest, "say who asks, in at most 500 characters, and why in no more")
		return h, false
	}
	return h, true
}

func (c console) act(w http.ResponseWriter, r *http.Request) {
	if h, ok := c.hand(w, r); ok {
		id := catalog.ReleaseID{Project: r.PathValue("project"), Environment: r.PathValue("environment"), Cluster: r.PathValue("cluster")}
		ctx, cancel := context.WithTimeout(r.Context(), actTimeout)
		defer cancel()
		c.acted(w, c.opts.Actor.Do(ctx, id, r.PathValue("act"), h.By, h.Why))
	}
}

func (c console) approve(w http.ResponseWriter, r *http.Request) {
	if h, ok := c.hand(w, r); ok {
		c.acted(w, c.opts.Actor.Approve(r.PathValue("environment"), h.By, h.Why))
	}
}

func (c console) acted(w http.ResponseWriter, err error) {
	switch {
	case err == nil:
		c.text(w, http.StatusAccepted, "taken in")
	case errors.Is(err, ErrNotFound):
		c.text(w, http.StatusNotFound, err.Error())
	case errors.Is(err, ErrConflict):
		c.text(w, http.StatusConflict, err.Error())
	case errors.Is(err, ErrUnsaved):
		c.text(w, http.StatusServiceUnavailable, err.Error())
	default:
		c.opts.Log.Error("cannot act", "err", err.Error())
		c.text(w, http.StatusInternalServerError, "it went wrong; the daemon's log says how")
	}
}
