// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

const (
	// maxArchive bounds an archive as it is fetched, and maxUnpacked all that comes out of it, with what the format has around.
	maxArchive  = 32 << 20
	maxUnpacked = 64 << 20
	maxFiles    = 10_000
	maxDepth    = 32
	maxName     = 1024
)

var errTooLarge = fmt.Errorf("it is more than %d MiB unpacked", maxUnpacked>>20)

// unpack reads a tar archive that gzip has packed. In that of a chart everything is in a folder with the chart's name, which is left out.
func unpack(archive []byte, chart bool) (*tree, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, unfitf("it is no archive that gzip has packed: %w", err)
	}
	u := unpacking{files: map[string][]byte{}, folders: map[string]bool{}, chart: chart}
	in := tar.NewReader(&limited{unzipped, maxUnpacked})
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = u.add(header, in)
		}
		if err != nil {
			return nil, unfitf("unpacking it: %w", err)
		}
	}
	if len(u.files) == 0 {
		return nil, unfitf("there are no files in it")
	}
	return newTree(u.files, u.folders), nil
}

type unpacking struct {
	files   map[string][]byte
	folders map[string]bool
	chart   bool
	entries int
	// top is the folder of a chart.
	top string
}

// add reads one entry.
func (u *unpacking) add(header *tar.Header, in io.Reader) error {
	if header.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	if u.entries++; u.entries > maxFiles {
		return fmt.Errorf("it has more than %d files", maxFiles)
	}
	name, err := u.name(header.Name)
	if err != nil || name == "." {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		if _, file := u.files[name]; file {
			return fmt.Errorf("%q is a file and a folder", name)
		}
		u.folders[name] = true
		return u.above(name)
	case tar.TypeReg:
	case tar.TypeSymlink, tar.TypeLink:
		return fmt.Errorf("%q is a link; archives with links are not unpacked: put the file itself there", name)
	default:
		return fmt.Errorf("%q is neither a file nor a folder", name)
	}
	if _, twice := u.files[name]; twice || u.folders[name] {
		return fmt.Errorf("%q is there twice", name)
	}
	if err := u.above(name); err != nil {
		return err
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	u.files[name] = data
	return nil
}

// name is where an entry goes; "." for nowhere.
func (u *unpacking) name(given string) (string, error) {
	if len(given) > maxName {
		return "", fmt.Errorf("a path has more than %d characters", maxName)
	}
	name := strings.TrimSuffix(strings.TrimPrefix(given, "./"), "/")
	if name == "" {
		name = "."
	}
	if strings.Contains(name, "\\") || !fs.ValidPath(name) {
		return "", fmt.Errorf("%q leads out of the archive, or is no path", given)
	}
	if strings.Count(name, "/") > maxDepth {
		return "", fmt.Errorf("%q: folders nest deeper than %d levels", given, maxDepth)
	}
	if !u.chart || name == "." {
		return name, nil
	}
	top, below, inside := strings.Cut(name, "/")
	if u.top == "" {
		u.top = top
	}
	if top != u.top {
		return "", fmt.Errorf("%q is beside the chart's folder %q", given, u.top)
	}
	if !inside {
		return ".", nil
	}
	return below, nil
}

// above makes the folders above an entry.
func (u *unpacking) above(name string) error {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, file := u.files[dir]; file {
			return fmt.Errorf("%q is a file and a folder", dir)
		}
		u.folders[dir] = true
	}
	return nil
}

// limited fails once more was read than may be, instead of ending as if that were all.
type limited struct {
	io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTooLarge
	}
	n, err := l.Reader.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}
