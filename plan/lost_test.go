// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/ownership"
)

func TestLost(t *testing.T) {
	const metadata = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
	cases := map[string]struct {
		reason, object, ours, theirs string
		want                         []string
	}{
		"Nothing": {
			reason: "A text of stringData is stored, and owned, as data.",
			object: metadata + "stringData: {key: x}\n", ours: `{"f:data":{"f:key":{}}}`,
		},
		"Text": {
			reason: "What someone has changed of it is said in the words of the declaration.",
			object: metadata + "stringData: {key: x}\ndata: {other: eA==}\n", ours: `{"f:data":{}}`, theirs: `{"f:data":{"f:key":{},"f:other":{}}}`,
			want: []string{".data.other by kubectl", ".stringData.key by kubectl"},
		},
		"Both": {
			reason: "Of a key that stands in both, the text is what is stored.",
			object: metadata + "stringData: {key: x}\ndata: {key: eQ==}\n", ours: `{}`,
			want: []string{".stringData.key by "},
		},
		"NoSecret": {
			reason: "A field of that name in another kind is what it is.",
			object: "apiVersion: x.io/v1\nkind: Thing\nmetadata: {name: s}\nstringData: {key: x}\n", ours: `{}`,
			want: []string{".stringData.key by "},
		},
		"Sealed": {
			reason: "What SOPS has put into a Secret is never in the cluster, and not lost.",
			object: metadata + "data: {key: 'ENC[AES256_GCM,data:eA==,iv:eA==,tag:eA==,type:str]'}\nsops: {mac: x, lastmodified: 'later'}\n", ours: `{"f:data":{"f:key":{}}}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(tc.object), &u.Object); err != nil {
				t.Fatal(err)
			}
			owners := ownership.Owners{Ours: tc.ours}
			if tc.theirs != "" {
				owners.Others = []ownership.Manager{{Name: "kubectl", Fields: tc.theirs}}
			}
			lost, err := plan.Lost(u, owners)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range lost {
				got = append(got, f.Path.String()+" by "+f.Manager)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
