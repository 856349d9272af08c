// SPDX-License-Identifier: Apache-2.0

// Command vault is HashiCorp's Vault with nothing but what tests need: its storage is in memory, it listens on a free port of the loopback interface,
// and it has the engine of keys and values and the method of authentication "kubernetes". When it answers, it prints one line of JSON with its address
// and the token of its root. It ends when its standard input does.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
	kubernetes "github.com/hashicorp/vault-plugin-auth-kubernetes"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

func main() {
	if err := run(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, in io.Reader, out io.Writer) error {
	log := hclog.New(&hclog.LoggerOptions{Output: os.Stderr, Level: hclog.Error})
	storage, err := inmem.NewInmem(nil, log)
	if err != nil {
		return fmt.Errorf("making the storage: %w", err)
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical: storage, DisableMlock: true, Logger: log,
		LogicalBackends: engines()[consts.PluginTypeSecrets], CredentialBackends: engines()[consts.PluginTypeCredential], BuiltinRegistry: registry{},
	})
	if err != nil {
		return fmt.Errorf("making the server: %w", err)
	}
	made, err := core.Initialize(ctx, &vault.InitParams{BarrierConfig: &vault.SealConfig{SecretShares: 1, SecretThreshold: 1}})
	if err != nil {
		return fmt.Errorf("initialising the server: %w", err)
	}
	if _, err := core.Unseal(made.SecretShares[0]); err != nil {
		return fmt.Errorf("unsealing the server: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	server := &http.Server{
		Handler: vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core, ListenerConfig: &configutil.Listener{}}), ReadHeaderTimeout: time.Minute,
	}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		_ = server.Close()
	}()
	if err := json.NewEncoder(out).Encode(map[string]string{"url": "http://" + l.Addr().String(), "token": made.RootToken}); err != nil {
		return fmt.Errorf("saying where it listens: %w", err)
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

// engines are what can be mounted.
func engines() map[consts.PluginType]map[string]logical.Factory {
	return map[consts.PluginType]map[string]logical.Factory{
		consts.PluginTypeSecrets: {"kv": kv.Factory}, consts.PluginTypeCredential: {"kubernetes": kubernetes.Factory},
	}
}

// registry tells the server of the engines.
type registry struct{}

var _ vault.BuiltinRegistry = registry{}

// Contains implements [vault.BuiltinRegistry].
func (registry) Contains(name string, kind consts.PluginType) bool {
	return engines()[kind][name] != nil
}

// Get implements [vault.BuiltinRegistry].
func (registry) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	factory, ok := engines()[kind][name]
	return func() (any, error) { return factory, nil }, ok
}

// Keys implements [vault.BuiltinRegistry].
func (registry) Keys(kind consts.PluginType) []string {
	return slices.Sorted(maps.Keys(engines()[kind]))
}

// DeprecationStatus implements [vault.BuiltinRegistry].
func (r registry) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, r.Contains(name, kind)
}
