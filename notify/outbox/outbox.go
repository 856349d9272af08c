// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"trunkline.dev/trunkline/notify"
	"trunkline.dev/trunkline/reconciler/history"
)

// migrations make the tables. What was released is never changed: a change is a new migration at the end. Times are microseconds since 1970.
var migrations = [][]string{
	{
		`CREATE TABLE trunkline_notify_state (
			one BIGINT PRIMARY KEY CHECK (one = 1),
			version BIGINT NOT NULL,
			state TEXT NOT NULL
		)`,
		`CREATE TABLE trunkline_notify_messages (
			number {{id}},
			id TEXT NOT NULL UNIQUE,
			channel TEXT NOT NULL,
			body TEXT NOT NULL,
			made BIGINT NOT NULL,
			tries BIGINT NOT NULL,
			next BIGINT NOT NULL,
			claimed BIGINT NOT NULL,
			dead BIGINT NOT NULL,
			why TEXT NOT NULL
		)`,
		`CREATE INDEX trunkline_notify_messages_next ON trunkline_notify_messages (channel, dead, number)`,
	},
}

const (
	// claimFor is for how long a message is one replica's to send: longer than an attempt takes.
	claimFor = 2 * time.Minute
	// Pause is the first one after a failure; it doubles up to Longest.
	Pause = time.Second
	// Longest is the longest pause.
	Longest = 5 * time.Minute
	// GiveUp is after how long a message is a dead letter.
	GiveUp = 24 * time.Hour
	// keepDead is how long dead letters are kept.
	keepDead = 30 * 24 * time.Hour
)

// Box is the outbox. Its methods may be called at once, by several replicas, too.
type Box struct{ store *history.Store }

// Open opens the outbox in a database, and makes its tables.
func Open(ctx context.Context, d history.Database) (*Box, error) {
	s, err := history.OpenTables(ctx, d, history.Tables{What: "notifications", Versions: "trunkline_notify", Steps: migrations})
	if err != nil {
		return nil, err
	}
	return &Box{s}, nil
}

// Close lets go of the database.
func (b *Box) Close() error { return b.store.Close() }

// Load returns the state and its version; the version is 0 if there is none yet.
func (b *Box) Load(ctx context.Context) (s notify.State, version int64, err error) {
	err = b.store.Change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var text string
		err := tx.QueryRowContext(ctx, `SELECT version, state FROM trunkline_notify_state WHERE one = 1`).Scan(&version, &text)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(text), &s)
	})
	return s, version, err
}

// ErrOther means that another replica has changed the state meanwhile.
var ErrOther = errors.New("another replica has changed the state meanwhile")

// Save writes the state that was made of the one of a version, and what is to be told, or nothing.
func (b *Box) Save(ctx context.Context, version int64, s notify.State, messages []notify.Message) error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("writing down what was told: %w", err)
	}
	other := false
	err = b.store.Change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE trunkline_notify_state SET version = $1, state = $2 WHERE one = 1 AND version = $3`, version+1, string(text), version)
		if version == 0 && err == nil {
			result, err = tx.ExecContext(ctx, `INSERT INTO trunkline_notify_state (one, version, state) VALUES (1, 1, $1) ON CONFLICT (one) DO NOTHING`, string(text))
		}
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			other = err == nil
			return err
		}
		for _, m := range messages {
			body, err := json.Marshal(m)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO trunkline_notify_messages (id, channel, body, made, tries, next, claimed, dead, why)
				VALUES ($1, $2, $3, $4, 0, 0, 0, 0, '')`, m.ID, m.Channel, string(body), m.At.UnixMicro()); err != nil {
				return err
			}
		}
		return nil
	})
	if other {
		return ErrOther
	}
	return err
}

// Letter is a message that is one replica's to send.
type Letter struct {
	notify.Message
	Tries int
}

// Claim returns the oldest message of a channel, if it is to be sent now, and nobody else sends it; nil otherwise.
func (b *Box) Claim(ctx context.Context, channel string, now time.Time) (l *Letter, err error) {
	err = b.store.Change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var id, body string
		var tries int
		var next, claimed int64
		err := tx.QueryRowContext(ctx, `SELECT id, body, tries, next, claimed FROM trunkline_notify_messages WHERE channel = $1 AND dead = 0 ORDER BY number LIMIT 1`,
			channel).Scan(&id, &body, &tries, &next, &claimed)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if at := now.UnixMicro(); err != nil || next > at || claimed > at {
			return err
		}
		result, err := tx.ExecContext(ctx, `UPDATE trunkline_notify_messages SET claimed = $1 WHERE id = $2 AND claimed = $3`, now.Add(claimFor).UnixMicro(), id, claimed)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return err
		}
		claim := &Letter{Tries: tries}
		if err := json.Unmarshal([]byte(body), &claim.Message); err != nil {
			return fmt.Errorf("message %s cannot be read: %w", id, err)
		}
		l = claim
		return nil
	})
	return l, err
}

// Delivered forgets a message.
func (b *Box) Delivered(ctx context.Context, id string) error {
	return b.exec(ctx, `DELETE FROM trunkline_notify_messages WHERE id = $1`, id)
}

// Again has a message sent once more, after a pause that grows, or as long as the channel asked for; one that was tried for [GiveUp] becomes
// a dead letter, which it says.
func (b *Box) Again(ctx context.Context, l *Letter, why string, after time.Duration, now time.Time) (dead bool, err error) {
	if now.Sub(l.At) >= GiveUp {
		return true, b.Dead(ctx, l.ID, "it was tried for "+GiveUp.String()+": "+why, now)
	}
	wait := Pause
	for range l.Tries {
		if wait *= 2; wait >= Longest {
			wait = Longest
			break
		}
	}
	next := now.Add(max(wait, min(after, time.Hour)))
	return false, b.exec(ctx, `UPDATE trunkline_notify_messages SET tries = tries + 1, claimed = 0, next = $1, why = $2 WHERE id = $3`, next.UnixMicro(), why, l.ID)
}

// Dead puts a message with the dead letters.
func (b *Box) Dead(ctx context.Context, id, why string, now time.Time) error {
	return b.exec(ctx, `UPDATE trunkline_notify_messages SET dead = $1, claimed = 0, why = $2 WHERE id = $3`, now.UnixMicro(), why, id)
}

// Count is how many messages of a channel wait, and how many are dead letters; Why is what went wrong last.
type Count struct {
	Channel       string
	Waiting, Dead int
	Why           string
}

// Counts counts messages, by channels, and forgets dead letters that are old.
func (b *Box) Counts(ctx context.Context, now time.Time) (out []Count, err error) {
	if err := b.exec(ctx, `DELETE FROM trunkline_notify_messages WHERE dead > 0 AND dead < $1`, now.Add(-keepDead).UnixMicro()); err != nil {
		return nil, err
	}
	err = b.store.Change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT channel, sum(CASE WHEN dead = 0 THEN 1 ELSE 0 END), sum(CASE WHEN dead > 0 THEN 1 ELSE 0 END), max(why)
			FROM trunkline_notify_messages GROUP BY channel ORDER BY channel`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c Count
			if err := rows.Scan(&c.Channel, &c.Waiting, &c.Dead, &c.Why); err != nil {
				return err
			}
			out = append(out, c)
		}
		return rows.Err()
	})
	return out, err
}

func (b *Box) exec(ctx context.Context, statement string, args ...any) error {
	return b.store.Change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}
