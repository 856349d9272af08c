// SPDX-License-Identifier: Apache-2.0

package pull

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/param"
	"trunkline.dev/trunkline/api/sqltext"
)

// Format is how rows are written.
type Format string

// The formats.
const (
	CSV  Format = "csv"
	JSON Format = "json"
)

// Compression is how files are compressed.
type Compression string

// The compressions.
const (
	Uncompressed Compression = "none"
	Gzip         Compression = "gzip"
)

// Database is what is selected from a database.
type Database struct {
	// URL is that of a PostgreSQL.
	URL Template
	// SQL is one statement, with the parameters :lot, :start and :end.
	SQL         sqltext.Statement
	Format      Format
	Compression Compression
	// MaxRows is how many rows there may be.
	MaxRows int64
	// Timeout is how long the statement may run, until the last row was sent.
	Timeout time.Duration
}

// database are the JSON of the params.
type database struct {
	URL         string      `json:"url"`
	SQL         string      `json:"sql"`
	Format      Format      `json:"format"`
	Compression Compression `json:"compression"`
	MaxRows     int64       `json:"maxRows"`
	Timeout     string      `json:"timeout"`
}

// The defaults.
const (
	DefaultMaxRows          = 10_000_000
	DefaultStatementTimeout = 15 * time.Minute
)

// Parameters are those that the SQL may have.
func Parameters() []string { return []string{"start", "end", "lot"} }

func (p *database) spec() (*Database, error) {
	d := &Database{Format: cmp.Or(p.Format, CSV), Compression: cmp.Or(p.Compression, Uncompressed), MaxRows: cmp.Or(p.MaxRows, DefaultMaxRows)}
	var err error
	if d.URL, err = ParseTemplate(p.URL); err != nil {
		return nil, param.Wrong(urlHint, err, "database", "url")
	}
	if err := d.address(); err != nil {
		return nil, err
	}
	if d.SQL, err = sqltext.One(p.SQL); err != nil {
		return nil, param.Wrong("write one statement that selects rows", fmt.Errorf("the SQL is not one statement: %w", err), "database", "sql")
	}
	for _, name := range d.SQL.Parameters() {
		if !slices.Contains(Parameters(), name) {
			return nil, param.Wrong("write :start, :end or :lot; a colon of another meaning has a space behind it, as in a[1: n]",
				fmt.Errorf("the SQL has the parameter :%.100s, which nothing is known of", name), "database", "sql")
		}
	}
	if d.Timeout, err = duration(p.Timeout, DefaultStatementTimeout); err != nil {
		return nil, param.Wrong(durationHint, err, "database", "timeout")
	}
	return d, nil
}

const urlHint = `write $(DATABASE_URL), or "postgres://reader:$(PASSWORD)@db.acme.example/shop?sslmode=verify-full", and the variable in secrets of the workload`

// address checks what is known of the URL.
func (d *Database) address() error {
	at := []any{"database", "url"}
	switch {
	case d.URL.PerLot():
		return param.Wrong("", errors.New("the database depends on the lot"), at...)
	case d.URL.IsVariable():
		return nil
	}
	u, err := url.Parse(d.sample())
	switch {
	case err != nil, u.Scheme != "postgres" && u.Scheme != "postgresql", u.Host == "":
		return param.Wrong(urlHint, errors.New("it is not the URL of a PostgreSQL"), at...)
	}
	if password, has := u.User.Password(); has && !strings.Contains(password, sampleValue) || u.Query().Has("password") {
		return param.Wrong(urlHint, errors.New("the URL has a password that everybody can read"), at...)
	}
	return nil
}

// sampleValue stands for a variable where a URL is checked.
const sampleValue = "variable"

// sample is the URL with some text for each variable.
func (d *Database) sample() string {
	var b strings.Builder
	for _, p := range d.URL.parts {
		if p.variable != "" {
			b.WriteString(sampleValue)
		} else {
			b.WriteString(p.literal)
		}
	}
	return b.String()
}
