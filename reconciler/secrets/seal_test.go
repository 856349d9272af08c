// SPDX-License-Identifier: Apache-2.0

package secrets_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/getsops/sops/v3"
	sopsaes "github.com/getsops/sops/v3/aes"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/google/go-cmp/cmp"
	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/reconciler/secrets"
	"trunkline.dev/trunkline/reconciler/secrets/secrettest"
)

var sealedAt = time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))

// branch is a table in the form of the library, in the order of the file.
func branch(n *yamlv3.Node) (out sops.TreeBranch) {
	for i := 0; i < len(n.Content); i += 2 {
		var value any = n.Content[i+1].Value
		if n.Content[i+1].Kind == yamlv3.MappingNode {
			value = branch(n.Content[i+1])
		}
		if key := n.Content[i].Value; key != "sops" {
			out = append(out, sops.TreeItem{Key: key, Value: value})
		}
	}
	return out
}

// bySOPS decrypts a document with the library, which checks its mac. Its own reader of files would link every cloud that it can publish to.
func bySOPS(file []byte, id *age.X25519Identity) (map[string]string, error) {
	var doc yamlv3.Node
	var part struct {
		SOPS struct {
			Age []struct {
				Recipient, Enc string
			}
			LastModified   time.Time
			MAC            string
			EncryptedRegex string `yaml:"encrypted_regex"`
		}
	}
	if err := errors.Join(yamlv3.Unmarshal(file, &doc), yamlv3.Unmarshal(file, &part)); err != nil {
		return nil, err
	}
	master, err := sopsage.MasterKeyFromRecipient(part.SOPS.Age[0].Recipient)
	if err != nil {
		return nil, err
	}
	master.EncryptedKey = part.SOPS.Age[0].Enc
	tree := sops.Tree{Branches: sops.TreeBranches{branch(doc.Content[0])}, Metadata: sops.Metadata{
		LastModified: part.SOPS.LastModified, EncryptedRegex: part.SOPS.EncryptedRegex, MessageAuthenticationCode: part.SOPS.MAC,
	}}
	(sopsage.ParsedIdentities{id}).ApplyToMasterKey(master)
	key, err := master.Decrypt()
	if err != nil {
		return nil, err
	}
	cipher := sopsaes.NewCipher()
	mac, err := tree.Decrypt(key, cipher)
	if err != nil {
		return nil, err
	}
	kept, err := cipher.Decrypt(tree.Metadata.MessageAuthenticationCode, key, tree.Metadata.LastModified.Format(time.RFC3339))
	if err != nil || kept != any(mac) {
		return nil, errors.Join(errors.New("the mac is another one"), err)
	}
	out := map[string]string{}
	for _, item := range tree.Branches[0] {
		if item.Key == any("stringData") {
			for _, value := range item.Value.(sops.TreeBranch) {
				out[value.Key.(string)] = value.Value.(string)
			}
		}
	}
	return out, nil
}

// TestSeal: what is encrypted is decrypted by SOPS, which finds that nothing was changed, and by the daemon; and by nobody else.
func TestSeal(t *testing.T) {
	mine, theirs := secrettest.Key(t), secrettest.Key(t)
	rapid.Check(t, func(t *rapid.T) {
		plain := secrets.Plain{
			Name:        "trunkline-git",
			Annotations: rapid.MapOfN(rapid.StringMatching(`[a-z]{1,5}/[a-z0-9]{1,3}`), rapid.StringMatching(`[ -~]{0,10}`), 0, 3).Draw(t, "annotations"),
			// Keys with digits are in another order for some.
			Values: rapid.MapOfN(rapid.StringMatching(`[a-z0-9._-]{1,6}`), rapid.StringMatching(`[ -~\n\täß]{1,80}`), 1, 5).Draw(t, "values"),
		}
		file, err := secrets.Seal(plain, []*age.X25519Recipient{mine.Recipient()}, sealedAt)
		if err != nil {
			t.Fatal(err)
		}
		got, err := bySOPS(file, mine)
		if err != nil {
			t.Fatalf("SOPS: %v\n%s", err, file)
		}
		if diff := cmp.Diff(plain.Values, got); diff != "" {
			t.Fatalf("SOPS reads (-want +got):\n%s", diff)
		}
		if _, err := bySOPS(file, theirs); err == nil {
			t.Fatal("another key decrypts it")
		}
		var o unstructured.Unstructured
		if err := yaml.Unmarshal(file, &o.Object); err != nil {
			t.Fatal(err)
		}
		opened, err := (&secrets.Decrypter{Age: []secrets.AgeKeys{{Identities: []age.Identity{mine}}}}).Open(t.Context(), secrets.Release{}, &o)
		if err != nil {
			t.Fatal(err)
		}
		data, _, err := unstructured.NestedStringMap(opened.Object, "stringData")
		if diff := cmp.Diff(plain.Values, data); diff != "" || err != nil {
			t.Fatalf("the daemon reads (-want +got):\n%s%v", diff, err)
		}
		for _, value := range plain.Values {
			if len(value) > 8 && strings.Contains(string(file), value) {
				t.Fatalf("%q is there in clear:\n%s", value, file)
			}
		}
	})
}

// TestSealIsRefused: nothing is written that nobody could read, or that says nothing.
func TestSealIsRefused(t *testing.T) {
	id := secrettest.Key(t)
	for reason, tt := range map[string]struct {
		plain      secrets.Plain
		recipients []*age.X25519Recipient
		want       string
	}{
		"nobody":  {secrets.Plain{Name: "a", Values: map[string]string{"k": "v"}}, nil, "nobody to encrypt it for"},
		"nothing": {secrets.Plain{Name: "a"}, []*age.X25519Recipient{id.Recipient()}, "it holds nothing"},
	} {
		if _, err := secrets.Seal(tt.plain, tt.recipients, sealedAt); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: the error is %v, want one with %q", reason, err, tt.want)
		}
	}
}
