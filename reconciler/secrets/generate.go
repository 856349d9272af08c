// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/rand"
	"encoding/base64"
	"maps"
	"math/big"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/generated"
)

// Generate returns what makes the values of a Secret that is declared to have some made; nil for any other object. The function
// is handed the Secret as it is, nil for one that is not there, and returns the fields to apply to it; nil if there are none.
// Values that are there and kept are among them: they stay then, whoever has owned them and does not declare them any more.
func Generate(o *unstructured.Unstructured) (func(live *unstructured.Unstructured) map[string]any, error) {
	spec, err := generated.Of(o.Object)
	if spec == nil {
		return nil, err
	}
	return func(live *unstructured.Unstructured) map[string]any {
		var before map[string]any
		if live != nil {
			before = live.Object
		}
		pending := spec.Pending(before)
		if !pending.Due {
			return nil
		}
		data := map[string]any{}
		if had, ok := before["data"].(map[string]any); ok {
			maps.Copy(data, had)
		}
		for _, key := range pending.Keys {
			data[key] = base64.StdEncoding.EncodeToString(draw(spec.Keys[key]))
		}
		return map[string]any{
			"metadata": map[string]any{"annotations": map[string]any{generated.MadeAnnotation: strconv.Itoa(pending.Revision)}}, "data": data,
		}
	}, nil
}

// draw makes a value. Each letter of the alphabet is as likely as any other.
func draw(key generated.Key) []byte {
	letters, out := []byte(key.Alphabet), make([]byte, key.Length)
	for i := range out {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			panic(err) // the reader never fails: the process would have ended
		}
		out[i] = letters[n.Int64()]
	}
	return out
}
