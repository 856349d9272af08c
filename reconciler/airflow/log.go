// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	// maxLine bounds a line of a log.
	maxLine = 1 << 20
	// sources and endGroup are around the lines with which Airflow says where it has looked for a log.
	sources, endGroup = "::group::Log message source details", "::endgroup::"
)

// Line is a line of the log of a task.
type Line struct {
	At    string `json:"timestamp"`
	Level string `json:"level"`
	Event string `json:"event"`
	// Signal is the one that ended the process, such as "SIGKILL"; empty if none did.
	Signal string `json:"signal_name"`
	// Errors are what was raised, the outermost last.
	Errors []Raised `json:"error_detail"`
	// More is what else the line has.
	More map[string]any `json:"-"`
}

// Raised is an exception.
type Raised struct {
	Type   string `json:"exc_type"`
	Value  string `json:"exc_value"`
	Frames []struct {
		File string `json:"filename"`
		Line int    `json:"lineno"`
		Name string `json:"name"`
	} `json:"frames"`
}

// parse reads a line. One that is no JSON is text.
func parse(data []byte) Line {
	var l Line
	if json.Unmarshal(data, &l) != nil || json.Unmarshal(data, &l.More) != nil {
		return Line{Event: strings.ToValidUTF8(string(data), "�")}
	}
	for _, known := range []string{"timestamp", "level", "event", "error_detail", "logger", "chan", "filename", "lineno", "loc"} {
		delete(l.More, known)
	}
	return l
}

// String is the line as people read it.
func (l Line) String() string {
	var out strings.Builder
	if l.At != "" {
		out.WriteString(l.At + " ")
	}
	if l.Level != "" && l.Level != "info" {
		out.WriteString(strings.ToUpper(l.Level) + " ")
	}
	out.WriteString(l.Event)
	for _, name := range slices.Sorted(maps.Keys(l.More)) {
		if value := l.More[name]; value != nil {
			fmt.Fprintf(&out, " %s=%v", name, value)
		}
	}
	for _, e := range l.Errors {
		for _, f := range e.Frames {
			fmt.Fprintf(&out, "\n  File %q, line %d, in %s", f.File, f.Line, f.Name)
		}
		out.WriteString("\n" + e.Type + ": " + e.Value)
	}
	return out.String()
}

// Log reads the log of a try of a task line by line, until there is no more or what it tells wants no more. Of a task that is running it is what there is
// until now.
func (c *Client) Log(ctx context.Context, t Task, tell func(Line) bool) error {
	path := fmt.Sprintf("/dags/%s/dagRuns/%s/taskInstances/%s/logs/%d", url.PathEscape(t.Dag), url.PathEscape(t.Run), url.PathEscape(t.Task), t.Try)
	query := url.Values{"full_content": {"true"}}
	if t.Index >= 0 {
		query.Set("map_index", fmt.Sprint(t.Index))
	}
	answer, err := c.open(ctx, http.MethodGet, path, query, nil, "application/x-ndjson")
	if err != nil {
		return err
	}
	defer answer.Close()
	lines := bufio.NewScanner(answer)
	lines.Buffer(nil, maxLine)
	about, first := false, true
	for lines.Scan() {
		l := parse(lines.Bytes())
		switch {
		case first && l.Event == sources:
			about = true
		case about:
			about = l.Event != endGroup
		case !tell(l):
			return nil
		}
		first = false
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the log of %s: %w", t.Task, err)
	}
	return nil
}
