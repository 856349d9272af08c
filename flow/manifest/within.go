// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// Matches returns why a manifest is not what its key says: it is another lot's, or has another state.
func (m Manifest) Matches(key Key) error {
	switch {
	case m.LotID != key.Lot.ID():
		return fmt.Errorf("it is of the lot %.40s, and lies where that of %s has its place", m.LotID, key.Lot)
	case m.State != key.State:
		return fmt.Errorf("its state is %s, and it lies where one that is %s has its place", m.State, key.State)
	}
	return nil
}

// Within returns why a manifest does not count as what its key says: it does not match, or lists what is not in the location of its
// dataset, such as "s3://lake/orders/".
func (m Manifest) Within(key Key, location string) error {
	if err := m.Matches(key); err != nil {
		return err
	}
	around, err := newFolder(location)
	if err != nil {
		return err
	}
	for i, uri := range m.URIs {
		if !around.has(uri) {
			return fmt.Errorf("uris[%d]: %s is not in %s, where the data of %s are", i, shown(uri), location, key.Dataset)
		}
	}
	return nil
}

// folder is a location, as manifests may write it.
type folder struct{ plain, encoded string }

func newFolder(location string) (folder, error) {
	if location == "" {
		return folder{}, errors.New("nobody says where the data of its dataset are")
	}
	plain := strings.TrimSuffix(location, "/") + "/"
	return folder{canonical(plain), canonical(escaped(plain))}, nil
}

// has reports whether a URI lies in the folder, whichever way it is read: as it is written, which is what many programs do, or with what
// stands for other characters replaced. Its beginning is compared as it is written.
func (f folder) has(uri string) bool {
	uri = canonical(uri)
	for _, around := range []string{f.plain, f.encoded} {
		if rest, ok := strings.CutPrefix(uri, around); ok {
			return stays(rest)
		}
	}
	return false
}

// stays reports whether a path leads nowhere but down.
func stays(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		decoded, err := url.PathUnescape(segment)
		if err != nil || strings.ContainsAny(decoded, `/\`) || decoded == "." || decoded == ".." {
			return false
		}
	}
	return true
}

// canonical writes the schemes of Hadoop as the stores' own, and file:/data as file:///data.
func canonical(uri string) string {
	for _, scheme := range []string{"s3a://", "s3n://"} {
		if rest, ok := strings.CutPrefix(uri, scheme); ok {
			return "s3://" + rest
		}
	}
	if rest, ok := strings.CutPrefix(uri, "file:/"); ok && !strings.HasPrefix(rest, "/") {
		return "file:///" + rest
	}
	return uri
}

// URI is that of an object by its path in a location, with what a URI cannot have written with "%".
func URI(location, path string) string {
	return escaped(strings.TrimSuffix(location, "/") + "/" + path)
}

// escaped writes a location as a URI. The scheme and the store need nothing.
func escaped(location string) string {
	scheme, path, ok := strings.Cut(location, "://")
	if !ok {
		return location
	}
	segments := strings.Split(path, "/")
	for i := range segments {
		// What PathEscape leaves is what a segment may have; an "=" as in "day=1" it leaves, too.
		segments[i] = strings.NewReplacer("%3A", ":", "%2C", ",", "%3B", ";").Replace(url.PathEscape(segments[i]))
	}
	return scheme + "://" + strings.Join(segments, "/")
}

// maxURI is how many bytes a URI may have: a key of 1024 bytes, all of them written as "%xx".
const maxURI = 4096

// checkURI returns why a text can be no URI of data.
func checkURI(uri string) error {
	scheme, rest, ok := strings.Cut(uri, ":/")
	switch {
	case uri == "":
		return errors.New("it is empty")
	case len(uri) > maxURI:
		return fmt.Errorf("%s is longer than %d bytes", shown(uri), maxURI)
	case !ok || !isScheme(scheme) || strings.Trim(rest, "/") == "":
		return fmt.Errorf("%s is no address, such as s3://bucket/folder/file", shown(uri))
	case strings.ContainsAny(uri, `?#\`):
		return fmt.Errorf(`%s has a ?, # or \, which a name writes as %%3F, %%23 or %%5C`, shown(uri))
	case strings.ContainsFunc(uri, unicode.IsControl):
		return fmt.Errorf("%s has a control character", shown(uri))
	}
	if decoded, err := url.PathUnescape(uri); err != nil {
		return fmt.Errorf("%s has a %% that stands for nothing: write %%25", shown(uri))
	} else if strings.ContainsFunc(decoded, unicode.IsControl) {
		return fmt.Errorf("%s stands for a control character", shown(uri))
	}
	return nil
}

func isScheme(s string) bool {
	for i, r := range s {
		if (r < 'a' || r > 'z') && (i == 0 || (r < '0' || r > '9') && r != '+' && r != '-' && r != '.') {
			return false
		}
	}
	return s != ""
}

// shown is a URI in a message: quoted, so that it does nothing to a terminal, and not endless.
func shown(uri string) string {
	if len(uri) > 200 {
		return fmt.Sprintf("%.200q…", uri)
	}
	return fmt.Sprintf("%q", uri)
}
