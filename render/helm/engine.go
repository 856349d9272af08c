// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"helm.sh/helm/v3/pkg/chartutil"
)

// maxActions bounds the actions of one template. The parser recurses once per nested block, and each takes an action, so
// that more could end the process by its stack. How long the text between them is does not matter.
const maxActions = 1 << 16

// root is the name of the template that all others hang on, and of the text given to tpl.
const root = "gotpl"

// page is one template file of a chart, with what it sees as ".".
type page struct {
	text string
	data map[string]any
	// base is the folder of the chart's templates.
	base string
}

// engine executes the templates of one chart once.
type engine struct {
	*sandbox

	// guarded are the functions that any of the parsed templates uses, wrapped: to wrap each of the two hundred there
	// are would cost more than rendering a small chart.
	guarded map[string]any
}

// execute renders every page that is not a partial. Pages are parsed in such an order that, of two
// definitions with the same name, the one nearer to the root of the chart wins.
func execute(ctx context.Context, pages map[string]page, lib *Library, steps int, c *chance) (map[string]string, error) {
	e := &engine{sandbox: newSandbox(ctx, steps, c), guarded: map[string]any{}}
	t := template.New(root).Option("missingkey=zero")
	var all []parsed
	if lib != nil {
		all = slices.Clone(lib.parsed)
	}
	order := parseOrder(pages)
	for _, name := range order {
		p, err := parseText(name, pages[name].text)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	if err := e.add(t, all...); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, name := range order {
		if strings.HasPrefix(name[strings.LastIndexByte(name, '/')+1:], "_") {
			continue
		}
		p := pages[name]
		// As in Helm, the files of one chart share what they see, and what one of them sets is there for the next.
		p.data["Template"] = chartutil.Values{"Name": name, "BasePath": p.base}
		text, err := e.run(t.Lookup(name), p.data)
		if err != nil {
			err = templateError(err)
			if failed, ok := errors.AsType[*Error](err); ok { // the action "template" leaves no trace in the message
				return nil, failed.from(name)
			}
			return nil, err
		}
		out[name] = withoutNoValue(text)
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
	if n := strings.Count(text, "{{"); n > maxActions {
		return parsed{}, fmt.Errorf("template %s has %d actions; the limit is %d", name, n, maxActions)
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

// add adds what was parsed to t; of two definitions with the same name, the later one counts.
func (e *engine) add(t *template.Template, all ...parsed) error {
	funcs := template.FuncMap{enterName: e.enter, leaveName: e.leave, tickName: e.tick, printName: e.print}
	for _, p := range all {
		for name := range p.used {
			if fn := e.function(name); fn != nil {
				funcs[name] = fn
			}
		}
	}
	// These two depend on t: definitions inside a text given to tpl are seen by what that text includes.
	funcs["include"] = func(name string, data any) (string, error) { return e.include(t, name, data) }
	funcs["tpl"] = func(text string, data any) (string, error) { return e.tpl(t, text, data) }
	t.Funcs(funcs)
	for _, p := range all {
		for _, name := range slices.Sorted(maps.Keys(p.trees)) {
			if _, err := t.AddParseTree(name, p.trees[name]); err != nil {
				return fmt.Errorf("template %s: %w", name, err)
			}
		}
	}
	return nil
}

// function returns a function of the library, guarded; nil if it is none.
func (e *engine) function(name string) any {
	if fn, done := e.guarded[name]; done {
		return fn
	}
	fn, known := library[name]
	if unstable := e.chance.function(name); unstable != nil {
		fn, known = unstable, true
	}
	if !known {
		return nil
	}
	e.guarded[name] = e.guard(name, fn)
	return e.guarded[name]
}

// run executes one template.
func (e *engine) run(t *template.Template, data any) (string, error) {
	out := &output{sandbox: e.sandbox}
	if err := t.Execute(out, data); err != nil {
		return "", err
	}
	return out.String(), nil
}

// withoutNoValue takes out what Go prints for a missing value, whatever the option says. Helm does so with files and with
// what tpl returns, and not with what include returns.
func withoutNoValue(text string) string { return strings.ReplaceAll(text, "<no value>", "") }

func (e *engine) include(t *template.Template, name string, data any) (string, error) {
	included := t.Lookup(name)
	if included == nil {
		return "", fmt.Errorf("template: no template %q associated with template %q", name, root)
	}
	// At each level, since at a thousand of them the chain of includes would be a thousand texts of a thousand lines.
	text, err := e.run(included, data)
	if err != nil {
		return "", templateError(err)
	}
	return text, nil
}

func (e *engine) tpl(parent *template.Template, text string, data any) (string, error) {
	t, err := parent.Clone()
	if err != nil {
		return "", err
	}
	t.Option("missingkey=zero")                     // a clone forgets it: https://go.dev/issue/43022
	if err := e.spend(len(text) >> 6); err != nil { // parsing takes time as well
		return "", err
	}
	// A template of its own: a text without a word in it would leave that of the text around it in place.
	t = t.New(root)
	p, err := parseText(root, text)
	if err == nil {
		err = e.add(t, p)
	}
	if err != nil {
		return "", err
	}
	out, err := e.run(t, data)
	if err != nil {
		return "", templateError(err)
	}
	return withoutNoValue(out), nil
}
