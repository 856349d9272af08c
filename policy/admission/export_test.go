// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"

	"trunkline.dev/trunkline/policy/subject"
)

// Applied returns the object of a subject as policies see it.
func Applied(w *World, s *subject.Subject) (map[string]any, error) {
	k, err := newKinds()
	if err != nil {
		return nil, err
	}
	r, err := newRequest(k, w, s)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(r.GetObject())
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(data, &out)
}
