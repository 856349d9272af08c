// SPDX-License-Identifier: Apache-2.0

package webtest

// Hostile is a text of others that tries to be HTML, to leave an attribute, to turn the direction of writing, and to be a command
// of a terminal.
const Hostile = "</code></main><script>alert(1)</script><img src=x onerror=alert(2)> \" onmouseover=\"alert(3) javascript:alert(4) \u202eevil\u202c \x1b[31m {{.}} ` @everyone"
