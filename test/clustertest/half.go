// SPDX-License-Identifier: Apache-2.0

package clustertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
)

// halfKey marks the context of a request whose answer is to be cut.
type halfKey struct{}

func withHalf(ctx context.Context) context.Context { return context.WithValue(ctx, halfKey{}, true) }

var errCut = errors.New("cut by the test")

// halve lets only the first half of an answer through, if its request is marked so. The length that was promised
// stays that of the whole. A watch has no end to take the half of, and must not be marked.
func halve(resp *http.Response) error {
	if resp.Request.Context().Value(halfKey{}) == nil {
		return nil
	}
	whole, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), broken{}))
	return nil
}

// broken is a reader that fails at once.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errCut }
