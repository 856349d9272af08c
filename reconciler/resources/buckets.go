// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/resource"
)

// buckets are those of an account.
type buckets struct {
	client *s3.Client
	region string
	// elsewhere reports whether the store is not AWS'.
	elsewhere bool
}

// bucket is one that is there, while it is brought into its declared state.
type bucket struct {
	buckets

	name string
	want catalog.Resource
	done *Done
}

// ensure implements [Cloud.Ensure].
func (b buckets) ensure(ctx context.Context, r catalog.Resource, owner resource.Owner, may func(mark string) error) (done Done, err error) {
	at := bucket{b, r.Name, r, &done}
	marks := map[string]string{resource.OwnerMark: owner.String(), resource.RemovalMark: resource.RemovalKeep}
	if r.Remove {
		marks[resource.RemovalMark] = resource.RemovalRemove
	}
	tags, there, err := at.tags(ctx)
	if err != nil {
		return done, err
	}
	if !there {
		if err := at.create(ctx, marks); err != nil {
			return done, err
		}
		done.Made = true
		if tags, there, err = at.tags(ctx); err != nil || !there {
			return done, errors.Join(err, notYet(there, r.Name))
		}
	} else if err := may(tags[resource.OwnerMark]); err != nil {
		return done, err
	}
	// Whose it is comes first: what is changed after that is changed by the owner.
	if err := at.mark(ctx, tags, marks); err != nil {
		return done, err
	}
	for _, setting := range []struct {
		name   string
		ensure func(context.Context) (bool, error)
	}{
		{"publicAccess", at.private}, {"encryption", at.encrypted}, {"tlsOnly", at.tls}, {"versioned", at.versioned},
	} {
		changed, err := setting.ensure(ctx)
		switch {
		case unknown(err):
			done.Unknown = append(done.Unknown, setting.name)
		case err != nil:
			return done, said(err, fmt.Sprintf("setting %s of the bucket %s", setting.name, r.Name))
		case changed && !done.Made:
			done.Changed = append(done.Changed, setting.name)
		}
	}
	return done, nil
}

// notYet is the error that a bucket that was made cannot be seen.
func notYet(there bool, name string) error {
	if there {
		return nil
	}
	return fmt.Errorf("the bucket %s was made, and is not seen yet", name)
}

// create makes a bucket. AWS puts the marks on it as it is made, so that there is none that is nobody's.
func (b bucket) create(ctx context.Context, marks map[string]string) error {
	how := &types.CreateBucketConfiguration{}
	if b.region != anyRegion {
		how.LocationConstraint = types.BucketLocationConstraint(b.region)
	}
	if !b.elsewhere {
		how.Tags = tagSet(marks)
	}
	in := &s3.CreateBucketInput{Bucket: &b.name}
	if how.LocationConstraint != "" || how.Tags != nil {
		in.CreateBucketConfiguration = how
	}
	_, err := b.client.CreateBucket(ctx, in)
	if code(err) == "BucketAlreadyExists" {
		return fmt.Errorf("the bucket %s is another account's: names of buckets are unique in the world; choose another name", b.name)
	}
	return said(err, "making the bucket "+b.name)
}

// tags reads those of a bucket; false if there is no bucket.
func (b bucket) tags(ctx context.Context) (map[string]string, bool, error) {
	out, err := b.client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &b.name})
	switch {
	case err == nil:
		tags := map[string]string{}
		for _, t := range out.TagSet {
			tags[text(t.Key)] = text(t.Value)
		}
		return tags, true, nil
	case code(err) == "NoSuchTagSet":
		return map[string]string{}, true, nil
	case code(err) == "NoSuchBucket":
		return nil, false, nil
	case status(err) == http.StatusMovedPermanently:
		return nil, false, fmt.Errorf("the bucket %s is in another region than %s: say its region in spec.resources of the environment, or choose another name", b.name, b.region)
	case unknown(err):
		return nil, false, fmt.Errorf("the store keeps no tags of buckets, so that it cannot be known whose the bucket %s is: make it by hand", b.name)
	}
	if status(err) == http.StatusForbidden {
		return nil, false, said(err, "the bucket "+b.name+" is another account's, or its tags may not be read")
	}
	return nil, false, said(err, "reading the tags of the bucket "+b.name)
}

