// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	// maxValue bounds a value: Linux starts no process with a variable of 128 KiB, with its name.
	maxValue = 120 << 10
	// readTimeout bounds the reading of all secrets of a pod.
	readTimeout = 90 * time.Second
	// attempts is how often a store is asked that does not answer.
	attempts = 4
	// firstWait is how long it is waited before it is asked again. Each wait is twice the one before.
	firstWait = 500 * time.Millisecond
)

// Options are how stores are asked. Env, Now and Read are required.
type Options struct {
	// Transport is what requests are made by.
	Transport *http.Transport
	// Env returns a variable of the pod, by which the cluster says who it is.
	Env func(name string) string
	// Read reads a file, such as that with the token of the account.
	Read func(file string) ([]byte, error)
	// Token is the file with the token of the account for a store.
	Token func(store string) string
	Now   func() time.Time
	// Wait waits between two attempts.
	Wait func(ctx context.Context, d time.Duration) error
}

// Error is a secret that cannot be read. Its text names it, and has no value.
type Error struct {
	// Variable is the one that was to have the value.
	Variable string
	Ref      v1alpha1.SecretRef
	Reason   secretref.Reason
	// said is what was asked and how it went, such as "vault.acme.example answers 403".
	said error
}

// Error says which secret, and why.
func (e *Error) Error() string {
	return fmt.Sprintf("the variable %s: the secret %s %s: %v", e.Variable, secretref.Where(e.Ref), e.Reason, e.said)
}

// Unwrap returns what was said.
func (e *Error) Unwrap() error { return e.said }

// refusedError is a request that did not lead to a secret.
type refusedError struct {
	reason secretref.Reason
	text   string
}

// Error says how it went.
func (e *refusedError) Error() string { return e.text }

func refused(reason secretref.Reason, format string, args ...any) error {
	return &refusedError{reason, fmt.Sprintf(format, args...)}
}

// reasonOf is why something failed. What nobody thought of is a refusal.
func reasonOf(err error) secretref.Reason {
	if r, ok := errors.AsType[*refusedError](err); ok {
		return r.reason
	}
	return secretref.Refused
}

// document is a secret as a store has it: a text, a table, or a text that may be one.
type document struct {
	text    string
	members map[string]json.RawMessage
}

// store is where secrets are.
type store interface {
	read(ctx context.Context, ref v1alpha1.SecretRef) (document, error)
	// leave has the store forget what was needed to read.
	leave(ctx context.Context)
}

// Read returns the values of the secrets of a plan, by variable. The first that cannot be read is an [Error].
func Read(ctx context.Context, o Options, plan secretref.Plan) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	stores := map[string]store{}
	defer func() {
		for _, s := range stores {
			s.leave(ctx)
		}
	}()
	known := map[v1alpha1.SecretRef]document{}
	out := make(map[string]string, len(plan.Secrets))
	for _, variable := range slices.Sorted(maps.Keys(plan.Secrets)) {
		ref := plan.Secrets[variable]
		failed := func(err error) error { return &Error{variable, ref, reasonOf(err), err} }
		if stores[ref.Store] == nil {
			s, err := o.open(ref.Store, plan.Stores[ref.Store])
			if err != nil {
				return nil, failed(err)
			}
			stores[ref.Store] = s
		}
		whole := v1alpha1.SecretRef{Store: ref.Store, Name: ref.Name, Version: ref.Version}
		found, before := known[whole]
		if !before {
			err := o.again(ctx, func() (err error) {
				found, err = stores[ref.Store].read(ctx, ref)
				return err
			})
			if err != nil {
				return nil, failed(err)
			}
			known[whole] = found
		}
		value, err := found.value(ref.Key)
		if err != nil {
			return nil, failed(err)
		}
		out[variable] = value
	}
	return out, nil
}

// open makes the client of a store. It asks nobody yet.
func (o Options) open(name string, s v1alpha1.SecretStore) (store, error) {
	client := func(transport *http.Transport) *http.Client {
		return &http.Client{Transport: transport, Timeout: callTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	switch s.Provider {
	case v1alpha1.AWSSecretsManager, v1alpha1.AWSParameterStore:
		return &awsStore{o: o, client: client(o.Transport), declared: s}, nil
	case v1alpha1.AzureKeyVault:
		return &azureStore{o: o, client: client(o.Transport), declared: s}, nil
	case v1alpha1.GoogleSecretManager:
		return &googleStore{o: o, client: client(o.Transport), declared: s}, nil
	case v1alpha1.Vault:
		transport, err := trusting(o.Transport, s.CA)
		return &vaultStore{o: o, client: client(transport), declared: s, name: name}, err
	}
	return nil, refused(secretref.Refused, "the store %q is of no provider that this program knows", name)
}

// again asks again while a store does not answer.
func (o Options) again(ctx context.Context, ask func() error) error {
	for i, wait := 1, firstWait; ; i, wait = i+1, 2*wait {
		err := ask()
		if err == nil || reasonOf(err) != secretref.Unreachable || i == attempts {
			return err
		}
		if stopped := o.Wait(ctx, wait); stopped != nil {
			return err
		}
	}
}

// value is the whole of a secret, or one of its keys.
func (d document) value(key string) (string, error) {
	value := d.text
	if key != "" {
		members := d.members
		if members == nil && json.Unmarshal([]byte(d.text), &members) != nil {
			return "", refused(secretref.NoKey, "it is no JSON object")
		}
		raw, has := members[key]
		if !has || string(raw) == "null" {
			return "", refused(secretref.NoKey, "it has %d keys", len(members))
		}
		if json.Unmarshal(raw, &value) != nil {
			value = string(raw) // a number, or a part that is JSON itself
		}
	}
	switch {
	case len(value) > maxValue:
		return "", refused(secretref.Unusable, "it is longer than %d KiB", maxValue>>10)
	case strings.Contains(value, "\x00"):
		return "", refused(secretref.Unusable, "it is binary")
	}
	return value, nil
}
