// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// maxTemplateBytes bounds one template. The parser recurses once per nested block, so a longer one could end
// the process by its stack.
const maxTemplateBytes = 512 << 10

// root is the name of the template that all others hang on, and of the text given to tpl.
const root = "gotpl"

// page is one template file of a chart, with what it sees as ".".
type page struct {
	text string
	data map[string]any
}

// engine executes the templates of one chart once.
type engine struct {
	*sandbox

	// names are the functions that any of the parsed templates uses: wrapping each of the two hundred there
	// are would cost more than rendering a small chart.
	names map[string]bool
}

// execute renders every page that is not a partial. Pages are parsed in such an order that, of two
// definitions with the same name, the one nearer to the root of the chart wins.
func execute(ctx context.Context, pages map[string]page, lib *Library, steps int) (map[string]string, error) {
	e := &engine{sandbox: newSandbox(ctx, steps), names: map[string]bool{}}
	t := template.New(root).Option("missingkey=zero")
	if lib != nil {
		for _, p := range lib.parsed {
			if err := e.add(t, p); err != nil {
				return nil, err
			}
		}
	}
	order := parseOrder(pages)
	for _, name := range order {
		if err := e.parse(t, name, pages[name].text); err != nil {
			return nil, err
		}
	}
	out := map[string]string{}
	for _, name := range order {
		if strings.HasPrefix(name[strings.LastIndexByte(name, '/')+1:], "_") {
			continue
		}
		text, err := e.run(t, name, pages[name].data)
		if err != nil {
			return nil, templateError(err)
		}
		out[name] = text
	}
	return out, nil
}

// parseOrder puts deeper files first, and what sorts last first: the order in which Helm lets later
// definitions replace earlier ones.
func parseOrder(pages map[string]page) []string {
	return slices.SortedFunc(maps.Keys(pages), func(a, b string) int {
		if d := strings.Count(b, "/") - strings.Count(a, "/"); d != 0 {
			return d
		}
		return strings.Compare(b, a)
	})
}

// parsed are the templates of one text, with the sandbox's calls put in, and the functions they use. Executing
// them changes nothing in them, so they can be kept.
type parsed struct {
	trees map[string]*parse.Tree
	used  map[string]bool
}

func parseText(name, text string) (parsed, error) {
	if len(text) > maxTemplateBytes {
		return parsed{}, fmt.Errorf("template %s has %d bytes; a template has at most %d", name, len(text), maxTemplateBytes)
	}
	trees, err := parse.Parse(name, text, "", "", known)
	if err != nil {
		return parsed{}, templateError(err)
	}
	p := parsed{trees: trees, used: map[string]bool{}}
	for _, tree := range trees {
		// An empty definition must stay one: it does not replace another.
		if parse.IsEmptyTree(tree.Root) {
			continue
		}
		if err := instrument(tree, p.used); err != nil {
			return parsed{}, fmt.Errorf("template %s: %w", name, err)
		}
	}
	return p, nil
}

// parse adds a text's templates to t.
func (e *engine) parse(t *template.Template, name, text string) error {
	p, err := parseText(name, text)
	if err != nil {
		return err
	}
	return e.add(t, p)
}

func (e *engine) add(t *template.Template, p parsed) error {
	funcs := template.FuncMap{enterName: e.enter, leaveName: e.leave, tickName: e.tick, printName: e.print}
	for name := range p.used {
		if fn, ok := library[name]; ok && !e.names[name] {
			e.names[name] = true
			funcs[name] = e.guard(name, fn)
		}
	}
	// These two depend on t: definitions inside a text given to tpl are seen by what that text includes.
	funcs["include"] = func(name string, data any) (string, error) { return e.run(t, name, data) }
	funcs["tpl"] = func(text string, data any) (string, error) { return e.tpl(t, text, data) }
	t.Funcs(funcs)
	for _, name := range slices.Sorted(maps.Keys(p.trees)) {
		if _, err := t.AddParseTree(name, p.trees[name]); err != nil {
			return fmt.Errorf("template %s: %w", name, err)
		}
	}
	return nil
}

// run executes one template by its name.
func (e *engine) run(t *template.Template, name string, data any) (string, error) {
	out := &output{sandbox: e.sandbox}
	if err := t.ExecuteTemplate(out, name, data); err != nil {
		return "", err
	}
	// Go prints a missing value as "<no value>" whatever the option says, and Helm takes it out again.
	return strings.ReplaceAll(out.String(), "<no value>", ""), nil
}

func (e *engine) tpl(parent *template.Template, text string, data any) (string, error) {
	t, err := parent.Clone()
	if err != nil {
		return "", err
	}
	t.Option("missingkey=zero") // a clone forgets it: https://go.dev/issue/43022
	if err := e.parse(t, root, text); err != nil {
		return "", fmt.Errorf("in the text given to tpl: %w", err)
	}
	return e.run(t, root, data)
}
