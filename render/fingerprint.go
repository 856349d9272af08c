// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"
	"reflect"
	"slices"

	"trunkline.dev/trunkline/api/schema"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// maxNested bounds how deep the params of a workload nest; nothing that was read from a file comes near.
const maxNested = 500

// Fingerprint identifies everything of a release that its rendering depends on, apart from the tree, the embedded
// library and the program itself: two releases with the same fingerprint render to the same from the same tree. It is
// empty if there is none; then a release equals no other.
//
// Every field counts, with the type of what is in it: a template can tell 1 from 1.0, which JSON does not. Where
// something was declared does not count.
func Fingerprint(rel catalog.Release) string {
	f := fingerprint{hash: sha256.New()}
	f.add(reflect.ValueOf(rel), 0)
	if f.failed {
		return ""
	}
	return hex.EncodeToString(f.hash.Sum(nil))
}

type fingerprint struct {
	hash   hash.Hash
	failed bool
	buffer []byte
}

// position says where a thing stands, and compiled is another form of what is there already: neither changes what a release
// renders to.
var (
	position = reflect.TypeFor[v1alpha1.Position]()
	compiled = reflect.TypeFor[*schema.Schema]()
)

func (f *fingerprint) add(v reflect.Value, depth int) {
	if depth > maxNested {
		f.failed = true
	}
	if f.failed {
		return
	}
	switch v.Kind() {
	case reflect.Invalid:
		f.number(0)
	case reflect.String:
		f.text(v.String())
	case reflect.Bool:
		if v.Bool() {
			f.number(2)
		} else {
			f.number(1)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		f.number(uint64(v.Int())) //nolint:gosec // the same bits
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		f.number(v.Uint())
	case reflect.Float32, reflect.Float64:
		f.number(math.Float64bits(v.Float()))
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() || v.Type() == compiled {
			f.number(0)
			return
		}
		f.text(v.Elem().Type().String())
		f.add(v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		f.number(uint64(v.Len())) //nolint:gosec // no length is negative
		for i := range v.Len() {
			f.add(v.Index(i), depth+1)
		}
	case reflect.Map:
		f.table(v, depth)
	case reflect.Struct:
		if v.Type() == position {
			return
		}
		for _, field := range v.Fields() {
			f.add(field, depth+1)
		}
	default:
		f.failed = true
	}
}

// table adds a map by the order of its keys, which are texts everywhere.
func (f *fingerprint) table(v reflect.Value, depth int) {
	if v.Type().Key().Kind() != reflect.String {
		f.failed = true
		return
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	f.number(uint64(len(keys)))
	for _, key := range keys {
		f.text(key.String())
		f.add(v.MapIndex(key), depth+1)
	}
}

func (f *fingerprint) number(n uint64) {
	f.buffer = binary.BigEndian.AppendUint64(f.buffer[:0], n)
	f.hash.Write(f.buffer)
}

func (f *fingerprint) text(s string) {
	f.buffer = binary.BigEndian.AppendUint64(f.buffer[:0], uint64(len(s)))
	f.buffer = append(f.buffer, s...)
	f.hash.Write(f.buffer)
}
