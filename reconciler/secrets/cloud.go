// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// cloudKey is a key in a cloud's key service.
type cloudKey struct {
	kind, id string
	// refused says what about it is never done, whatever the daemon allows; empty if nothing is.
	refused string
	// decrypt asks the key service for the data key. It is one of the functions of services_cloud.go, or of
	// services_none.go in a program that was built without them.
	decrypt func(ctx context.Context) ([]byte, error)
}

// ErrNoCloud reports that this program was built without the clients of the clouds' key services.
var ErrNoCloud = errors.New("this program was built without cloud key services: build it with -tags " + cloudTag)

// cloudTag is the build tag that links the clients of the clouds' key services.
const cloudTag = "sops_cloud"

// The forms of key names. A name decides which host is called, so that only those of the clouds themselves pass.
var (
	awsKey      = regexp.MustCompile(`^arn:aws[a-z-]{0,20}:kms:[a-z0-9-]{1,40}:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]{1,256}$`)
	gcpResource = regexp.MustCompile(`^projects/[a-z0-9.:-]{1,100}/locations/[a-z0-9-]{1,63}/keyRings/[A-Za-z0-9_-]{1,63}/cryptoKeys/[A-Za-z0-9_-]{1,63}$`)
	azureVault  = regexp.MustCompile(`^https://[a-z0-9-]{1,127}\.(vault\.azure\.net|vault\.azure\.cn|vault\.usgovcloudapi\.net|managedhsm\.azure\.net)/?$`)
	azureName   = regexp.MustCompile(`^[A-Za-z0-9-]{0,127}$`)
)

// cloudKeys lists the keys of the document that are in a cloud.
func (d *document) cloudKeys() []cloudKey {
	var out []cloudKey
	for _, k := range d.KMS {
		key := cloudKey{kind: "AWS KMS", id: k.ARN}
		switch {
		case !awsKey.MatchString(k.ARN):
			key.refused = "it is not the ARN of a key"
		case k.Role != "" || k.Profile != "":
			key.refused = "it names a role or a profile to act as, and only the daemon's own configuration may"
		}
		key.decrypt = func(ctx context.Context) ([]byte, error) { return decryptAWS(ctx, k) }
		out = append(out, key)
	}
	for _, k := range d.GCP {
		key := cloudKey{kind: "Google Cloud KMS", id: k.Resource}
		if !gcpResource.MatchString(k.Resource) {
			key.refused = "it is not the name of a key"
		}
		key.decrypt = func(ctx context.Context) ([]byte, error) { return decryptGoogle(ctx, k) }
		out = append(out, key)
	}
	for _, k := range d.Azure {
		key := cloudKey{kind: "Azure Key Vault", id: strings.TrimSuffix(k.URL, "/") + "/keys/" + k.Name}
		if !azureVault.MatchString(k.URL) || !azureName.MatchString(k.Name) || !azureName.MatchString(k.Version) {
			key.refused = "it is not the URL of an Azure vault and the name of a key in it"
		}
		key.decrypt = func(ctx context.Context) ([]byte, error) { return decryptAzure(ctx, k) }
		out = append(out, key)
	}
	return out
}

// cloudFailure returns the answer of a key service, shortened for a message. It is about the key: no value has been
// decrypted at that point.
func cloudFailure(k cloudKey, err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	const most = 300
	if len(line) > most {
		line = line[:most] + "…"
	}
	return fmt.Sprintf("%s %s: %s", k.kind, k.id, strings.ToValidUTF8(line, ""))
}
