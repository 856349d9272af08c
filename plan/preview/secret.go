// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"trunkline.dev/trunkline/api/sealed"
)

// eachSecret finds the Secrets in an object: itself, or below it.
func eachSecret(v any, found func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		if sealed.Secret(v) {
			found(v)
			return
		}
		for _, below := range v {
			eachSecret(below, found)
		}
	case []any:
		for _, below := range v {
			eachSecret(below, found)
		}
	}
}

// valuesOf returns the values of a Secret as the programs that use it see them, and its other fields. What is no base64, or
// no text, is given as it is written: an invalid Secret is a secret too.
func valuesOf(o map[string]any) (values map[string]string, rest map[string]any) {
	values, rest = map[string]string{}, map[string]any{}
	for key, v := range o {
		if key != "data" && key != "stringData" {
			rest[key] = v
		}
	}
	for _, name := range []string{"data", "stringData"} { // the later one wins, as in the API server
		switch data := o[name].(type) {
		case nil:
		case map[string]any:
			for key, value := range data {
				values[key] = asText(value)
				if plain, err := base64.StdEncoding.DecodeString(values[key]); err == nil && name == "data" {
					values[key] = string(plain)
				}
			}
		default:
			values[name] = asText(data)
		}
	}
	return values, rest
}

func asText(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
