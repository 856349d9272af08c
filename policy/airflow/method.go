// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"slices"
	"strings"
	"unicode"
)

// method calls a method of something that is known.
func (m *machine) method(n *node, of value, name string, a arguments) value {
	switch of := of.(type) {
	case text:
		return m.textMethod(string(of), name, a)
	case *list:
		return m.listMethod(of, name, a)
	case *dict:
		return m.dictMethod(of, name, a)
	case *namespace:
		return m.namespaceMethod(n, of, name, a)
	case *dag:
		return m.dagMethod(n, of, name, a)
	case *task, *xcom, *group, *label:
		return m.nodeMethod(n, of, name, a)
	case *mold:
		return m.moldMethod(n, of, name, a)
	case *groupMold:
		return m.groupMoldMethod(n, of, name, a)
	case *symbol, *class:
		if name == "partial" {
			return m.partial(n, of, a)
		}
	case *ancestor:
		if name == "__init__" {
			of.caught = append(of.caught, a)
			of.maybe = of.maybe || m.maybe+m.guarded > of.level
			return none{}
		}
	case *partial:
		if name == "expand" || name == "expand_kwargs" {
			return m.expand(n, of, a)
		}
	}
	m.mystery(n, a)
	return &unknown{}
}

// textMethod calls a method of a text, for ASCII, where no version of Unicode matters.
func (m *machine) textMethod(s, name string, a arguments) value {
	ascii := strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
	args := make([]string, len(a.list))
	for i, v := range a.list {
		t, ok := v.(text)
		args[i] = string(t)
		if !ok && name != "join" && name != "format" && name != "zfill" {
			return &unknown{}
		}
	}
	one := len(args) == 1
	switch {
	case name == "format":
		return m.format(s, a)
	case name == "join" && one:
		return m.join(s, a.list[0])
	case name == "replace" && len(args) == 2 && args[0] != "" && len(s)*max(1, len(args[1])) <= maxText:
		return text(strings.ReplaceAll(s, args[0], args[1]))
	case name == "startswith" && one:
		return strings.HasPrefix(s, args[0])
	case name == "endswith" && one:
		return strings.HasSuffix(s, args[0])
	case name == "removeprefix" && one:
		return text(strings.TrimPrefix(s, args[0]))
	case name == "removesuffix" && one:
		return text(strings.TrimSuffix(s, args[0]))
	case name == "split" && len(args) == 0:
		return texts(strings.Fields(s))
	case name == "split" && one && args[0] != "" && len(s) <= maxItems:
		return texts(strings.Split(s, args[0]))
	case name == "lower" && ascii:
		return text(strings.ToLower(s))
	case name == "upper" && ascii:
		return text(strings.ToUpper(s))
	case name == "strip" && len(args) == 0 && ascii:
		return text(strings.TrimSpace(s))
	case name == "strip" && one:
		return text(strings.Trim(s, args[0]))
	case name == "lstrip" && one:
		return text(strings.TrimLeft(s, args[0]))
	case name == "rstrip" && one:
		return text(strings.TrimRight(s, args[0]))
	case name == "zfill" && one:
		width, ok := a.list[0].(int64)
		if ok && width <= maxItems && !strings.HasPrefix(s, "-") && !strings.HasPrefix(s, "+") && ascii {
			return text(strings.Repeat("0", max(0, int(width)-len(s))) + s)
		}
	}
	return &unknown{}
}

func texts(parts []string) value {
	l := &list{kind: '['}
	for _, p := range parts {
		l.items = append(l.items, text(p))
	}
	return l
}

func (m *machine) join(separator string, v value) value {
	items, known := m.items(v)
	if !known {
		return &unknown{}
	}
	parts := make([]string, len(items))
	size := 0
	for i, item := range items {
		t, ok := item.(text)
		if !ok {
			return &unknown{}
		}
		parts[i] = string(t)
		size += len(t) + len(separator)
	}
	if size > maxText {
		return &unknown{}
	}
	return text(strings.Join(parts, separator))
}

