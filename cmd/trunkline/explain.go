// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/reference"
	"trunkline.dev/trunkline/api/v1alpha1"
)

func newExplain() *cobra.Command {
	var format string
	var recursive bool
	cmd := &cobra.Command{
		Use:   "explain [KIND[.FIELD…] | blueprint/NAME[.PARAM…]]",
		Short: "Explain a kind of declaration, a field, or a built-in blueprint",
		Long: `Explain prints what a kind of declaration or one of its fields means, its type and default, and the fields below
it. Without an argument it lists the kinds and the built-in blueprints. Of a built-in blueprint, it prints which fields
of a workload it honours, and its params, with type, default and bounds.`,
		Example: `  trunkline explain project
  trunkline explain project.spec.workloads.reads
  trunkline explain environment --recursive
  trunkline explain blueprint/copy`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			return completeField(typed), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return usagef("unknown output format %q: choose text or json", format)
			}
			w := cmd.OutOrStdout()
			if len(args) == 0 {
				return listKinds(w, format)
			}
			if strings.HasPrefix(args[0], blueprintPrefix) {
				return explainBlueprint(&explaining{w: w, width: width(w)}, args[0], format, recursive)
			}
			topic, err := findTopic(args[0])
			if err != nil {
				return err
			}
			if format == "json" {
				return encodeJSON(w, topic.json())
			}
			p := &explaining{w: w, width: width(w)}
			p.topic(topic, recursive)
			return p.err
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "output format: text or json")
	cmd.Flags().BoolVarP(&recursive, "recursive", "r", false, "print the names and types of all fields below, and nothing else")
	return cmd
}

func encodeJSON(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}

func listKinds(w io.Writer, format string) error {
	type kind struct {
		Kind string `json:"kind"`
		Doc  string `json:"description"`
	}
	var kinds []kind
	for _, k := range reference.All() {
		kinds = append(kinds, kind{string(k.Name), k.Doc})
	}
	if format == "json" {
		return encodeJSON(w, kinds)
	}
	p := &explaining{w: w, width: width(w)}
	for _, k := range kinds {
		p.item(k.Kind, k.Doc)
	}
	p.line("\nA kind or a field: trunkline explain project, trunkline explain project.spec.workloads")
	names, err := blueprintNames()
	if err != nil {
		return err
	}
	p.line("A built-in blueprint: trunkline explain %s%s", blueprintPrefix, strings.Join(names, ", "+blueprintPrefix))
	return p.err
}

// topic is what is explained: a kind, or a field of it.
type topic struct {
	kind reference.Kind
	// path are the names of the fields that lead to the last; empty for the kind itself.
	path  []string
	field *reference.Field
}

func (t topic) fields() []*reference.Field {
	if t.field == nil {
		return t.kind.Struct.Fields
	}
	return t.field.Form.Fields()
}

// inBrackets is an index or key, as in the path of a problem: spec.workloads[3].reads.
var inBrackets = regexp.MustCompile(`\[[^\]]*\]`)

// findTopic finds what is at a path such as "project.spec.workloads". What a path of a problem has between brackets
// does not matter.
func findTopic(path string) (topic, error) {
	names := strings.Split(inBrackets.ReplaceAllString(path, ""), ".")
	kind, err := findKind(names[0])
	if err != nil {
		return topic{}, err
	}
	t := topic{kind: kind}
	for _, name := range names[1:] {
		fields := t.fields()
		known := make([]string, len(fields))
		var next *reference.Field
		for i, f := range fields {
			known[i] = f.Name
			if strings.EqualFold(f.Name, name) {
				next = f
			}
		}
		at := strings.Join(append([]string{strings.ToLower(string(kind.Name))}, t.path...), ".")
		switch {
		case next == nil && len(fields) == 0:
			return topic{}, usagef("%s has no fields", at)
		case next == nil:
			return topic{}, usagef("%s has no field %q: %s", at, name, v1alpha1.Suggest(name, known))
		}
		t.field, t.path = next, append(t.path, next.Name)
	}
	return t, nil
}

