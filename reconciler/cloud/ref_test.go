// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const subscription = "11111111-2222-3333-4444-555555555555"

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason, in string
		want       Ref
		err        string
	}{
		"EKS":          {"A region and a name.", "eks://eu-west-1/prod", Ref{Provider: AWS, Place: "eu-west-1", Cluster: "prod"}, ""},
		"Role":         {"Of another account.", "eks://eu-west-1/prod?role=arn:aws:iam::123456789012:role/a/b", Ref{Provider: AWS, Place: "eu-west-1", Cluster: "prod", Role: "arn:aws:iam::123456789012:role/a/b"}, ""},
		"GKE":          {"A project, a location and a name.", "gke://acme/europe-west1-b/prod", Ref{Provider: GCP, Owner: "acme", Place: "europe-west1-b", Cluster: "prod"}, ""},
		"AKS":          {"Resource groups may have parentheses.", "aks://" + subscription + "/rg_(1)/prod", Ref{Provider: Azure, Owner: subscription, Place: "rg_(1)", Cluster: "prod"}, ""},
		"Address":      {"A private endpoint.", "gke://acme/europe-west1/prod?address=https%3A%2F%2F10.0.0.2", Ref{Provider: GCP, Owner: "acme", Place: "europe-west1", Cluster: "prod", Address: "https://10.0.0.2"}, ""},
		"Other":        {"Another scheme is no cloud.", "file:///x", Ref{}, "no address of a cluster of a cloud"},
		"Short":        {"The region is missing.", "eks://prod", Ref{}, "write eks://REGION/CLUSTER"},
		"Long":         {"Something is left over.", "eks://eu-west-1/prod/x", Ref{}, "write eks://REGION/CLUSTER"},
		"NoRegion":     {"It is none.", "eks://europe/prod", Ref{}, `"europe" is no region of AWS`},
		"NoRole":       {"It becomes a parameter of a request.", "eks://eu-west-1/prod?role=admin", Ref{}, `"admin" is no role`},
		"ForeignRole":  {"There are none.", "gke://a/europe-west1/c?role=arn:aws:iam::123456789012:role/a", Ref{}, "in AWS only"},
		"Unknown":      {"A parameter that is misspelt is not left out in silence.", "eks://eu-west-1/prod?rol=x", Ref{}, "its parameters are"},
		"Twice":        {"Nobody knows which counts.", "eks://eu-west-1/prod?address=https://a&address=https://b", Ref{}, "each once"},
		"Plain":        {"A token would be sent in the clear.", "eks://eu-west-1/prod?address=http://10.0.0.1", Ref{}, "write https://HOST"},
		"PlainAPI":     {"As well.", "gke://a/europe-west1/c?api=http://example.com", Ref{}, "write https://HOST"},
		"User":         {"There are no passwords here.", "eks://ann:s3cret@eu-west-1/prod", Ref{}, "write eks://"},
		"Dots":         {"It would be another path of the API.", "gke://acme/../prod", Ref{}, `".." is no location`},
		"Subscription": {"It is an id.", "aks://acme/rg/prod", Ref{}, `"acme" is no subscription`},
		"Client":       {"It is an id, too.", "aks://" + subscription + "/rg/prod?client=me", Ref{}, `"me" is no client id`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tc.in)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("%s\ngot %v, want an error with %q", tc.reason, err, tc.err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("%s\n%v -want +got:\n%s", tc.reason, err, diff)
			}
		})
	}
}

// TestAddressesAreReadAsWritten: what is a reference is the same one after it was written and read.
func TestAddressesAreReadAsWritten(t *testing.T) {
	name := rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9_.()-]{0,20}`)
	rapid.Check(t, func(t *rapid.T) {
		r := Ref{Provider: rapid.SampledFrom([]Provider{AWS, GCP, Azure}).Draw(t, "provider"), Owner: name.Draw(t, "owner"), Place: name.Draw(t, "place"), Cluster: name.Draw(t, "cluster")}
		r.Address = rapid.SampledFrom([]string{"", "https://10.0.0.2:8443", "http://127.0.0.1:1/a%20b"}).Draw(t, "address")
		r.API = rapid.SampledFrom([]string{"", "https://x.example.com/a?b"}).Draw(t, "api")
		switch r.Provider {
		case AWS:
			r.Owner, r.Place = "", "eu-west-1"
			r.Role = rapid.SampledFrom([]string{"", "arn:aws-cn:iam::123456789012:role/x+y=z@a,b"}).Draw(t, "role")
		case Azure:
			r.Owner = subscription
			r.Client = rapid.SampledFrom([]string{"", subscription}).Draw(t, "client")
		case GCP:
		}
		if r.Check() != nil {
			t.Skip("it is none")
		}
		got, err := Parse(r.String())
		if diff := cmp.Diff(r, got); err != nil || diff != "" {
			t.Fatalf("%s: %v -want +got:\n%s", r, err, diff)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"eks://eu-west-1/prod", "gke://a/b/c?api=https://x", "aks://" + subscription + "/rg/c?client=" + subscription, "eks://%2e%2e/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(r.String()); err != nil || again != r {
			t.Errorf("%q is read as %+v, written as %q, and read as %+v: %v", s, r, r.String(), again, err)
		}
	})
}

func TestRegistryOf(t *testing.T) {
	cases := map[string]struct {
		reason string
		want   Provider
		region string
	}{
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com":             {"ECR.", AWS, "eu-west-1"},
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn":         {"In China.", AWS, "cn-north-1"},
		"123456789012.dkr-ecr.eu-west-1.on.aws":                    {"With IPv6.", AWS, "eu-west-1"},
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.com": {"Someone else's, who would get our token.", "", ""},
		"evil-123456789012.dkr.ecr.eu-west-1.amazonaws.com":        {"No account.", "", ""},
		"europe-docker.pkg.dev":                                    {"Artifact Registry.", GCP, ""},
		"gcr.io":                                                   {"Its predecessor.", GCP, ""},
		"eu.gcr.io":                                                {"And in a region.", GCP, ""},
		"evilgcr.io":                                               {"Someone else's.", "", ""},
		"europe-docker.pkg.dev.example.com":                        {"Someone else's.", "", ""},
		"acme.azurecr.io":                                          {"ACR.", Azure, ""},
		"acme.azurecr.io:8443":                                     {"Not on that port.", "", ""},
		".azurecr.io":                                              {"Nobody's.", "", ""},
		"ghcr.io":                                                  {"Another one.", "", ""},
	}
	for host, tc := range cases {
		p, region, found := registryOf(host)
		if found != (tc.want != "") || found && (p != tc.want || region != tc.region) {
			t.Errorf("%s: %s\ngot %q %q %t", host, tc.reason, p, region, found)
		}
	}
}
