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
	// versions is the table that says of which version those of tokens are, and what is in them.
	versions, contents = "trunkline_tokens_version", "tokens"
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
	}}
}

// Store keeps tokens in a database. It asks that for each request that comes with one, so that what is revoked is revoked at once, at
// each replica.
type Store struct {
	database history.Database
	now      func() time.Time

	mu   sync.Mutex
	open *sql.DB
}

// NewStore returns the tokens of a database, which is opened when it is needed: it may be away when the daemon starts.
func NewStore(d history.Database, now func() time.Time) *Store { return &Store{database: d, now: now} }

// db is the open database.
func (s *Store) db(ctx context.Context) (*sql.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open != nil {
		return s.open, nil
	}
	db, err := s.database.Open(ctx, contents, versions, migrations())
	if err != nil {
		return nil, err
	}
	s.open = db
	return db, nil
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
	db, err := s.db(ctx)
	if err != nil {
		return Token{}, "", err
	}
	var good, same int
	const count = `SELECT count(*), coalesce(sum(CASE WHEN name = $3 THEN 1 ELSE 0 END), 0) FROM trunkline_tokens WHERE owner = $1 AND revoked = 0 AND expires > $2`
	if err := db.QueryRowContext(ctx, count, t.Owner, now.UnixMicro(), t.Name).Scan(&good, &same); err != nil {
		return Token{}, "", s.database.Explain(contents, "reading", err)
	}
	switch {
	case good >= maxOwned:
		return Token{}, "", fmt.Errorf("%w: %s has %d tokens: revoke some", ErrInvalid, t.Owner, good)
	case same > 0:
		return Token{}, "", fmt.Errorf("%w: there is a token %q already: revoke it, or choose another name", ErrInvalid, t.Name)
	}
	bounds, err := json.Marshal(limits{t.Rights, t.Projects, t.Environments})
	if err != nil {
		return Token{}, "", err
	}
	groups, err := json.Marshal(t.groups)
	if err != nil {
		return Token{}, "", err
	}
	_, err = db.ExecContext(ctx, `INSERT INTO trunkline_tokens
		(id, name, owner, project, hash, made_by, limits, owner_groups, seen, created, expires, used, revoked)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0)`,
		t.ID, t.Name, t.Owner, t.Project, t.hash, t.By, string(bounds), string(groups), t.seen.UnixMicro(), t.Created.UnixMicro(), t.Expires.UnixMicro())
	if err != nil {
		return Token{}, "", s.database.Explain(contents, "writing", err)
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
		if err := s.write(ctx, `UPDATE trunkline_tokens SET used = $1 WHERE id = $2`, now.UnixMicro(), id); err != nil {
			return access.Principal{}, err
		}
	}
	return who, err
}

// Get returns a token by its id.
func (s *Store) Get(ctx context.Context, id string) (Token, error) {
	db, err := s.db(ctx)
	if err != nil {
		return Token{}, err
	}
	t, err := scan(db.QueryRowContext(ctx, selected+`WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Token{}, ErrUnknown
	}
	return t, s.database.Explain(contents, "reading", err)
}

// List returns the tokens that match, the newest first.
func (s *Store) List(ctx context.Context, match func(Token) bool) ([]Token, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	db, err := s.db(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, selected+`ORDER BY created DESC, id`)
	if err != nil {
		return nil, s.database.Explain(contents, "reading", err)
	}
	defer rows.Close()
	out := []Token{}
	for rows.Next() && len(out) < maxListed {
		t, err := scan(rows)
		if err != nil {
			return nil, s.database.Explain(contents, "reading", err)
		}
		if match(t) {
			out = append(out, t)
		}
	}
	return out, s.database.Explain(contents, "reading", rows.Err())
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
	db, err := s.db(ctx)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement, args...)
	return s.database.Explain(contents, "writing", err)
}
