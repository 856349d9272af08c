// SPDX-License-Identifier: Apache-2.0

package node

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func newTestLog(t *testing.T) *attemptLog {
	t.Helper()
	log, err := newAttemptLog(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.end)
	return log
}

func send(t *testing.T, log *attemptLog, request LogRequest) string {
	t.Helper()
	var out bytes.Buffer
	if err := log.reader(request).Send(t.Context(), &out, func() {}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestLogIsReadBack(t *testing.T) {
	log := newTestLog(t)
	log.consume(strings.NewReader("one\n\ntwo\nno end"))
	for _, c := range []struct {
		reason  string
		request LogRequest
		want    string
	}{
		{"all of it, also an empty line and one without an end", LogRequest{Tail: -1}, "one\n\ntwo\nno end"},
		{"the last lines", LogRequest{Tail: 2}, "two\nno end"},
		{"no line", LogRequest{Tail: 0}, ""},
		{"following what has ended", LogRequest{Tail: 1, Follow: true}, "no end"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			if diff := cmp.Diff(c.want, send(t, log, c.request)); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff("two\nno end", log.tail(2, 100)); diff != "" {
		t.Errorf("tail (-want +got):\n%s", diff)
	}
}

func TestLogIsFollowedToItsEnd(t *testing.T) {
	log := newTestLog(t)
	in, out := io.Pipe()
	go log.consume(in)
	got, gone := io.Pipe()
	go func() {
		_ = gone.CloseWithError(log.reader(LogRequest{Tail: -1, Follow: true}).Send(t.Context(), gone, func() {}))
	}()
	// Each line is only written once the one before has come through.
	for _, line := range []string{"first\n", "second\n"} {
		if _, err := io.WriteString(out, line); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, len(line))
		if _, err := io.ReadFull(got, buffer); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(line, string(buffer)); diff != "" {
			t.Errorf("line (-want +got):\n%s", diff)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(got); err != nil || len(rest) > 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

func TestLogIsBounded(t *testing.T) {
	log := newTestLog(t)
	line := strings.Repeat("x", 1<<20-1) + "\n"
	log.consume(strings.NewReader(strings.Repeat(line, maxLog>>20+2)))
	got := send(t, log, LogRequest{Tail: 1})
	if diff := cmp.Diff("[devcluster: the log is cut off here, after 10 MiB]\n", got); diff != "" {
		t.Errorf("last line (-want +got):\n%s", diff)
	}
}
