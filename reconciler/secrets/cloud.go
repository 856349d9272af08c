package secrets

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/getsops/sops/v3/azkv"
	"github.com/getsops/sops/v3/gcpkms"
	"github.com/getsops/sops/v3/kms"
)

// cloudKey is a key in a cloud's key service.
type cloudKey struct {
	kind, id string
	// refused says what about it is never done, whatever the daemon allows; empty if nothing is.
	refused string
	decrypt func(ctx context.Context) ([]byte, error)
}

// What keys are called. The names decide which host is called, so they are held to those of the clouds themselves.
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
			key.refused = "it is no ARN of a key"
		case k.Role != "" || k.Profile != "":
			key.refused = "it names a role or a profile to act as, and that is for the daemon's own configuration to say"
		}
		key.decrypt = func(ctx context.Context) ([]byte, error) {
			about := map[string]*string{}
			for name, value := range k.Context {
				about[name] = &value
			}
			m := kms.NewMasterKey(k.ARN, "", about)
			m.EncryptedKey = k.Enc
			return m.DecryptContext(ctx)
		}
		out = append(out, key)
	}
	for _, k := range d.GCP {
		key := cloudKey{kind: "Google Cloud KMS", id: k.Resource}
		if !gcpResource.MatchString(k.Resource) {
			key.refused = "it is no name of a key"
		}
		key.decrypt = func(ctx context.Context) ([]byte, error) {
			m := gcpkms.NewMasterKeyFromResourceID(k.Resource)
			m.SetEncryptedDataKey([]byte(k.Enc))
			return m.DecryptContext(ctx)
		}
		out = append(out, key)
	}
	for _, k := range d.Azure {
		key := cloudKey{kind: "Azure Key Vault", id: strings.TrimSuffix(k.URL, "/") + "/keys/" + k.Name}
		if !azureVault.MatchString(k.URL) || !azureName.MatchString(k.Name) || !azureName.MatchString(k.Version) {
			key.refused = "it is not the URL of a vault of Azure and the name of a key in it"
		}
		key.decrypt = func(ctx context.Context) ([]byte, error) {
			m := azkv.NewMasterKey(k.URL, k.Name, k.Version)
			m.SetEncryptedDataKey([]byte(k.Enc))
			return m.DecryptContext(ctx)
		}
		out = append(out, key)
	}
	return out
}

// cloudFailure is what a key service answered, short enough for a message. It is about the key: no value has been
// decrypted at that point.
func cloudFailure(k cloudKey, err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	const most = 300
	if len(line) > most {
		line = line[:most] + "…"
	}
	return fmt.Sprintf("%s %s: %s", k.kind, k.id, strings.ToValidUTF8(line, ""))
}