// completeField completes the last name of a path.
func completeField(typed string) []string {
	at := strings.LastIndexByte(typed, '.')
	if at < 0 {
		names := kindNames()
		builtIn, _ := blueprintNames() // without them, kinds can still be completed
		for _, name := range builtIn {
			names = append(names, blueprintPrefix+name)
		}
		return names
	}
	t, err := findTopic(typed[:at])
	if err != nil {
		return nil
	}
	var out []string
	for _, f := range t.fields() {
		out = append(out, typed[:at+1]+f.Name)
	}
	return out
}

// explained is a topic as JSON.
type explained struct {
	Kind        string      `json:"kind"`
	Field       string      `json:"field,omitempty"`
	Type        string      `json:"type"`
	Required    bool        `json:"required"`
	Default     string      `json:"default,omitempty"`
	Unit        string      `json:"unit,omitempty"`
	Syntax      string      `json:"syntax,omitempty"`
	Values      []string    `json:"values,omitempty"`
	Examples    []string    `json:"examples,omitempty"`
	Description string      `json:"description"`
	Fields      []explained `json:"fields,omitempty"`
}

func (t topic) json() explained {
	out := explained{Kind: string(t.kind.Name), Type: "object", Required: true, Description: t.kind.Doc}
	if f := t.field; f != nil {
		out.Field, out.Type, out.Description = strings.Join(t.path, "."), f.Form.String(), f.Doc
		out.Required, out.Default, out.Unit, out.Syntax, out.Examples = f.Required, f.Default, f.Unit, f.Form.Type.Syntax(), f.Examples
		for _, v := range f.Form.Values {
			out.Values = append(out.Values, v.Value)
		}
	}
	for _, f := range t.fields() {
		out.Fields = append(out.Fields, topic{kind: t.kind, path: append(slices.Clip(t.path), f.Name), field: f}.json())
	}
	return out
}

// explaining writes a topic for people.
type explaining struct {
	w     io.Writer
	width int
	err   error
}

func (p *explaining) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// item writes a name and, indented below it, a text.
func (p *explaining) item(name, body string) {
	p.line("%s", name)
	if p.width > 0 {
		body = trimLines(text.WrapSoft(body, max(p.width-2, 20)))
	}
	p.line("%s", indent(body))
}

func (p *explaining) topic(t topic, recursive bool) {
	if f := t.field; f == nil {
		p.item(string(t.kind.Name), t.kind.Doc)
	} else {
		p.item(fmt.Sprintf("%s.%s  <%s>%s", t.kind.Name, strings.Join(t.path, "."), f.Form, required(f)), f.Doc)
		p.facts(f)
	}
	fields := t.fields()
	if recursive {
		p.line("\nFields:")
		p.tree(fields, 1)
		return
	}
	if len(fields) > 0 {
		p.line("\nFields:")
	}
	for _, f := range fields {
		p.item("\n"+f.Name+"  <"+f.Form.String()+">"+required(f), f.Doc)
		if f.Default != "" {
			p.line("  Default: %s", f.Default)
		}
	}
	if t.field == nil {
		p.line("\nExample:\n\n%s", indent(strings.TrimRight(t.kind.Example, "\n")))
	}
}

func required(f *reference.Field) string {
	if f.Required {
		return "  required"
	}
	return ""
}

// facts writes what else is known of a field.
func (p *explaining) facts(f *reference.Field) {
	facts := []struct{ name, value string }{
		{"Default", f.Default},
		{"Unit", f.Unit},
		{"Written as", f.Form.Type.Syntax()},
		{"Such as", strings.Join(f.Examples, ", ")},
	}
	for _, fact := range facts {
		if fact.value != "" {
			p.line("  %s: %s", fact.name, fact.value)
		}
	}
	if len(f.Form.Values) > 0 {
		p.line("\nValues:")
	}
	for _, v := range f.Form.Values {
		p.line("  %s", strings.TrimSuffix(v.Value+": "+v.Doc, ": "))
	}
}

// tree writes the names of all fields.
func (p *explaining) tree(fields []*reference.Field, depth int) {
	for _, f := range fields {
		p.line("%s%s  <%s>%s", strings.Repeat("  ", depth), f.Name, f.Form, required(f))
		p.tree(f.Form.Fields(), depth+1)
	}
}
