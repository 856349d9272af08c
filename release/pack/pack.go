// SPDX-License-Identifier: Apache-2.0

// Package pack puts programs and what goes with them into what people install: archives, packages of Debian, a formula of Homebrew.
package pack

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"trunkline.dev/trunkline/build/archive"
	"trunkline.dev/trunkline/release/source"
)

// Contents are what an archive or a package holds.
type Contents struct {
	// Version has no v before it.
	Version  string
	Platform source.Platform
	// Programs are the ones of this platform; Bill is the bill of materials of each, by its name.
	Programs []source.Program
	Bills    map[string][]byte
	// Licence and Documents are files of the repository by their names, the others are by shell or page.
	Licence     []byte
	Documents   map[string][]byte
	Completions map[string][]byte
	Pages       map[string][]byte
}

// name is what its file is called, without what says of which kind it is.
func (c Contents) name() string {
	return fmt.Sprintf("trunkline-%s-%s-%s", c.Version, c.Platform.OS, c.Platform.Arch)
}

// Archive writes the archive into a folder and returns the name of its file.
func Archive(c Contents, into string) (string, error) {
	top := c.name()
	nodes := []archive.Node{{Name: top + "/LICENSE", Mode: 0o644, Content: c.Licence}}
	for _, p := range c.Programs {
		nodes = append(nodes, archive.Node{Name: top + "/" + p.Name, Mode: 0o755, From: p.File})
	}
	for dir, in := range map[string]map[string][]byte{"": c.Documents, "completions": c.Completions, "man/man1": c.Pages} {
		for name, content := range in {
			nodes = append(nodes, archive.Node{Name: filepath.ToSlash(filepath.Join(top, dir, name)), Mode: 0o644, Content: content})
		}
	}
	for program, bill := range c.Bills {
		nodes = append(nodes, archive.Node{Name: top + "/" + program + ".spdx.json", Mode: 0o644, Content: bill})
	}
	name := filepath.Join(into, top+".tar.gz")
	return name, Create(name, func(w io.Writer) error { return writeGzip(w, nodes) })
}

// Create writes a file, all of it or an error.
func Create(name string, write func(io.Writer) error) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
	}()
	if err := write(f); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// Sum is the digest of a file, in hexadecimal digits.
func Sum(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Checksums are the digests of files in the form that "sha256sum --check" reads.
func Checksums(names []string) ([]byte, error) {
	names = slices.Clone(names)
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) })
	var out strings.Builder
	for _, name := range names {
		sum, err := Sum(name)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%s  %s\n", sum, filepath.Base(name))
	}
	return []byte(out.String()), nil
}

// writeGzip writes an archive, compressed.
func writeGzip(w io.Writer, nodes []archive.Node) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	if err := archive.WriteTar(z, nodes); err != nil {
		return err
	}
	return z.Close()
}
