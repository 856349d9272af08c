// SPDX-License-Identifier: Apache-2.0

package pull

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"trunkline.dev/trunkline/api/pull"
)

// query selects the rows of the lot from a database.
func (p *Puller) query(ctx context.Context) (told string, err error) {
	config, err := p.connection()
	if err != nil {
		return "", err
	}
	values, err := p.parameters()
	if err != nil {
		return "", err
	}
	rows, err := again(ctx, p, func() (int64, error) {
		rows, err := p.selected(ctx, config, values)
		if err != nil {
			err = fmt.Errorf("selecting from %s: %w", config.Host, p.fate(ctx, err))
		}
		return rows, err
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d rows were selected", rows), nil
}

// connection reads the URL of the database. No error shows it: it has a password.
func (p *Puller) connection() (*pgconn.Config, error) {
	escape := asItIs
	if !p.spec.Database.URL.IsVariable() {
		escape = func(v string) string { return strings.ReplaceAll(url.QueryEscape(v), "+", "%20") }
	}
	text, err := p.spec.Database.URL.Fill(p.run.Lot, p.lookup, escape)
	if err != nil {
		return nil, fmt.Errorf("database.url: %w", err)
	}
	config, err := pgconn.ParseConfig(text)
	if err != nil {
		return nil, errors.New("database.url is not the URL of a PostgreSQL once it is filled, such as postgres://user:password@host:5432/database")
	}
	config.ConnectTimeout = connectTimeout
	config.RuntimeParams["application_name"] = "trunkline-lot"
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		if strings.HasPrefix(network, "unix") {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
		// The name was looked up before; whoever declared it meant it.
		return dial(ctx, network, address, []string{host})
	}
	return config, nil
}

// parameters are the values of those of the statement, as texts that the database reads as what it takes them for.
func (p *Puller) parameters() ([][]byte, error) {
	l := p.run.Lot
	var out [][]byte
	for _, name := range p.spec.Database.SQL.Parameters() {
		if l.IsZero() {
			return nil, fmt.Errorf("database.sql has :%s, and this run is of no lot: here the workload runs once, and not for each", name)
		}
		out = append(out, []byte(map[string]string{"lot": l.ID(), "start": l.Start.UTC().Format(time.RFC3339), "end": l.End().UTC().Format(time.RFC3339)}[name]))
	}
	return out, nil
}

// settings make a transaction in which nothing is written, whose rows are those of one moment, and whose texts are the same for everyone.
const settings = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL statement_timeout = %d; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'iso_8601'; SET LOCAL bytea_output = 'hex';
SET LOCAL extra_float_digits = 1; SET LOCAL client_encoding = 'UTF8'`

// selected writes the rows to a file, and returns how many there are.
func (p *Puller) selected(ctx context.Context, config *pgconn.Config, values [][]byte) (rows int64, err error) {
	d := p.spec.Database
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return 0, err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ending) // what was selected is there or not; the transaction ends with the connection
	}()
	if _, err := conn.Exec(ctx, fmt.Sprintf(settings, d.Timeout.Milliseconds())).ReadAll(); err != nil {
		return 0, err
	}
	sql := d.SQL.Numbered()
	if d.Format == pull.JSON {
		sql = "SELECT row_to_json(trunkline) FROM (" + sql + "\n) AS trunkline" // the database writes JSON of all its types
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	result := conn.ExecParams(ctx, sql, values, nil, nil, nil)
	first := result.NextRow()
	if !first {
		_, err := result.Close()
		if err == nil && len(result.FieldDescriptions()) == 0 {
			err = final(errors.New("the SQL selects no columns"))
		}
		return 0, err
	}
	name, err := p.file(0, map[pull.Format]string{pull.CSV: ".csv", pull.JSON: ".json"}[d.Format]+map[pull.Compression]string{pull.Gzip: ".gz"}[d.Compression])
	if err != nil {
		return 0, final(err)
	}
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		n, err := p.rows(result, w)
		rows = n
		done <- err
		w.CloseWithError(err) // without one, the file is whole
	}()
	_, err = p.write(ctx, name, r)
	_ = r.CloseWithError(errors.Join(err, io.ErrClosedPipe)) // if it was not read to its end
	cancel()
	if failed := <-done; err == nil {
		err = failed
	}
	return rows, err
}

// rows writes rows until there are no more, of which the first was asked for. Without an error all were written.
func (p *Puller) rows(result *pgconn.ResultReader, to io.Writer) (n int64, err error) {
	d := p.spec.Database
	var zipped *gzip.Writer
	if d.Compression == pull.Gzip {
		zipped = gzip.NewWriter(to)
		to = zipped
	}
	out := newLines(to, d.Format, result.FieldDescriptions())
	for more := true; more; more = result.NextRow() {
		if n++; n > d.MaxRows {
			return n, final(fmt.Errorf("there are more than %d rows, which is the limit: raise database.maxRows", d.MaxRows))
		}
		if err := out.row(result.Values()); err != nil {
			return n, err
		}
	}
	if _, err := result.Close(); err != nil {
		return n, err
	}
	if err := out.flush(); err != nil {
		return n, err
	}
	if zipped != nil {
		return n, zipped.Close()
	}
	return n, nil
}

// passing are the classes, and codes, of errors that may not be there the next time: of the connection, of what others do, of resources.
var passing = []string{"08", "40", "53", "55P03", "57P01", "57P02", "57P03", "57P05"}

// fate is an error with what is known of whether another try is of use. A password is in none: the client leaves it out.
func (p *Puller) fate(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return final(err)
	}
	refused, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	for _, code := range passing {
		if strings.HasPrefix(refused.Code, code) {
			return err
		}
	}
	text := refused.Message
	switch refused.Code {
	case "57014":
		text += fmt.Sprintf(": it may run for %s, which is database.timeout", p.spec.Database.Timeout)
	case "25006":
		text += ": what is pulled is read, and nothing is written"
	}
	return final(fmt.Errorf("%s (SQLSTATE %s)", text, refused.Code))
}
