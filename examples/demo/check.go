// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// checkError tells which check failed.
type checkError struct{ check, want, got string }

func (e *checkError) Error() string {
	return fmt.Sprintf("check failed: %s\nexpected: %s\nseen:     %s", e.check, indentRest(e.want), indentRest(e.got))
}

// indentRest puts the further lines of a text below its first, in the error's column.
func indentRest(s string) string {
	return strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n          ")
}

// expect makes a check, and tells of it when it holds.
func (d *demo) expect(check, want, got string) error {
	if want != got {
		return &checkError{check: check, want: want, got: got}
	}
	d.checks++
	d.story.check(check)
	return nil
}

// listOr returns the lines, or a text when there are none.
func listOr(lines []string, none string) string {
	if len(lines) == 0 {
		return none
	}
	return strings.Join(lines, "\n")
}

// logLines is how much of a log is shown with an error.
const logLines = 20

// loggedError is an error with the end of the log that may explain it.
type loggedError struct {
	err  error
	log  string
	tail []string
}

func (e *loggedError) Error() string { return e.err.Error() }
func (e *loggedError) Unwrap() error { return e.err }

// withLog reads the end of a log now: the log is removed before anyone sees the error.
// An error that has its log already keeps it.
func withLog(err error, log string) error {
	if _, ok := errors.AsType[*loggedError](err); ok {
		return err
	}
	data, readErr := os.ReadFile(log)
	if readErr != nil {
		return err // there is no log yet
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return &loggedError{err: err, log: log, tail: lines[max(0, len(lines)-logLines):]}
}
