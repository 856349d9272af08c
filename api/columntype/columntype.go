// SPDX-License-Identifier: Apache-2.0

// Package columntype reads the types of columns as Hive and AWS Glue have them, such as "decimal(12,2)" or
// "map<string,array<struct<sku:string>>>".
//
// It is pure, and imports nothing of Trunkline.
package columntype

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// primitives are the types that hold one value.
var primitives = []string{
	"boolean", "tinyint", "smallint", "int", "integer", "bigint", "float", "double", "decimal", "string", "char", "varchar", "binary", "date", "timestamp",
}

const (
	// maxText bounds a type, in bytes, and maxDepth how deep one is in others.
	maxText, maxDepth = 10_000, 50
	// maxPrecision is of decimals, maxChar of char, and maxVarchar of varchar.
	maxPrecision, maxChar, maxVarchar = 38, 255, 65535
)

// Check returns an error if a text is no type; plain reports whether it is one that holds a single value.
func Check(text string) (plain bool, err error) {
	if len(text) > maxText {
		return false, fmt.Errorf("a type of %d bytes: the limit is %d", len(text), maxText)
	}
	p := parser{text: text}
	plain, err = p.typ(0)
	if err == nil && p.at < len(text) {
		err = p.failed("%q comes after its end", text[p.at:])
	}
	return plain, err
}

type parser struct {
	text string
	at   int
}

func (p *parser) failed(format string, a ...any) error {
	return fmt.Errorf("%q is not a type: %s", p.text, fmt.Sprintf(format, a...))
}

// word reads letters, digits and underscores.
func (p *parser) word() string {
	begin := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c < 0x80 {
			break
		}
		p.at++
	}
	return p.text[begin:p.at]
}

func (p *parser) want(c byte) error {
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return nil
	}
	if p.at == len(p.text) {
		return p.failed("it ends where %q is missing", string(c))
	}
	return p.failed("%q stands where %q is missing", p.text[p.at:], string(c))
}

func (p *parser) has(c byte) bool {
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) typ(depth int) (plain bool, err error) {
	if depth > maxDepth {
		return false, p.failed("its types are too deep in one another")
	}
	name := strings.ToLower(p.word())
	switch {
	case name == "array":
		return false, p.within(func() error { _, err := p.typ(depth + 1); return err })
	case name == "map":
		return false, p.within(func() error {
			if plain, err := p.typ(depth + 1); err != nil {
				return err
			} else if !plain {
				return p.failed("the key of a map holds a single value")
			}
			if err := p.want(','); err != nil {
				return err
			}
			_, err := p.typ(depth + 1)
			return err
		})
	case name == "struct":
		return false, p.within(func() error { return p.fields(depth) })
	case name == "uniontype":
		return false, p.within(func() error {
			for {
				if _, err := p.typ(depth + 1); err != nil || !p.has(',') {
					return err
				}
			}
		})
	case name == "":
		return false, p.failed("it names none")
	case !slices.Contains(primitives, name) && name == p.text:
		return false, fmt.Errorf("there is no type %q", name)
	case !slices.Contains(primitives, name):
		return false, p.failed("there is no type %q", name)
	}
	return true, p.numbers(name)
}

// within reads what stands between angle brackets.
func (p *parser) within(read func() error) error {
	if err := p.want('<'); err != nil {
		return err
	}
	if err := read(); err != nil {
		return err
	}
	return p.want('>')
}

func (p *parser) fields(depth int) error {
	seen := map[string]bool{}
	for {
		name := strings.ToLower(p.word())
		switch {
		case name == "":
			return p.failed("a field of a struct has no name")
		case seen[name]:
			return p.failed("a struct has two fields %q", name)
		}
		seen[name] = true
		if err := p.want(':'); err != nil {
			return err
		}
		if _, err := p.typ(depth + 1); err != nil || !p.has(',') {
			return err
		}
	}
}

// numbers reads what a primitive type has in parentheses.
func (p *parser) numbers(name string) error {
	most := map[string][]int{"decimal": {maxPrecision, maxPrecision}, "char": {maxChar}, "varchar": {maxVarchar}}[name]
	if !p.has('(') {
		if name == "char" || name == "varchar" {
			return p.failed("%s needs a length, as in %s(20)", name, name)
		}
		return nil
	}
	var given []int
	for i := range most {
		n, err := strconv.Atoi(p.word())
		if err != nil || n < 0 || n > most[i] || i == 0 && n == 0 || i == 1 && n > given[0] {
			return p.failed("a number of %s is none, or too large", name)
		}
		if given = append(given, n); !p.has(',') {
			break
		}
	}
	if len(given) == 0 {
		return p.failed("%s has no numbers", name)
	}
	return p.want(')')
}