// mark puts the marks and the declared tags on a bucket, beside those of others.
func (b bucket) mark(ctx context.Context, tags, marks map[string]string) error {
	all := maps.Clone(tags)
	maps.Copy(all, b.want.Tags)
	maps.Copy(all, marks)
	if maps.Equal(all, tags) {
		return nil
	}
	if _, err := b.client.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &b.name, Tagging: &types.Tagging{TagSet: tagSet(all)}}); err != nil {
		doing := "putting tags on the bucket " + b.name
		if b.elsewhere {
			doing += ", by which it is known whose it is"
		}
		return said(err, doing)
	}
	switch {
	case b.done.Made:
	case tags[resource.OwnerMark] != marks[resource.OwnerMark]:
		b.done.Made = true // taken over
	default:
		b.done.Changed = append(b.done.Changed, "tags")
	}
	return nil
}

func tagSet(tags map[string]string) []types.Tag {
	out := make([]types.Tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return out
}

// private blocks all public access.
func (b bucket) private(ctx context.Context) (bool, error) {
	out, err := b.client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &b.name})
	if err != nil && code(err) != "NoSuchPublicAccessBlockConfiguration" {
		return false, err
	}
	if err == nil {
		if c := out.PublicAccessBlockConfiguration; c != nil && aws.ToBool(c.BlockPublicAcls) && aws.ToBool(c.BlockPublicPolicy) &&
			aws.ToBool(c.IgnorePublicAcls) && aws.ToBool(c.RestrictPublicBuckets) {
			return false, nil
		}
	}
	yes := aws.Bool(true)
	_, err = b.client.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: &b.name, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: yes, BlockPublicPolicy: yes, IgnorePublicAcls: yes, RestrictPublicBuckets: yes,
	}})
	return true, err
}

// encrypted has objects encrypted. Encryption by a key that others have chosen stays.
func (b bucket) encrypted(ctx context.Context) (bool, error) {
	out, err := b.client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &b.name})
	if err != nil && code(err) != "ServerSideEncryptionConfigurationNotFoundError" {
		return false, err
	}
	if err == nil && out.ServerSideEncryptionConfiguration != nil && len(out.ServerSideEncryptionConfiguration.Rules) > 0 {
		return false, nil
	}
	_, err = b.client.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: &b.name, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
		Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256}}},
	}})
	return true, err
}

// tlsSid names the statement of a bucket's policy that is ours.
const tlsSid = "TrunklineTLSOnly"

// tls refuses requests without TLS, by a statement beside those that others have written.
func (b bucket) tls(ctx context.Context) (bool, error) {
	out, err := b.client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &b.name})
	if err != nil && code(err) != "NoSuchBucketPolicy" {
		return false, err
	}
	before := ""
	if err == nil {
		before = text(out.Policy)
	}
	policy, changed, err := withTLS(before, resource.ARN(b.region), b.name)
	if err != nil || !changed {
		return false, err
	}
	_, err = b.client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &b.name, Policy: &policy})
	return true, err
}

