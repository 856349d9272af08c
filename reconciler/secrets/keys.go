// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"filippo.io/age"
)

// Release is what a Secret is decrypted for.
type Release struct {
	Project, Environment string
	// Preview reports whether it is one of a pull request's, which runs before anyone has to have agreed to what it does.
	Preview bool
}

// Scope says which releases a key is for: PROJECT/ENVIRONMENT, either of which may have wildcards as in a file name.
// An empty scope is for all. Previews of pull requests are in a scope only if it names them, as in orders/pr-*.
//
// Everyone who can read the repository can copy an encrypted Secret into a project of their own. To prevent that it is
// decrypted there, use separate keys for each project or each environment.
type Scope string

// Has reports whether a release is in the scope.
func (s Scope) Has(r Release) bool {
	if _, environment, _ := strings.Cut(string(s), "/"); r.Preview && !strings.HasPrefix(environment, "pr-") {
		return false
	}
	if s == "" {
		return true
	}
	ok, err := path.Match(string(s), r.Project+"/"+r.Environment)
	return ok && err == nil
}

// ParseScope splits a flag "SCOPE=VALUE"; one without a scope is for all releases.
func ParseScope(flag string) (Scope, string, error) {
	scope, value, ok := strings.Cut(flag, "=")
	if !ok {
		return "", flag, nil
	}
	if _, err := path.Match(scope, ""); err != nil || strings.Count(scope, "/") != 1 {
		return "", "", fmt.Errorf("%q does not say which releases a key is for: write PROJECT/ENVIRONMENT, such as orders/* or */prod", scope)
	}
	return Scope(scope), value, nil
}

// AgeKeys are identities of age, and what they are for.
type AgeKeys struct {
	Scope      Scope
	Identities []age.Identity
}

// ParseAgeKeys reads a file of identities as age-keygen writes it. Errors repeat nothing of the file. Identities of
// plugins are refused: they would run programs.
func ParseAgeKeys(file string) ([]age.Identity, error) {
	var out []age.Identity
	for i, line := range strings.Split(file, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		ids, err := age.ParseIdentities(strings.NewReader(line))
		if err != nil {
			return nil, fmt.Errorf("line %d is not a private key of age, which begins with AGE-SECRET-KEY-", i+1)
		}
		out = append(out, ids...)
	}
	if len(out) == 0 {
		return nil, errors.New("it contains no private key of age: make one with age-keygen")
	}
	return out, nil
}

// CloudKey allows a key in a cloud's key service, by its name: an ARN, the name of a Google Cloud key, or the URL of an
// Azure key. A name that ends with * allows all that begin so.
type CloudKey struct {
	Scope Scope
	Name  string
}

func (k CloudKey) allows(name string) bool {
	if start, ok := strings.CutSuffix(k.Name, "*"); ok {
		return strings.HasPrefix(name, start)
	}
	return k.Name == name
}

// Recipients are the public halves of the keys of age that a release's Secrets are decrypted with, in their order.
func (d *Decrypter) Recipients(r Release) (out []*age.X25519Recipient) {
	if now := d.now.Load(); now != nil {
		d = now
	}
	for _, k := range d.Age {
		if !k.Scope.Has(r) {
			continue
		}
		for _, id := range k.Identities {
			if x, ok := id.(*age.X25519Identity); ok {
				out = append(out, x.Recipient())
			}
		}
	}
	return out
}
