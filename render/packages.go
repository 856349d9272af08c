// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/pack"
	"trunkline.dev/trunkline/catalog"
)

// workspace is the folder with the files of a workload.
const workspace = "/workspace"

// PackageFiles reads the packages that a project or workload uses: their files by their paths, which begin with packages/NAME. What is not what was
// released is refused.
func PackageFiles(tree fs.FS, uses []catalog.PackageUse) (map[string][]byte, error) {
	x := newExpander(tree, "")
	if err := x.packages(tree, uses); err != nil {
		return nil, err
	}
	return x.raw, nil
}

// packages adds the files of packages.
func (x *expander) packages(tree fs.FS, uses []catalog.PackageUse) error {
	for _, use := range uses {
		x.tree, x.dir, x.prefix, x.skip = walled(tree, use.Root), use.Dir, path.Join(pack.Folder, use.Name), func(name string) bool { return pack.Leavings(path.Base(name)) }
		if taken := x.below(x.prefix); taken != "" {
			return fmt.Errorf("packages: the package %s is given as %s, where the workload's own file %s is: name that otherwise", use.Name, x.prefix, taken)
		}
		if err := x.add(".", 0); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("packages: there is nothing of %s %s: no folder %s", use.Name, use.Version, use.Dir)
		} else if err != nil {
			return fmt.Errorf("packages: %s %s in %s: %w", use.Name, use.Version, use.Dir, err)
		}
		if err := x.released(use); err != nil {
			return err
		}
	}
	return nil
}

// below is a file that is in a folder, or would be it; empty if there is none.
func (x *expander) below(folder string) string {
	for name := range x.raw {
		if name == folder || strings.HasPrefix(name, folder+"/") || strings.HasPrefix(folder, name+"/") {
			return name
		}
	}
	return ""
}

// released makes sure that what was read of a version is what was released.
func (x *expander) released(use catalog.PackageUse) error {
	holds := map[string][]byte{}
	for name, data := range x.raw {
		if rest, ok := strings.CutPrefix(name, x.prefix+"/"); ok {
			holds[rest] = data
		}
	}
	switch is := pack.Digest(holds); {
	case len(holds) == 0:
		return fmt.Errorf("packages: there is nothing of %s %s: the folder %s has no files", use.Name, use.Version, use.Dir)
	case use.Digest != "" && is != use.Digest && pack.Digest(unixLines(holds)) == use.Digest:
		return fmt.Errorf("packages: the lines in %s end with CR and LF, and those of what was released as %s %s with LF: Git has changed them; write \"* -text\" into a .gitattributes there, and check it out again",
			use.Dir, use.Name, use.Version)
	case use.Digest != "" && is != use.Digest:
		return fmt.Errorf("packages: %s does not hold what was released as %s %s, which is %s; it is %s: restore it, and release what is new as another version",
			use.Dir, use.Name, use.Version, use.Digest, is)
	}
	return nil
}

// unixLines are files as Git has them where it changes the ends of lines in a checkout, as on Windows.
func unixLines(files map[string][]byte) map[string][]byte {
	out := make(map[string][]byte, len(files))
	for name, data := range files {
		out[name] = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	}
	return out
}

// WithPackages returns variables by which a program finds its packages: a variable with the folder of each, and all of them on the path of Python, behind
// what the workload itself has there. At says where a package is.
func WithPackages(env map[string]string, uses []catalog.PackageUse, at func(catalog.PackageUse) string) {
	var paths []string
	if own := env[pythonPath]; own != "" {
		paths = append(paths, own)
	}
	for _, use := range uses {
		folder := at(use)
		env[envPrefix+"PACKAGE_"+roleVariable.Replace(strings.ToUpper(use.Name))] = folder
		paths = append(paths, folder)
	}
	if len(uses) > 0 {
		env[pythonPath] = strings.Join(slices.Compact(paths), ":")
	}
}

const pythonPath = "PYTHONPATH"

// inPod is where a package is in a pod.
func inPod(use catalog.PackageUse) string { return path.Join(workspace, pack.Folder, use.Name) }