// withTLS returns a policy with the statement that refuses requests without TLS, and reports whether it had none, or another one by that
// name.
func withTLS(before, arn, name string) (policy string, changed bool, err error) {
	ours := map[string]any{
		"Sid": tlsSid, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": []any{arn + name, arn + name + "/*"},
		"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
	}
	whole := map[string]any{"Version": "2012-10-17"}
	if before != "" {
		whole = map[string]any{}
		if err := json.Unmarshal([]byte(before), &whole); err != nil {
			return "", false, fmt.Errorf("reading the policy of the bucket %s: %w", name, err)
		}
	}
	statements, ok := whole["Statement"].([]any)
	if one, single := whole["Statement"].(map[string]any); single {
		statements, ok = []any{one}, true
	}
	if !ok && whole["Statement"] != nil {
		return "", false, fmt.Errorf("the policy of the bucket %s has statements that are none", name)
	}
	i := slices.IndexFunc(statements, func(s any) bool {
		statement, _ := s.(map[string]any)
		return statement["Sid"] == any(tlsSid)
	})
	switch {
	case i < 0:
		statements = append(slices.Clone(statements), ours)
	case same(statements[i], ours):
		return before, false, nil
	default:
		statements = slices.Clone(statements)
		statements[i] = ours
	}
	whole["Statement"] = statements
	data, err := json.Marshal(whole)
	return string(data), true, err
}

// same reports whether two values are the same JSON.
func same(a, b any) bool {
	x, err := json.Marshal(a)
	y, failed := json.Marshal(b)
	return err == nil && failed == nil && string(x) == string(y)
}

// versioned keeps older versions, or does not any more.
func (b bucket) versioned(ctx context.Context) (bool, error) {
	out, err := b.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.name})
	if err != nil {
		return false, err
	}
	want := types.BucketVersioningStatusSuspended
	if b.want.Versioned {
		want = types.BucketVersioningStatusEnabled
	}
	if out.Status == want || !b.want.Versioned && out.Status == "" {
		return false, nil
	}
	_, err = b.client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &b.name, VersioningConfiguration: &types.VersioningConfiguration{Status: want}})
	return true, err
}

// lookingAtOnce is how many buckets are asked for their tags at a time.
const lookingAtOnce = 8

// left lists the buckets that are someone's.
func (b buckets) left(ctx context.Context, mine func(mark string) (resource.Owner, bool)) ([]resource.Left, error) {
	var names []string
	in := &s3.ListBucketsInput{MaxBuckets: aws.Int32(1000)}
	if !b.elsewhere {
		in.BucketRegion = &b.region
	}
	for pages := s3.NewListBucketsPaginator(b.client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, said(err, "listing the buckets")
		}
		for _, found := range page.Buckets {
			names = append(names, text(found.Name))
		}
	}
	found := make([]*resource.Left, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lookingAtOnce)
	for i, name := range names {
		group.Go(func() error {
			tags, there, err := bucket{buckets: b, name: name}.tags(ctx)
			if status(err) == http.StatusForbidden || !there {
				return nil // it is another's, or gone by now
			}
			if owner, ok := mine(tags[resource.OwnerMark]); ok && err == nil {
				found[i] = &resource.Left{ID: string(catalog.BucketResource) + " " + name, Owner: owner, Removal: tags[resource.RemovalMark]}
			}
			return err
		})
	}
	err := group.Wait()
	return listedOf(found), err
}

func listedOf(found []*resource.Left) (out []resource.Left) {
	for _, l := range found {
		if l != nil {
			out = append(out, *l)
		}
	}
	return out
}

// remove removes a bucket that has no object and no older version.
func (b buckets) remove(ctx context.Context, name string) error {
	_, err := b.client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
	switch code(err) {
	case "NoSuchBucket":
		return nil
	case "BucketNotEmpty":
		return errors.New("the bucket " + name + " is not declared any more and not empty" + b.holds(ctx, name) + ": empty it, and it is removed, or declare it again")
	}
	return said(err, "removing the bucket "+name)
}

// holds says what is in a bucket, as in ": there are 3 objects, such as a.csv"; empty if that cannot be seen.
func (b buckets) holds(ctx context.Context, name string) string {
	const few = 10
	out, err := b.client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &name, MaxKeys: aws.Int32(few)})
	if err != nil {
		return ""
	}
	var keys []string
	for _, v := range out.Versions {
		keys = append(keys, text(v.Key))
	}
	for _, d := range out.DeleteMarkers {
		keys = append(keys, text(d.Key)+" (deleted, as a version)")
	}
	if len(keys) == 0 {
		return ""
	}
	more := fmt.Sprintf(", %d objects or versions", len(keys))
	if aws.ToBool(out.IsTruncated) {
		more = fmt.Sprintf(", %d objects or versions and more", len(keys))
	}
	return more + ", such as " + strings.ToValidUTF8(keys[0], "�")
}
