// SPDX-License-Identifier: Apache-2.0

package scaffold

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"strings"
	"text/template"
	"text/template/parse"

	"go.yaml.in/yaml/v3"
)

// Files fills in the template: the files with their paths below a folder. Of a workload's template, [ItemFile] is
// among them as "workload.yaml", without the folder.
func (t *Template) Files(below string, f Facts, answers map[string]string) ([]File, error) {
	values := f.values()
	maps.Copy(values, answers)
	var out []File
	total, seen := 0, map[string]bool{}
	for _, file := range t.files {
		name, fill := strings.CutSuffix(file.Path, suffix)
		data := file.Data
		if fill {
			var err error
			if data, err = fillIn(file.Path, string(file.Data), values); err != nil {
				return nil, fmt.Errorf("filling in %q of the template %q: %w", file.Path, t.Name, err)
			}
		}
		if total += len(data); total > maxTotalBytes {
			return nil, fmt.Errorf("the template %q makes more than %d bytes", t.Name, maxTotalBytes)
		}
		if t.Kind != Workload || name != ItemFile {
			name = path.Join(below, strings.ReplaceAll(name, "__name__", f.Name))
		}
		for part := range strings.SplitSeq(name, "/") {
			if strings.EqualFold(part, ".git") {
				return nil, fmt.Errorf("the template %q makes %q, which is Git's own", t.Name, name)
			}
		}
		if seen[name] {
			return nil, fmt.Errorf("the template %q makes %q twice", t.Name, name)
		}
		seen[name] = true
		out = append(out, File{Path: name, Data: data})
	}
	return out, nil
}

// fillIn executes a text/template. Without loops and calls of other templates, its steps are bounded by its length;
// without the functions that format, the texts that it can make are bounded by those it is given.
func fillIn(name, text string, values map[string]string) ([]byte, error) {
	t, err := template.New(name).Option("missingkey=error").Funcs(functions()).Parse(text)
	if err != nil {
		return nil, plainError(err)
	}
	if len(t.Templates()) > 1 {
		return nil, errors.New("templates may not define others")
	}
	if t.Tree == nil || t.Root == nil {
		return nil, nil
	}
	if err := allowed(t.Root); err != nil {
		return nil, err
	}
	out := &bounded{}
	if err := t.Execute(out, values); err != nil {
		return nil, plainError(err)
	}
	return out.Bytes(), nil
}

// functions are what templates may call beside and, or, not, eq and ne.
func functions() template.FuncMap {
	upper := func(s string) (string, error) { return strings.ToUpper(s), nil }
	lower := func(s string) (string, error) { return strings.ToLower(s), nil }
	return template.FuncMap{"value": small(value), "quote": small(quote), "upper": small(upper), "lower": small(lower)}
}

// small bounds what a function takes, so that one after the other cannot make a text grow without end.
func small(f func(string) (string, error)) func(string) (string, error) {
	return func(s string) (string, error) {
		if len(s) > 2*maxText {
			return "", fmt.Errorf("the text is longer than %d bytes", 2*maxText)
		}
		return f(s)
	}
}

// quote writes a text as YAML and JSON do, so that whatever is in it stays one value.
func quote(s string) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n"), err
}

var plainValue = regexp.MustCompile(`^[A-Za-z0-9_./@-][A-Za-z0-9_./:@-]*$`)

// value writes a text as a value of YAML, in quotes only if it would mean something else without.
func value(s string) (string, error) {
	var read any
	if len(s) <= 200 && plainValue.MatchString(s) && !strings.HasSuffix(s, ":") && yaml.Unmarshal([]byte(s), &read) == nil && read == any(s) {
		return s, nil
	}
	return quote(s)
}

func callable(name string) bool {
	switch name {
	case "value", "quote", "upper", "lower", "and", "or", "not", "eq", "ne":
		return true
	default:
		return false
	}
}

// allowed looks for what a template may not do.
func allowed(node parse.Node) error {
	var inner []parse.Node
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			inner = n.Nodes
		}
	case *parse.ActionNode:
		inner = []parse.Node{n.Pipe}
	case *parse.IfNode:
		inner = []parse.Node{n.Pipe, n.List, n.ElseList}
	case *parse.WithNode:
		inner = []parse.Node{n.Pipe, n.List, n.ElseList}
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			inner = append(inner, c)
		}
	case *parse.CommandNode:
		inner = n.Args
	case *parse.IdentifierNode:
		if !callable(n.Ident) {
			return fmt.Errorf("there is no function %q here: use value, quote, upper, lower, and, or, not, eq, ne", n.Ident)
		}
	case *parse.TextNode, *parse.CommentNode, *parse.FieldNode, *parse.VariableNode, *parse.DotNode,
		*parse.StringNode, *parse.NumberNode, *parse.BoolNode, *parse.NilNode:
	default:
		return fmt.Errorf("%q is not possible here: use values, if and with", shorten(node.String()))
	}
	for _, n := range inner {
		if err := allowed(n); err != nil {
			return err
		}
	}
	return nil
}

func shorten(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// plainError takes from an error of text/template the word that says nothing.
func plainError(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), "template: "))
}

// bounded takes as much as a file may hold.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxFileBytes {
		return 0, fmt.Errorf("it makes more than %d bytes", maxFileBytes)
	}
	return b.Buffer.Write(p)
}
