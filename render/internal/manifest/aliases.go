// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

const (
	// maxExpanded bounds what a document's aliases expand to, in bytes.
	maxExpanded = 4 << 20
	// maxDepth bounds nesting of documents that use aliases.
	maxDepth = 1000
)

// CheckAliases refuses YAML in which a few lines of nested aliases stand for more than fits into memory. The
// decoders bound the number of values, but not the number of bytes: an anchor on a long text is enough.
func CheckAliases(data []byte) error {
	if bytes.IndexByte(data, '&') < 0 || bytes.IndexByte(data, '*') < 0 {
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return nil //nolint:nilerr // not YAML: whoever reads it for its content says so in its own words
		}
		e := expansion{sizes: map[*yaml.Node]int{}, open: map[*yaml.Node]bool{}}
		if _, err := e.size(&doc, 0); err != nil {
			return err
		}
	}
}

type expansion struct {
	// sizes remembers anchors, so that the check itself takes no longer for nested aliases.
	sizes map[*yaml.Node]int
	open  map[*yaml.Node]bool
}

func (e *expansion) size(n *yaml.Node, depth int) (int, error) {
	if size, done := e.sizes[n]; done {
		return size, nil
	}
	if depth > maxDepth {
		return 0, fmt.Errorf("line %d: nested deeper than %d levels", n.Line, maxDepth)
	}
	if e.open[n] {
		return 0, fmt.Errorf("line %d: the anchor contains itself", n.Line)
	}
	e.open[n] = true
	defer delete(e.open, n)
	size := 8 + len(n.Value)
	children := n.Content
	if n.Kind == yaml.AliasNode {
		children = []*yaml.Node{n.Alias}
	}
	for _, c := range children {
		s, err := e.size(c, depth+1)
		if err != nil {
			return 0, err
		}
		if size += s; size > maxExpanded {
			return 0, fmt.Errorf("line %d: the aliases expand to more than %d MiB", n.Line, maxExpanded>>20)
		}
	}
	e.sizes[n] = size
	return size, nil
}
