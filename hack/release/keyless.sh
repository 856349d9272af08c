#!/bin/sh
# Signs what "make release" has made and pushed, by the identity that this run has with GitHub and not by a key:
# hack/release/keyless.sh DIST IMAGE TAG
#
# The image and its platforms get a signature, the provenance, and each platform its bill of materials; checksums.txt gets a
# bundle. It needs bin/cosign, and id-token: write of the workflow.
set -eu
dist=$1 image=$2 tag=$3
cosign=$(dirname "$0")/../../bin/cosign
digest=$(cat "$dist/image-digest.txt")

"$cosign" sign --yes --recursive "$image@$digest"

# What is said of each image is in a file whose name says what that is and of which image.
for file in "$dist"/attest/*.json; do
	name=$(basename "$file" .json)
	kind=${name%%-*} of=${name#*-}
	"$cosign" attest --yes --type "$kind" --predicate "$file" "$image@sha256:$of"
done

"$cosign" sign-blob --yes --bundle "$dist/checksums.txt.sigstore.json" "$dist/checksums.txt" >/dev/null
"$cosign" attest-blob --yes --statement "$dist/provenance.intoto.json" --bundle "$dist/provenance.sigstore.json" >/dev/null

# What cannot be verified is not published.
identity="^https://github.com/.*/\\.github/workflows/release\\.yml@refs/tags/$tag\$"
issuer=https://token.actions.githubusercontent.com
"$cosign" verify --certificate-identity-regexp "$identity" --certificate-oidc-issuer "$issuer" "$image@$digest" >/dev/null
"$cosign" verify-blob --certificate-identity-regexp "$identity" --certificate-oidc-issuer "$issuer" --bundle "$dist/checksums.txt.sigstore.json" "$dist/checksums.txt"
