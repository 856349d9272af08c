// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// maxLine bounds a line of a log.
const maxLine = 1 << 20

// Line is a line of the log of a task.
type Line struct {
	At    string `json:"timestamp"`
	Level string `json:"level"`
	Event string `json:"event"`
	// Errors are what was raised, the outermost last.
	Errors []struct {
		Type  string `json:"exc_type"`
		Value string `json:"exc_value"`
	} `json:"error_detail"`
}

// String is the line as people read it.
func (l Line) String() string {
	text := l.Event
	for _, e := range l.Errors {
		text += "\n" + e.Type + ": " + e.Value
	}
	if l.At != "" {
		text = l.At + " " + text
	}
	return text
}

// Log reads the log of a try of a task: the first lines, and no more than it is asked for.
func (c *Client) Log(ctx context.Context, t Task, most int) ([]Line, error) {
	path := fmt.Sprintf("/dags/%s/dagRuns/%s/taskInstances/%s/logs/%d", url.PathEscape(t.Dag), url.PathEscape(t.Run), url.PathEscape(t.Task), t.Try)
	query := url.Values{"full_content": {"true"}}
	if t.Index >= 0 {
		query.Set("map_index", fmt.Sprint(t.Index))
	}
	answer, err := c.ask(ctx, http.MethodGet, path, query, nil, "application/x-ndjson")
	if err != nil {
		return nil, err
	}
	var out []Line
	lines := bufio.NewScanner(bytes.NewReader(answer))
	lines.Buffer(nil, maxLine)
	for lines.Scan() && len(out) < most {
		var l Line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			l = Line{Event: strings.ToValidUTF8(lines.Text(), "�")}
		}
		out = append(out, l)
	}
	if err := lines.Err(); err != nil {
		return out, fmt.Errorf("reading the log of %s: %w", t.Task, err)
	}
	return out, nil
}
