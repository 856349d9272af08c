// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/data"
	"trunkline.dev/trunkline/flow/given"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/rights"
	"trunkline.dev/trunkline/flow/rights/document"
	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/test/s3test"
)

const enforced = `
apiVersion: trunkline.dev/v1alpha1
kind: Platform
metadata: {name: acme}
---
apiVersion: trunkline.dev/v1alpha1
kind: Cluster
metadata: {name: one}
---
apiVersion: trunkline.dev/v1alpha1
kind: Environment
metadata: {name: prod}
spec:
  clusters: [one]
  stores: {lake: "s3://lake"}
  lots: {manifests: "s3://manifests/<environment>/<project>/"}
  identity: {eks.amazonaws.com/role-arn: "arn:aws:iam::123456789012:role/<identity>"}
---
apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  environments: [prod]
  image: a/b:1
  datasets:
    - {name: raw, version: "1", path: "lake://orders/", external: true, lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: other, version: "1", path: "lake://orders-2/", external: true, lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: clean, version: "1", path: "lake://clean/", lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: copies, version: "1", path: "lake://copies/", lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
  workloads:
    - {name: clean, blueprint: container-job, identity: orders-clean, command: [a], reads: {main: raw@1}, writes: {main: clean@1}}
    - {name: copy, blueprint: copy, identity: orders-copy, reads: {main: raw@1}, writes: {main: copies@1}}
`

// enforcing is an S3 that refuses what no policy allows.
type enforcing struct {
	*s3test.Server

	cat *catalog.Catalog
	l   lot.Lot
}

// as has the clients of the test be a user; empty: the owner of the server.
func (e *enforcing) as(t *testing.T, user string) *data.Stores {
	t.Helper()
	for _, v := range e.Env() {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	t.Setenv("AWS_REGION", "us-east-1")
	if user != "" {
		t.Setenv("AWS_ACCESS_KEY_ID", user)
		t.Setenv("AWS_SECRET_ACCESS_KEY", user+"-secret")
	}
	stores := data.New(bucket.Options{Endpoint: e.URL})
	t.Cleanup(func() {
		if err := stores.Close(); err != nil {
			t.Error(err)
		}
	})
	return stores
}

// client is that of the owner of the server.
func (e *enforcing) client(t *testing.T) *s3.Client {
	t.Helper()
	e.as(t, "")
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = &e.URL, true })
}

// allow has each bucket do what the documents of all accounts say, for the user of that name.
func (e *enforcing) allow(t *testing.T) {
	t.Helper()
	type statement struct {
		document.Statement
		Principal map[string]string
	}
	by := map[string][]statement{}
	for _, p := range rights.Principals(rights.Accounts(e.cat), catalog.AWS) {
		if len(p.Grants) == 0 {
			continue
		}
		d, err := document.Of(p, options())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range d.Policy.(document.Statements).Statement {
			for _, name := range []string{"lake", "manifests"} {
				one := statement{s, map[string]string{"AWS": p.Members[0].Account}}
				one.Resource = nil
				for _, r := range s.Resource {
					if rest, ours := strings.CutPrefix(r, "arn:aws:s3:::"+name); ours && (rest == "" || rest[0] == '/') {
						one.Resource = append(one.Resource, r)
					}
				}
				if len(one.Resource) > 0 {
					by[name] = append(by[name], one)
				}
			}
		}
	}
	client := e.client(t)
	for name, statements := range by {
		text, err := document.JSON(map[string]any{"Version": "2012-10-17", "Statement": statements})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(name), Policy: &text}); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
}

// start is what the program of a run finds.
func (e *enforcing) start(t *testing.T, workload string, seen run.Seen) given.Run {
	t.Helper()
	r, err := run.Of(e.cat, plan.Of(e.cat, "prod"), catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "one"}, workload, e.l, "7")
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Tagged("x9").Process(seen)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, v := range p.Variables {
		env[v.Name] = v.Value.With(nil)
	}
	out, err := given.Read(env)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAStoreEnforcesIt: with its policy a program does all that its run is made for, by the requests that it makes, and the same store refuses it what is
