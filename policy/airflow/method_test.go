// SPDX-License-Identifier: Apache-2.0

package airflow

import "testing"

func TestTextMethods(t *testing.T) {
	cases{
		{`x = 'a-b'.replace('-', '_')`, `"a_b"`},
		{`x = 'ab'.startswith('a'), 'ab'.endswith('a')`, `(True, False)`},
		{`x = 'pre_a'.removeprefix('pre_') + 'a.py'.removesuffix('.py')`, `"aa"`},
		{`x = ' a  b '.split()`, `["a", "b"]`},
		{`x = 'a,b,'.split(',')`, `["a", "b", ""]`},
		{`x = 'a'.split('')`, `?`},
		{`x = 'Ab'.lower() + 'Ab'.upper()`, `"abAB"`},
		{`x = 'Ä'.lower()`, `?`}, // the version of Unicode matters
		{`x = ' a '.strip() + 'xax'.strip('x') + 'xa'.lstrip('x') + 'ax'.rstrip('x')`, `"aaaa"`},
		{`x = '7'.zfill(3)`, `"007"`},
		{`x = '-7'.zfill(3)`, `?`},
		{`x = '-'.join(['a', 'b'])`, `"a-b"`},
		{`x = '-'.join(['a', 1])`, `?`},
		{`x = '{}-{b}'.format('a', b=2)`, `"a-2"`},
		{u + `x = 'a'.replace('a', u)`, `?`},
		{`x = 'a'.title()`, `?`},
	}.run(t)
}

func TestListMethods(t *testing.T) {
	cases{
		{"x = [1]\nx.append(2)\nx.extend([3, 4])", `[1, 2, 3, 4]`},
		{"y = [1]\nx = y.copy()\ny.append(2)", `[1]`},
		{"x = [1, 2]\nx.pop()", `[1]`},
		{"x = [1, 2].pop()", `2`},
		{"x = [1, 2]\nx.pop(0)", `[1, 2, …]`},
		{"x = [1, 2]\nx.reverse()", `[2, 1]`},
		{"x = [1, 2].index(2)", `?`},
		{"x = {1}\nx.add(2)", `{1, 2}`},
		{u + "x = [1]\nif u:\n    x.append(2)", `[1, 2, …]`},
		{u + "x = [1]\nx.extend(u)", `[1, …]`},
		{"x = [1]\nx.sort()", `[1, …]`},
	}.run(t)
}

func TestDictMethods(t *testing.T) {
	cases{
		{"x = list({'a': 1, 'b': 2}.items())", `[("a", 1), ("b", 2)]`},
		{"x = list({'a': 1}.keys()), list({'a': 1}.values())", `(["a"], [1])`},
		{"d = {'a': 1}\nx = d.get('a'), d.get('b'), d.get('b', 3)", `(1, None, 3)`},
		{u + "d = {u: 1}\nx = d.get('b')", `?`},
		{"x = {'a': 1}\nx.update({'a': 2}, b=3)", `{"a": 2, "b": 3}`},
		{"x = {'a': 1}\ny = x.copy()\ny['b'] = 2", `{"a": 1}`},
		{"x = {}\nx.setdefault('a', 1)\nx.setdefault('a', 2)", `{"a": 1}`},
		{"d = {'a': 1}\nx = d.pop('a'), d.pop('a', 2)", `(1, 2)`},
		{"x = {'a': 1}\nx.clear()", `{"a": 1, …}`},
		{u + "x = {'a': 1}\nif u:\n    x.update(a=2)", `{…}`},
	}.run(t)
}

func TestNamespaceMethods(t *testing.T) {
	cases{
		{"globals().update(x=1)", `1`},
		{"globals().update({'x': 1})", `1`},
		{"y = 1\nx = globals().get('y')", `1`},
		{"globals()['x'] = 1", `1`},
	}.run(t)
}
