// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// GeneratedSecret is a Secret whose values are made in the cluster, once, and kept. No value is in the repository, or shown.
type GeneratedSecret struct {
	// Name is that of the Kubernetes Secret, in the namespace of the release, such as "orders-db".
	Name string `json:"name" required:"true"`
	// Keys maps each key of the Secret to how its value is made, such as "password: {}". A value that is there is kept.
	Keys map[string]GeneratedKey `json:"keys" required:"true"`
	// Revision is raised to have all values made again, such as 1; default: 0.
	Revision *int `json:"revision,omitempty" unit:"revisions"`
	// Prune has the Secret deleted with its values once it is not declared any more; default: false, it is kept.
	Prune bool `json:"prune,omitempty"`
}

// GeneratedKey says how a value is made. What is left out has a default: "{}" is a password of 32 letters and digits.
type GeneratedKey struct {
	// Length is how many characters the value has; default: 32.
	Length *int `json:"length,omitempty" unit:"characters"`
	// Alphabet has the characters that the value is made of, such as "0123456789abcdef"; default: the letters and digits of ASCII.
	Alphabet string `json:"alphabet,omitempty"`
}
