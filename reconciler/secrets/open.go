// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"trunkline.dev/trunkline/api/sealed"
)

// Bounds on what is decrypted.
const (
	maxValues = 2000
	maxBytes  = 2 << 20 // of encrypted values together; the API server accepts Secrets of up to 1 MiB
)

// opener decrypts the values of one object.
type opener struct {
	doc    *document
	key    []byte
	values int
	bytes  int
}

// open returns the decrypted object, without its sops section. Each value is authenticated together with its path, so
// that none can be changed or moved, and one that the document's rule wants encrypted must be encrypted. The MAC proves
// the integrity of the sops section; it is not compared with the values, since it depends on their order in the file and
// on the comments between them, neither of which an object has.
func (doc *document) open(o map[string]any, key []byte) (map[string]any, error) {
	w := &opener{doc: doc, key: key}
	if _, err := openValue(doc.MAC, key, doc.LastModified); err != nil || !sealed.Value(doc.MAC) {
		return nil, errors.New("the mac and the lastmodified of its sops part do not belong together: one of them was changed")
	}
	out := map[string]any{}
	for _, field := range slices.Sorted(maps.Keys(o)) {
		switch field {
		case sealed.Part:
			continue
		case "apiVersion", "kind", "metadata":
			out[field] = runtime.DeepCopyJSONValue(o[field])
			continue
		}
		v, err := w.value(o[field], []string{field})
		if err != nil {
			return nil, err
		}
		out[field] = v
	}
	data, _ := out["data"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(data)) {
		// The API server would answer with an error that may repeat the value, and that looks transient.
		if text, ok := data[name].(string); !ok {
			return nil, fmt.Errorf("data.%s is not a string", name)
		} else if _, err := base64.StdEncoding.DecodeString(text); err != nil {
			return nil, fmt.Errorf("data.%s is not in base64: encode it before it is encrypted, or put it into stringData", name)
		}
	}
	return out, nil
}

func (w *opener) value(v any, path []string) (any, error) {
	at := strings.Join(path, ".")
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			child, err := w.value(v[key], append(slices.Clip(path), key))
			if err != nil {
				return nil, err
			}
			out[key] = child
		}
		return out, nil
	case []any:
		return nil, fmt.Errorf("%s is a list, and a Secret has none", at)
	case string:
		if sealed.Value(v) {
			return w.text(v, path)
		}
		if v != "" && w.doc.encrypted(path) {
			return nil, fmt.Errorf("%s is not encrypted, and by the rule of its sops part it has to be: "+
				"change the file with sops and not by hand", at)
		}
	case nil:
	default:
		if w.doc.encrypted(path) {
			return nil, fmt.Errorf("%s is not encrypted, and by the rule of its sops part it has to be: "+
				"change the file with sops and not by hand", at)
		}
	}
	return v, nil
}

// text decrypts one value.
func (w *opener) text(v string, path []string) (any, error) {
	at := strings.Join(path, ".")
	w.values++
	w.bytes += len(v)
	if w.values > maxValues || w.bytes > maxBytes {
		return nil, fmt.Errorf("it has more than %d encrypted values, or %d MiB of them", maxValues, maxBytes>>20)
	}
	plain, err := openValue(v, w.key, strings.Join(path, ":")+":")
	if err != nil {
		return nil, fmt.Errorf("%s cannot be decrypted: it was changed, or moved here from another field", at)
	}
	switch plain := plain.(type) {
	case string, bool:
		return plain, nil
	case []byte:
		return string(plain), nil
	default:
		return nil, fmt.Errorf("%s is neither a string nor a boolean: put it in quotes before it is encrypted", at)
	}
}

// Stored returns an object as it is to be sent to the API server: a Secret without stringData, see [sealed.Stored].
func Stored(o map[string]any) map[string]any {
	return sealed.Stored(o, func(text string) any { return base64.StdEncoding.EncodeToString([]byte(text)) })
}
