// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"

	"trunkline.dev/trunkline/reconciler/history"
)

// sessionSteps make the table of generations: a session of someone is good while it is of the generation that is kept for them.
func sessionSteps() []string {
	return []string{`CREATE TABLE trunkline_session_generations (
		name TEXT NOT NULL PRIMARY KEY,
		generation BIGINT NOT NULL
	)`}
}

// SessionOf returns the generation for a session of someone who has just signed on.
func (s *Store) SessionOf(ctx context.Context, name string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var g int64
	err := s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		const begin = `INSERT INTO trunkline_session_generations (name, generation) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`
		if _, err := tx.ExecContext(ctx, begin, name, generation()); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT generation FROM trunkline_session_generations WHERE name = $1`, name).Scan(&g)
	})
	return g, err
}

// SessionGood reports whether sessions of a generation are good. Where none is kept, such as in a database that was lost, none is.
func (s *Store) SessionGood(ctx context.Context, name string, of int64) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var g int64
	err := s.read(ctx, func(ctx context.Context, r history.Reader) error {
		err := r.QueryRowContext(ctx, `SELECT generation FROM trunkline_session_generations WHERE name = $1`, name).Scan(&g)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return err == nil && g != 0 && g == of, err
}

// EndSessions ends all sessions of someone at once, at each replica. A new sign-on is a new session.
func (s *Store) EndSessions(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return s.write(ctx, `INSERT INTO trunkline_session_generations (name, generation) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET generation = excluded.generation`,
		name, generation())
}

// generation returns a new one. It is random, so that none comes back when a database is lost and begun again.
func generation() int64 {
	var b [8]byte
	_, _ = rand.Read(b[:])                             // it never fails
	return int64(binary.BigEndian.Uint64(b[:])>>1) | 1 // 63 bits, and not zero
}
