// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/cmd/trunkline/config"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/signers"
	"trunkline.dev/trunkline/reconciler/status"
)

func newVerify() *cobra.Command {
	var files signerFiles
	var from, configuration string
	cmd := &cobra.Command{
		Use:   "verify [REVISION...]",
		Short: "Say who signed commits, and whether the daemon would accept that",
		Long: `Verify holds the signatures of commits against the keys that a daemon is configured with, and
says who signed them. Without a revision it looks at HEAD.

The daemon looks at the newest commit of its branch, and so do you with the name of the branch:
whoever signs that one vouches for all that it holds.

Exit codes: 0 all are signed by one of those who may; 1 one is not; 2 usage error.`,
		Example: `  trunkline verify --verify-ssh-signers allowed_signers
  trunkline verify origin/main --config trunkline-daemon.yaml
  gpg --export --armor ann@example.com > keys.asc
  trunkline verify v1.2 HEAD~3 --verify-gpg-keys keys.asc`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if configuration != "" {
				if err := files.configured(configuration); err != nil {
					return err
				}
			}
			if len(args) == 0 {
				args = []string{"HEAD"}
			}
			commits, err := revisions(from, args) // first: with a mistake in one it does not matter who may sign
			if err != nil {
				return err
			}
			if !files.given() {
				return usagef("say who may sign: --verify-ssh-signers FILE, --verify-gpg-keys FILE, or --config FILE with one of them")
			}
			who, err := files.read()
			if err != nil {
				return &troubleError{err}
			}
			return verify(cmd, who, commits)
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from", ".", "folder in the repository")
	f.StringVar(&configuration, "config", "", "`FILE` with the configuration of a daemon, a DaemonConfiguration; flags win over it")
	files.flags(f)
	return cmd
}

// configured takes the files that were not given from the configuration of a daemon.
func (s *signerFiles) configured(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return &troubleError{fmt.Errorf("reading the configuration: %w", err)}
	}
	settings, problems := config.Read(file, data)
	if len(problems) > 0 {
		return &troubleError{errors.New(problems.String())}
	}
	for _, setting := range settings {
		switch {
		case setting.Flag == "verify-ssh-signers" && s.ssh == nil:
			s.ssh = setting.Values
		case setting.Flag == "verify-gpg-keys" && s.gpg == nil:
			s.gpg = setting.Values
		}
	}
	return nil
}

// revisions returns the commits that revisions of a repository mean.
func revisions(from string, names []string) (out []git.RawCommit, err error) {
	for _, name := range names {
		commit, err := git.OpenCommit(from, name)
		if err != nil {
			return nil, err
		}
		out = append(out, commit)
	}
	return out, nil
}

// verify prints who signed each commit, and why it does not count.
func verify(cmd *cobra.Command, who *signers.Signers, commits []git.RawCommit) error {
	failed := false
	for _, commit := range commits {
		by, err := who.Verify(signed(commit), time.Now())
		refusal, refused := errors.AsType[*signers.RefusedError](err)
		switch {
		case refused:
			failed = true
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s  refused: %s\n    hint: those who may sign: %s\n", status.Short(commit.Hash), refusal.Because, refusal.Who())
		case err == nil:
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s  signed by %s\n", status.Short(commit.Hash), by)
		}
		if err != nil {
			return err
		}
	}
	if failed {
		return errFindings
	}
	return nil
}
