// SPDX-License-Identifier: Apache-2.0

package artifact_test

import (
	"path/filepath"
	"testing"
	"time"

	refs "trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/reconciler/artifact"
	"trunkline.dev/trunkline/reconciler/artifact/artifacttest"
	"trunkline.dev/trunkline/reconciler/artifact/signtest"
)

const (
	signedType = "https://sigstore.dev/cosign/sign/v1"
	issuer     = "https://token.actions.githubusercontent.com"
	release    = "release@acme.io"
)

// pushed is an artifact in a registry, beside another one.
type pushed struct{ repository, digest, other string }

// TestSignedWithoutAKey: what cosign has signed without a key counts if the certificate, the log and the identity are those that are
// named, in both forms in which it is stored.
func TestSignedWithoutAKey(t *testing.T) {
	t.Parallel()
	ours, theirs := signtest.NewSigstore(t), signtest.NewSigstore(t)
	by := func(change func(*v1alpha1.KeylessSigner)) v1alpha1.Signer {
		k := v1alpha1.KeylessSigner{Issuer: issuer, Identity: release, FulcioRoots: ours.FulcioRoots, RekorKeys: ours.RekorKeys}
		if change != nil {
			change(&k)
		}
		return v1alpha1.Signer{Name: "the pipeline", Keyless: &k}
	}
	bundle := func(s *signtest.Sigstore, identity, issuer, predicate string, after time.Duration) func(*testing.T, pushed) {
		return func(t *testing.T, p pushed) { s.Bundle(t, p.repository, p.digest, identity, issuer, predicate, after) }
	}
	simple := func(t *testing.T, p pushed) { ours.Simple(t, p.repository, p.digest, p.digest, release, issuer) }
	signed := bundle(ours, release, issuer, signedType, time.Minute)
	verify(t, map[string]verification{
		"Bundle":    {"A certificate, a record and a statement.", signed, by(nil), ""},
		"Simple":    {"The form before version 3.", simple, by(nil), ""},
		"Pattern":   {"A star is any text.", signed, by(func(k *v1alpha1.KeylessSigner) { k.Identity = "rel*@acme.io" }), ""},
		"Part":      {"The identity is the whole of it.", signed, by(func(k *v1alpha1.KeylessSigner) { k.Identity = "release@acme.i" }), "signed by others only"},
		"Dot":       {"A dot is a dot.", signed, by(func(k *v1alpha1.KeylessSigner) { k.Identity = "release@acme.i?" }), "signed by others only"},
		"Identity":  {"It is someone else.", bundle(ours, "mallory@acme.io", issuer, signedType, time.Minute), by(nil), "mallory@acme.io"},
		"Issuer":    {"Someone else says who it is.", bundle(ours, release, "https://issuer.example", signedType, time.Minute), by(nil), "https://issuer.example"},
		"Fulcio":    {"The certificate is of another authority.", signed, by(func(k *v1alpha1.KeylessSigner) { k.FulcioRoots = theirs.FulcioRoots }), "signed by others only (the pipeline: "},
		"Rekor":     {"It is recorded in another log.", signed, by(func(k *v1alpha1.KeylessSigner) { k.RekorKeys = theirs.RekorKeys }), "log"},
		"Both":      {"All is of another.", bundle(theirs, release, issuer, signedType, time.Minute), by(nil), "signed by others only"},
		"Late":      {"The certificate was over when it was recorded.", bundle(ours, release, issuer, signedType, time.Hour), by(nil), "signed by others only"},
		"Attested":  {"A statement about an artifact is no signature.", bundle(ours, release, issuer, "https://spdx.dev/Document", time.Minute), by(nil), "signed by others only"},
		"Elsewhere": {"The signature is of another artifact.", func(t *testing.T, p pushed) { ours.Simple(t, p.repository, p.other, p.digest, release, issuer) }, by(nil), "signed by others only"},
		"CT":        {"The certificate has to be in a log, and is in none.", signed, by(func(k *v1alpha1.KeylessSigner) { k.CTLogKeys = ours.RekorKeys }), "SCT"},
		"Key": {"A key is no certificate.", func(t *testing.T, p pushed) {
			artifacttest.SignBundle(t, p.repository, artifacttest.NewKey(t), signedType, p.digest)
		}, by(nil), "cosign sign "},
		"None": {"Nobody has signed.", nil, by(nil), "it is not signed, and has to be by the pipeline or nobody: let them run cosign sign "},
	})
}

