// SPDX-License-Identifier: Apache-2.0

// Package confidential finds values that are secret though they are written in clear, and takes them out of texts.
//
// It is pure. Of Trunkline it may import api/unfilled.
package confidential

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"trunkline.dev/trunkline/api/unfilled"
)

// shapes are the forms of values that are secret whatever their name is.
var shapes = []struct {
	form *regexp.Regexp
	what string
}{
	{regexp.MustCompile(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----`), "a private key"},
	{regexp.MustCompile(`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`), "an access key of AWS"},
	{regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{22,}\b`), "a token of GitHub"},
	{regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{20,}`), "a token of GitLab"},
	{regexp.MustCompile(`\bxox[abeoprs]-[A-Za-z0-9-]{10,}`), "a token of Slack"},
	{regexp.MustCompile(`\bAIza[A-Za-z0-9_-]{35}\b`), "a key of Google"},
	{regexp.MustCompile(`\b[rs]k_live_[A-Za-z0-9]{16,}\b`), "a key of Stripe"},
	{regexp.MustCompile(`\bnpm_[A-Za-z0-9]{36}\b|\bpypi-[A-Za-z0-9_-]{50,}|\bdckr_pat_[A-Za-z0-9_-]{20,}`), "a token of a registry"},
	{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}`), "a JSON Web Token"},
	{regexp.MustCompile(`\b(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/=]{20,}`), "a key of Azure"},
}

// urlPassword finds the password in a URL.
var urlPassword = regexp.MustCompile(`\b[a-z][a-z0-9+.-]*://[^\s/:@]*:([^\s/@]+)@[^\s]`)

// known are what the names of secrets end with, word by word.
var known = map[string]string{
	"password": "a password", "passwd": "a password", "passphrase": "a password", "pwd": "a password", "pass": "a password", "pw": "a password",
	"secret": "a secret", "token": "a token", "apikey": "a key", "apitoken": "a token", "credentials": "credentials", "credential": "credentials",
	"api key": "a key", "access key": "a key", "secret key": "a key", "private key": "a key", "auth key": "a key", "encryption key": "a key",
	"signing key": "a key", "account key": "a key", "master key": "a key", "license key": "a key", "shared key": "a key",
}

// openValues are values of no secret, such as whether there is one.
var openValues = []string{
	"", "true", "false", "yes", "no", "on", "off", "none", "null", "nil", "required", "optional", "enabled", "disabled", "redacted", "auto", "default", "unset",
}

// references begin values that name where a secret is.
var references = []string{"/", "./", "../", "~/", "file:", "vault:", "ref+", "arn:", "secretref:", "op://", "sm://", "ENC[", "env:", "gs://", "s3://", "http://", "https://", "projects/"}

// What returns what a value looks like that is written where everybody reads it, such as "a password", by its form and by its
// name; empty if it is no secret, or only names one.
func What(name, value string) string {
	const most = 64 << 10
	value = value[:min(len(value), most)]
	for _, shape := range shapes {
		if shape.form.MatchString(value) {
			return shape.what
		}
	}
	for _, m := range urlPassword.FindAllStringSubmatch(value, -1) {
		if !masked(m[1]) && unfilled.Find(m[1]) == "" {
			return "a URL with a password"
		}
	}
	words := nameWords(name)
	if len(words) == 0 {
		return ""
	}
	last := words[len(words)-1]
	what := known[last]
	if strings.HasSuffix(last, "password") || strings.HasSuffix(last, "passwd") { // as in PGPASSWORD
		what = "a password"
	}
	if what == "" && len(words) > 1 {
		what = known[words[len(words)-2]+" "+last]
	}
	text := strings.TrimSpace(value)
	switch {
	case what == "", masked(text), strings.ContainsAny(text, "\n"):
		return ""
	case slices.Contains(openValues, strings.ToLower(text)), slices.ContainsFunc(references, func(p string) bool { return strings.HasPrefix(text, p) }):
		return ""
	case unfilled.Find(text) == text:
		return ""
	case what != "a password" && !strings.ContainsFunc(text, unicode.IsLetter): // a number of tokens, how long one lives
		return ""
	}
	return what
}

// In returns what a file has in it that is secret by its form, part by part; empty if it has none.
func In(data []byte) string {
	const part, overlap = 64 << 10, 4 << 10
	for {
		if what := What("", string(data[:min(len(data), part)])); what != "" || len(data) <= part {
			return what
		}
		data = data[part-overlap:]
	}
}

// masked reports whether a value stands for one that is left out, such as "***" or "xxxx".
func masked(text string) bool {
	return text == "" || strings.Trim(text, string(text[0])) == "" && strings.ContainsAny(text[:1], "*xX.-#")
}

// nameWords takes a name apart into its words in small letters, such as "dbPassword2" into "db" and "password".
func nameWords(name string) []string {
	var spaced strings.Builder
	var before rune
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			spaced.WriteByte(' ')
		}
		before = r
		if !unicode.IsLetter(r) {
			r = ' '
		}
		spaced.WriteRune(unicode.ToLower(r))
	}
	return strings.Fields(spaced.String())
}
