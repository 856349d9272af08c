// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/logging"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"

	"trunkline.dev/trunkline/api/location"
)

// anyRegion is what requests to an S3 that is not AWS' are signed for, which has no regions.
const anyRegion = "us-east-1"

// connections are how those of a client are kept that nobody uses: how long, and how many at most. Nobody can close those of AWS' client.
type connections struct {
	idle time.Duration
	most int
}

// A process that makes clients all the time runs out of files if it keeps their connections for AWS' 90 seconds. Those of a client that is
// shared are used by as many as are at work at a time.
var (
	ownConnections    = connections{time.Second, 10}
	sharedConnections = connections{10 * time.Second, 64}
)

// openS3 makes a client of an S3. It is made here, and not by gocloud from a URL, so that all that AWS' own tools are told by their
// environment counts, and an object is deleted by one request and not by two.
func openS3(ctx context.Context, l location.Location, opts Options, how connections) (*blob.Bucket, func(ctx context.Context, key string) error, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, nil, wrap(err, "opening "+l.String())
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		if loaded, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
			o.HTTPClient = loaded.WithTransportOptions(func(t *http.Transport) { t.IdleConnTimeout, t.MaxIdleConnsPerHost = how.idle, how.most })
		}
		o.Logger = logging.Nop{}                           // what it has to say of an answer that ends early is in the error, and not for the log of who asked
		o.DisableLogOutputChecksumValidationSkipped = true // many an S3 has no checksums, and nobody can do anything about it
		if opts.Endpoint != "" {
			o.BaseEndpoint, o.UsePathStyle, o.Region = &opts.Endpoint, true, anyRegion
		}
	})
	b, err := s3blob.OpenBucket(ctx, client, l.Bucket, &s3blob.Options{RequestChecksumCalculation: cfg.RequestChecksumCalculation})
	if err != nil {
		return nil, nil, wrap(err, "opening "+l.String())
	}
	return b, func(ctx context.Context, key string) error {
		_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(l.Bucket), Key: aws.String(key)})
		return err
	}, nil
}

// etag is what a store's listing says of an object's content.
func etag(o *blob.ListObject) string {
	var listed types.Object
	switch {
	case o.As(&listed) && listed.ETag != nil:
		return strings.Trim(*listed.ETag, `"`)
	case len(o.MD5) > 0:
		return hex.EncodeToString(o.MD5)
	}
	return fmt.Sprintf("%x-%x", o.ModTime.UnixNano(), o.Size)
}

// named is the key of a listed object as the store has it. gocloud writes some characters of keys in its own way and reads them back, so
// that it would show one object by the key of another.
func named(o *blob.ListObject) string {
	var listed types.Object
	if o.As(&listed) && listed.Key != nil {
		return *listed.Key
	}
	return o.Key
}