// TestNotation: what notation has signed counts if the certificate is of an authority and a subject that are named.
func TestNotation(t *testing.T) {
	t.Parallel()
	ours := signtest.NewAuthority(t)
	by := func(change func(*v1alpha1.NotationSigner)) v1alpha1.Signer {
		n := v1alpha1.NotationSigner{Roots: ours.Roots}
		if change != nil {
			change(&n)
		}
		return v1alpha1.Signer{Name: "engineering", Notation: &n}
	}
	sign := func(form string, expires time.Duration) func(*testing.T, pushed) {
		return func(t *testing.T, p pushed) { ours.Sign(t, p.repository, p.digest, p.digest, form, expires) }
	}
	subjects := func(s ...string) v1alpha1.Signer {
		return by(func(n *v1alpha1.NotationSigner) { n.Subjects = s })
	}
	signed := sign(signtest.JWS, 0)
	over := func(t *testing.T, p pushed) {
		short := ours.Short(t, 3*time.Second)
		short.Sign(t, p.repository, p.digest, p.digest, signtest.JWS, 0)
		short.Over()
	}
	stamps := func(roots string) v1alpha1.Signer {
		return by(func(n *v1alpha1.NotationSigner) { n.TimestampRoots = roots })
	}
	verify(t, map[string]verification{
		"Stamped": {"The certificate is over, and a timestamp says that it was not.", over, stamps(signtest.StampRoots()), ""},
		"Over":    {"Nobody's timestamps count.", over, by(nil), "validity period"},
		"Stamps":  {"Those of others count.", over, stamps(signtest.Others()), "signed by others only (engineering: "},
		"JWS":     {"One of the two forms.", signed, by(nil), ""},
		"COSE":    {"The other one.", sign(signtest.COSE, 0), by(nil), ""},
		"Subject": {"The certificate has the names that are asked for.", signed, subjects("C=US, ST=NY, O=acme.io", "C=US, ST=WA, O=Notary"), ""},
		"Others":  {"It has other names.", signed, subjects("C=US, ST=WA, O=acme.io"), "signed by others only (engineering: "},
		"Roots":   {"It is of another authority.", signed, by(func(n *v1alpha1.NotationSigner) { n.Roots = signtest.Others() }), "signed by others only (engineering: "},
		"Expired": {"The signature says until when it counts.", func(t *testing.T, p pushed) {
			sign(signtest.JWS, time.Second)(t, p)
			time.Sleep(1100 * time.Millisecond) // which it says in whole seconds
		}, by(nil), "expired"},
		"Elsewhere": {"The signature is of another artifact.", func(t *testing.T, p pushed) { ours.Sign(t, p.repository, p.other, p.digest, signtest.JWS, 0) }, by(nil), "signed by others only"},
		"Cosign": {"A signature of cosign is another.", func(t *testing.T, p pushed) {
			artifacttest.Sign(t, p.repository, artifacttest.NewKey(t), p.digest, p.digest)
		}, by(nil), "signed by others only, and has to be by engineering or nobody: let them run notation sign "},
		"None": {"Nobody has signed.", nil, by(nil), "it is not signed, and has to be by engineering or nobody: let them run notation sign "},
	})
}

type verification struct {
	reason string
	sign   func(*testing.T, pushed)
	by     v1alpha1.Signer
	// want is what people are told; empty if it counts.
	want string
}

// verify holds what counts: also from the disk, without a registry. What is there for one signer says nothing of another.
func verify(t *testing.T, cases map[string]verification) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pushed{repository: artifacttest.Registry(t, nil) + "/acme/web"}
			p.digest = artifacttest.Push(t, p.repository, "1.0.0", artifacttest.ChartLayer, artifacttest.Chart(t, "web", "1.0.0", "x"))
			p.other = artifacttest.Push(t, p.repository, "1.1.0", artifacttest.ChartLayer, artifacttest.Chart(t, "web", "1.1.0", "y"))
			if tc.sign != nil {
				tc.sign(t, p)
			}
			dir := filepath.Join(t.TempDir(), "artifacts")
			in := func(o *artifact.Options) { o.Dir = dir }
			ref := refs.Ref{Source: "oci://" + p.repository, Digest: p.digest, Signers: [][]v1alpha1.Signer{{tc.by, {Name: "nobody", CosignKey: artifacttest.NewKey(t).Public}}}}
			_, err := store(t, in).Open(t.Context(), ref)
			if tc.want != "" {
				told(t, err, tc.want, true)
				return
			}
			if err != nil {
				t.Fatal(tc.reason, err)
			}
			offline := store(t, in, func(o *artifact.Options) { o.Hosts = []string{} })
			if _, err := offline.Open(t.Context(), ref); err != nil {
				t.Errorf("offline: %v", err)
			}
			// The same store has the artifact in memory, for those who signed it only.
			other := ref
			other.Signers = [][]v1alpha1.Signer{{{Name: "others", Keyless: &v1alpha1.KeylessSigner{Issuer: issuer, Identity: "others@acme.io", FulcioRoots: "none", RekorKeys: "none"}}}}
			if _, err := offline.Open(t.Context(), other); err == nil {
				t.Error("it counts for others too")
			}
		})
	}
}
