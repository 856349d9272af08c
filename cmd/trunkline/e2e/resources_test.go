// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
	"trunkline.dev/trunkline/test/mototest"
)

// TestResources: the daemon makes the buckets that a merge declares, puts right what others change of them also after it was killed, keeps those that are not
// declared any more, removes the ones whose last declaration says so, once they are empty, and leaves those of others alone.
func TestResources(t *testing.T) {
	const region = "eu-west-1"
	mototest.New(t, region)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cloud := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	buckets := func() string {
		t.Helper()
		all, err := cloud.ListBuckets(t.Context(), &s3.ListBucketsInput{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, b := range all.Buckets {
			names = append(names, *b.Name)
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	tags := func(bucket string) map[string]string {
		t.Helper()
		out := map[string]string{}
		all, err := cloud.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &bucket})
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range all.TagSet {
			out[*tag.Key] = *tag.Value
		}
		return out
	}
	_, err = cloud.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("acme-dev-theirs"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: region},
	})
	if err != nil {
		t.Fatal(err)
	}

	repo, cluster, data := gittest.New(t), clustertest.Start(t, clustertest.Options{Name: "resources"}), t.TempDir()
	commit := func(subject, resources string) string {
		files := small("acme", "a/b:1")
		files["env.yaml"] = strings.Replace(files["env.yaml"], "clusters: [test]", "clusters: [test], resources: {via: api, region: "+region+", names: [acme-<environment>-*]}", 1)
		files["project.yaml"] += resources
		return repo.Commit(t, subject, files)
	}
	start := func() *daemon {
		return serveWith(t, binary, "--repo", repo.URL(), "--data", data, "--cluster", "test="+cluster.Kubeconfig, "--poll", "1h")
	}
	resources := func(head string, made, failed int) func(status.Platform) bool {
		return func(p status.Platform) bool {
			if p.Source.Accepted == nil || p.Source.Accepted.Hash != head || len(p.Releases) != 1 {
				return false
			}
			r := p.Releases[0].Resources
			return r != nil && r.Made == made && r.Failed == failed && r.Waiting == 0
		}
	}

	// open lets the test itself, which has no TLS, write into the bucket that is to go; the daemon puts that right.
	open := func() {
		if _, err := cloud.DeleteBucketPolicy(t.Context(), &s3.DeleteBucketPolicyInput{Bucket: aws.String("acme-dev-gone")}); err != nil {
			t.Fatal(err)
		}
	}

	head := commit("buckets", `  resources:
    buckets:
      - {name: acme-<environment>-kept, versioned: true, tags: {team: orders}}
      - {name: acme-<environment>-gone, onRemoval: remove}
      - {name: acme-<environment>-theirs}
`)
	d := start()
	p := d.await("the buckets", resources(head, 2, 1))
	if message := p.Releases[0].Resources.Message; !strings.Contains(message, "acme-dev-theirs") || !strings.Contains(message, "adopt") {
		t.Errorf("of the bucket of others it is said: %s", message)
	}
	if got := tags("acme-dev-kept"); !maps.Equal(got, map[string]string{"team": "orders", "trunkline.dev/on-removal": "keep", "trunkline.dev/owner": "acme/dev/acme"}) {
		t.Errorf("the tags of what is kept are %v", got)
	}
	if got := tags("acme-dev-gone")["trunkline.dev/owner"]; got != "acme/dev/acme" {
		t.Errorf("what is to be removed is of %q", got)
	}
	theirs, err := cloud.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: aws.String("acme-dev-theirs")})
	if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != "NoSuchTagSet" {
		t.Errorf("the bucket of others has tags: %+v, %v", theirs, err)
	}

	// What others change while no daemon runs is put right by the next one.
	d.kill()
	_, err = cloud.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: aws.String("acme-dev-kept"), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusSuspended},
	})
	if err != nil {
		t.Fatal(err)
	}
	open()
	if _, err := cloud.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("acme-dev-gone"), Key: aws.String("part"), Body: strings.NewReader("x")}); err != nil {
		t.Fatal(err)
	}
	d = start()
	d.await("the buckets once more", resources(head, 2, 1))
	versions, err := cloud.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: aws.String("acme-dev-kept")})
	if err != nil || versions.Status != types.BucketVersioningStatusEnabled {
		t.Errorf("what was changed is %+v, %v", versions, err)
	}

	// None is declared any more: one is kept, and the other waits until it is empty.
	head = commit("none", "")
	d.sync()
	p = d.await("what is to go to be looked at", resources(head, 0, 1))
	if message := p.Releases[0].Resources.Message; !strings.Contains(message, "acme-dev-gone is not declared any more and not empty") {
		t.Errorf("of the bucket that is not empty it is said: %s", message)
	}
	d.kill()
	if got := buckets(); got != "acme-dev-gone acme-dev-kept acme-dev-theirs" {
		t.Fatalf("there are %s, and one of those that are gone was not empty", got)
	}
	open()
	if _, err := cloud.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("acme-dev-gone"), Key: aws.String("part")}); err != nil {
		t.Fatal(err)
	}
	d = start()
	removed := func() bool {
		_, text := get(t, d.server+"/api/v1/history?kind=resource-removed")
		return strings.Contains(text, "acme-dev-gone")
	}
	d.await("the daemon to listen", func(p status.Platform) bool { return p.Source.Accepted != nil })
	for late := time.Now().Add(waitTimeout); !removed(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("there are %s, and the history does not say that one was removed", buckets())
		}
	}
	if got := buckets(); got != "acme-dev-kept acme-dev-theirs" {
		t.Errorf("there are %s", got)
	}
}
