// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// asList says how to write as a list what is written as something else.
func asList(n *yaml.Node) string {
	if n.Kind == yaml.MappingNode {
		return `write it as a list: begin each item with "- "`
	}
	if n.Kind != yaml.ScalarNode || strings.TrimSpace(n.Value) == "" {
		return ""
	}
	items := strings.Split(n.Value, ",")
	if len(items) == 1 {
		items = strings.Fields(n.Value)
	}
	for i := range items {
		items[i] = flowText(strings.TrimSpace(items[i]))
	}
	return fmt.Sprintf("write it as a list: [%s]", shorten(strings.Join(items, ", ")))
}

// asMapping says how to write as a mapping what is written as something else. Values are left out: they may be secret.
func asMapping(n *yaml.Node) string {
	key := "KEY"
	switch n.Kind {
	case yaml.SequenceNode:
		if first := namedKey(n); first != "" {
			key = first
		}
		return fmt.Sprintf("write it as a mapping, without dashes: %s: VALUE", key)
	case yaml.ScalarNode:
		if text, _, found := strings.Cut(n.Value, "="); found && plainText.MatchString(text) {
			key = text
		}
	case yaml.MappingNode, yaml.AliasNode, yaml.DocumentNode: // nothing is known of a key
	}
	return fmt.Sprintf("write it as a mapping: %s: VALUE", key)
}

// namedKey returns the name of the first item of a list such as Kubernetes has for the variables of a container; empty if it has none.
func namedKey(n *yaml.Node) string {
	if len(n.Content) == 0 {
		return ""
	}
	first := n.Content[0]
	if text, _, found := strings.Cut(first.Value, "="); first.Kind == yaml.ScalarNode && found {
		return flowText(text)
	}
	if _, name := lookup(first, "name"); name != nil && name.Kind == yaml.ScalarNode {
		return flowText(name.Value)
	}
	return ""
}

var plainText = regexp.MustCompile(`^[A-Za-z_][\w./@-]*$`)

// flowText writes a text as it can stand in a list in brackets.
func flowText(text string) string {
	if plainText.MatchString(text) {
		return shorten(text)
	}
	return fmt.Sprintf("%q", shorten(text))
}

// templated reports whether a value is what YAML makes of a template without quotes: {{ x }} is a mapping whose key is one.
func templated(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0 && len(n.Content) == 2 &&
		n.Content[0].Kind == yaml.MappingNode && n.Content[0].Style&yaml.FlowStyle != 0
}
