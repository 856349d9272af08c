// SPDX-License-Identifier: Apache-2.0

package pack

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	nfpmfiles "github.com/goreleaser/nfpm/v2/files"
)

// Debian writes a package of Debian into a folder and returns the name of its file. made is the time of its files.
func Debian(c Contents, made time.Time, into string) (string, error) {
	staged, err := os.MkdirTemp("", "deb")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(staged) }() // nothing depends on it
	info := &nfpm.Info{
		Name: "trunkline", Arch: c.Platform.Arch, Platform: "linux", Version: c.Version, Section: "admin", Priority: "optional",
		Maintainer: "Trunkline <noreply@trunkline.dev>", Homepage: "https://trunkline.dev", License: "Apache-2.0",
		Description: "GitOps daemon for data platforms\nTrunkline keeps Kubernetes clusters, and data in object stores, in the state that a Git\nrepository declares.",
		MTime:       made, DisableGlobbing: true,
		// git is what a repository on this machine is read by.
		Overridables: nfpm.Overridables{Recommends: []string{"ca-certificates", "git"}},
	}
	stage := stager{dir: staged, made: made}
	for _, p := range c.Programs {
		stage.add(p.File, "/usr/bin/"+p.Name, 0o755)
	}
	stage.write("/usr/share/doc/trunkline/copyright", c.Licence)
	places := map[string]string{
		"trunkline.bash": "/usr/share/bash-completion/completions/trunkline", "_trunkline": "/usr/share/zsh/vendor-completions/_trunkline",
		"trunkline.fish": "/usr/share/fish/vendor_completions.d/trunkline.fish",
	}
	for _, name := range slices.Sorted(maps.Keys(c.Completions)) {
		if to, ok := places[name]; ok {
			stage.write(to, c.Completions[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Pages)) {
		stage.zip("/usr/share/man/man1/"+name+".gz", c.Pages[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Documents)) {
		stage.zip("/usr/share/doc/trunkline/"+name+".gz", c.Documents[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Bills)) {
		stage.write("/usr/share/doc/trunkline/"+name+".spdx.json", c.Bills[name])
	}
	if stage.err != nil {
		return "", fmt.Errorf("the contents of the package: %w", stage.err)
	}
	info.Contents = stage.contents
	info = nfpm.WithDefaults(info)
	if err := nfpm.PrepareForPackager(info, "deb"); err != nil {
		return "", fmt.Errorf("the package: %w", err)
	}
	name := filepath.Join(into, deb.Default.ConventionalFileName(info))
	return name, Create(name, func(w io.Writer) error { return deb.Default.Package(info, w) })
}

// stager gathers the contents of a package as files, which is how the library wants them.
type stager struct {
	dir      string
	made     time.Time
	contents nfpmfiles.Contents
	err      error
}

func (s *stager) add(from, to string, mode os.FileMode) {
	s.contents = append(s.contents, &nfpmfiles.Content{
		Source: from, Destination: to, FileInfo: &nfpmfiles.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: s.made},
	})
}

func (s *stager) write(to string, content []byte) {
	if s.err != nil {
		return
	}
	from := filepath.Join(s.dir, fmt.Sprint(len(s.contents)))
	s.err = os.WriteFile(from, content, 0o600)
	s.add(from, to, 0o644)
}

func (s *stager) zip(to string, content []byte) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(content)
	}
	if err == nil {
		err = z.Close()
	}
	if s.err == nil {
		s.err = err
	}
	s.write(to, out.Bytes())
}
