// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"trunkline.dev/trunkline/api/v1alpha1"
)

var (
	denying = regexp.MustCompile(`^(deny|violation)(_[a-zA-Z0-9]+)*$`)
	warning = regexp.MustCompile(`^warn(_[a-zA-Z0-9]+)*$`)
)

// find lists the rules that deny or warn, by package.
func (s *Set) find(modules map[string]*ast.Module) {
	packages := map[string]*pkg{}
	for _, file := range slices.Sorted(maps.Keys(modules)) {
		module := modules[file]
		id := packageID(module.Package)
		for _, r := range module.Rules {
			name := ruleName(r)
			at := place(r.Loc())
			path := ast.NewTerm(module.Package.Path.Append(ast.StringTerm(name)))
			switch {
			case IsTest(file):
			case denying.MatchString(name):
				entry(packages, id).add(verdictRule{name, path, v1alpha1.Deny, at})
			case warning.MatchString(name):
				entry(packages, id).add(verdictRule{name, path, v1alpha1.Warn, at})
			case name == "exception":
				entry(packages, id).exceptions = path
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(packages)) {
		p := packages[id]
		slices.SortFunc(p.rules, func(a, b verdictRule) int { return cmp.Compare(a.name, b.name) })
		if len(p.rules) > 0 {
			s.packages = append(s.packages, *p)
		}
	}
}

func entry(packages map[string]*pkg, id string) *pkg {
	if packages[id] == nil {
		packages[id] = &pkg{id: id}
	}
	return packages[id]
}

// add adds a rule; one of several parts is one rule.
func (p *pkg) add(r verdictRule) {
	if !slices.ContainsFunc(p.rules, func(o verdictRule) bool { return o.name == r.name }) {
		p.rules = append(p.rules, r)
	}
}

// packageID is that of a package in reports and settings: "rego/" and its path.
func packageID(p *ast.Package) string {
	return "rego/" + strings.TrimPrefix(p.Path.String(), "data.")
}

// ruleName is the first part of a rule's name: that of "deny[msg]" is "deny".
func ruleName(r *ast.Rule) string {
	switch head := r.Head.Ref()[0].Value.(type) {
	case ast.Var:
		return string(head)
	case ast.String:
		return string(head)
	default:
		return ""
	}
}

// IDs returns the policies of the set: the packages with rules that deny or warn.
func (s *Set) IDs() []string {
	out := make([]string, len(s.packages))
	for i, p := range s.packages {
		out[i] = p.id
	}
	return out
}
