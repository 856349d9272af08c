// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/reconciler/history"
)

const (
	// usedEvery is how often it is written down that a token is used.
	usedEvery = time.Minute
	// askTimeout bounds one question to the database.
	askTimeout = 5 * time.Second
	// maxListed bounds how many are listed.
	maxListed = 1000
)

// migrations make the table, each from what the one before it left. What was released is never changed.
func migrations() [][]string {
	return [][]string{{
		`CREATE TABLE trunkline_tokens (
			id TEXT NOT NULL PRIMARY KEY,
			name TEXT NOT NULL,
			owner TEXT NOT NULL,
			project TEXT NOT NULL,
			hash TEXT NOT NULL,
			made_by TEXT NOT NULL,
			limits TEXT NOT NULL,
			owner_groups TEXT NOT NULL,
			seen BIGINT NOT NULL,
			created BIGINT NOT NULL,
			expires BIGINT NOT NULL,
			used BIGINT NOT NULL,
			revoked BIGINT NOT NULL
		)`,
		`CREATE INDEX trunkline_tokens_owner ON trunkline_tokens (owner)`,
		`CREATE INDEX trunkline_tokens_project ON trunkline_tokens (project)`,
	}, sessionSteps()}
}

// Store keeps tokens in a database. It asks that for each request that comes with one, so that what is revoked is revoked at once, at
// each replica.
type Store struct {
	database history.Database
	now      func() time.Time

	mu   sync.Mutex
	open *history.Store
}

// NewStore returns the tokens of a database, which is opened when it is needed: it may be away when the daemon starts.
func NewStore(d history.Database, now func() time.Time) *Store { return &Store{database: d, now: now} }

// store is the open database.
func (s *Store) store(ctx context.Context) (*history.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil {
		return s.open, nil
	}
	store, err := history.OpenTables(ctx, s.database, history.Tables{What: "tokens", Versions: "trunkline_tokens_version", Steps: migrations()})
	if err != nil {
		return nil, err
	}
	s.open = store
	return store, nil
}

// lost has a database opened again the next time whose file was taken away.
func (s *Store) lost(store *history.Store, err error) error {
	if !errors.Is(err, history.ErrGone) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == store {
		s.open = nil
		return errors.Join(err, store.Close())
	}
	return err
}

func (s *Store) read(ctx context.Context, read func(context.Context, history.Reader) error) error {
	store, err := s.store(ctx)
	if err != nil {
		return err
	}
	return s.lost(store, store.Read(ctx, read))
}

func (s *Store) change(ctx context.Context, change func(context.Context, *sql.Tx) error) error {
	store, err := s.store(ctx)
	if err != nil {
		return err
	}
	return s.lost(store, store.Change(ctx, change))
}

// Close closes the database.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		return nil
	}
	return s.open.Close()
}

// limits are how what a token is for is kept.
type limits struct {
	Rights       []access.Right `json:"rights,omitempty"`
	Projects     []string       `json:"projects,omitempty"`
	Environments []string       `json:"environments,omitempty"`
}

