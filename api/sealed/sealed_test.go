// SPDX-License-Identifier: Apache-2.0

package sealed_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/sealed"
)

type table = map[string]any

const enc = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]"

func part() table { return table{"mac": enc, "lastmodified": "2026-01-01T00:00:00Z"} }

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		reason string
		object table
		want   string // empty: nothing is wrong
	}{
		{"a Secret as SOPS wrote it", table{"apiVersion": "v1", "kind": "Secret", "metadata": table{"name": "s"}, "data": table{"a": enc}, "sops": part()}, ""},
		{"a Secret in plain", table{"apiVersion": "v1", "kind": "Secret", "data": table{"a": "YQ=="}}, ""},
		{"an encrypted name", table{"apiVersion": "v1", "kind": "Secret", "metadata": table{"name": enc}, "sops": part()}, "encrypted metadata.name"},
		{"an encrypted kind", table{"apiVersion": "v1", "kind": enc, "sops": part()}, "encrypted kind"},
		{"an encrypted label", table{"apiVersion": "v1", "kind": "Secret", "metadata": table{"labels": table{"l": enc}}, "sops": part()}, "encrypted metadata.labels.l"},
		{"a Secret that lost its part", table{"apiVersion": "v1", "kind": "Secret", "stringData": table{"a": enc}}, "encrypted stringData.a and no sops part"},
		{"a part that is none", table{"apiVersion": "v1", "kind": "Secret", "sops": table{}}, "not written by SOPS"},
		{"a ConfigMap", table{"apiVersion": "v1", "kind": "ConfigMap", "data": table{"a": enc}, "sops": part()}, "not a Secret"},
		{"a Deployment", table{"apiVersion": "apps/v1", "kind": "Deployment", "sops": part()}, "not a Secret"},
		{"an Ingress", table{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "sops": part()}, "not a Secret"},
		{"a custom kind that is decrypted in the cluster", table{"apiVersion": "isindir.github.com/v1alpha3", "kind": "SopsSecret", "spec": table{"a": enc}, "sops": part()}, ""},
		{"a field of that name with another meaning", table{"apiVersion": "example.com/v1", "kind": "Police", "sops": table{"calls": 1}}, ""},
	} {
		t.Run(test.reason, func(t *testing.T) {
			err := sealed.Check(test.object)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestStored(t *testing.T) {
	convert := func(s string) any { return "<" + s + ">" }
	for _, test := range []struct {
		reason     string
		give, want table
	}{
		{
			"texts become data, and win over it",
			table{"apiVersion": "v1", "kind": "Secret", "data": table{"a": "1", "b": "2"}, "stringData": table{"b": "3", "c": "4"}},
			table{"apiVersion": "v1", "kind": "Secret", "data": table{"a": "1", "b": "<3>", "c": "<4>"}},
		},
		{
			"the part of SOPS is not stored",
			table{"apiVersion": "v1", "kind": "Secret", "data": table{"a": enc}, "sops": part()},
			table{"apiVersion": "v1", "kind": "Secret", "data": table{"a": enc}},
		},
		{
			"what is no text stays, for the API server to refuse",
			table{"apiVersion": "v1", "kind": "Secret", "stringData": table{"a": int64(1), "b": "2"}},
			table{"apiVersion": "v1", "kind": "Secret", "data": table{"b": "<2>"}, "stringData": table{"a": int64(1)}},
		},
		{
			"no other kind is touched",
			table{"apiVersion": "example.com/v1", "kind": "Secret", "stringData": table{"a": "1"}, "sops": part()},
			table{"apiVersion": "example.com/v1", "kind": "Secret", "stringData": table{"a": "1"}, "sops": part()},
		},
	} {
		t.Run(test.reason, func(t *testing.T) {
			if diff := cmp.Diff(test.want, sealed.Stored(test.give, convert)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
