// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// hook is a target of events, which has what was told of lots.
type hook struct {
	url string

	mu   sync.Mutex
	told map[string]bool
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{told: map[string]bool{}}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

// ServeHTTP implements [http.Handler].
func (h *hook) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var e struct{ Type, Subject string }
	if json.NewDecoder(r.Body).Decode(&e) != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told[strings.TrimPrefix(e.Type, "dev.trunkline.lot.")+" "+e.Subject] = true
}

// has reports whether it was told that lots of a dataset are available.
func (h *hook) has(dataset string, lots []string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range lots {
		if !h.told["available.v1 "+dataset+"/"+id] {
			return false
		}
	}
	return len(lots) > 0
}
