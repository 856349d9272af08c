// SPDX-License-Identifier: Apache-2.0

// Package traces makes spans of OpenTelemetry of what the daemon has done, and sends them to a receiver of OTLP. It is told what happened
// by whoever sees it happen, with times: nothing that decides knows of it.
//
// One trace is of one commit, from the push until its releases are healthy: its id is that of the commit, so that all replicas add to the
// same one without telling each other. Others are of one head of a pull request, and of one run for a lot. Spans name projects,
// environments, clusters and commits, and never a text that something else wrote, such as an error, which could hold a secret.
//
// Of Trunkline it may import catalog.
package traces

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// traceOf is the id of the trace of a commit: the first half of its hash.
func traceOf(commit string) trace.TraceID {
	var id trace.TraceID
	if hash, err := hex.DecodeString(commit); err == nil && len(hash) >= len(id) {
		copy(id[:], hash)
	}
	if !id.IsValid() {
		return traceNamed("commit", commit)
	}
	return id
}

// traceNamed is the id of the trace of a thing by its name.
func traceNamed(parts ...string) (id trace.TraceID) {
	copy(id[:], sum(parts))
	return id
}

// spanNamed is the id of a span by what it is of, so that a span of another process or of later can name it as its parent.
func spanNamed(parts ...string) (id trace.SpanID) {
	copy(id[:], sum(parts))
	return id
}

func sum(parts []string) []byte {
	hash := sha256.Sum256([]byte(strings.Join(slices.Concat([]string{"trunkline"}, parts), "\x00")))
	hash[0] |= 1 // not only zeros
	return hash[:]
}
