// SPDX-License-Identifier: Apache-2.0

//go:build linux

package git_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// incompressible is more than a pipe and a socket hold, so that whoever writes it waits for a reader.
func incompressible(t testing.TB, bytes int) string {
	t.Helper()
	src := rand.NewChaCha8([32]byte{1})
	b := make([]byte, bytes)
	_, _ = src.Read(b)
	return fmt.Sprintf("%x", b)
}

// TestAFetchThatStopsReadingEnds covers every reason for which the pack is not read to its end, of which a full disk is
// one: the server's process waits for a reader, and must not be waited for.
func TestAFetchThatStopsReadingEnds(t *testing.T) {
	content := incompressible(t, 1<<20)
	for name, serve := range transports {
		t.Run(name, func(t *testing.T) {
			repo := gittest.New(t)
			commit := repo.Commit(t, "large", map[string]string{"a": content})
			remote, dir := serve(t, repo), t.TempDir()
			small, err := git.Open(dir, git.WithLimits(git.Limits{MaxPack: 300_000}))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				_, err := small.Fetch(t.Context(), remote)
				if err == nil || !strings.Contains(err.Error(), "300000 bytes, which are the most") {
					t.Fatalf("got %v, want the limit", err)
				}
			}
			if err := small.Close(); err != nil {
				t.Fatal(err)
			}
			large, err := git.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer large.Close()
			if head := fetch(t, large, remote); head.Commit != commit {
				t.Errorf("with room again, the head is %s", head.Commit)
			}
		})
	}
}

// TestAServerProcessThatNeverAnswers puts a program into git's place.
func TestAServerProcessThatNeverAnswers(t *testing.T) {
	cases := []struct{ name, reason, script string }{
		{"silent", "A server that says nothing costs the fetch's time.", "echo $$ >$PIDS/git; exec sleep 1000"},
		{"child", "What the server has started holds the pipe open after it.", "sleep 1000 & echo $! >$PIDS/child; echo $$ >$PIDS/git; wait"},
		{"orphan", "A server that ended leaves a process that holds the pipe.", "sleep 1000 & echo $! >$PIDS/child"},
		{"deaf", "A process that ignores the polite signals is killed.", "trap '' TERM INT HUP PIPE; echo $$ >$PIDS/git; while :; do sleep 1; done"},
		{"half", "A server may stop in the middle of a line.", "printf 00e9; echo $$ >$PIDS/git; exec sleep 1000"},
		{"babbler", "What is no answer is refused, and the process that would say more is ended.", "echo $$ >$PIDS/git; echo gibberish; exec sleep 1000"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			repo := gittest.New(t)
			repo.Commit(t, "one", map[string]string{"a": "1"})
			bin, pids := t.TempDir(), t.TempDir()
			for _, program := range []string{"git", "git-upload-pack"} {
				if err := os.WriteFile(filepath.Join(bin, program), []byte("#!/bin/sh\n"+tc.script+"\n"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
			t.Setenv("PIDS", pids)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			store := openStore(t)
			ended := make(chan error, 1)
			go func() {
				_, err := store.Fetch(ctx, mainOf(repo))
				ended <- err
			}()
			awaitFiles(t, pids, strings.Count(tc.script, ">$PIDS"))
			cancel()
			err := <-ended
			if err == nil || git.ClassOf(err) != git.Transient || tc.name != "babbler" && tc.name != "orphan" && !errors.Is(err, context.Canceled) {
				t.Errorf("%s\nGot %v", tc.reason, err)
			}
			entries, err := os.ReadDir(pids)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				awaitProcessEnd(t, filepath.Join(pids, e.Name()))
			}
		})
	}
}
