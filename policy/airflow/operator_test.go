// SPDX-License-Identifier: Apache-2.0

package airflow

import "testing"

func TestOperators(t *testing.T) {
	cases{
		{"x = 1 + 2 * 3 - 1", `6`},
		{"x = 7 // 2, 7 % 3, 2 ** 3", `(3, 1, ?)`},
		{"x = -7 // 2, -7 % 3", `(-4, 2)`},
		{"x = 1 // 0", `?`},
		{"x = 9223372036854775807 + 1", `?`},
		{"x = 'a' + 'b' + 'c' * 2", `"abcc"`},
		{"x = [1] + [2], (1,) * 2", `([1, 2], (1, 1))`},
		{"x = 'a%s-%d' % ('b', 3)", `"ab-3"`},
		{"x = 'a' 'b'", `"ab"`},
		{"x = 'a' + 1", `?`},
		{"x = -1, not 1, not []", `(-1, False, True)`},
		{"x = {'a': 1} | {'a': 2, 'b': 3}", `{"a": 2, "b": 3}`},
		{"x = 1\nx += 2", `3`},
		{"x = [1]\ny = x\ny += [2]", `[1, 2]`},
		{u + "x = u + 1", `?`},
	}.run(t)
}

func TestComparisons(t *testing.T) {
	cases{
		{"x = 1 < 2, 1 == 1.0, 'a' != 'b', 2 >= 3", `(True, ?, True, False)`},
		{"x = 1 < 2 < 3, 1 < 3 < 2", `(?, ?)`},
		{"x = 1 in [1], 'b' in 'abc', 'a' not in {'a': 1}", `(True, True, False)`},
		{"x = None is None, 1 is not None", `(True, True)`},
		{"x = [1] == [1], (1,) == [1]", `(?, ?)`},
		{u + "x = u == 1, 1 in [u]", `(?, ?)`},
		{u + "x = 1 in [u, 1]", `?`},
	}.run(t)
}

func TestBooleans(t *testing.T) {
	cases{
		{"x = 0 or 'a', 1 and 'b', '' and 'c'", `("a", "b", "")`},
		{u + "x = u and 0", `?`},
		{"x = 'a' if 1 else 'b'", `"a"`},
		{u + "x = 'a' if u else 'b'", `?`},
	}.run(t)
}

func TestLiterals(t *testing.T) {
	cases{
		{`x = 'a\n\x41\u00e9\'\\'`, `"a\nAé'\\"`},
		{`x = r'\n', '''a
b''', "a\
b"`, `("\\n", "a\nb", "ab")`},
		{`x = '\N{BULLET}'`, `?`},
		{`x = b'a', 0x1f, 0b11, 1_000, 0o17`, `(b"a", 31, 3, 1000, 15)`},
		{`x = 1.5, True, None, ...`, `(1.5, True, None, ?)`},
		{"y = 1\nx = f'a{y}-{y + 1}{{}}'", `"a1-2{}"`},
		{"y = 1\nx = f'{y:03d}'", `?`},
		{u + "x = f'{u}'", `?`},
		{"x = {'a': 1, **{'b': 2}}, [*range(2), 2]", `({"a": 1, "b": 2}, [0, 1, 2])`},
		{"x = [i * 2 for i in range(3) if i]", `[2, 4]`},
		{"x = {i: str(i) for i in range(2)}", `{0: "0", 1: "1"}`},
		{"x = {1, 2}", `{1, 2}`},
		{u + "x = [i for i in u]", `[?, …]`},
	}.run(t)
}

func TestSubscripts(t *testing.T) {
	cases{
		{"x = [1, 2][0], (1, 2)[-1], 'abc'[1], {'a': 1}['a']", `(1, 2, ?, 1)`},
		{"x = [1, 2, 3][1:], 'abc'[:2]", `([2, 3], ?)`},
		{"x = [1][5]", `?`},
		{"x = [1, 2]\nx[0] = 3", `[3, 2]`},
		{"x = {}\nx['a'] = 1", `{"a": 1}`},
		{u + "x = {'a': 1}\nx[u] = 2", `{"a": 1, …}`},
		{"x = {'a': 1, 'b': 2}\ndel x['a']", `{"b": 2}`},
	}.run(t)
}
