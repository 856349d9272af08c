// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// DaemonSignOn is how people and machines sign on at issuers of OpenID Connect. What they may do then is declared in the repository, as
// [Access].
type DaemonSignOn struct {
	// Issuer is the URL of the issuer at which people sign on; default: none.
	Issuer string `json:"issuer,omitempty"`
	// ClientID is what the issuer knows the daemon by.
	ClientID string `json:"clientID,omitempty"`
	// ClientSecretFile holds the secret that the issuer gave the daemon; default: none, for a public client.
	ClientSecretFile string `json:"clientSecretFile,omitempty"`
	// CLIClientID is what the issuer knows the command line by, which has no secret; default: as the daemon.
	CLIClientID string `json:"cliClientID,omitempty"`
	// URL is that by which people reach the daemon. The issuer sends them back to it, at /login/callback.
	URL string `json:"url,omitempty"`
	// SessionKeyFile holds the key of sessions, of 32 characters or more, which all replicas have. Of several lines the first one is used
	// for new sessions.
	SessionKeyFile string `json:"sessionKeyFile,omitempty"`
	// Scopes are asked for beside openid; default: profile, email and groups.
	Scopes []string `json:"scopes,omitempty"`
	// NameClaim is the claim that has the name of a person; default: email, which the issuer has to have verified.
	NameClaim string `json:"nameClaim,omitempty"`
	// GroupsClaim is the claim that has the groups of a person; default: groups.
	GroupsClaim string `json:"groupsClaim,omitempty"`
	// Machines are issuers of tokens for machines, such as those of GitHub's Actions and of Kubernetes; default: none.
	Machines []DaemonMachines `json:"machines,omitempty"`
}

// DaemonMachines is an issuer of tokens for machines, and whom of it to let in.
type DaemonMachines struct {
	// Name begins the names of its machines in bindings, as in "NAME:SUBJECT": lower-case letters, digits and dashes.
	Name string `json:"name" required:"true"`
	// Issuer is its URL.
	Issuer string `json:"issuer" required:"true"`
	// Audience is what its tokens have to be for.
	Audience string `json:"audience" required:"true"`
	// Subjects are patterns of whom to let in, in which "*" is any text without a colon, such as "repo:acme/data:ref:refs/heads/*".
	Subjects []string `json:"subjects" required:"true"`
	// Groups are those that its machines are in, for bindings; default: none.
	Groups []string `json:"groups,omitempty"`
}
