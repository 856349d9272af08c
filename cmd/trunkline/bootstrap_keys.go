// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	agekeys "filippo.io/age"
	"golang.org/x/crypto/ssh"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/bootstrap"
	"trunkline.dev/trunkline/reconciler/secrets"
)

// keyring has the key of age that the daemon's credentials are encrypted for.
type keyring struct {
	file string
	// text is the file; empty while there is none. Made is set if it was made just now, and is to be saved.
	text string
	made bool
	ids  []agekeys.Identity
	to   []*agekeys.X25519Recipient
}

// keyFile is where the private key is.
func (b *beginning) keyFile() (string, error) {
	if b.ageFile != "" {
		return filepath.Abs(b.ageFile)
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", usagef("there is no folder for the key of age (%w): name a file with --age-key-file", err)
	}
	return filepath.Join(dir, "trunkline", b.in.Platform+".agekey"), nil
}

// key reads the private key. If there is none it is made, unless the platform needs one that was made before.
func (b *beginning) key(root string, again bool) (*keyring, error) {
	file, err := b.keyFile()
	if err != nil {
		return nil, err
	}
	if inside(root, file) {
		return nil, usagef("--age-key-file %s is in the work tree: the private key must not get into the repository, so name a file elsewhere", file)
	}
	k := &keyring{file: file}
	data, err := os.ReadFile(file)
	switch {
	case err == nil:
		k.text = string(data)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("reading the key of age: %w", err)
	case again:
		return k, nil // it may not be needed
	default:
		id, err := agekeys.GenerateX25519Identity()
		if err != nil {
			return nil, fmt.Errorf("making a key of age: %w", err)
		}
		k.text = fmt.Sprintf("# of the platform %s; made by trunkline bootstrap\n# public key: %s\n%s\n", b.in.Platform, id.Recipient(), id)
		k.made = true
	}
	if k.ids, err = secrets.ParseAgeKeys(k.text); err != nil {
		return nil, fmt.Errorf("the file %s: %w", file, err)
	}
	for _, id := range k.ids {
		x, ok := id.(*agekeys.X25519Identity)
		if !ok {
			return nil, fmt.Errorf("the file %s has a key that is not of the form AGE-SECRET-KEY-1…", file)
		}
		k.to = append(k.to, x.Recipient())
	}
	for _, text := range b.ageRecipients {
		r, err := agekeys.ParseX25519Recipient(text)
		if err != nil {
			return nil, usagef("--age-recipient %s is no public key of age, which begins with age1", text)
		}
		k.to = append(k.to, r)
	}
	for _, r := range k.to {
		b.in.Recipients = append(b.in.Recipients, r.String())
	}
	return k, nil
}

// inside reports whether a file is below a folder, whatever links lead there.
func inside(folder, file string) bool {
	resolved := func(path string) string {
		for at, rest := path, ""; ; at, rest = filepath.Dir(at), filepath.Join(filepath.Base(at), rest) {
			if there, err := filepath.EvalSymlinks(at); err == nil || filepath.Dir(at) == at {
				return filepath.Join(there, rest)
			}
		}
	}
	rel, err := filepath.Rel(resolved(folder), resolved(file))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// save writes the private key, before anything is encrypted for it. It is never written over.
func (k *keyring) save() error {
	if !k.made {
		return nil
	}
	return saveSecret(k.file, k.text)
}

func saveSecret(file, text string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("making the folder of %s: %w", file, err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return nil
}

// credentials are the daemon's, by Secret and key.
type credentials struct {
	// values are those of Secrets that are not in the repository yet, and files where they go.
	values map[string]map[string]string
	// token is that of whoever runs this, and newToken is set if its file is to be written.
	token    string
	newToken bool
	// public is the public half of the deploy key; empty if there is none, or it is not known.
	public string
}

// credentials makes what is missing in a platform, and reads what is there as far as the key opens it.
func (b *beginning) credentials(ctx context.Context, tree fs.FS, k *keyring) (*credentials, error) {
	c := &credentials{values: map[string]map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(b.in.Secrets())) {
		is, err := openSecret(ctx, tree, name, k)
		if err == nil {
			c.know(name, is)
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		values, err := b.make(name, k)
		if err != nil {
			return nil, err
		}
		c.values[name] = values
		c.know(name, values)
	}
	file := b.tokens(k)
	switch _, err := os.Stat(file); {
	case errors.Is(err, fs.ErrNotExist):
		c.newToken = c.token != ""
	case err != nil:
		return nil, fmt.Errorf("looking for your token: %w", err)
	}
	return c, nil
}

// know keeps what is of use of a Secret.
func (c *credentials) know(name string, values map[string]string) {
	switch name {
	case bootstrap.TokensSecret:
		_, first, _ := strings.Cut(values["tokens"], ": ")
		c.token, _, _ = strings.Cut(first, "\n")
	case bootstrap.GitSecret:
		if signer, err := ssh.ParsePrivateKey([]byte(values["identity"])); err == nil {
			c.public = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))) + " " + bootstrap.Project
		}
	}
}

