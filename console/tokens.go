// SPDX-License-Identifier: Apache-2.0

package console

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"trunkline.dev/trunkline/access"
)

// minToken is the least length of a named token, in bytes: a shorter one can be guessed.
const minToken = 16

// tokenName is a name that cannot pass for a claim, or for anything but a name.
var tokenName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._@+-]*[A-Za-z0-9])?$`)

// ParseTokens reads a file of named tokens, "name: token" on each line. Errors name the line, and never show a token.
func ParseTokens(file string, data []byte) ([]Token, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("%s is not valid YAML: write \"name: token\" on each line", file) // the parser's words quote the file
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode || len(document.Content[0].Content) == 0 {
		return nil, fmt.Errorf("%s holds no tokens: write \"name: token\" on each line", file)
	}
	var tokens []Token
	pairs := document.Content[0].Content
	for i := 0; i < len(pairs); i += 2 {
		t := Token{Name: pairs[i].Value, Secret: pairs[i+1].Value}
		at := fmt.Sprintf("%s:%d", file, pairs[i].Line)
		switch {
		case pairs[i].Kind != yaml.ScalarNode || !tokenName.MatchString(t.Name) || len(t.Name) > maxName:
			return nil, fmt.Errorf("%s: a name has at most %d letters, digits and . _ @ + -", at, maxName)
		case pairs[i+1].Kind != yaml.ScalarNode || len(t.Secret) < minToken || strings.ContainsAny(t.Secret, " \t\r\n"):
			return nil, fmt.Errorf("%s: the token of %s has to be one word of at least %d characters, such as \"openssl rand -hex 32\" prints", at, t.Name, minToken)
		case access.CheckName(t.Name) != nil:
			return nil, fmt.Errorf("%s: the name %s is reserved: choose another one", at, t.Name)
		case slices.ContainsFunc(tokens, func(o Token) bool { return o.Name == t.Name }):
			return nil, fmt.Errorf("%s: %s has a token already", at, t.Name)
		case slices.ContainsFunc(tokens, func(o Token) bool { return o.Secret == t.Secret }):
			return nil, fmt.Errorf("%s: the token of %s is also that of another name", at, t.Name)
		}
		tokens = append(tokens, t)
	}
	return tokens, nil
}
