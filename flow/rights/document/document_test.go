// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/rights"
	"trunkline.dev/trunkline/flow/rights/document"
	"trunkline.dev/trunkline/flow/rights/rightstest"
)

var update = flag.Bool("update", false, "write the goldens again")

// TestGolden: what a program of a project's own gets in each cloud.
func TestGolden(t *testing.T) {
	for _, cloud := range catalog.Providers() {
		p := principal(cloud, typical()...)
		p.Tables = []rights.Table{{Table: location.Table{Scheme: "glue", Namespace: []string{"sales"}, Name: "orders"}, Change: true}}
		o := options()
		o.Keys = map[string]string{"lake": "arn:aws:kms:eu-west-1:123456789012:key/1", "elsewhere": "arn:aws:kms:eu-west-1:123456789012:key/2"}
		d, err := document.Of(p, o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", string(cloud)+".json")
		if *update {
			if err := os.WriteFile(golden, append(got, '\n'), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
			t.Errorf("%s -want +got:\n%s", cloud, diff)
		}
	}
}

// TestDocumentsAllowWhatIsGranted holds the document of each cloud to the rights that it is of, on keys that look like each other. Where a cloud can say
// it less exactly, that is what wider says: rights that Google Cloud gives besides, within the folder itself.
func TestDocumentsAllowWhatIsGranted(t *testing.T) {
	names := []string{"orders/", "orders-2/", "Orders/", "order/", "or*ders/", "or$ders/", "or${x}ders/", "or${*}ders/", `or"ders/`, "or ders/", "orders/clean/", ""}
	keys := []string{"x", "lot=a/x", "lot=a/attempt=b/x", "lot=a/attempt=b/_x", "lot=a/attempt=b/c/.x", "_x", "lot=a/attempt=b", "Lot=a/attempt=b/x", ""}
	for cloud, of := range map[catalog.Provider]func(testing.TB, rights.Principal) verdict{catalog.AWS: ofAWS, catalog.GCP: ofGoogle, catalog.Azure: ofAzure} {
		t.Run(string(cloud), func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				var grants []rights.Grant
				for range rapid.IntRange(1, 5).Draw(r, "grants") {
					part := rapid.SampledFrom([]rights.Part{rights.Whole, rights.Attempts, rights.Hidden}).Draw(r, "part")
					g := grant(rights.Right(rapid.IntRange(1, 31).Draw(r, "rights")), rapid.SampledFrom(names).Draw(r, "folder"), part)
					if part == rights.Hidden {
						g.Rights &^= rights.List // nothing lists what is hidden alone
					}
					if cloud == catalog.GCP && part == rights.Hidden && strings.ContainsAny(g.Place.Folder, "{}") {
						continue // it is refused
					}
					if g.Rights != 0 {
						grants = append(grants, g)
					}
				}
				p := principal(cloud, grants...)
				says := of(t, p)
				scheme := map[catalog.Provider]string{catalog.AWS: "s3", catalog.GCP: "gs", catalog.Azure: "azblob"}[cloud]
				for _, folder := range names {
					for _, rest := range keys {
						for _, right := range rightstest.All() {
							key := folder + rest
							want := rightstest.Allows(&p.Needs, right, scheme, "lake", key)
							if right == rights.List || cloud != catalog.GCP {
								// What may be created may be replaced where there is one right to write.
								want = want || right == rights.Replace && rightstest.Allows(&p.Needs, rights.Create, scheme, "lake", key)
							}
							got := says(right, key)
							if got == want || cloud == catalog.GCP && got && wider(grants, right, key) {
								continue
							}
							r.Fatalf("%s of %q is %t, and granted is %t by %v", right, key, got, want, grants)
						}
					}
				}
			})
		})
	}
}

// wider reports what the roles of Google Cloud give besides: who may replace or delete may do the other, and read; and lots are told by how their folders begin.
func wider(grants []rights.Grant, right rights.Right, key string) bool {
	for _, g := range grants {
		rest, below := strings.CutPrefix(key, g.Place.Folder)
		inLots := g.Part == rights.Attempts && strings.HasPrefix(rest, rights.LotPart)
		hidden := g.Part == rights.Hidden && strings.HasPrefix(rest, rights.LotPart) && (strings.Contains(rest, "/_") || strings.Contains(rest, "/."))
		if !below || g.Part != rights.Whole && !inLots && !hidden {
			continue
		}
		changes := g.Rights&(rights.Replace|rights.Delete) != 0
		if g.Rights.Has(right) || changes && right != rights.List {
			return true
		}
	}
	return false
}

