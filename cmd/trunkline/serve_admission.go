// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/signers"
)

// signerFiles are the files that say who may sign commits.
type signerFiles struct{ ssh, gpg []string }

func (s *signerFiles) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&s.ssh, "verify-ssh-signers", nil, "`FILE` of allowed signers, as ssh-keygen and Git know it, whose SSH keys may sign commits; can be repeated")
	f.StringArrayVar(&s.gpg, "verify-gpg-keys", nil, "`FILE` of public OpenPGP keys that may sign commits; can be repeated")
}

// given reports whether commits have to be signed.
func (s *signerFiles) given() bool { return len(s.ssh)+len(s.gpg) > 0 }

func (s *signerFiles) names() []string { return slices.Concat(s.ssh, s.gpg) }

// read reads them.
func (s *signerFiles) read() (*signers.Signers, error) {
	var lists [2][]signers.File
	for i, names := range [][]string{s.ssh, s.gpg} {
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("reading who may sign commits: %w", err)
			}
			lists[i] = append(lists[i], signers.File{Name: name, Data: data})
		}
	}
	return signers.Read(lists[0], lists[1])
}

// watched are the files as they are now; nil if commits need not be signed.
func (s *signerFiles) watched(log *slog.Logger) (*files[*signers.Signers], error) {
	if !s.given() {
		return nil, nil //nolint:nilnil // there are none
	}
	return newFiles("the files that say who may sign commits", s.names(), s.read, time.Now, log)
}

// admission says which heads of the branch count.
type admission struct {
	signers   signerFiles
	noRewrite bool
	rewrites  []reconciler.Rewrite
}

func (a *admission) flags(f *pflag.FlagSet) {
	a.signers.flags(f)
	f.BoolVar(&a.noRewrite, "no-rewrite", false, "refuse a head of the branch that does not come after the accepted commit")
	f.Func("accept-rewrite", "with --no-rewrite: accept once that the branch left a commit for another one, `FROM..TO`, two full hashes; can be repeated", func(s string) error {
		r, err := reconciler.ParseRewrite(s)
		a.rewrites = append(a.rewrites, r)
		return err
	})
}

func (a *admission) check() error {
	if len(a.rewrites) > 0 && !a.noRewrite {
		return usagef("--accept-rewrite goes with --no-rewrite: without it every head is accepted, whatever it comes after")
	}
	return nil
}

// of returns what the follower of a store asks.
func (a *admission) of(store *git.Store, who *files[*signers.Signers]) reconciler.Admission {
	out := reconciler.Admission{NoRewrite: a.noRewrite, Rewrites: a.rewrites}
	if who == nil {
		return out
	}
	out.Verify = func(_ context.Context, commit string, accepted bool) error {
		raw, err := store.RawCommit(commit)
		if err != nil {
			return err
		}
		at := time.Now()
		if accepted {
			at = time.Time{}
		}
		_, err = who.get().Verify(signed(raw), at)
		return err
	}
	return out
}

func signed(c git.RawCommit) signers.Object {
	return signers.Object{Raw: c.Raw, Tree: c.Tree, Parents: c.Parents}
}
