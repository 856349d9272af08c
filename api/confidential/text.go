// SPDX-License-Identifier: Apache-2.0

package confidential

import (
	"regexp"
	"strings"
)

// mark stands for what is taken out of a text.
const mark = "[redacted]"

var (
	// credentials are those of a URL: "https://user:password@host".
	credentials = regexp.MustCompile(`(://)[^/@\s"']+@`)
	// signature is what signed addresses of registries and stores carry.
	signature = regexp.MustCompile(`(?i)([?&](?:x-amz-(?:signature|credential|security-token)|x-goog-signature|sig|signature|token|password)=)[^&\s"']+`)
	// header is what a request signs on with.
	header = regexp.MustCompile(`(?i)\b(bearer|basic)(\s+)[A-Za-z0-9._~+/=-]{8,}`)
	// pair is a name with its value, as settings, JSON and structured logs have them.
	pair = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_.-]*)(["']?[ \t]*[=:][ \t]*)("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s"',;&]+)`)
	// encoded is a line of a key in base64.
	encoded = regexp.MustCompile(`^[A-Za-z0-9+/=]{16,}$`)
)

// Addresses takes out of a text what gives access by an address: passwords and signatures of URLs.
func Addresses(text string) string {
	return signature.ReplaceAllString(credentials.ReplaceAllString(text, "${1}"+mark+"@"), "${1}"+mark)
}

// Text takes out of a text, such as a log, what is secret by its form, or by the name that stands before it: private keys, tokens of known
// forms, passwords of URLs, and values as in "password=…" and "token": "…". What has neither is not found: values that are known are to be
// taken out of it too.
func Text(text string) string {
	text = Addresses(keys(text))
	for _, shape := range shapes {
		text = shape.form.ReplaceAllString(text, mark)
	}
	text = header.ReplaceAllString(text, "${1}${2}"+mark)
	return named(text)
}

// named takes values out of a text before which there is the name of a secret. What is no secret may hold one, as in "error: password=…".
func named(text string) string {
	var out strings.Builder
	for {
		m := pair.FindStringSubmatchIndex(text)
		if m == nil {
			out.WriteString(text)
			return out.String()
		}
		name, value := text[m[2]:m[3]], text[m[6]:m[7]]
		if bare := strings.Trim(value, `"'`); bare != "" && bare != mark && What(name, bare) != "" {
			out.WriteString(text[:m[6]] + strings.Replace(value, bare, mark, 1))
			text = text[m[7]:]
			continue
		}
		out.WriteString(text[:m[5]]) // its name and what stands between
		text = text[m[5]:]
	}
}

// keyForm is how a private key begins, and keyEnd how it ends.
var keyForm, keyEnd = shapes[0].form, regexp.MustCompile(`-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----`)

// maxKey bounds a private key, in bytes.
const maxKey = 16 << 10

// keys takes private keys out of a text as a whole. Of one without an end, the lines go that may be of it.
func keys(text string) string {
	var out strings.Builder
	for {
		at := keyForm.FindStringIndex(text)
		if at == nil {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:at[0]] + mark)
		text = text[at[1]:]
		if end := keyEnd.FindStringIndex(text[:min(len(text), maxKey)]); end != nil {
			text = text[end[1]:]
			continue
		}
		for line := range strings.Lines(text) {
			if trimmed := strings.TrimSpace(line); trimmed != "" && !encoded.MatchString(trimmed) {
				break
			}
			text = text[len(line):]
		}
		out.WriteString("\n")
	}
}