// TestRefused: what cannot be expressed is said, with what to do.
func TestRefused(t *testing.T) {
	with := func(p rights.Principal, change func(*rights.Principal)) rights.Principal {
		change(&p)
		return p
	}
	var many, wide []rights.Grant
	for i := range 200 {
		many = append(many, grant(rights.List|rights.Get, strings.Repeat("a", 30)+string(rune('a'+i%26))+strings.Repeat("b", i)+"/", rights.Whole))
		wide = append(wide, grant(rights.Get, strings.Repeat("c", i)+"/", rights.Whole))
	}
	for name, c := range map[string]struct {
		p      rights.Principal
		o      document.Options
		want   string
		reason string
	}{
		"Role":     {with(principal(catalog.AWS), func(p *rights.Principal) { p.Name = "arn:aws:iam::1:role/x" }), options(), `"arn:aws:iam::1:role/x" is not the ARN of a role`, "an account of AWS has 12 digits"},
		"LongRole": {with(principal(catalog.AWS), func(p *rights.Principal) { p.Name = "arn:aws:iam::123456789012:role/" + strings.Repeat("x", 65) }), options(), "at most 64", "the name of a role has an end"},
		"Variable": {with(principal(catalog.AWS), func(p *rights.Principal) { p.Name = "arn:aws:iam::123456789012:role/${x}" }), options(), "is not the ARN of a role", "nothing is replaced in it"},
		"Large":    {principal(catalog.AWS, many...), options(), "AWS takes 10240 of a role", "a policy has an end"},
		"Issuer":   {principal(catalog.AWS), document.Options{}, `nothing says whom the role trusts on the cluster "one"`, "who may be the role has to be known"},
		"Account":  {with(principal(catalog.GCP), func(p *rights.Principal) { p.Name = "a@example.com" }), options(), "it is no account of Google Cloud", "not everyone who has an address"},
		"Many":     {principal(catalog.GCP, wide...), options(), "Google Cloud takes 60 for one account", "bindings have an end"},
		"Braces":   {principal(catalog.GCP, grant(rights.Delete, "a{b}/", rights.Hidden)), options(), "has braces", "a template could not be told from a name"},
		"Storage":  {principal(catalog.Azure, typical()...), document.Options{DataAccess: v1alpha1.DataAccess{Issuers: options().Issuers}}, `in which storage account the container "lake" is`, "an address of Azure does not say it"},
		"Quote":    {principal(catalog.Azure, grant(rights.Get, "it's/", rights.Whole)), options(), "has ' or", "a condition would end there"},
		"Nowhere":  {with(principal(catalog.AWS), func(p *rights.Principal) { p.Cloud = "moon" }), options(), "want one of: aws, gcp, azure", "there are three"},
	} {
		if _, err := document.Of(c.p, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s: the error is %v", name, c.reason, err)
		}
	}
}

// TestTrust: only the accounts of the cluster may be the role, each by its whole name.
func TestTrust(t *testing.T) {
	p := principal(catalog.AWS)
	d, err := document.Of(p, options())
	if err != nil {
		t.Fatal(err)
	}
	s := d.Trust.(document.Statements).Statement[0]
	if got := s.Condition["StringEquals"]["oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub"]; len(s.Condition) != 1 || !cmp.Equal(got, []string{"system:serviceaccount:orders-prod:orders"}) {
		t.Errorf("it trusts %v", s.Condition)
	}
	o := options()
	o.PodIdentity = true
	if d, err = document.Of(p, o); err != nil {
		t.Fatal(err)
	}
	s = d.Trust.(document.Statements).Statement[0]
	if got := s.Condition["StringEquals"]; !cmp.Equal(got["aws:RequestTag/kubernetes-namespace"], []string{"orders-prod"}) || !cmp.Equal(got["aws:RequestTag/kubernetes-service-account"], []string{"orders"}) {
		t.Errorf("with Pod Identity it trusts %v", s.Condition)
	}
	p = principal(catalog.GCP)
	p.Name = "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/acme.svc.id.goog/subject/ns/orders-prod/sa/orders"
	if d, err = document.Of(p, o); err != nil || len(d.Trust.(document.Bindings).Bindings) != 0 {
		t.Errorf("who is the account of the cluster itself needs no other: %v, %v", d.Trust, err)
	}
}
