// SPDX-License-Identifier: Apache-2.0

package history_test

import (
	"errors"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/test/pgtest"
)

func TestConnectionStrings(t *testing.T) {
	for name, dsn := range map[string]string{
		"Port":     "postgres://ann:s3cret@host:port/db",
		"Escape":   "postgres://ann:s3cret%zz@host/db",
		"Pair":     "host=a password='s3cret",
		"NoPair":   "s3cret",
		"SSLMode":  "postgres://ann:s3cret@host/db?sslmode=maybe",
		"Timeout":  "host=a password=s3cret connect_timeout=soon",
		"NotAFile": "postgres://ann:s3cret@host/db?sslmode=verify-full&sslrootcert=/nowhere/s3cret",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := history.Postgres(dsn)
			if !errors.Is(err, history.ErrConnectionString) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v, want that it is not a connection string, and nothing of it", err)
			}
		})
	}
}

func TestThePasswordIsInNoError(t *testing.T) {
	dsn := pkg.Database(t)
	const wrong = "an0ther-s3cret"
	for name, dsn := range map[string]string{
		"WrongPassword": strings.Replace(dsn, pgtest.Password, wrong, 1),
		"NoDatabase":    strings.Replace(dsn, "/test", "/"+pgtest.Password, 1),
		"NoServer":      strings.Replace(dsn, "trunkline-pg-", wrong, 1),
	} {
		t.Run(name, func(t *testing.T) {
			d := postgresAt(t, dsn)
			_, err := history.Open(t.Context(), d)
			if err == nil {
				t.Fatal("it can be opened")
			}
			for cause := err; cause != nil; cause = errors.Unwrap(cause) {
				if strings.Contains(cause.Error(), dsn) || name != "NoDatabase" && name != "NoServer" && strings.Contains(cause.Error(), wrong) {
					t.Errorf("the error holds the password: %v", cause)
				}
			}
			if strings.Contains(d.String(), ":"+pgtest.Password) || strings.Contains(d.String(), ":"+wrong) {
				t.Errorf("the name holds the password: %s", d)
			}
			if !strings.HasPrefix(err.Error(), "opening the history in the PostgreSQL database ") {
				t.Errorf("got %v, want that it says what was done to what", err)
			}
		})
	}
}