// tokens is the file of the token.
func (b *beginning) tokens(k *keyring) string {
	if b.tokenFile != "" {
		return b.tokenFile
	}
	return strings.TrimSuffix(k.file, filepath.Ext(k.file)) + ".token"
}

// make makes the values of a Secret.
func (b *beginning) make(name string, k *keyring) (map[string]string, error) {
	switch name {
	case bootstrap.TokensSecret:
		token, err := b.token(k)
		return map[string]string{"tokens": "admin: " + token + "\n"}, err
	case bootstrap.GitHubSecret:
		out, err := readInto(nil, bootstrap.AppKey, b.appKey)
		if err == nil && b.hookFile != "" {
			out, err = readInto(out, bootstrap.HookSecret, b.hookFile)
		}
		return out, err
	}
	if b.in.Repository.Access == bootstrap.Password {
		out, err := readInto(nil, "password", b.passwordFile)
		if err == nil {
			out["password"] = strings.TrimSpace(out["password"])
		}
		return out, err
	}
	hosts, err := b.hosts()
	if err != nil {
		return nil, err
	}
	if b.gitKey != "" {
		out, err := readInto(map[string]string{"known_hosts": hosts}, "identity", b.gitKey)
		if err != nil {
			return nil, err
		}
		if _, err := ssh.ParsePrivateKey([]byte(out["identity"])); err != nil {
			return nil, usagef("--git-key-file %s: it is no private key without a passphrase", b.gitKey)
		}
		return out, nil
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a deploy key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, bootstrap.Project)
	if err != nil {
		return nil, fmt.Errorf("making a deploy key: %w", err)
	}
	return map[string]string{"identity": string(pem.EncodeToMemory(block)), "known_hosts": hosts}, nil
}

// token is the one of whoever runs this: that of an attempt before, or a new one.
func (b *beginning) token(k *keyring) (string, error) {
	data, err := os.ReadFile(b.tokens(k))
	if token := strings.TrimSpace(string(data)); err == nil && token != "" && !strings.ContainsAny(token, " \n") {
		return token, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading your token: %w", err)
	}
	random := make([]byte, 24)
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("making a token: %w", err)
	}
	return hex.EncodeToString(random), nil
}

// hosts are the keys of the repository's host that the daemon accepts.
func (b *beginning) hosts() (string, error) {
	at, err := bootstrap.ParseAddress(b.in.Repository.URL)
	if err != nil {
		return "", err
	}
	file := b.knownHosts
	if file == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", usagef("nothing says which keys the host %s has: name a known_hosts with --git-known-hosts", at.Host)
		}
		file = filepath.Join(home, ".ssh", "known_hosts")
	}
	data, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the keys of hosts: %w", err)
	}
	lines := bootstrap.KnownHosts(string(data), at.Host)
	if lines == "" {
		return "", fmt.Errorf("%s has no key of the host %s, and the daemon must not accept any: add it by \"ssh-keyscan %[2]s\" after a look at what its operator publishes, or name another file with --git-known-hosts", file, at.Host)
	}
	return lines, nil
}

func readInto(values map[string]string, key, file string) (map[string]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading a credential: %w", err)
	}
	if values == nil {
		values = map[string]string{}
	}
	values[key] = string(data)
	return values, nil
}

// seal encrypts what is missing.
func (c *credentials) seal(k *keyring, now time.Time) (out []bootstrap.File, err error) {
	for _, name := range slices.Sorted(maps.Keys(c.values)) {
		data, err := secrets.Seal(secrets.Plain{
			Name: name, Values: c.values[name],
			// Without them the daemon could not start again.
			Annotations: map[string]string{"trunkline.dev/prune": "disabled"},
		}, k.to, now)
		if err != nil {
			return nil, err
		}
		out = append(out, bootstrap.File{Path: bootstrap.SecretFile(name), Data: data})
	}
	return out, nil
}

// opener decrypts the daemon's credentials.
func (k *keyring) opener() *secrets.Decrypter {
	return &secrets.Decrypter{Age: []secrets.AgeKeys{{Scope: bootstrap.Project + "/" + bootstrap.Environment, Identities: k.ids}}}
}

// openSecret decrypts a Secret of the platform. Without a key, that it is there is all that is known.
func openSecret(ctx context.Context, tree fs.FS, name string, k *keyring) (map[string]string, error) {
	data, err := fs.ReadFile(tree, bootstrap.SecretFile(name))
	if err != nil || k.text == "" {
		return nil, err
	}
	var o unstructured.Unstructured
	if err := yaml.Unmarshal(data, &o.Object); err != nil {
		return nil, fmt.Errorf("%s is no encrypted Secret: %w", bootstrap.SecretFile(name), err)
	}
	opened, err := k.opener().Open(ctx, secrets.Release{Project: bootstrap.Project, Environment: bootstrap.Environment}, &o)
	if err != nil {
		return nil, fmt.Errorf("%s is encrypted for another key than that in %s: name the file of that one with --age-key-file (%w)", bootstrap.SecretFile(name), k.file, err)
	}
	values, _, err := unstructured.NestedStringMap(opened.Object, "stringData")
	if err != nil {
		return nil, fmt.Errorf("%s is no Secret with texts", bootstrap.SecretFile(name))
	}
	return values, nil
}
