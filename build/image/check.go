// SPDX-License-Identifier: Apache-2.0

package image

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	// maxPapers bounds how many manifests and configurations are looked at, and maxCode the layer of code, packed.
	maxPapers = 64
	maxCode   = 256 << 20
)

// OtherError says what of an image is not the other image with code on it.
type OtherError struct{ Why string }

// Error implements error.
func (e *OtherError) Error() string { return e.Why }

func otherf(format string, a ...any) error { return &OtherError{fmt.Sprintf(format, a...)} }

// Judged is an image that is another one with code on it.
type Judged struct {
	// Users are who its programs run as, one for each platform.
	Users []string
}

// NamesUser reports whether a user has a name, of which a file of the image says which number it is: the code can bring that file.
func (j Judged) NamesUser() bool {
	return slices.ContainsFunc(j.Users, func(user string) bool { return user != "" && !numeric.MatchString(user) })
}

var numeric = regexp.MustCompile(`^[0-9]+(:[0-9]+)?$`)

// Judge reports whether an image is another one with one layer of code on it, and the same in all else: how it runs, as whom, and the
// layers below. Code that was put on the other one here may be replaced. The papers are the manifests and configurations of both: what
// each is, its digest says, so it does not matter who brings them.
func Judge(of, made v1.Hash, papers [][]byte) (Judged, error) {
	if len(papers) > maxPapers {
		return Judged{}, otherf("there are more than %d manifests and configurations", maxPapers)
	}
	j := judge{papers: map[v1.Hash][]byte{}}
	for _, p := range papers {
		digest, _, err := v1.SHA256(bytes.NewReader(p))
		if err != nil {
			return Judged{}, err
		}
		j.papers[digest] = p
	}
	err := j.images(of, made)
	return Judged{j.users}, err
}

type judge struct {
	papers map[v1.Hash][]byte
	users  []string
}

// read reads a paper: one that is judged has nothing that is not known, and so could not be judged.
func (j *judge) read(digest v1.Hash, strict bool, into any) error {
	data, there := j.papers[digest]
	if !there {
		return otherf("what %s is was not sent along", digest)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if strict {
		d.DisallowUnknownFields()
	}
	if err := d.Decode(into); err != nil {
		return otherf("%s is no manifest or configuration that can be judged: %v", digest, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return otherf("%s has something behind its end", digest)
	}
	return nil
}

func (j *judge) images(of, made v1.Hash) error {
	var kind struct {
		MediaType types.MediaType `json:"mediaType"`
		Manifests []any           `json:"manifests"`
	}
	if err := j.read(of, false, &kind); err != nil {
		return err
	}
	if !kind.MediaType.IsIndex() && kind.Manifests == nil {
		return j.pair(of, made)
	}
	var before, after v1.IndexManifest
	if err := errors.Join(j.read(of, false, &before), j.read(made, true, &after)); err != nil {
		return err
	}
	if after.SchemaVersion != before.SchemaVersion || after.MediaType != cmp.Or(before.MediaType, types.OCIImageIndex) || after.Subject != nil || len(after.Annotations) > 0 || len(after.Manifests) == 0 {
		return otherf("%s is not an index such as %s", made, of)
	}
	for i := range after.Manifests {
		d := &after.Manifests[i]
		if !bound(d) || d.Platform == nil || !d.MediaType.IsImage() {
			return otherf("%s has something other than an image for a platform", made)
		}
		k := slices.IndexFunc(before.Manifests, func(b v1.Descriptor) bool { return b.Platform != nil && b.Platform.Equals(*d.Platform) })
		if k < 0 {
			return otherf("%s has an image for %s, and %s has none", made, d.Platform, of)
		}
		if err := j.pair(before.Manifests[k].Digest, d.Digest); err != nil {
			return fmt.Errorf("the image for %s: %w", d.Platform, err)
		}
	}
	return nil
}

// bound reports whether a descriptor says no more than what something is.
func bound(d *v1.Descriptor) bool {
	return len(d.URLs) == 0 && len(d.Annotations) == 0 && len(d.Data) == 0 && d.ArtifactType == ""
}

// pair judges an image against another one.
func (j *judge) pair(of, made v1.Hash) error {
	var before, after v1.Manifest
	if err := errors.Join(j.read(of, false, &before), j.read(made, true, &after)); err != nil {
		return err
	}
	var was, is v1.ConfigFile
	if err := errors.Join(j.read(before.Config.Digest, false, &was), j.read(after.Config.Digest, true, &is)); err != nil {
		return err
	}
	// OCI lets manifests leave their media type out.
	if !cmp.Or(after.MediaType, types.OCIManifestSchema1).IsImage() || after.MediaType != before.MediaType || after.SchemaVersion != before.SchemaVersion || after.Config.MediaType != before.Config.MediaType ||
		after.Subject != nil || after.ArtifactType != before.ArtifactType || !bound(&after.Config) || !maps.Equal(after.Annotations, before.Annotations) {
		return otherf("its manifest %s says more than that it is %s with code", made, of)
	}
	below := len(before.Layers)
	if hasCode(&before, &was) {
		below--
	}
	if len(after.Layers) != below+1 || len(is.RootFS.DiffIDs) != below+1 || len(was.RootFS.DiffIDs) < below {
		return otherf("it has %d layers, and %s with one of code has %d", len(after.Layers), of, below+1)
	}
	for i := range below {
		if !reflect.DeepEqual(after.Layers[i], before.Layers[i]) || is.RootFS.DiffIDs[i] != was.RootFS.DiffIDs[i] {
			return otherf("its layer %d is not that of %s", i+1, of)
		}
	}
	if code := after.Layers[below]; !bound(&code) || code.Platform != nil || code.Size > maxCode || code.MediaType != types.OCILayer && code.MediaType != types.DockerLayer {
		return otherf("its last layer is none of files, or has more than %d MiB", maxCode>>20)
	}
	if !hasCode(&after, &is) {
		return otherf("its label %s does not name its last layer", codeLabel)
	}
	if field := differs(was, is); field != "" {
		return otherf("its %s is not that of %s", field, of)
	}
	j.users = append(j.users, is.Config.User)
	return nil
}

// differs returns what of an image is another one than before, beside its layers.
func differs(was, is v1.ConfigFile) string {
	for _, c := range []*v1.ConfigFile{&was, &is} {
		c.RootFS.DiffIDs, c.History = nil, nil
		c.Config.Labels = maps.Clone(c.Config.Labels)
		delete(c.Config.Labels, codeLabel)
		if len(c.Config.Labels) == 0 {
			c.Config.Labels = nil
		}
	}
	if field := differing(reflect.ValueOf(was.Config), reflect.ValueOf(is.Config)); field != "" {
		return field
	}
	was.Config, is.Config = v1.Config{}, v1.Config{}
	return differing(reflect.ValueOf(was), reflect.ValueOf(is))
}

// differing returns the name of a field that differs.
func differing(a, b reflect.Value) string {
	for i := range a.NumField() {
		if !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			return a.Type().Field(i).Name
		}
	}
	return ""
}

// PapersOf are the manifests and configurations of an image: of the images of a platform, and the index that has them.
func PapersOf(index v1.ImageIndex, images []Platform) ([][]byte, error) {
	var out [][]byte
	if index != nil {
		raw, err := index.RawManifest()
		if err != nil {
			return nil, err
		}
		out = append(out, raw)
	}
	for _, p := range images {
		manifest, err := p.RawManifest()
		if err != nil {
			return nil, err
		}
		config, err := p.RawConfigFile()
		if err != nil {
			return nil, err
		}
		out = append(out, manifest, config)
	}
	return out, nil
}
