// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
)

// Printing says which documents of a chart are printed.
type Printing struct {
	CRDs, NoHooks, NoTests bool
}

// Template returns what `helm template` prints for a chart: its documents in Helm's order, the hooks last, as they are.
func Template(ctx context.Context, in Input, p Printing) (text []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("chart %s: the engine failed: %v", in.Dir, r)
		}
	}()
	c, err := load(in.FS, in.Dir, nil)
	if err == nil {
		err = prepare(c, in)
	}
	if err != nil {
		return nil, failed(in, c, err)
	}
	first := &chance{}
	if text, err = p.render(ctx, c, in, first); err != nil {
		return nil, failed(in, c, err)
	}
	if first.calls == 0 {
		return text, nil
	}
	second, err := p.render(ctx, c, in, &chance{other: true})
	if err != nil {
		return nil, failed(in, c, err)
	}
	if !bytes.Equal(text, second) {
		if _, err := Render(ctx, in); err != nil {
			return nil, err // it knows the template and the field
		}
		return nil, fmt.Errorf("chart %s: a hook has another value on each render", in.Dir)
	}
	return text, nil
}

func (p Printing) render(ctx context.Context, c *chart.Chart, in Input, chance *chance) ([]byte, error) {
	rendered, err := renderFiles(ctx, c, in, chance)
	if err != nil {
		return nil, err
	}
	for name := range rendered {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(rendered, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(rendered, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	add := func(name, content string) { fmt.Fprintf(&out, "---\n# Source: %s\n%s\n", name, content) }
	if p.CRDs {
		for _, crd := range c.CRDObjects() {
			add(crd.Filename, string(crd.File.Data))
		}
	}
	for _, m := range manifests {
		add(m.Name, m.Content)
	}
	for _, h := range hooks {
		if !p.NoHooks && (!p.NoTests || !slices.Contains(h.Events, release.HookTest)) {
			add(h.Path, h.Manifest)
		}
	}
	return out.Bytes(), nil
}

// NameOf returns what a template of a release's name makes, which sees no values.
func NameOf(ctx context.Context, text string) (string, error) {
	const name = "nameTemplate"
	var made [2]string
	for i, c := range []*chance{{}, {other: true}} {
		out, err := execute(ctx, map[string]page{name: {text: text, data: map[string]any{}}}, nil, 0, c)
		if err != nil {
			return "", err
		}
		made[i] = out[name]
	}
	if made[0] != made[1] {
		return "", errors.New("it makes another name on each render")
	}
	return made[0], nil
}
