// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/sealed"
)

// cloudTimeout bounds one call of a cloud's key service.
const cloudTimeout = 10 * time.Second

// dataKeySize is the length of the key that values are encrypted with, in bytes.
const dataKeySize = 32

// Decrypter decrypts with the keys that the daemon was given. Its zero value has none. It keeps nothing of what it
// decrypts.
type Decrypter struct {
	Age   []AgeKeys
	Cloud []CloudKey

	// now has the keys in place of them.
	now atomic.Pointer[Decrypter]
}

// Replace has the keys of another one used from now on. Any goroutine may call.
func (d *Decrypter) Replace(by *Decrypter) { d.now.Store(by) }

// Error says why a Secret cannot be decrypted. It never repeats any of its content, only names the field that is wrong;
// so it wraps nothing either.
type Error struct {
	Secret string // namespace/name
	Why    string
	// Transient reports that a key service did not answer, or refused: a retry may succeed.
	Transient bool
}

// Error names the Secret and what is wrong.
func (e *Error) Error() string { return fmt.Sprintf("decrypting Secret %s: %s", e.Secret, e.Why) }

// Open returns the decrypted copy of an encrypted object, without the sops section, and any other object as it is. The
// argument is never modified. Errors are of type [*Error], or the context's.
func (d *Decrypter) Open(ctx context.Context, r Release, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if now := d.now.Load(); now != nil {
		d = now
	}
	fail := func(err error) error {
		return &Error{Secret: o.GetNamespace() + "/" + o.GetName(), Why: err.Error()}
	}
	if !sealed.Secret(o.Object) {
		return o, nil
	}
	if err := sealed.Check(o.Object); err != nil {
		return nil, fail(fmt.Errorf("it %w", err))
	}
	if !sealed.Is(o.Object) {
		return o, nil
	}
	doc, err := parse(o.Object)
	if err != nil {
		return nil, fail(err)
	}
	key, err := d.dataKey(ctx, r, doc)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		e := &Error{Secret: o.GetNamespace() + "/" + o.GetName(), Why: err.Error()}
		var cloud *cloudError
		e.Transient = errors.As(err, &cloud)
		return nil, e
	}
	plain, err := doc.open(o.Object, key)
	if err != nil {
		return nil, fail(err)
	}
	return &unstructured.Unstructured{Object: plain}, nil
}

// cloudError lists the answers of key services that did not return the data key.
type cloudError struct{ answers []string }

func (e *cloudError) Error() string {
	return "no key service returned its key: " + strings.Join(e.answers, "; ")
}

// dataKey decrypts the key that the values are encrypted with. Keys of age come first: they need no network.
func (d *Decrypter) dataKey(ctx context.Context, r Release, doc *document) ([]byte, error) {
	var ids []age.Identity
	for _, k := range d.Age {
		if k.Scope.Has(r) {
			ids = append(ids, k.Identities...)
		}
	}
	if len(ids) > 0 {
		for _, k := range doc.Age {
			if key := openAge(k.Enc, ids); key != nil {
				return key, nil
			}
		}
	}
	var refused, answers []string
	for _, k := range doc.cloudKeys() {
		if k.refused != "" {
			refused = append(refused, fmt.Sprintf("%s %s is not used: %s", k.kind, k.id, k.refused))
			continue
		}
		if !d.allows(r, k) {
			continue
		}
		if !HasCloud {
			refused = append(refused, fmt.Sprintf("%s %s is not used: %v", k.kind, k.id, ErrNoCloud))
			continue
		}
		call, cancel := context.WithTimeout(ctx, cloudTimeout)
		key, err := k.decrypt(call)
		cancel()
		if err == nil && len(key) == dataKeySize {
			return key, nil
		}
		if err == nil {
			err = errors.New("its answer is not a data key")
		}
		answers = append(answers, cloudFailure(k, err))
	}
	if len(answers) > 0 {
		return nil, &cloudError{answers}
	}
	why := fmt.Sprintf("this daemon has no key for it in %s/%s; it is encrypted for %s", r.Project, r.Environment, strings.Join(doc.recipients(), ", "))
	if len(refused) > 0 {
		why += "; " + strings.Join(refused, "; ")
	}
	if r.Preview {
		return nil, errors.New(why + "; for previews it needs one whose scope names them, such as --sops-age-key-file '" + r.Project + "/pr-*=FILE'")
	}
	return nil, errors.New(why + "; give the daemon one with --sops-age-key-file, or allow a cloud's with --sops-kms")
}

func (d *Decrypter) allows(r Release, k cloudKey) bool {
	for _, allowed := range d.Cloud {
		if allowed.Scope.Has(r) && allowed.allows(k.id) {
			return true
		}
	}
	return false
}

// openAge returns the data key, or nil if none of the identities decrypts it.
func openAge(enc string, ids []age.Identity) []byte {
	plain, err := age.Decrypt(armor.NewReader(strings.NewReader(enc)), ids...)
	if err != nil {
		return nil
	}
	key, err := io.ReadAll(io.LimitReader(plain, dataKeySize+1))
	if err != nil || len(key) != dataKeySize {
		return nil
	}
	return key
}
