// SPDX-License-Identifier: Apache-2.0

package promotion

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// BuildID identifies a build: the same content has the same id, in each environment and in any commit.
type BuildID string

// Short returns what people read of it.
func (b BuildID) Short() string { return string(b[:min(len(b), 12)]) }

const (
	// maxFiles and maxBytes bound the files of a build, and all of their content.
	maxFiles = 5000
	maxBytes = 64 << 20
	// format is part of what is hashed: another way to hash is another id.
	format = "trunkline build 1\n"
)

// Build returns the id of what the project is in an environment: the images and parameters there, the declaration as far as no
// environment changes it, and the content of the DAG files, files and schemas that it names. What only people read, such as
// the owner and descriptions, is no part of it, and neither is what an environment decides: sizes, variables, secrets,
// schedules, and whether something is suspended or left out.
func (d *Declared) Build(environment string) (BuildID, error) {
	if !d.In(environment) {
		return "", fmt.Errorf("the project %q is not deployed to %q", d.Project, environment)
	}
	files, err := d.files()
	if err != nil {
		return "", fmt.Errorf("reading the files of %q: %w", d.Project, err)
	}
	data, err := json.Marshal(struct {
		Project string               `json:"project"`
		Parts   map[string]Part      `json:"parts"`
		Spec    v1alpha1.ProjectSpec `json:"spec"`
		Files   []file               `json:"files"`
	}{d.Project, d.Parts(environment), d.common(), files})
	if err != nil {
		return "", fmt.Errorf("the parameters of %q are no values that can be compared: %w", d.Project, err)
	}
	sum := sha256.Sum256(append([]byte(format), data...))
	return BuildID(hex.EncodeToString(sum[:])), nil
}

// common returns what is declared for all environments, without what is in [Declared.Parts].
func (d *Declared) common() v1alpha1.ProjectSpec {
	s := *d.Spec
	s.Owner, s.Description, s.Tags, s.Suspend, s.Environments, s.Image, s.Promotion = "", "", nil, false, nil, v1alpha1.Image{}, v1alpha1.ProjectPromotion{}
	s.Build = nil // what came of it is the image
	s.Workloads = slices.Clone(s.Workloads)
	for i := range s.Workloads {
		w := &s.Workloads[i]
		w.Description, w.Image, w.Build, w.Params, w.Suspend, w.Exclude = "", v1alpha1.Image{}, nil, nil, false, false
	}
	s.Datasets = slices.Clone(s.Datasets)
	for i := range s.Datasets {
		s.Datasets[i].Description, s.Datasets[i].Tags = "", nil
	}
	return s
}

// file is a file of a build.
type file struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// files returns the files that the declaration names, in the order of their names, which are relative to its folder. One that
// is missing is left out: the catalog reports it.
func (d *Declared) files() ([]file, error) {
	names := map[string]bool{}
	for _, pattern := range d.Spec.Dags {
		found, err := fs.Glob(d.tree, path.Join(literal(d.Dir()), pattern))
		if err != nil && !errors.Is(err, path.ErrBadPattern) {
			return nil, err
		}
		for _, name := range found {
			names[name] = true
		}
	}
	var roots []string
	for i := range d.Spec.Workloads {
		roots = append(roots, d.Spec.Workloads[i].Files...)
	}
	for i := range d.Spec.Datasets {
		roots = append(roots, d.Spec.Datasets[i].Schema)
	}
	for _, root := range roots {
		at := path.Join(d.Dir(), root)
		if root == "" || !fs.ValidPath(at) {
			continue
		}
		err := fs.WalkDir(d.tree, at, func(name string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && !entry.IsDir() {
				names[name] = true
			}
			if err == nil && len(names) > maxFiles {
				err = fmt.Errorf("there are more than %d", maxFiles)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return d.hashed(names)
}

func (d *Declared) hashed(names map[string]bool) (out []file, err error) {
	left := int64(maxBytes)
	for name := range names {
		h := sha256.New()
		n, err := copyFile(h, d.tree, name, left)
		if err != nil {
			return nil, err
		}
		if left -= n; left < 0 {
			return nil, fmt.Errorf("they have more than %d bytes", maxBytes)
		}
		out = append(out, file{strings.TrimPrefix(name, d.Dir()+"/"), hex.EncodeToString(h.Sum(nil))})
	}
	slices.SortFunc(out, func(a, b file) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// copyFile copies at most one byte more than limit.
func copyFile(to io.Writer, tree fs.FS, name string, limit int64) (int64, error) {
	f, err := tree.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return io.Copy(to, io.LimitReader(f, limit+1))
}

// literal returns the pattern that a folder's own name alone is of, whatever the name holds.
func literal(folder string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder)
}
