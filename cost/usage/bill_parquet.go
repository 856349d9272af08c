// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// ReadParquetBill reads the same as [ReadBill] from a file in the format Parquet: https://parquet.apache.org/docs/file-format/. Numbers may be
// decimals or of floating point, whose shortest decimal form counts; times timestamps, days or text; tags a mapping or JSON.
func ReadParquetBill(r io.ReaderAt, size int64, cluster string) (bills []Bill, err error) {
	// The library panics at some of what is damaged.
	defer func() {
		if p := recover(); p != nil {
			bills, err = nil, fmt.Errorf("it is damaged: %v", p)
		}
	}()
	if size > MaxBill {
		return nil, fmt.Errorf("it is larger than %d MiB: cut it by billing period or account", MaxBill>>20)
	}
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	if err := readable(file.Metadata()); err != nil {
		return nil, err
	}
	leaves, err := leavesOf(file.Schema())
	if err != nil {
		return nil, err
	}
	if file.NumRows() > MaxBillLines {
		return nil, fmt.Errorf("it has more than %d charges: cut it by billing period or account", MaxBillLines)
	}
	sums, number := map[billed]*big.Rat{}, 0
	for _, group := range file.RowGroups() {
		if number, err = leaves.addGroup(sums, group, number, cluster); err != nil {
			return nil, err
		}
	}
	return billsOf(sums)
}

// readable refuses a compression of which the library reads what is damaged for ever, with ever more memory. Exports of clouds do not have it.
func readable(file *format.FileMetaData) error {
	for _, group := range file.RowGroups {
		for _, column := range group.Columns {
			if codec := column.MetaData.Codec; codec == format.Lz4Raw {
				return fmt.Errorf("it is compressed by %s, which is not read: write it with Snappy, gzip or Zstandard", codec)
			}
		}
	}
	return nil
}

// leaves are the columns of a file that count.
type leaves struct {
	// columns are those of FOCUS, by their names and by their numbers in the file.
	columns map[string]int
	types   map[int]parquet.Type
	// keys and values are the two columns of tags that are a mapping; -1 if there is none.
	keys, values int
}

// leavesOf looks for the columns that count.
func leavesOf(schema *parquet.Schema) (leaves, error) {
	out := leaves{columns: map[string]int{}, types: map[int]parquet.Type{}, keys: -1, values: -1}
	for _, path := range schema.Columns() {
		leaf, ok := schema.Lookup(path...)
		if !ok {
			continue
		}
		out.types[leaf.ColumnIndex] = leaf.Node.Type()
		switch last := path[len(path)-1]; {
		case len(path) == 1:
			out.columns[path[0]] = leaf.ColumnIndex
		case path[0] == "Tags" && last == "key":
			out.keys = leaf.ColumnIndex
		case path[0] == "Tags" && last == "value":
			out.values = leaf.ColumnIndex
		}
	}
	for _, name := range columns {
		if _, ok := out.columns[name]; !ok {
			return leaves{}, noColumn(name)
		}
	}
	return out, nil
}

// addGroup adds the charges of a group of rows, and returns how many there were by then.
func (l leaves) addGroup(sums map[billed]*big.Rat, group parquet.RowGroup, number int, cluster string) (int, error) {
	rows := group.Rows()
	defer rows.Close()
	buffer := make([]parquet.Row, 64)
	for {
		n, err := rows.ReadRows(buffer)
		for _, row := range buffer[:n] {
			if number++; number > MaxBillLines {
				return number, fmt.Errorf("it has more than %d charges: cut it by billing period or account", MaxBillLines)
			}
			if err := l.add(sums, row, cluster); err != nil {
				return number, fmt.Errorf("row %d: %w", number, err)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return number, nil
		case err != nil:
			return number, fmt.Errorf("after row %d: %w", number, err)
		case n == 0:
			return number, fmt.Errorf("after row %d: %w", number, io.ErrNoProgress)
		}
	}
}

// add adds the charge of a row.
func (l leaves) add(sums map[billed]*big.Rat, row parquet.Row, cluster string) error {
	texts, keys, values := map[int]string{}, []string(nil), []string(nil)
	for _, v := range row {
		text := ""
		if !v.IsNull() {
			text = textOf(v, l.types[v.Column()])
		}
		switch v.Column() {
		case l.keys:
			keys = append(keys, text)
		case l.values:
			values = append(values, text)
		default:
			texts[v.Column()] = text
		}
	}
	field := func(name string) string {
		if i, ok := l.columns[name]; ok {
			return texts[i]
		}
		return ""
	}
	tags := map[string]any{}
	for i, key := range keys[:min(len(keys), len(values))] {
		tags[key] = values[i]
	}
	if text := field("Tags"); text != "" && len(text) <= maxTags {
		_ = json.Unmarshal([]byte(text), &tags) // what is no mapping names no cluster
	}
	return charge(sums, field, cmp.Or(clusterOf(tags), cluster))
}

// textOf writes a value as a bill in CSV has it. What it cannot read it writes as it comes, which is refused where it counts.
func textOf(v parquet.Value, t parquet.Type) string {
	if logical := t.LogicalType(); logical != nil {
		switch kind := logical.Value.(type) {
		case *format.DecimalType:
			return scaled(v, int(kind.Scale))
		case *format.TimestampType:
			return moments(v.Int64(), kind.Unit)
		case *format.DateType:
			return time.Unix(0, 0).UTC().AddDate(0, 0, int(v.Int32())).Format(time.DateOnly)
		}
	}
	switch v.Kind() {
	case parquet.Double:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64)
	case parquet.Float:
		return strconv.FormatFloat(float64(v.Float()), 'g', -1, 32)
	case parquet.Int32, parquet.Int64, parquet.Boolean:
		return v.String()
	case parquet.Int96:
		return julian(v.Int96())
	default:
		return string(v.ByteArray())
	}
}

// moments writes a timestamp. One that says no zone is one of UTC, as FOCUS has all of them.
func moments(value int64, unit format.TimeUnit) string {
	var at time.Time
	switch unit.Value.(type) {
	case *format.MilliSeconds:
		at = time.UnixMilli(value)
	case *format.MicroSeconds:
		at = time.UnixMicro(value)
	default:
		at = time.Unix(0, value)
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// epoch is the Julian day of 1970-01-01.
const epoch = 2440588

// julian writes a timestamp as older programs, such as Spark 2, have it: nanoseconds of a Julian day.
func julian(value deprecated.Int96) string {
	nanos, day := int64(value[1])<<32|int64(value[0]), int(value[2])
	return time.Unix(0, 0).UTC().AddDate(0, 0, day-epoch).Add(time.Duration(nanos)).Format(time.RFC3339Nano)
}

// scaled writes a whole number of units of which 10^scale are one.
func scaled(v parquet.Value, scale int) string {
	unscaled := new(big.Int)
	switch v.Kind() {
	case parquet.Int32:
		unscaled.SetInt64(int64(v.Int32()))
	case parquet.Int64:
		unscaled.SetInt64(v.Int64())
	default:
		// The two's complement of a number, its highest byte first.
		bytes := v.ByteArray()
		if unscaled.SetBytes(bytes); len(bytes) > 0 && bytes[0] >= 0x80 {
			unscaled.Sub(unscaled, new(big.Int).Lsh(big.NewInt(1), uint(8*len(bytes))))
		}
	}
	if scale < 0 || scale > math.MaxInt8 || unscaled.BitLen() > 512 {
		return ""
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	return new(big.Rat).SetFrac(unscaled, unit).FloatString(scale)
}
