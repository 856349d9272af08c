// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"trunkline.dev/trunkline/api/confidential"
)

// MaxNotebook bounds a notebook that is read, in bytes: outputs are left out, and may be large.
const MaxNotebook = 64 << 20

// maxCells bounds the cells of a notebook.
const maxCells = 2000

// NotebookRun is how a workload runs a notebook.
type NotebookRun string

// The ways to run one.
const (
	// ByPapermill runs the notebook itself, cell by cell.
	ByPapermill NotebookRun = "papermill"
	// ByScript runs a script with what is in its cells.
	ByScript NotebookRun = "script"
)

// cell is one of a notebook, as far as it is of use: what it put out is not.
type cell struct {
	Kind     string         `json:"cell_type"`
	ID       string         `json:"id,omitempty"`
	Metadata map[string]any `json:"metadata"`
	Source   text           `json:"source"`
}

// text is a text, or the lines of one.
type text string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *text) UnmarshalJSON(data []byte) error {
	var whole string
	if json.Unmarshal(data, &whole) == nil {
		*t = text(whole)
		return nil
	}
	var lines []string
	if err := json.Unmarshal(data, &lines); err != nil {
		return errors.New("the source of a cell is neither a text nor a list of lines")
	}
	*t = text(strings.Join(lines, ""))
	return nil
}

// notebook is a file of Jupyter.
type notebook struct {
	Format   int `json:"nbformat"`
	Minor    int `json:"nbformat_minor"`
	Metadata struct {
		Kernel struct {
			Name     string `json:"name"`
			Language string `json:"language"`
		} `json:"kernelspec"`
		Language struct {
			Name string `json:"name"`
		} `json:"language_info"`
	} `json:"metadata"`
	Cells []cell `json:"cells"`
}

// parseNotebook reads a notebook, and refuses what no workload can run.
func parseNotebook(data []byte) (notebook, error) {
	var n notebook
	if len(data) > MaxNotebook {
		return n, fmt.Errorf("it is larger than %d MiB: clear its outputs", MaxNotebook>>20)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // which editors of Windows put there
	if !utf8.Valid(data) {
		return n, errors.New("it is not UTF-8, which notebooks are written in: open it in JupyterLab and save it")
	}
	if err := json.Unmarshal(data, &n); err != nil {
		return n, notNotebook(data, err)
	}
	switch {
	case n.Format == 0:
		return n, errors.New("it is no notebook: it does not say which format of Jupyter it has (nbformat)")
	case n.Format != 4:
		return n, fmt.Errorf("it has the format %d of Jupyter: open it in JupyterLab and save it, which makes it format 4", n.Format)
	case len(n.Cells) > maxCells:
		return n, fmt.Errorf("it has %d cells, and %d are the most", len(n.Cells), maxCells)
	}
	language := strings.ToLower(n.Metadata.Language.Name)
	if language == "" {
		language = strings.ToLower(n.Metadata.Kernel.Language)
	}
	if language != "" && language != "python" {
		return n, fmt.Errorf("it is in %.40q, and a workload runs notebooks in Python", language)
	}
	code := 0
	for i, c := range n.Cells {
		if what := confidential.What("", string(c.Source)); what != "" {
			return n, fmt.Errorf("cell %d has what looks like %s: what is secret comes from a Secret, which the workload names in secrets", i+1, what)
		}
		if c.Kind == "code" && strings.TrimSpace(string(c.Source)) != "" {
			code++
		}
	}
	if code == 0 {
		return n, errors.New("it has no cell with code")
	}
	return n, nil
}

// notNotebook says in words for people why a text is no notebook.
func notNotebook(data []byte, err error) error {
	const save = "open it in JupyterLab, clear its outputs, and save it"
	if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
		before := data[:min(int(wrong.Offset), len(data))]
		return fmt.Errorf("it is no notebook: it is no JSON from line %d on: %s", 1+bytes.Count(before, []byte("\n")), save)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		where := "it"
		if wrong.Field != "" {
			where = strconv.Quote(strings.Trim(wrong.Field, "."))
		}
		return fmt.Errorf("it is no notebook: %s is a JSON %s, which is none of the format of Jupyter: %s", where, wrong.Value, save)
	}
	return fmt.Errorf("it is no notebook: %w", err)
}

