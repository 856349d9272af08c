// SPDX-License-Identifier: Apache-2.0

package sealed

import "maps"

// Stored returns a Secret as the API server stores it, as far as names of fields go: without the part of SOPS, and
// with the texts of stringData in data. convert makes a value of data from a text of stringData. Another object is given
// back as it is; the object itself is not changed.
//
// Server-side apply remembers who declared stringData, which no object has afterwards, and not who owns the values in
// data that came of it. Nobody could tell then that someone has changed them, and one that is not declared any more
// would stay forever. So Trunkline never sends stringData.
func Stored(o map[string]any, convert func(string) any) map[string]any {
	if !Secret(o) {
		return o
	}
	texts, _ := o["stringData"].(map[string]any)
	if !Is(o) && len(texts) == 0 {
		return o
	}
	out := maps.Clone(o)
	if Is(o) {
		delete(out, Part)
	}
	if len(texts) == 0 {
		return out
	}
	data, isTable := o["data"].(map[string]any)
	if !isTable && o["data"] != nil {
		return out // the API server says what is wrong with it
	}
	data = maps.Clone(data)
	if data == nil {
		data = map[string]any{}
	}
	rest := map[string]any{}
	for key, v := range texts {
		if text, ok := v.(string); ok {
			data[key] = convert(text)
		} else {
			rest[key] = v // so does it here
		}
	}
	out["data"] = data
	delete(out, "stringData")
	if len(rest) > 0 {
		out["stringData"] = rest
	}
	return out
}
