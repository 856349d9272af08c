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

	trees []*parse.Tree
	// names are the functions that any of the parsed templates uses: wrapping each of the two hundred there
	// are would cost more than rendering a small chart.
	names map[string]bool
}

// execute renders every page that is not a partial. Pages are parsed in such an order that, of two
// definitions with the same name, the one nearer to the root of the chart wins.
func execute(ctx context.Context, pages map[string]page, steps int) (map[string]string, error) {
	e := &engine{sandbox: newSandbox(ctx, steps), names: map[string]bool{}}
	t := template.New(root).Option("missingkey=zero")
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

// parse adds a text's templates to t, with the sandbox's own calls put in.
func (e *engine) parse(t *template.Template, name, text string) error {
	if len(text) > maxTemplateBytes {
		return fmt.Errorf("template %s has %d bytes; a template has at most %d", name, len(text), maxTemplateBytes)
	}
	trees, err := parse.Parse(name, text, "", "", known)
	if err != nil {
		return templateError(err)
	}
	used := map[string]bool{}
	for _, tree := range trees {
		// An empty definition must stay one: it does not replace another.
		if !parse.IsEmptyTree(tree.Root) {
			if err := instrument(tree, used); err != nil {
				return fmt.Errorf("template %s: %w", name, err)
			}
		}
	}
	funcs := template.FuncMap{enterName: e.enter, leaveName: e.leave, tickName: e.tick, printName: e.print}
	for name := range used {
		if fn, ok := library[name]; ok && !e.names[name] {
			e.names[name] = true
			funcs[name] = e.guard(name, fn)
		}
	}
	// These two depend on t: definitions inside a text given to tpl are seen by what that text includes.
	funcs["include"] = func(name string, data any) (string, error) { return e.run(t, name, data) }
	funcs["tpl"] = func(text string, data any) (string, error) { return e.tpl(t, text, data) }
	t.Funcs(funcs)
	for name, tree := range trees {
		if _, err := t.AddParseTree(name, tree); err != nil {
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
