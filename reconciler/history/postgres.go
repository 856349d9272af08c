// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// postgresConns is one connection that writes, and a few that read.
	postgresConns = 4
	// postgresConnect bounds how long a server is waited for that does not answer.
	postgresConnect = 5 * time.Second
	// postgresRows is how many events a statement writes: each is a round trip.
	postgresRows = 50
	// postgresLock is the key of the advisory lock that migrations take; any number that nobody else uses.
	postgresLock = 7_482_310_551
)

// ErrConnectionString means that a text is no connection string. What is wrong with it is not said, since that may
// repeat the password.
var ErrConnectionString = errors.New("it is not a connection string: write postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full")

// Postgres keeps history in a PostgreSQL database, at a URL or as key=value pairs. What the string leaves out is
// taken from the usual PG* environment variables. A platform has a database, or a schema (search_path), of its own.
func Postgres(dsn string) (Database, error) {
	cfg, err := pgx.ParseConfig(strings.TrimSpace(dsn))
	if err != nil {
		return Database{}, ErrConnectionString
	}
	if cfg.ConnectTimeout == 0 || cfg.ConnectTimeout > postgresConnect {
		cfg.ConnectTimeout = postgresConnect
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "trunkline"
	}
	return Database{
		name: "the PostgreSQL database " + strconv.Quote(cfg.Database) + " at " + net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))),
		id:   "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
		rows: postgresRows,
		lock: "SELECT pg_advisory_xact_lock(" + strconv.Itoa(postgresLock) + ")",
		open: func(context.Context) (*sql.DB, error) {
			db := stdlib.OpenDB(*cfg)
			db.SetMaxOpenConns(postgresConns)
			db.SetMaxIdleConns(postgresConns)
			// A server that was replaced behind its name is found again in time.
			db.SetConnMaxLifetime(30 * time.Minute)
			db.SetConnMaxIdleTime(5 * time.Minute)
			return db, nil
		},
		secrets:  []string{strings.TrimSpace(dsn), cfg.Password},
		classify: postgresFault,
	}, nil
}

func postgresFault(err error) fault {
	var e *pgconn.PgError
	// Class 22 is data that is not taken, 23 a constraint that is broken, 54 a limit of the server's.
	if errors.As(err, &e) && (strings.HasPrefix(e.Code, "22") || strings.HasPrefix(e.Code, "23") || strings.HasPrefix(e.Code, "54")) {
		return rejected
	}
	return passing
}
