// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"strings"
	"testing"
)

// TestSyntax has what Python refuses and the grammar lets pass, each beside a relative that Python accepts.
func TestSyntax(t *testing.T) {
	for _, tc := range []struct{ bad, good string }{
		{"return", "def f():\n    return"},
		{"break", "while 0:\n    break"},
		{"for i in x:\n    def f():\n        continue", "for i in x:\n    continue"},
		{"yield 1", "def f():\n    yield 1"},
		{"await x", "async def f():\n    await x"},
		{"def f():\n    async with x: pass", "async def f():\n    async with x: pass"},
		{"def f(a, a): pass", "def f(a, b): pass"},
		{"def f(a=1, b): pass", "def f(a=1, *, b): pass"},
		{"f(a=1, 2)", "f(2, a=1)"},
		{"f(a=1, a=2)", "f(a=1, b=2)"},
		{"f() = 1", "f().x = 1"},
		{"1 = x", "x[1] = x"},
		{"x + 1 = 2", "x += 1"},
		{"a, b += 1", "a, b = 1"},
		{"del f()", "del f().x"},
		{"*a, *b = c", "*a, b = c"},
		{"nonlocal x", "def f():\n    x = 1\n    def g():\n        nonlocal x"},
		{"try:\n    pass\nexcept:\n    pass\nexcept ValueError:\n    pass", "try:\n    pass\nexcept ValueError:\n    pass\nexcept:\n    pass"},
		{"try:\n    pass\nexcept: # all\n    pass\nexcept:\n    pass\nfinally:\n    pass", "try:\n    pass\nexcept:\n    pass\nelse:\n    pass\nfinally:\n    pass"},
		{"def f():\n    try:\n        pass\n    except:\n        pass\n    except (A, B) as e:\n        pass", "try:\n    pass\nexcept a.b:\n    pass\nexcept (A, B) as e:\n    pass"},
		{"from x import (a, b", "from x import (a, b)"},
		{"x = 'a", "x = 'a'"},
		{"x = '''a", "x = '''a'''"},
		{"x = f'{'", "x = f'{1}'"},
		{"x = f'}'", "x = f'}}'"},
		{"if x:\npass", "if x:\n    pass"},
		{"if x:\n    a\n  b", "if x:\n    a\nb"},
		{"if x:\n\ta\n        b", "if x:\n\ta\n\tb"},
		{"if x\n    pass", "if x: pass"},
		{"x = (1, 2]", "x = (1, 2)"},
		{"x = $", "x = 1"},
		{"x = 1 +", "x = 1 + \\\n  2"},
		{"None = 1", "none = 1"},
		{"import a.b as c.d", "import a.b as c"},
	} {
		for file, want := range map[string]bool{tc.bad: true, tc.good: false} {
			m := parse("d.py", []byte("# airflow dag\n"+file+"\n"))
			got := false
			for _, p := range m.Problems {
				got = got || p.Rule == RuleSyntax
			}
			if got != want {
				t.Errorf("%s\n\trefused %v, want %v: %s", strings.TrimSpace(file), got, want, m.Problems)
			}
		}
	}
}