// another's, what looks like its own, and what counts.
func TestAStoreEnforcesIt(t *testing.T) {
	e := &enforcing{Server: s3test.StartFor(t, t.TempDir(), map[string]string{
		"orders-clean": "orders-clean-secret", "orders-copy": "orders-copy-secret", "nobody": "nobody-secret",
	})}
	for _, name := range []string{"lake", "manifests"} { // by a request: a bucket that is only a folder has no list of who may do what
		if _, err := e.client(t).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
			t.Fatal(err)
		}
	}
	cat, problems, err := catalog.Load(fstest.MapFS{"trunkline.yaml": {Data: []byte(enforced)}}, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatal(err, problems)
	}
	e.cat = cat
	if e.l, err = lot.ParseID("20260102P1D000"); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	owner := e.as(t, "")
	const in = "s3://lake/orders/lot=20260102P1D000/attempt=1/"
	for folder, key := range map[string]string{in: "a.csv", "s3://lake/orders-2/": "a.csv"} {
		if err := owner.Write(ctx, folder, key, strings.NewReader("a")); err != nil {
			t.Fatal(err)
		}
	}
	raw := manifest.Manifest{State: manifest.Complete, LotID: e.l.ID(), URIType: manifest.Identifier, URIs: []string{in + "a.csv"}}
	key := manifest.Key{Dataset: manifest.Dataset{Name: "raw", Version: "1"}, Lot: e.l, State: manifest.Complete}
	const counted = "s3://manifests/prod/orders/"
	if err := store.With(ctx, counted, bucket.Options{Endpoint: e.URL}, func(s *store.Store) error { return s.Write(ctx, key, raw) }); err != nil {
		t.Fatal(err)
	}
	e.allow(t)
	seen := run.Seen{Inputs: map[string][]run.Found{"main": {{Lot: e.l, Manifest: raw}}}}

	t.Run("Copy", func(t *testing.T) {
		stores := e.as(t, "orders-copy")
		r := e.start(t, "copy", seen)
		copied, err := stores.Copy(ctx, r.Inputs[0], r.Sinks[0].Folder, data.CopyParams{Parallel: 1})
		if err != nil || copied.Objects != 1 || copied.Partial() != "" {
			t.Fatalf("%+v, %v", copied, err)
		}
		for range 2 { // the second time it is compared with what is there
			if m, err := stores.Tell(ctx, r, r.Sinks[0], ""); err != nil || len(m.URIs) != 1 {
				t.Fatalf("%v, %v", m, err)
			}
		}
		e.refused(t, stores, "copies")
	})
	t.Run("Own", func(t *testing.T) {
		stores := e.as(t, "orders-clean")
		r := e.start(t, "clean", seen)
		objects, err := stores.Objects(ctx, r.Inputs[0])
		if err != nil || len(objects) != 1 {
			t.Fatalf("%v, %v", objects, err)
		}
		var b bytes.Buffer
		if err := stores.Read(ctx, objects[0], &b); err != nil || b.String() != "a" {
			t.Fatalf("%q, %v", b.String(), err)
		}
		if former, err := stores.Former(ctx, r.Inputs[0]); err != nil || len(former) != 0 {
			t.Errorf("what its lots had before: %v, %v", former, err)
		}
		large := bytes.NewReader(make([]byte, 12<<20)) // in parts
		for path, content := range map[string]*bytes.Reader{"day=1/b": bytes.NewReader([]byte("b")), "large": large, "_temporary/0/c": bytes.NewReader(nil)} {
			if err := stores.Write(ctx, r.Sinks[0].Folder, path, content); err != nil {
				t.Error(err)
			}
		}
		if _, err := stores.Objects(ctx, given.Input{Role: "main", Location: r.Sinks[0].Location, Whole: true}); err != nil {
			t.Errorf("an earlier lot is looked for: %v", err)
		}
		if err := remove(ctx, e, r.Sinks[0].Folder, "_temporary/0/c"); err != nil {
			t.Errorf("what is no data is removed: %v", err)
		}
		if err := remove(ctx, e, r.Sinks[0].Folder, "day=1/b"); bucket.ClassOf(err) != bucket.Denied {
			t.Errorf("data are removed: %v", err)
		}
		e.refused(t, stores, "clean")
	})
	t.Run("Nobody", func(t *testing.T) { e.refused(t, e.as(t, "nobody"), "clean") })
}

// remove deletes an object.
func remove(ctx context.Context, e *enforcing, folder, key string) error {
	return bucket.With(ctx, folder, bucket.Options{Endpoint: e.URL}, func(f bucket.Folder) error { return f.Delete(ctx, key) })
}

// refused wants what no account may do that writes a dataset.
func (e *enforcing) refused(t *testing.T, stores *data.Stores, dataset string) {
	t.Helper()
	ctx := t.Context()
	list := func(folder string) func() error {
		return func() error {
			_, err := stores.Objects(ctx, given.Input{Role: "main", Location: folder, Whole: true})
			return err
		}
	}
	write := func(folder, key string) func() error {
		return func() error { return stores.Write(ctx, folder, key, strings.NewReader("x")) }
	}
	for what, do := range map[string]func() error{
		"the folder that begins like what it reads is listed": list("s3://lake/orders-2/"),
		"the whole bucket is listed":                          list("s3://lake/"),
		"manifests of others are listed":                      list("s3://manifests/prod/orders/datasets/name=other/version=1/"),
		"what it reads is written":                            write("s3://lake/orders/", "lot=20260102P1D000/attempt=1/a.csv"),
		"something is written where no attempt is":            write("s3://lake/"+dataset+"/", "a.csv"),
		"a folder is written that begins like its own":        write("s3://lake/"+dataset+"-2/", "lot=a/attempt=b/c"),
		"a manifest is written that counts":                   write("s3://manifests/prod/orders/", "datasets/name="+dataset+"/version=1/lot=20260102P1D000/state=complete/manifest.json"),
		"what it reads is deleted":                            func() error { return remove(ctx, e, "s3://lake/orders/", "lot=20260102P1D000/attempt=1/a.csv") },
		"a manifest that counts is deleted": func() error {
			return remove(ctx, e, "s3://manifests/prod/orders/", "datasets/name=raw/version=1/lot=20260102P1D000/state=complete/manifest.json")
		},
		"something of the platform's own records is listed":   list("s3://manifests/prod/trunkline-lots/"),
		"an object is read that begins like what may be read": func() error { return read(ctx, e, "s3://lake/orders-2/", "a.csv") },
	} {
		if err := do(); bucket.ClassOf(err) != bucket.Denied {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// read reads an object by its key, without listing.
func read(ctx context.Context, e *enforcing, folder, key string) error {
	return bucket.With(ctx, folder, bucket.Options{Endpoint: e.URL}, func(f bucket.Folder) error {
		_, err := f.Read(ctx, key, 100)
		return err
	})
}
