// SPDX-License-Identifier: Apache-2.0

package secretref

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Flaw is what is wrong with a field.
type Flaw struct {
	// Field is its name as it is declared.
	Field string
	// Missing is set if it has to be there, and is not.
	Missing       bool
	Message, Hint string
}

// fields are what a provider knows of a store.
type fields struct{ required, optional []string }

var known = map[v1alpha1.SecretProvider]fields{
	v1alpha1.AWSSecretsManager:   {[]string{"region"}, []string{"endpoint"}},
	v1alpha1.AWSParameterStore:   {[]string{"region"}, []string{"endpoint"}},
	v1alpha1.AzureKeyVault:       {[]string{"url"}, nil},
	v1alpha1.GoogleSecretManager: {[]string{"project"}, []string{"endpoint"}},
	v1alpha1.Vault:               {[]string{"url", "role"}, []string{"mount", "engine", "auth", "audience", "vaultNamespace", "ca"}},
}

// What names look like, which become parts of addresses.
var (
	region    = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+)+-[0-9]{1,2}$`)
	project   = regexp.MustCompile(`^([a-z0-9.-]{1,60}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	vaultPath = regexp.MustCompile(`^[A-Za-z0-9_@.-]+(/[A-Za-z0-9_@.-]+)*$`)
	role      = regexp.MustCompile(`^[A-Za-z0-9_.<>-]{1,200}$`)
	audience  = regexp.MustCompile(`^[A-Za-z0-9._:/-]{1,200}$`)
	key       = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,253}$`)
	tenant    = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	number    = regexp.MustCompile(`^[0-9]{1,10}$`)
)

// valueOf are the fields of a store by name; empty for one that is not given.
func valueOf(s v1alpha1.SecretStore) map[string]string {
	return map[string]string{
		"region": s.Region, "url": s.URL, "project": s.Project, "endpoint": s.Endpoint, "mount": s.Mount, "engine": string(s.Engine), "role": s.Role,
		"tenant": s.Tenant, "auth": s.Auth, "audience": s.Audience, "vaultNamespace": s.VaultNamespace, "ca": s.CA,
	}
}

// StoreFlaws returns what is wrong with a store, in the order of its fields.
func StoreFlaws(s v1alpha1.SecretStore) (flaws []Flaw) {
	of, ok := known[s.Provider]
	if !ok {
		return nil // which providers there are is checked where it is read
	}
	byCSI := s.Resolve == v1alpha1.ByCSI
	if byCSI && s.Provider == v1alpha1.AzureKeyVault {
		of.required = []string{"url", "tenant"}
	}
	values := valueOf(s)
	for _, name := range []string{"region", "url", "tenant", "project", "endpoint", "mount", "engine", "role", "auth", "audience", "vaultNamespace", "ca"} {
		needs := slices.Contains(of.required, name)
		switch value := values[name]; {
		case value == "" && needs:
			flaws = append(flaws, Flaw{name, true, fmt.Sprintf("a store of %s needs %s", s.Provider, name), ""})
		case value == "":
		case name == "tenant" && !needs && s.Provider == v1alpha1.AzureKeyVault:
			flaws = append(flaws, Flaw{name, false, "only the Secrets Store CSI driver needs the tenant", "remove it, or write resolve: csi"})
		case !needs && !slices.Contains(of.optional, name):
			flaws = append(flaws, Flaw{name, false, fmt.Sprintf("a store of %s has no %s", s.Provider, name), "remove it; it has: " + strings.Join(slices.Concat(of.required, of.optional), ", ")})
		case name == "endpoint" && byCSI:
			flaws = append(flaws, Flaw{name, false, "the providers of the Secrets Store CSI driver take no endpoint from a store", "remove it, or write resolve: entrypoint"})
		case name == "endpoint" && s.Resolve != v1alpha1.ByEntrypoint:
			flaws = append(flaws, Flaw{name, false, "the External Secrets Operator takes no endpoint from a store", "remove it, or write resolve: entrypoint"})
		case name == "ca" && byCSI:
			flaws = append(flaws, Flaw{name, false, "the Secrets Store CSI driver takes no certificates from a store: its provider for Vault has them in its own pod", "mount them there, and remove this"})
		case name == "url" && byCSI && s.Provider == v1alpha1.AzureKeyVault && KeyVaultName(value) == "":
			flaws = append(flaws, Flaw{name, false, "it is no address of a vault of Azure by its name", `write it like "https://acme.vault.azure.net"`})
		default:
			if message, hint := wrong(name, value); message != "" {
				flaws = append(flaws, Flaw{name, false, message, hint})
			}
		}
	}
	return flaws
}

// wrong says what is wrong with the value of a field.
func wrong(name, value string) (message, hint string) {
	simple := map[string]struct {
		form *regexp.Regexp
		what string
	}{
		"region": {region, "a region of AWS, such as eu-west-1"}, "project": {project, "the id of a project of Google Cloud, such as acme-prod"},
		"mount": {vaultPath, "a path, such as secret or teams/data"}, "auth": {vaultPath, "a path, such as kubernetes or clusters/prod"},
		"role": {role, "a name of letters, digits, dashes and dots"}, "audience": {audience, "an audience, such as vault"},
		"vaultNamespace": {vaultPath, "a path, such as acme/data"}, "tenant": {tenant, "the id of a tenant of Azure, such as 01234567-89ab-cdef-0123-456789abcdef"},
	}
	switch f, ok := simple[name]; {
	case ok && (!f.form.MatchString(value) || dots(value)):
		return fmt.Sprintf("%q is not %s", value, f.what), ""
	case (name == "url" || name == "endpoint") && !Secure(value):
		// What is wrong with it may be that there is a password in it.
		return "it is no address that secrets can be asked of", `write it like "https://vault.acme.example:8200", without a path`
	case name == "ca" && !certificates(value):
		return "it has no certificates in PEM", "begin with -----BEGIN CERTIFICATE-----"
	}
	return "", ""
}

// keyVault is the address of a vault of Azure, in each of its clouds.
var keyVault = regexp.MustCompile(`^https://([a-z][a-z0-9-]{1,22}[a-z0-9])\.vault\.(azure\.net|azure\.cn|usgovcloudapi\.net)/?$`)