// FromNotebook returns the files of a workload that runs a notebook, with [ItemFile] among them, and what is to be known about them. An image
// is that of the workload, if it is not empty.
func FromNotebook(name, image string, data []byte, by NotebookRun) (files []File, notes []string, err error) {
	n, err := parseNotebook(data)
	if err != nil {
		return nil, nil, err
	}
	item := struct {
		Name      string            `yaml:"name"`
		Blueprint string            `yaml:"blueprint"`
		Image     string            `yaml:"image,omitempty"`
		Files     []string          `yaml:"files,flow"`
		Command   []string          `yaml:"command,flow"`
		Env       map[string]string `yaml:"env,flow,omitempty"`
	}{Name: name, Blueprint: Workload.Usual(name), Image: image, Command: []string{"python", name + ".py"}}
	switch by {
	case ByPapermill:
		stripped, err := n.stripped()
		if err != nil {
			return nil, nil, err
		}
		item.Env = map[string]string{"HOME": "/tmp"} // where Jupyter has its own files
		files = []File{{name + ".ipynb", stripped}, {name + ".py", fmt.Appendf(nil, papermillProgram, name, name)}}
		if !n.tagged("parameters") {
			notes = append(notes, `no cell has the tag "parameters": the notebook is given read_…, write_… and lot before its first cell`)
		}
	case ByScript:
		script, left := n.script(name)
		files, notes = []File{{name + ".py", script}}, left
	default:
		return nil, nil, fmt.Errorf("a notebook is run by %s or %s, and not by %.40q", ByPapermill, ByScript, string(by))
	}
	for _, f := range files {
		item.Files = append(item.Files, f.Path)
		if len(f.Data) > maxFileBytes {
			return nil, nil, fmt.Errorf("without its outputs it has %d KiB, and %d KiB are the most: put what is large in it into files or datasets", len(f.Data)>>10, maxFileBytes>>10)
		}
	}
	text, err := yaml.Marshal([]any{item})
	if err != nil {
		return nil, nil, fmt.Errorf("writing the workload: %w", err)
	}
	return append(files, File{ItemFile, text}), notes, nil
}

// papermillProgram runs a notebook with what the workload is given. What the notebook puts out is in the log of the run.
const papermillProgram = `"""Runs %s.ipynb. What the workload reads and writes are its parameters: read_ROLE, write_ROLE, and lot if it runs for lots."""

import os
import tempfile

import papermill

given = ("TRUNKLINE_READ_", "TRUNKLINE_WRITE_", "TRUNKLINE_LOT")
parameters = {name.removeprefix("TRUNKLINE_").lower(): value for name, value in os.environ.items() if name.startswith(given)}
with tempfile.TemporaryDirectory() as folder:
    papermill.execute_notebook(
        "%s.ipynb", os.path.join(folder, "out.ipynb"), parameters=parameters, kernel_name="python3", log_output=True, progress_bar=False
    )
`

// tagged reports whether a cell has a tag.
func (n notebook) tagged(tag string) bool {
	for _, c := range n.Cells {
		tags, _ := c.Metadata["tags"].([]any)
		if slices.Contains(tags, any(tag)) {
			return true
		}
	}
	return false
}

// stripped is the notebook without what it put out, and what an editor keeps in it.
func (n notebook) stripped() ([]byte, error) {
	cells := []any{}
	for _, c := range n.Cells {
		if c.Kind != "code" && c.Kind != "markdown" && c.Kind != "raw" {
			continue
		}
		out := map[string]any{"cell_type": c.Kind, "source": strings.SplitAfter(string(c.Source), "\n"), "metadata": map[string]any{}}
		if tags, ok := c.Metadata["tags"].([]any); ok {
			out["metadata"] = map[string]any{"tags": tags}
		}
		if c.ID != "" {
			out["id"] = c.ID
		}
		if c.Kind == "code" {
			out["execution_count"], out["outputs"] = nil, []any{}
		}
		cells = append(cells, out)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(map[string]any{
		"cells": cells, "nbformat": n.Format, "nbformat_minor": n.Minor,
		"metadata": map[string]any{"kernelspec": map[string]any{"name": "python3", "display_name": "Python 3", "language": "python"}, "language_info": map[string]any{"name": "python"}},
	})
	if err != nil {
		return nil, fmt.Errorf("writing the notebook: %w", err)
	}
	return b.Bytes(), nil
}