// Create makes a token, and returns its secret, which is kept nowhere.
func (s *Store) Create(ctx context.Context, q Request, by access.Principal) (Token, string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	now := s.now()
	t, secret, err := New(q, by, now)
	if err != nil {
		return Token{}, "", err
	}
	bounds, err := json.Marshal(limits{t.Rights, t.Projects, t.Environments})
	if err != nil {
		return Token{}, "", err
	}
	groups, err := json.Marshal(t.groups)
	if err != nil {
		return Token{}, "", err
	}
	var refused error
	err = s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var good, same int
		// SQLite numbers parameters as they come, whatever they are called.
		const count = `SELECT count(*), coalesce(sum(CASE WHEN name = $1 THEN 1 ELSE 0 END), 0) FROM trunkline_tokens WHERE revoked = 0 AND expires > $2 AND `
		ofWhom, whose, called := `project = '' AND owner = $3`, t.Owner, t.Owner
		if t.Project != "" { // each of a project acts under a name of its own
			ofWhom, whose, called = `project = $3`, t.Project, "the project "+t.Project
		}
		if err := tx.QueryRowContext(ctx, count+ofWhom, t.Name, now.UnixMicro(), whose).Scan(&good, &same); err != nil {
			return err
		}
		switch {
		case good >= maxOwned:
			refused = fmt.Errorf("%w: %s has %d tokens: revoke some", ErrInvalid, called, good)
			return nil
		case same > 0:
			refused = fmt.Errorf("%w: there is a token %q already: revoke it, or choose another name", ErrInvalid, t.Name)
			return nil
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO trunkline_tokens
			(id, name, owner, project, hash, made_by, limits, owner_groups, seen, created, expires, used, revoked)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0)`,
			t.ID, t.Name, t.Owner, t.Project, t.hash, t.By, string(bounds), string(groups), t.seen.UnixMicro(), t.Created.UnixMicro(), t.Expires.UnixMicro())
		return err
	})
	if err := errors.Join(err, refused); err != nil {
		return Token{}, "", err
	}
	return t, secret, nil
}

const selected = `SELECT id, name, owner, project, hash, made_by, limits, owner_groups, seen, created, expires, used, revoked FROM trunkline_tokens `

// scan reads a row.
func scan(row interface{ Scan(into ...any) error }) (Token, error) {
	var t Token
	var bounds, groups string
	var seen, created, expires, used, revoked int64
	if err := row.Scan(&t.ID, &t.Name, &t.Owner, &t.Project, &t.hash, &t.By, &bounds, &groups, &seen, &created, &expires, &used, &revoked); err != nil {
		return Token{}, err
	}
	var l limits
	if err := errors.Join(json.Unmarshal([]byte(bounds), &l), json.Unmarshal([]byte(groups), &t.groups)); err != nil {
		return Token{}, fmt.Errorf("reading what the token %s is for: %w", t.ID, err) // without limits it would be for everything
	}
	t.Rights, t.Projects, t.Environments = l.Rights, l.Projects, l.Environments
	for _, at := range []struct {
		micro int64
		into  *time.Time
	}{{seen, &t.seen}, {created, &t.Created}, {expires, &t.Expires}, {used, &t.Used}, {revoked, &t.Revoked}} {
		if at.micro != 0 {
			*at.into = time.UnixMicro(at.micro).UTC()
		}
	}
	return t, nil
}

// Principal is as whom a token acts; an error if it is not good, or cannot be looked up.
func (s *Store) Principal(ctx context.Context, text string) (access.Principal, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	id, secret, ok := parse(text)
	if !ok {
		return access.Principal{}, errDead
	}
	t, err := s.Get(ctx, id)
	if err != nil {
		return access.Principal{}, err
	}
	now := s.now()
	who, err := t.principal(secret, now)
	if err == nil && now.Sub(t.Used) >= usedEvery {
		_ = s.write(ctx, `UPDATE trunkline_tokens SET used = $1 WHERE id = $2`, now.UnixMicro(), id) // it is for people, and decides nothing
	}
	return who, err
}

// Get returns a token by its id.
func (s *Store) Get(ctx context.Context, id string) (Token, error) {
	var t Token
	unknown := false
	err := s.read(ctx, func(ctx context.Context, r history.Reader) (err error) {
		t, err = scan(r.QueryRowContext(ctx, selected+`WHERE id = $1`, id))
		if unknown = errors.Is(err, sql.ErrNoRows); unknown {
			return nil
		}
		return err
	})
	if err == nil && unknown {
		err = ErrUnknown
	}
	return t, err
}

// List returns the tokens that match, the newest first.
func (s *Store) List(ctx context.Context, match func(Token) bool) ([]Token, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	out := []Token{}
	err := s.read(ctx, func(ctx context.Context, r history.Reader) error {
		rows, err := r.QueryContext(ctx, selected+`ORDER BY created DESC, id`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() && len(out) < maxListed {
			t, err := scan(rows)
			if err != nil {
				return err
			}
			if match(t) {
				out = append(out, t)
			}
		}
		return rows.Err()
	})
	return out, err
}

// Revoke ends a token at once.
func (s *Store) Revoke(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return s.write(ctx, `UPDATE trunkline_tokens SET revoked = $1 WHERE id = $2 AND revoked = 0`, s.now().UnixMicro(), id)
}

// Seen has the tokens of someone who has just signed on act with the groups that they have now.
func (s *Store) Seen(ctx context.Context, who access.Principal) error {
	groups, err := json.Marshal(who.Groups)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return s.write(ctx, `UPDATE trunkline_tokens SET owner_groups = $1, seen = $2 WHERE owner = $3 AND project = ''`, string(groups), s.now().UnixMicro(), who.Name)
}

func (s *Store) write(ctx context.Context, statement string, args ...any) error {
	return s.change(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}
