// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/resource"
)

// anyRegion is what requests to a store that is not AWS' are signed for.
const anyRegion = "us-east-1"

// AWS returns the clouds of AWS, one for each region. Buckets are those of another store if an endpoint of S3 is given. Credentials, and
// where AWS Glue is, are as AWS' own tools are told.
func AWS(endpoint string) (Clouds, error) {
	if u, err := url.Parse(endpoint); err != nil || u.User != nil || u.RawQuery != "" {
		return nil, errors.New("the endpoint of S3 is no plain URL such as https://minio.example.com; credentials are those of AWS' own tools")
	}
	var mu sync.Mutex
	opened := map[string]*account{}
	return func(ctx context.Context, r v1alpha1.EnvironmentResources) (Cloud, error) {
		mu.Lock()
		defer mu.Unlock()
		if a := opened[r.Region]; a != nil {
			return a, nil
		}
		a, err := open(ctx, endpoint, r.Region)
		if err != nil {
			return nil, err
		}
		opened[r.Region] = a
		return a, nil
	}, nil
}

// account is an account of AWS in a region.
type account struct {
	buckets buckets
	catalog *glueCatalog
}

func open(ctx context.Context, endpoint, region string) (*account, error) {
	var opts []func(*config.LoadOptions) error
	if region != "" {
		opts = append(opts, config.WithRegion(region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return nil, said(err, "opening AWS")
	}
	if cfg.Region == "" {
		if endpoint == "" {
			return nil, errors.New("nobody says in which region buckets and catalogs are: write spec.resources.region of the environment")
		}
		cfg.Region = anyRegion
	}
	a := &account{}
	a.buckets = buckets{elsewhere: endpoint != "", region: cfg.Region, client: s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.DisableLogOutputChecksumValidationSkipped = true
		if endpoint != "" {
			o.BaseEndpoint, o.UsePathStyle = &endpoint, true
		}
	})}
	a.catalog = &glueCatalog{client: clientOf(glue.NewFromConfig(cfg))}
	return a, nil
}

// Ensure implements [Cloud].
func (a *account) Ensure(ctx context.Context, r catalog.Resource, owner resource.Owner, may func(mark string) error) (Done, error) {
	switch r.Kind {
	case catalog.BucketResource:
		return a.buckets.ensure(ctx, r, owner, may)
	case catalog.DatabaseResource:
		a.catalog.used.Store(true)
		return a.catalog.ensureDatabase(ctx, r, owner, may)
	case catalog.TableResource:
		a.catalog.used.Store(true)
		return a.catalog.ensureTable(ctx, r, owner, may)
	}
	return Done{}, fmt.Errorf("there is no kind of resource %q", r.Kind)
}

// Left implements [Cloud]. Where one of the interfaces is not there or not allowed, what the other one has is returned with the error.
func (a *account) Left(ctx context.Context, platform, environment string) ([]resource.Left, error) {
	mine := func(mark string) (resource.Owner, bool) {
		owner, ok := resource.ParseOwner(mark)
		return owner, ok && owner.Platform == platform && owner.Environment == environment
	}
	found, err := a.buckets.left(ctx, mine)
	if a.buckets.elsewhere && !a.catalog.client.elsewhere && !a.catalog.used.Load() {
		return found, err // a store of one's own, and nobody has asked for a catalog
	}
	more, failed := a.catalog.left(ctx, mine)
	return append(found, more...), errors.Join(err, failed)
}

// Remove implements [Cloud].
func (a *account) Remove(ctx context.Context, l resource.Left) error {
	kind, name, _ := strings.Cut(l.ID, " ")
	switch catalog.ResourceKind(kind) {
	case catalog.BucketResource:
		return a.buckets.remove(ctx, name)
	case catalog.DatabaseResource:
		return a.catalog.removeDatabase(ctx, name)
	case catalog.TableResource:
		return a.catalog.removeTable(ctx, name)
	}
	return fmt.Errorf("there is no kind of resource %q", kind)
}

// changing is what differs in each text of the same error.
var changing = regexp.MustCompile(`(?i)(, )?(request ?id|host ?id): [^,]*`)

// said words an error: of what AWS answers, its code and message, which are the same for the same mistake.
func said(err error, doing string) error {
	if err == nil {
		return nil
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		text := api.ErrorCode()
		if m := api.ErrorMessage(); m != "" && m != text {
			text += ": " + m
		}
		if status(err) == http.StatusForbidden {
			text += "; see docs/operations.md for the rights that the daemon needs"
		}
		return fmt.Errorf("%s: %s%w", doing, text, &cause{err})
	}
	return fmt.Errorf("%s: %s%w", doing, changing.ReplaceAllString(err.Error(), ""), &cause{err})
}

// cause is an error whose text was said already.
type cause struct{ err error }

// Error says nothing more.
func (*cause) Error() string { return "" }

// Unwrap returns the error.
func (c *cause) Unwrap() error { return c.err }

// code is what AWS calls an error; empty if it answered none.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// status is the status of HTTP that came with an error; 0 if none did.
func status(err error) int {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return response.HTTPStatusCode()
	}
	return 0
}

// unknown reports whether a store knows nothing of what was asked.
func unknown(err error) bool {
	return err != nil && (code(err) == "NotImplemented" || status(err) == http.StatusNotImplemented || status(err) == http.StatusMethodNotAllowed)
}

func text(s *string) string { return aws.ToString(s) }
