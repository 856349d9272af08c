// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"trunkline.dev/trunkline/api/lot"
)

// Folder is where all manifests of a store are.
const Folder = "datasets/"

// maxName is how many bytes a name, a version or an attempt may have: with all of them, a key stays below the 1024 of object stores.
const maxName = 200

const (
	namePart, versionPart, lotPart, statePart, attemptPart = "name=", "version=", "lot=", "state=", "attempt="
	fileName                                               = "manifest.json"
)

// Dataset is what Clusterless calls a dataset: a name and a version. In a store of manifests, no two have the same.
type Dataset struct{ Name, Version string }

// String is the dataset as in "orders@1".
func (d Dataset) String() string { return d.Name + "@" + d.Version }

// Prefix is where the manifests of the dataset are in a store, as in "datasets/name=orders/version=1/".
func (d Dataset) Prefix() string {
	return Folder + namePart + d.Name + "/" + versionPart + d.Version + "/"
}

// Key is what the place of a manifest says of it.
type Key struct {
	Dataset
	Lot   lot.Lot
	State State
	// Attempt tells those of a lot in the states partial and removed apart; else it is empty.
	Attempt string
}

// LotPrefix is where the manifests of a lot are in a store.
func (k Key) LotPrefix() string { return k.Prefix() + lotPart + k.Lot.ID() + "/" }

// Path is the key of the manifest in a store, as in "datasets/name=d/version=1/lot=20260101PT5M000/state=complete/manifest.json".
func (k Key) Path() string {
	path := k.LotPrefix() + statePart + string(k.State) + "/"
	if k.State.Attempted() {
		path += attemptPart + k.Attempt + "/"
	}
	return path + fileName
}

// Check returns why there can be no manifest with this key.
func (k Key) Check() error {
	if err := errors.Join(checkName("name", k.Name), checkName("version", k.Version)); err != nil {
		return err
	}
	switch {
	case k.Lot.IsZero():
		return errors.New("it names no lot")
	case !k.State.Valid():
		return fmt.Errorf("the state is %.40q; want one of: complete, empty, partial, removed", string(k.State))
	case k.State.Attempted():
		return checkName("attempt", k.Attempt)
	case k.Attempt != "":
		return fmt.Errorf("the state %s has no attempts", k.State)
	}
	return nil
}

// checkName refuses what could be read as another name in a path, by Hive's rules too, in which "%" begins a code.
func checkName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("the %s is empty", what)
	case len(name) > maxName:
		return fmt.Errorf("the %s %.40q… is longer than %d bytes", what, name, maxName)
	case !utf8.ValidString(name), strings.ContainsAny(name, `/\%`), strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("the %s %.40q has a character that none has", what, name)
	}
	return nil
}

// ParsePath reads the key of a manifest in a store. It accepts exactly what [Key.Path] writes.
func ParsePath(path string) (Key, error) {
	k, err := parsePath(path)
	if err != nil {
		return Key{}, fmt.Errorf("%.200q is not the place of a manifest: %w", path, err)
	}
	return k, nil
}

func parsePath(path string) (k Key, err error) {
	rest, ok := strings.CutPrefix(path, Folder)
	if !ok {
		return Key{}, fmt.Errorf("it does not begin with %s", Folder)
	}
	part := func(label string) string {
		if err != nil {
			return ""
		}
		value, after, ended := strings.Cut(rest, "/")
		value, labelled := strings.CutPrefix(value, label)
		if !ended || !labelled {
			err = fmt.Errorf("%s… is missing", label)
		}
		rest = after
		return value
	}
	k.Name, k.Version = part(namePart), part(versionPart)
	id := part(lotPart)
	k.State = State(part(statePart))
	if err == nil && k.State.Attempted() {
		k.Attempt = part(attemptPart)
	}
	if err != nil {
		return Key{}, err
	}
	if k.Lot, err = lot.ParseID(id); err != nil {
		return Key{}, err
	}
	if rest != fileName {
		return Key{}, fmt.Errorf("the file is not %s", fileName)
	}
	return k, k.Check()
}

// Template is what workloads are given to write the manifests of a lot of a dataset by: a URI template (RFC 6570) with the variables
// lot, state and attempt. The root is the address of the store.
func Template(root string, d Dataset) string {
	return strings.TrimSuffix(root, "/") + "/" + d.Prefix() + lotPart + "{lot}/" + statePart + "{state}{/attempt*}/" + fileName
}