// format fills in fields without a format of their own: "{}", "{0}" and "{name}".
func (m *machine) format(s string, a arguments) value {
	var b strings.Builder
	next := int64(0)
	for s != "" {
		at := strings.IndexAny(s, "{}")
		if at < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:at])
		if at+1 < len(s) && s[at+1] == s[at] {
			b.WriteByte(s[at])
			s = s[at+2:]
			continue
		}
		end := strings.IndexByte(s[at:], '}')
		if s[at] == '}' || end < 0 {
			return &unknown{}
		}
		field := s[at+1 : at+end]
		s = s[at+end+1:]
		var v value
		if field == "" {
			v = argument(a, int(next))
			next++
		} else if i := strings.IndexFunc(field, func(r rune) bool { return r < '0' || r > '9' }); i < 0 && len(field) < 4 {
			index := 0
			for _, c := range field {
				index = index*10 + int(c-'0')
			}
			v = argument(a, index)
		} else {
			v = a.named[field]
		}
		out, ok := display(v)
		if !ok || b.Len() > maxText {
			return &unknown{}
		}
		b.WriteString(out)
	}
	return text(b.String())
}

func (m *machine) listMethod(l *list, name string, a arguments) value {
	switch name {
	case "append", "add":
		if len(a.list) == 1 {
			m.extend(l, &list{kind: '[', items: a.list})
			return none{}
		}
	case "extend":
		if len(a.list) == 1 {
			m.extend(l, a.list[0])
			return none{}
		}
	case "copy":
		return &list{kind: l.kind, items: slices.Clone(l.items), open: l.open}
	case "index", "count":
		return &unknown{}
	case "pop":
		if len(a.list) == 0 && !l.open && m.maybe == 0 && len(l.items) > 0 && l.kind == '[' {
			v := l.items[len(l.items)-1]
			l.items = l.items[:len(l.items)-1]
			return v
		}
	case "reverse":
		if m.maybe == 0 {
			slices.Reverse(l.items)
			return none{}
		}
	}
	l.open = true
	return &unknown{}
}

func (m *machine) dictMethod(d *dict, name string, a arguments) value {
	key := argument(a, 0)
	switch name {
	case "items", "keys", "values":
		out := &list{kind: '[', open: d.open}
		for _, k := range d.keys {
			switch name {
			case "items":
				out.items = append(out.items, &list{kind: '(', items: []value{k, d.values[k]}})
			case "keys":
				out.items = append(out.items, k)
			default:
				out.items = append(out.items, d.values[k])
			}
		}
		return out
	case "get":
		v, found, known := d.get(key)
		switch {
		case found:
			return v
		case known && len(a.list) > 1:
			return a.list[1]
		case known:
			return none{}
		}
		return &unknown{}
	case "copy":
		out := newDict()
		m.update(out, d)
		return out
	case "update":
		with := newDict()
		with.open = a.openNames
		if key != nil {
			m.update(with, key)
		}
		for _, name := range a.order {
			with.set(text(name), a.named[name])
		}
		m.change(d, with)
		return none{}
	case "setdefault":
		if v, found, known := d.get(key); found {
			return v
		} else if known && m.maybe == 0 && len(a.list) == 2 {
			d.set(key, a.list[1])
			return a.list[1]
		}
	case "pop":
		if v, found, _ := d.get(key); found && m.maybe == 0 {
			d.remove(key)
			return v
		} else if !found && !d.open && len(a.list) > 1 {
			return a.list[1]
		}
	}
	d.open = true
	return &unknown{}
}

// change updates a dict in place; where that may not happen, its keys are no longer known.
func (m *machine) change(d, with *dict) {
	if m.maybe == 0 {
		m.update(d, with)
		return
	}
	d.open = true
	for _, key := range with.keys {
		d.remove(key)
	}
}

func (m *machine) namespaceMethod(n *node, of *namespace, name string, a arguments) value {
	switch name {
	case "update":
		d := newDict()
		if len(a.list) > 0 {
			m.update(d, a.list[0])
		}
		for _, name := range a.order {
			d.set(text(name), a.named[name])
		}
		for _, key := range d.keys {
			if s, ok := key.(text); ok {
				m.set(of.of, string(s), d.values[key])
			}
		}
		if d.open || a.openNames {
			m.undecided(n, "which names this gives values to is not known", "use names that are written in the file")
		}
	case "get":
		if s, ok := argument(a, 0).(text); ok {
			if v, ok := of.of.names[string(s)]; ok {
				return v
			}
		}
	}
	return &unknown{}
}
