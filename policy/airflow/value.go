// SPDX-License-Identifier: Apache-2.0

package airflow

import "strconv"

// value is what an expression of the file stands for, as far as that is known: a nil pointer of none of these
// types, ever. Constants are the Go types below; parts of Airflow are *dag, *task, *group, *xcom, *label, *mold and
// *partial; everything else is *unknown, *symbol or *instance.
type value any

type (
	// none is Python's None.
	none struct{}
	// text is a str, raw is a bytes.
	text string
	raw  string
	// symbol is something imported, by its dotted path.
	symbol struct{ path string }
)

// unknown is a value that cannot be found out.
type unknown struct {
	// options are the values that it may have, if they are known; empty otherwise.
	options []value
}

// list is a list, tuple or set, by its kind: '[', '(' or '{'.
type list struct {
	kind  byte
	items []value
	// open is set when there may be other items than these.
	open bool
}

// dict is a dict; keys that are not constants make it open.
type dict struct {
	keys   []value
	values map[value]value
	open   bool
}

func newDict() *dict { return &dict{values: map[value]value{}} }

// set returns a key its value. A key that is no constant makes the dict open.
func (d *dict) set(key, v value) {
	if !isConstant(key) {
		d.open = true
		return
	}
	if _, ok := d.values[key]; !ok {
		d.keys = append(d.keys, key)
	}
	d.values[key] = v
}

// get finds the value of a key; known is false when the dict may have it without our knowing.
func (d *dict) get(key value) (v value, found, known bool) {
	if !isConstant(key) {
		return nil, false, false
	}
	v, found = d.values[key]
	return v, found, found || !d.open
}

func (d *dict) remove(key value) {
	delete(d.values, key)
	for i, k := range d.keys {
		if k == key {
			d.keys = append(d.keys[:i:i], d.keys[i+1:]...)
			return
		}
	}
}

// instance is what came out of a call of something imported.
type instance struct {
	path  string
	args  []value
	named map[string]value
	// open is set when there may be other arguments.
	open bool
	// plain is set when it is used as a value that is no task.
	plain bool
}

// function is a def or a lambda of the file.
type function struct {
	name   string
	node   *node
	home   *scope
	params []parameter
	// generator is set for what does not run when it is called: generators and coroutines.
	generator bool
	// altered is set when a decorator that is not known stands on it.
	altered bool
}

type parameter struct {
	name string
	// stars is 1 for *args and 2 for **kwargs.
	stars int
	// keyword is set for what can be given by name only.
	keyword  bool
	fallback value
}

// class is a class of the file.
type class struct {
	name  string
	node  *node
	bases []value
	body  *scope
	// plain is set when its attributes are what the body says: no bases, no decorators.
	plain bool
	// altered is set when a decorator stands on it.
	altered bool
}

// bound is a method of something that is known, to be called.
type bound struct {
	of   value
	name string
}

// builtin is a function that Python always has.
type builtin struct{ name string }

// namespace is the result of globals().
type namespace struct{ of *scope }

// isConstant is true for what has its value in the Go type, and can be a key.
func isConstant(v value) bool {
	switch v.(type) {
	case none, bool, int64, float64, text, raw:
		return true
	}
	return false
}

// same is true for values that are known to be the same one.
func same(a, b value) bool {
	if isConstant(a) && isConstant(b) {
		return a == b
	}
	switch a := a.(type) {
	case *unknown, nil:
		return false
	case *symbol:
		other, ok := b.(*symbol)
		return ok && (a.path == other.path || meaning(a.path) != "" && meaning(a.path) == meaning(other.path))
	}
	if isConstant(a) || isConstant(b) {
		return false
	}
	return a == b
}

// either is a value that is one of two.
func either(a, b value) value {
	if same(a, b) {
		return a
	}
	u := &unknown{}
	for _, v := range []value{a, b} {
		switch v := v.(type) {
		case *unknown:
			if len(v.options) == 0 {
				return &unknown{}
			}
			u.options = append(u.options, v.options...)
		case nil:
			return &unknown{}
		default:
			u.options = append(u.options, v)
		}
	}
	const most = 8
	if len(u.options) > most {
		return &unknown{}
	}
	return u
}

// truth returns the truth of a value, if it is known.
func truth(v value) (is, known bool) {
	switch v := v.(type) {
	case none:
		return false, true
	case bool:
		return v, true
	case int64:
		return v != 0, true
	case float64:
		return v != 0, true
	case text:
		return v != "", true
	case raw:
		return v != "", true
	case *list:
		return len(v.items) > 0, len(v.items) > 0 || !v.open
	case *dict:
		return len(v.keys) > 0, len(v.keys) > 0 || !v.open
	case *dag, *task, *group, *xcom, *function, *class, *mold:
		return true, true
	}
	return false, false
}

// display returns str() of the constants whose form is certain.
func display(v value) (string, bool) {
	switch v := v.(type) {
	case none:
		return "None", true
	case bool:
		if v {
			return "True", true
		}
		return "False", true
	case int64:
		return strconv.FormatInt(v, 10), true
	case text:
		return string(v), true
	}
	return "", false
}

// typeName is how Python calls the type of a value; empty when it is not known.
func typeName(v value) string {
	switch v := v.(type) {
	case none:
		return "None"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case text:
		return "str"
	case raw:
		return "bytes"
	case *list:
		return map[byte]string{'[': "list", '(': "tuple", '{': "set"}[v.kind]
	case *dict:
		return "dict"
	}
	return ""
}
