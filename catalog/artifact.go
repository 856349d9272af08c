// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"strings"

	"trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// Remote reports whether the source of the blueprint is in a registry or a Helm repository: then Source is a folder of the artifact.
func (b *Blueprint) Remote() bool { return !b.Embedded && artifact.IsRemote(b.Spec.Source) }

// InTree reports whether the source of the blueprint is a folder of the repository.
func (b *Blueprint) InTree() bool { return !b.Embedded && !b.Remote() }

// Ref is the artifact of a blueprint whose source is in a registry or a Helm repository.
func (b *Blueprint) Ref() artifact.Ref {
	ref := artifact.Ref{Source: b.Spec.Source, Signers: b.Signers}
	if a := b.Spec.Artifact; a != nil {
		ref.Chart, ref.Tag, ref.Digest = a.Chart, a.InForce(), a.Digest
	}
	return ref
}

// remote checks the source of a blueprint that is no folder, and reports whether it is none.
func (k *checker) remote(bp *Blueprint) bool {
	if !bp.Remote() {
		if bp.Spec.Artifact != nil {
			k.at(v1alpha1.RuleInvalidValue, []any{"spec", "artifact"}, "the source is a folder, and no artifact of a registry or Helm repository",
				"remove it, or write a source such as oci://ghcr.io/acme/charts/web")
		}
		return false
	}
	for _, p := range artifact.Check(bp.Name, bp.Spec) {
		at := []any{"spec", "source"}
		if p.Field != "" {
			at = []any{"spec", "artifact", p.Field}
		}
		k.at(v1alpha1.RuleInvalidValue, at, p.Message, p.Hint)
	}
	return true
}

// checkSignatures checks who the platform says that signs artifacts.
func (f *frame) checkSignatures(k *checker) {
	k.doc = f.platformDoc
	for i, rule := range f.Platform.Spec.Signatures {
		if !artifact.IsRemote(rule.Sources) && rule.Sources != "*" {
			k.at(v1alpha1.RuleInvalidValue, []any{"spec", "signatures", i, "sources"}, "no source of a blueprint matches it",
				`write a pattern such as "oci://ghcr.io/acme/*"`)
		}
		if len(rule.Signers) == 0 {
			k.at(v1alpha1.RuleInvalidValue, []any{"spec", "signatures", i, "signers"}, "nobody can sign", "name who may, with the public key")
		}
		for j, signer := range rule.Signers {
			for _, p := range artifact.CheckSigner(signer) {
				at := []any{"spec", "signatures", i, "signers", j}
				for field := range strings.SplitSeq(p.Field, ".") {
					at = append(at, field)
				}
				k.at(v1alpha1.RuleInvalidValue, at, p.Message, p.Hint)
			}
		}
	}
}
