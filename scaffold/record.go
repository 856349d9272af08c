// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// RecordFile is the file beside the declaration of a project that says what made it. Its name is not that of a declaration.
const RecordFile = ".template.lock"

// Record says which template made a project, of which answers, and what it made: an update compares with that.
type Record struct {
	// Template is the name of the template.
	Template string `yaml:"template"`
	// From, Commit and Digest are those of the [Template].
	From   string `yaml:"from"`
	Commit string `yaml:"commit,omitempty"`
	Digest string `yaml:"digest"`
	// Answers are all answers, those that were defaults among them.
	Answers map[string]string `yaml:"answers"`
	// Known is what was known without asking.
	Known Facts `yaml:"known"`
	// Made are the files as the template made them, by their paths beside the record.
	Made map[string][]byte `yaml:"-"`
}

// RecordOf makes the record of files that a template has made in a folder.
func RecordOf(t *Template, f Facts, answers map[string]string, below string, files []File) (*Record, error) {
	made, err := madeIn(below, files)
	if err != nil {
		return nil, err
	}
	return &Record{Template: t.Name, From: t.From, Commit: t.Commit, Digest: t.Digest, Answers: answers, Known: f, Made: made}, nil
}

// madeIn are files by their paths below a folder.
func madeIn(below string, files []File) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, f := range files {
		name, ok := strings.CutPrefix(f.Path, below+"/")
		if !ok {
			return nil, fmt.Errorf("%q is not in %q", f.Path, below)
		}
		out[name] = append([]byte{}, f.Data...) // which is not nil: it is there
	}
	return out, nil
}

// written is how a record is in its file.
type written struct {
	Record `yaml:",inline"`

	// Packed are the files made: base64 of gzip of JSON.
	Packed string `yaml:"made"`
}

const recordHead = "# What made this project. \"trunkline new --update\" compares with it: commit it, and leave it as it is.\n"

// Encode writes a record. The same one is written the same.
func (r *Record) Encode() ([]byte, error) {
	plain, err := json.Marshal(r.Made) // which sorts them
	if err != nil {
		return nil, fmt.Errorf("writing what the template made: %w", err)
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = z.Write(plain)
	if err := errors.Join(err, z.Close()); err != nil {
		return nil, fmt.Errorf("packing what the template made: %w", err)
	}
	text := base64.StdEncoding.EncodeToString(packed.Bytes())
	var lines strings.Builder
	for part := range slices.Chunk([]byte(text), 100) {
		lines.Write(append(slices.Clip(part), '\n'))
	}
	var out bytes.Buffer
	out.WriteString(recordHead)
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	err = e.Encode(written{Record: *r, Packed: lines.String()})
	if err := errors.Join(err, e.Close()); err != nil {
		return nil, fmt.Errorf("writing the record of the template: %w", err)
	}
	return out.Bytes(), nil
}

// maxRecord bounds a record: what a template may make, when it cannot be packed.
const maxRecord = 4 * maxTotalBytes

// ReadRecord reads the record of the project in a folder; [fs.ErrNotExist] if it has none.
func ReadRecord(tree fs.FS, dir string) (*Record, error) {
	name := path.Join(dir, RecordFile)
	info, err := fs.Lstat(tree, name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading what made the project: %w", err)
	case !info.Mode().IsRegular() || info.Size() > maxRecord:
		return nil, fmt.Errorf("%s is no file of at most %d bytes", name, maxRecord)
	}
	data, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, fmt.Errorf("reading what made the project: %w", err)
	}
	r, err := decodeRecord(data)
	switch {
	case err == nil:
		return r, nil
	case bytes.Contains(data, []byte("\n<<<<<<< ")):
		return nil, fmt.Errorf("%s has the marks of a merge: take one side as a whole (git checkout --ours or --theirs), and update again, which does what the other side did", name)
	}
	return nil, fmt.Errorf("%s is not as Trunkline has written it: %w; take it back out of Git", name, readable(err))
}

var (
	unknownField = regexp.MustCompile(`^(line \d+): field (\S+) not found in type .*$`)
	wrongType    = regexp.MustCompile(`^(line \d+): cannot unmarshal .*$`)
)

// readable says what is wrong with YAML without types of Go.
func readable(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("it is empty")
	}
	wrong, ok := errors.AsType[*yaml.TypeError](err)
	if !ok {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	var said []string
	for _, one := range wrong.Errors {
		one = unknownField.ReplaceAllString(one, `$1: there is no field "$2"`)
		said = append(said, wrongType.ReplaceAllString(one, "$1: the value is of another type than the field's"))
	}
	return errors.New(strings.Join(said, "; "))
}

func decodeRecord(data []byte) (*Record, error) {
	var w written
	parser := yaml.NewDecoder(bytes.NewReader(data))
	parser.KnownFields(true)
	if err := parser.Decode(&w); err != nil {
		return nil, err
	}
	packed, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(w.Packed), ""))
	if err != nil {
		return nil, fmt.Errorf("made: %w", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("made: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxRecord+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("made: %w", err)
	case len(plain) > maxRecord:
		return nil, fmt.Errorf("made: it is more than %d bytes", maxRecord)
	}
	if err := json.Unmarshal(plain, &w.Made); err != nil {
		return nil, fmt.Errorf("made: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(w.Made)) {
		if !fs.ValidPath(name) || name == "." || path.Base(name) == RecordFile {
			return nil, fmt.Errorf("made: %q is not a file of the project", name)
		}
	}
	return &w.Record, nil
}
