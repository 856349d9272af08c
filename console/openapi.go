// SPDX-License-Identifier: Apache-2.0

package console

import (
	_ "embed"
	"fmt"
	"net/http"

	"sigs.k8s.io/yaml"
)

// OpenAPI is the description of all routes, in YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte

func (c *console) openAPI(w http.ResponseWriter, _ *http.Request) error {
	data, err := yaml.YAMLToJSON(OpenAPI)
	if err != nil {
		return fmt.Errorf("reading the description of the API: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(data); err != nil {
		c.opts.Log.Debug("cannot answer", "err", err.Error())
	}
	return nil
}
