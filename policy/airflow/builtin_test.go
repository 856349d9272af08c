// SPDX-License-Identifier: Apache-2.0

package airflow

import "testing"

func TestBuiltins(t *testing.T) {
	cases{
		{"x = len([1, 2]), len((1,)), len('größe'), len({'a': 1})", `(2, 1, 5, 1)`},
		{"x = len({1, 1})", `?`}, // a set may have fewer than are written
		{u + "x = len([u])", `1`},
		{u + "x = len(u)", `?`},
		{"x = list(range(3)), list(range(1, 3)), list(range(3, 0, -2))", `([0, 1, 2], [1, 2], [3, 1])`},
		{"x = range(0)", `[]`},
		{"x = range(1, 2, 0)", `?`},
		{"x = range(10 ** 9)", `?`},
		{"x = list('ab'), tuple([1]), list({'a': 1})", `(["a", "b"], (1), ["a"])`},
		{"x = set([1, 2, 1])", `{1, 2}`},
		{"x = sorted([2, 1]), sorted(['b', 'a'])", `([1, 2], ["a", "b"])`},
		{"x = sorted([1, 'a'])", `?`},
		{"x = sorted([1, 2], reverse=True)", `?`},
		{"x = [2, 1]\nsorted(x)", `[2, 1]`},
		{"x = list(reversed([1, 2]))", `[2, 1]`},
		{"x = [1, 2]\nreversed(x)", `[1, 2]`},
		{"x = dict(a=1), dict({'a': 1}, b=2), dict([('a', 1)])", `({"a": 1}, {"a": 1, "b": 2}, {…})`},
		{"x = list(enumerate(['a', 'b'])), list(enumerate(['a'], start=1)), list(enumerate(['a'], 2))", `([(0, "a"), (1, "b")], [(1, "a")], [(2, "a")])`},
		{"x = list(zip([1, 2, 3], 'ab'))", `[(1, "a"), (2, "b")]`},
		{"x = list(zip())", `[]`},
		{u + "x = zip([1], u)", `?`},
		{"x = int('7'), int(7), str(7), str(None), bool([]), bool('a')", `(7, 7, "7", "None", False, True)`},
		{"x = int('seven')", `?`},
		{"x = any([0, 1]), any([]), all([1, 0]), all([])", `(True, False, False, True)`},
		{u + "x = any([1, u]), any([u])", `(True, ?)`},
		{"x = list(map(lambda a: a + 1, [1, 2]))", `[2, 3]`},
		{"x = list(filter(None, [1]))", `[…]`},
		{"x = print('a')", `None`},
		{"x = next(iter([1, 2]))", `1`},
		{"x = isinstance(1, int), min([1])", `(?, ?)`},
		{"class A:\n    pass\na = A()\nsetattr(a, 'b', 1)\nx = getattr(a, 'b')", `?`}, // fields of instances are not followed
		{"x = eval('1')", `?`},
	}.run(t)
}
