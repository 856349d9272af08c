// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"trunkline.dev/trunkline/api/unfilled"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// secretShapes are the forms of values that are secret whatever their name is.
var secretShapes = []struct {
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

// secretWords are what the names of secrets end with, word by word.
var secretWords = map[string]string{
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

// SecretIn returns what a value looks like that is written where everybody reads it, such as "a password", by its form and by its
// name; empty if it is no secret, or only names one.
func SecretIn(name, value string) string {
	const most = 64 << 10
	value = value[:min(len(value), most)]
	for _, shape := range secretShapes {
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
	what := secretWords[last]
	if strings.HasSuffix(last, "password") || strings.HasSuffix(last, "passwd") { // as in PGPASSWORD
		what = "a password"
	}
	if what == "" && len(words) > 1 {
		what = secretWords[words[len(words)-2]+" "+last]
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

// secrets warns of what is secret and stands in variables and params.
func (j *checker) secrets() {
	for i := range j.p.Spec.Workloads {
		w := &j.p.Spec.Workloads[i]
		j.secretsIn(w.Env, w.Params, "spec", "workloads", i)
	}
	for _, env := range slices.Sorted(maps.Keys(j.p.Spec.Environments)) {
		for _, name := range slices.Sorted(maps.Keys(j.p.Spec.Environments[env].Workloads)) {
			over := j.p.Spec.Environments[env].Workloads[name]
			j.secretsIn(over.Env, over.Params, "spec", "environments", env, "workloads", name)
		}
	}
}

func (j *checker) secretsIn(env map[string]string, params map[string]any, at ...any) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		j.secret(name, env[name], append(slices.Clone(at), "env", name))
	}
	j.secretsBelow(params, append(slices.Clone(at), "params"))
}

// secretsBelow looks at all texts below a value of params.
func (j *checker) secretsBelow(value any, at []any) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			j.secretsBelow(v[key], append(slices.Clone(at), key))
		}
	case []any:
		for i := range v {
			j.secretsBelow(v[i], append(slices.Clone(at), i))
		}
	case string:
		name, _ := at[len(at)-1].(string)
		j.secret(name, v, at)
	}
}

func (j *checker) secret(name, value string, at []any) {
	what := SecretIn(name, value)
	if what == "" {
		return
	}
	subject := "a value"
	if name != "" {
		subject = fmt.Sprintf("%q", name)
	}
	j.problems = append(j.problems, v1alpha1.Problem{
		Rule: RuleSecret, Severity: v1alpha1.Warn, Position: j.doc.KeyPosition(at...), Path: v1alpha1.FieldPath(at...), About: catalog.About(j.doc, at...),
		Message: fmt.Sprintf("%s looks like %s, and everybody who can read the repository reads it", subject, what), Hint: SecretHint, Confidential: true,
	})
}

// SecretHint says what to do about a secret that is written in clear.
const SecretHint = "change it, since it stays in the history, and put the new one into a Secret that the workload names in secrets (docs/secrets.md)"