// KeyVaultName is the name of a vault of Azure by its address; empty if that has none.
func KeyVaultName(address string) string {
	if m := keyVault.FindStringSubmatch(address); m != nil {
		return m[1]
	}
	return ""
}

// dots reports whether a path leads elsewhere than it says.
func dots(text string) bool {
	return slices.ContainsFunc(strings.Split(text, "/"), func(part string) bool { return strings.Trim(part, ".") == "" })
}

// Secure reports whether a token may be sent to an address, and a secret come from there: by https, or within this machine.
func Secure(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}

func certificates(text string) bool {
	found := false
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return found
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil || block.Type != "CERTIFICATE" {
			return false
		}
		found = true
	}
}

// form is what a part of a reference looks like with a provider.
type form struct {
	pattern *regexp.Regexp
	what    string
}

var names = map[v1alpha1.SecretProvider]form{
	v1alpha1.AWSSecretsManager:   {regexp.MustCompile(`^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:)?[A-Za-z0-9/_+=.@-]{1,512}$`), "the name or ARN of a secret"},
	v1alpha1.AWSParameterStore:   {regexp.MustCompile(`^(arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter)?/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`), "the name or ARN of a parameter"},
	v1alpha1.AzureKeyVault:       {regexp.MustCompile(`^[A-Za-z0-9-]{1,127}$`), "the name of a secret of Azure Key Vault, which has letters, digits and dashes"},
	v1alpha1.GoogleSecretManager: {regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`), "the name of a secret of Google Cloud, which has letters, digits, dashes and underscores"},
	v1alpha1.Vault:               {vaultPath, "the path of a secret, such as orders/db, without that of its engine"},
}

var versions = map[v1alpha1.SecretProvider]form{
	v1alpha1.AWSSecretsManager:   {regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,256}$`), "the id or stage of a version, such as AWSPREVIOUS"},
	v1alpha1.AWSParameterStore:   {number, "a number"},
	v1alpha1.AzureKeyVault:       {regexp.MustCompile(`^[0-9a-f]{32}$`), "a version of Azure Key Vault, which has 32 digits from 0 to 9 and a to f"},
	v1alpha1.GoogleSecretManager: {number, "a number"},
	v1alpha1.Vault:               {number, "a number"},
}

// RefFlaws returns what is wrong with a reference to a secret in a store.
func RefFlaws(s v1alpha1.SecretStore, ref v1alpha1.SecretRef) (flaws []Flaw) {
	name, ok := names[s.Provider]
	if !ok {
		return nil
	}
	if !name.pattern.MatchString(ref.Name) || s.Provider == v1alpha1.Vault && dots(ref.Name) {
		flaws = append(flaws, Flaw{"name", false, fmt.Sprintf("%q is not %s", ref.Name, name.what), ""})
	}
	keyed := s.Provider == v1alpha1.Vault || s.Provider == v1alpha1.AWSSecretsManager
	switch {
	case ref.Key == "" && s.Provider == v1alpha1.Vault:
		flaws = append(flaws, Flaw{"key", true, "a secret of Vault is a table: say which of its keys is meant", `as in "key: password"`})
	case ref.Key == "":
	case !keyed:
		flaws = append(flaws, Flaw{"key", false, fmt.Sprintf("a secret of %s is one value, and has no keys", s.Provider), "remove the key, or make a secret of its own of the value"})
	case !key.MatchString(ref.Key):
		flaws = append(flaws, Flaw{"key", false, fmt.Sprintf("%q is not a key: it has letters, digits, dashes, underscores and dots", ref.Key), ""})
	}
	version := versions[s.Provider]
	switch {
	case ref.Version == "":
	case s.Provider == v1alpha1.Vault && s.Engine == v1alpha1.VaultV1:
		flaws = append(flaws, Flaw{"version", false, "the engine v1 of Vault has no versions", "remove it"})
	case !version.pattern.MatchString(ref.Version):
		flaws = append(flaws, Flaw{"version", false, fmt.Sprintf("%q is not %s", ref.Version, version.what), ""})
	}
	return flaws
}
