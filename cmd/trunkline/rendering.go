// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/builders"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/rendercache"
	"trunkline.dev/trunkline/render"
)

// workerCommand is how this program is started to run Kustomize and to evaluate programs.
const workerCommand = "worker"

func newWorker() *cobra.Command {
	return &cobra.Command{
		Use:    workerCommand,
		Short:  "Render for the process that started this one",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return builders.Work(cmd.InOrStdin(), cmd.OutOrStdout(), func() { os.Exit(exitFine) }, languages)
		},
	}
}

// Otherwise the cache would read every file that a release depends on.
var _ rendercache.Hasher = (*git.Tree)(nil)

// ownProgram is the file of this program. It can be replaced while the daemon runs; on Linux there is a name for it as
// it was started.
func ownProgram() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// buildID returns what the toolchain has written into the program to identify what it was built from. To hash all of it
// instead takes half a second, and has the kernel map most of the file.
func buildID(program string) (string, bool) {
	f, err := elf.Open(program)
	if err != nil {
		return "", false // another system's format
	}
	defer func() { _ = f.Close() }()
	section := f.Section(".note.go.buildid")
	if section == nil || section.Size > 4<<10 {
		return "", false
	}
	note, err := section.Data()
	if err != nil || len(note) < 32 {
		return "", false
	}
	sum := sha256.Sum256(note)
	return hex.EncodeToString(sum[:]), true
}

// programHash identifies this program, and with it the engines and the embedded blueprints.
func programHash() (string, error) {
	program, err := ownProgram()
	if err != nil {
		return "", err
	}
	if id, ok := buildID(program); ok {
		return id, nil
	}
	f, err := os.Open(program)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// renderer is what the daemon renders with: through the cache in its data folder, if that can be had.
func (s *serve) renderer(pool *builders.Pool, artifacts render.Artifacts, log *slog.Logger) reconciler.Renderer {
	renderer := render.New(blueprints.FS, append(daemonEngines(pool), render.WithArtifacts(artifacts))...)
	program, err := programHash()
	var cache *rendercache.Cache
	if err == nil {
		cache, err = rendercache.Open(filepath.Join(s.data, "renders"), filepath.Join(s.data, "renders.key"),
			rendercache.Options{Log: log, Now: time.Now})
	}
	if err != nil {
		log.Warn("rendering without a cache on disk; the next start takes longer", "err", err.Error())
		return renderer
	}
	return rendercache.Wrap(renderer, cache, program)
}

// cachedRenderer is what the offline commands render with: through a cache in the user's own folder, if that can be had. One
// process at a time uses it; another one renders without.
func cachedRenderer() evaluate.Renderer {
	renderer := offlineRenderer()
	dir, err := os.UserCacheDir()
	if err != nil {
		return renderer
	}
	dir = filepath.Join(dir, "trunkline")
	program, err := programHash()
	if err != nil {
		return renderer
	}
	if _, err := lock(dir); err != nil { // until the process ends
		return renderer
	}
	cache, err := rendercache.Open(filepath.Join(dir, "renders"), filepath.Join(dir, "renders.key"),
		rendercache.Options{Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		return renderer
	}
	return rendercache.Wrap(renderer, cache, program)
}
