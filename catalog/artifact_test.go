// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
)

// TestArtifacts holds how blueprints from elsewhere are declared: what is not resolved is refused, with the command to run.
func TestArtifacts(t *testing.T) {
	t.Parallel()
	const digest = "sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1"
	const key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"
	const signed = `source: "oci://ghcr.io/acme/web", artifact: {digest: "` + digest + `"}`
	signer := func(how string) string {
		return `signatures: [{sources: "oci://*", signers: [{name: us, ` + how + `}]}]`
	}
	for name, tc := range map[string]struct{ reason, spec, platform, want string }{
		"Registry":   {reason: "A range and its digest.", spec: `source: "oci://ghcr.io/acme/web", artifact: {track: "^1.4", tag: 1.4.2, digest: "` + digest + `"}`},
		"Pinned":     {reason: "Nothing has to be followed.", spec: `source: "oci://ghcr.io/acme/web", artifact: {digest: "` + digest + `"}`},
		"Repository": {reason: "A chart of a Helm repository.", spec: `source: "https://charts.example.com/stable", artifact: {chart: web, track: 1.4.2, digest: "` + digest + `"}`},
		"Unresolved": {reason: "It would be something else tomorrow.", spec: `source: "oci://ghcr.io/acme/web", artifact: {track: "^1.4"}`, want: "run: trunkline lock web"},
		"TagOnly":    {reason: "A tag moves.", spec: `source: "oci://ghcr.io/acme/web", artifact: {track: stable}`, want: "run: trunkline lock web"},
		"Nothing":    {reason: "Which one?", spec: `source: "oci://ghcr.io/acme/web"`, want: "not said which artifact"},
		"InSource":   {reason: "One place for the tag.", spec: `source: "oci://ghcr.io/acme/web:1.4.2", artifact: {digest: "` + digest + `"}`, want: "a tag is written as artifact.track"},
		"AtDigest":   {reason: "One place for the digest.", spec: `source: "oci://ghcr.io/acme/web@` + digest + `", artifact: {digest: "` + digest + `"}`, want: "a digest is written as artifact.digest"},
		"Password":   {reason: "No secrets in the repository, nor in what is said.", spec: `source: "https://robot:pw-7f3a91@charts.example.com", artifact: {chart: web, digest: "` + digest + `"}`, want: "no name and password"},
		"HTTP":       {reason: "Nothing comes without TLS.", spec: `source: "http://charts.example.com", artifact: {chart: web, digest: "` + digest + `"}`, want: "is no source"},
		"NoChart":    {reason: "A Helm repository has many.", spec: `source: "https://charts.example.com", artifact: {digest: "` + digest + `"}`, want: "artifact.chart"},
		"NoVersion":  {reason: "It is found by its version.", spec: `source: "https://charts.example.com", artifact: {chart: web, digest: "` + digest + `"}`, want: "the version of the chart is missing"},
		"BadDigest":  {reason: "A digest is one.", spec: `source: "oci://ghcr.io/acme/web", artifact: {digest: "sha256:12"}`, want: "is not a digest"},
		"BadRange":   {reason: "A range is one.", spec: `source: "oci://ghcr.io/acme/web", artifact: {track: ">>1", digest: "` + digest + `"}`, want: "neither a tag nor a semver range"},
		"Out":        {reason: "No folder leads out.", spec: `source: "oci://ghcr.io/acme/web", artifact: {folder: ../x, digest: "` + digest + `"}`, want: "is no folder of the artifact"},
		"Folder":     {reason: "A folder is no artifact.", spec: `source: chart, artifact: {digest: "` + digest + `"}`, want: "the source is a folder"},
		"BadKey":     {reason: "A key is one.", spec: `source: "oci://ghcr.io/acme/web", artifact: {digest: "` + digest + `"}`, platform: `signatures: [{sources: "oci://*", signers: [{name: us, cosignKey: ` + key + `}]}]`, want: "no public key in PEM"},
		"NoWay":      {reason: "How do they sign?", spec: signed, platform: signer(""), want: "us signs in 0 ways"},
		"TwoWays":    {reason: "Which of the two?", spec: signed, platform: signer("cosignKey: " + key + ", notation: {roots: " + key + "}"), want: "us signs in 2 ways"},
		"Anyone":     {reason: "An identity that anyone has is none.", spec: signed, platform: signer(`keyless: {issuer: "https://a.example", identity: "**", fulcioRoots: x, rekorKeys: x}`), want: "it is anyone whom the issuer knows"},
		"NoIssuer":   {reason: "Who says so?", spec: signed, platform: signer("keyless: {issuer: github, identity: a@acme.io, fulcioRoots: x, rekorKeys: x}"), want: `"github" is no identity provider`},
		"NoFulcio":   {reason: "Certificates are of someone.", spec: signed, platform: signer(`keyless: {issuer: "https://a.example", identity: a@acme.io, rekorKeys: x}`), want: "it is no certificate in PEM"},
		"NoRekor":    {reason: "So are logs.", spec: signed, platform: signer(`keyless: {issuer: "https://a.example", identity: a@acme.io, fulcioRoots: x}`), want: "it is no public key in PEM"},
		"NoRoot":     {reason: "A trusted root is one.", spec: signed, platform: signer(`keyless: {issuer: "https://a.example", identity: a@acme.io, trustedRoot: "{}"}`), want: "it is no trusted root of Sigstore"},
		"RootTwice":  {reason: "One place for them.", spec: signed, platform: signer(`keyless: {issuer: "https://a.example", identity: a@acme.io, rekorKeys: x, trustedRoot: "{\"mediaType\": \"application/vnd.dev.sigstore.trustedroot+json;version=0.1\"}"}`), want: "say too"},
		"Root":       {reason: "It has all.", spec: signed, platform: signer(`keyless: {issuer: "https://a.example", identity: a@acme.io, trustedRoot: "{\"mediaType\": \"application/vnd.dev.sigstore.trustedroot+json;version=0.1\"}"}`)},
		"Private":    {reason: "Nothing of a private key is said.", spec: signed, platform: signer(`notation: {roots: "-----BEGIN PRIVATE KEY-----\npw-7f3a91\n-----END PRIVATE KEY-----\n"}`), want: "in PEM"},
		"Subject":    {reason: "A name has its parts.", spec: signed, platform: signer(`notation: {roots: x, subjects: ["CN=acme, O=acme.io, C=US"]}`), want: "does not say ST"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			platform := "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: acme}\nspec: {" + tc.platform + "}\n"
			_, problems, err := catalog.Load(fstest.MapFS{
				"trunkline.yaml":         {Data: []byte(platform)},
				"blueprints/web.yaml":    {Data: []byte("apiVersion: trunkline.dev/v1alpha1\nkind: Blueprint\nmetadata: {name: web}\nspec: {engine: helm, " + tc.spec + "}\n")},
				"blueprints/chart/a.txt": {Data: []byte("a")},
			}, blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			said := problems.String()
			if problems.Denied() != (tc.want != "") || !strings.Contains(said, tc.want) || strings.Contains(said, "pw-7f3a91") {
				t.Errorf("%s It says %q, want %q", tc.reason, said, tc.want)
			}
		})
	}
}
