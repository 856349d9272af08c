// SPDX-License-Identifier: Apache-2.0

package airflow

import "testing"

func TestAssignments(t *testing.T) {
	cases{
		{"a, (b, *c) = 1, (2, 3, 4)\nx = a, b, c", `(1, 2, [3, 4])`},
		{"a = x = 1", `1`},
		{"x: int = 1", `1`},
		{"if (x := 1):\n    pass", `1`},
		{"x = 1\ndel x", `no x`},
		{u + "x = 1\nif u:\n    del x", `?`},
		{u + "a, b = u\nx = a", `?`},
	}.run(t)
}

func TestControl(t *testing.T) {
	cases{
		{"if 0:\n    x = 1\nelif 1:\n    x = 2\nelse:\n    x = 3", `2`},
		{u + "x = 1\nif u:\n    x = 2", `?`},
		{u + "if u:\n    x = 1\nelse:\n    x = 1", `1`},
		{"x = 0\nfor i in range(3):\n    x += i", `3`},
		{"for x in range(5):\n    if x == 2:\n        break", `2`},
		{"x = []\nfor i in range(3):\n    if i == 1:\n        continue\n    x.append(i)", `[0, 2]`},
		{"for i in []:\n    pass\nelse:\n    x = 1", `1`},
		{u + "x = 1\nfor i in u:\n    x = 2", `?`},
		{"x = 0\nwhile x < 3:\n    x += 1", `3`},
		{u + "x = 0\nwhile u:\n    x = 1", `?`},
		{"try:\n    x = 1\nexcept ValueError:\n    x = 2", `?`}, // anything may raise
		{"try:\n    x = 1\nfinally:\n    x = 3", `3`},
		{"with open('f') as f:\n    x = 1", `1`},
		{"match 2:\n    case 2:\n        x = 1", `?`},
		{"x = 1\nmatch 2:\n    case 2:\n        y = 1", `1`},
	}.run(t)
}

func TestFunctions(t *testing.T) {
	cases{
		{"def f(a, b=2, *c, d=4, **e):\n    return a, b, c, d, e\nx = f(1, 2, 3, d=5, z=6)", `(1, 2, (3), 5, {"z": 6})`},
		{"def f(a, b=2):\n    return a + b\nx = f(1)", `3`},
		{"def f():\n    pass\nx = f()", `None`},
		{"x = 1\ndef f():\n    global x\n    x = 2\nf()", `2`},
		{"def f():\n    a = 1\n    def g():\n        nonlocal a\n        a = 2\n    g()\n    return a\nx = f()", `2`},
		{"x = (lambda a: a * 2)(3)", `6`},
		{u + "def f():\n    if u:\n        return 1\n    return 2\nx = f()", `?`},
		{"def f(a):\n    return a\nx = f(*[1])", `1`},
		{"def f(**k):\n    return k\nx = f(**{'a': 1})", `{"a": 1}`},
		{"def f():\n    yield 1\nx = f()", `?`},
	}.run(t)
}

func TestClasses(t *testing.T) {
	cases{
		{"class A:\n    b = 1\nx = A.b", `1`},
		{"class A:\n    def __init__(self, b):\n        self.b = b\nx = A(2).b", `?`},
		{"class A:\n    def f(self):\n        return 3\nx = A().f()", `?`},
		{"class A:\n    b = 1\nclass B(A):\n    pass\nx = B().b", `?`},
	}.run(t)
}
