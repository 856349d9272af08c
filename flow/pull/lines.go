// SPDX-License-Identifier: Apache-2.0

package pull

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"

	"github.com/jackc/pgx/v5/pgconn"

	"trunkline.dev/trunkline/api/pull"
)

// lines writes rows as lines: of CSV (RFC 4180) with a header, or one object of JSON each. What is no value is nothing in CSV, and an empty text "".
type lines struct {
	to     *bufio.Writer
	format pull.Format
}

func newLines(to io.Writer, format pull.Format, columns []pgconn.FieldDescription) *lines {
	l := &lines{bufio.NewWriterSize(to, 64<<10), format}
	if format == pull.CSV {
		names := make([][]byte, len(columns))
		for i, c := range columns {
			names[i] = []byte(c.Name)
		}
		l.csv(names)
	}
	return l
}

// row writes one, of texts as the database has them.
func (l *lines) row(values [][]byte) error {
	if l.format == pull.CSV {
		l.csv(values)
	} else {
		var line bytes.Buffer
		if err := json.Compact(&line, values[0]); err != nil { // a value that is JSON may have line breaks
			return err
		}
		line.WriteByte('\n')
		_, _ = l.to.Write(line.Bytes())
	}
	_, err := l.to.Write(nil)
	return err
}

func (l *lines) csv(values [][]byte) {
	for i, v := range values {
		if i > 0 {
			_ = l.to.WriteByte(',')
		}
		switch {
		case v == nil && len(values) > 1:
		case v == nil || len(v) > 0 && !bytes.ContainsAny(v, "\",\r\n") && v[0] != ' ' && v[len(v)-1] != ' ':
			_, _ = l.to.Write(v)
		default:
			_ = l.to.WriteByte('"')
			_, _ = l.to.Write(bytes.ReplaceAll(v, []byte(`"`), []byte(`""`)))
			_ = l.to.WriteByte('"')
		}
	}
	_ = l.to.WriteByte('\n')
}

// flush writes what is left, and returns what failed of all.
func (l *lines) flush() error { return l.to.Flush() }
