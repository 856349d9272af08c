// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	strict "sigs.k8s.io/json"

	"trunkline.dev/trunkline/api/lot"
)

// MaxSize is how many bytes a manifest may have: 100,000 URIs of 160 characters.
const MaxSize = 16 << 20

// file is the JSON of a manifest, in Clusterless' order of fields.
type file struct {
	State   State   `json:"state"`
	Comment *string `json:"comment"`
	LotID   string  `json:"lotId"`
	URIType URIType `json:"uriType"`
	// URIs tells a list that is not there from one that is empty.
	URIs *[]string `json:"uris"`
}

// Encode returns the JSON of a manifest, byte for byte as Clusterless writes it.
func (m Manifest) Encode() []byte {
	uris := m.URIs
	if uris == nil {
		uris = []string{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(file{m.State, m.Comment, m.LotID, m.URIType, &uris}); err != nil {
		panic(err) // texts and lists of texts can always be encoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Parse reads a manifest, and refuses what no reader should rely on: what is no manifest, says a thing twice or in a way that can be
// read as two, or contradicts itself. Fields that others have added are ignored. Whether it says the truth about its lot is for
// [Manifest.Within] and the store.
func Parse(data []byte) (Manifest, error) {
	switch {
	case len(data) > MaxSize:
		return Manifest{}, fmt.Errorf("it has more than %d MiB", MaxSize>>20)
	case !utf8.Valid(data):
		return Manifest{}, errors.New("it is not UTF-8")
	}
	f := file{URIType: Identifier}
	twice, err := strict.UnmarshalStrict(data, &f, strict.DisallowDuplicateFields)
	switch {
	case err != nil:
		return Manifest{}, fmt.Errorf("it is not the JSON of a manifest: %w", err)
	case len(twice) > 0:
		return Manifest{}, fmt.Errorf("it can be read in two ways: %w", twice[0])
	case f.URIs == nil:
		return Manifest{}, errors.New(`it has no "uris"`)
	}
	m := Manifest{f.State, f.Comment, f.LotID, f.URIType, *f.URIs}
	return m, m.Check()
}

// Check returns why a manifest is none.
func (m Manifest) Check() error {
	if !m.State.Valid() {
		return fmt.Errorf("its state is %.40q; want one of: complete, empty, partial, removed", m.State)
	}
	if _, err := lot.ParseID(m.LotID); err != nil {
		return fmt.Errorf("its lotId: %w", err)
	}
	switch {
	case m.State == Empty && len(m.URIs) > 0:
		return fmt.Errorf("its state is empty, and it lists %d URIs", len(m.URIs))
	case m.State == Complete && len(m.URIs) == 0:
		return errors.New(`its state is complete, and it lists nothing: a lot without data is "empty"`)
	}
	seen := make(map[string]bool, len(m.URIs))
	for i, uri := range m.URIs {
		if err := m.URIType.check(uri); err != nil {
			return fmt.Errorf("uris[%d]: %w", i, err)
		}
		if seen[uri] {
			return fmt.Errorf("uris[%d]: %s is listed twice", i, shown(uri))
		}
		seen[uri] = true
	}
	return nil
}

// check returns why a text is no URI of the type.
func (t URIType) check(uri string) error {
	if err := checkURI(uri); err != nil {
		return err
	}
	folder := strings.HasSuffix(uri, "/")
	switch {
	case t == Identifier && folder:
		return fmt.Errorf("%s names a folder, and its uriType is identifier", shown(uri))
	case t == Path && !folder:
		return fmt.Errorf("%s does not end in /, and its uriType is path", shown(uri))
	case t != Identifier && t != Path && t != Prefix:
		return fmt.Errorf("the uriType is %.40q; want one of: identifier, path, prefix", string(t))
	}
	return nil
}
