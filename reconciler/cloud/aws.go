// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"golang.org/x/oauth2"
)

const (
	// eksTokenFor is for how long EKS accepts a token: https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html.
	eksTokenFor = 15 * time.Minute
	// eksPrefix begins tokens of EKS, and eksHeader names the cluster in what is signed, so that a token is good for that one only.
	eksPrefix = "k8s-aws-v1."
	eksHeader = "x-k8s-aws-id"
	// session is how AWS' own log calls us when a role is assumed.
	session = "trunkline"
)

// noAWS says what to do where there is no identity.
const noAWS = "this process has no identity in AWS (%w): give its service account a role by EKS Pod Identity or IRSA, or its machine an instance profile; docs/clouds.md says how"

// awsAccount is who we are in a region of AWS.
type awsAccount struct {
	clouds       *Clouds
	region, role string

	mu     sync.Mutex
	loaded *aws.Config
}

// awsAccount returns the one of a region. The caller holds the lock.
func (c *Clouds) awsAccount(region, role string) *awsAccount {
	key := region + " " + role
	if c.aws[key] == nil {
		c.aws[key] = &awsAccount{clouds: c, region: region, role: role}
	}
	return c.aws[key]
}

// config reads how AWS' own tools are configured, once it can be.
func (a *awsAccount) config(ctx context.Context) (aws.Config, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.loaded != nil {
		return *a.loaded, nil
	}
	options := []func(*config.LoadOptions) error{config.WithRegion(a.region)}
	if a.clouds.own { // the SDK's own trusts what AWS_CA_BUNDLE names
		options = append(options, config.WithHTTPClient(a.clouds.client))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return cfg, fmt.Errorf("reading the configuration of AWS' tools: %w", err)
	}
	if a.role != "" {
		assume := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), a.role, func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = session })
		cfg.Credentials = aws.NewCredentialsCache(assume)
	}
	a.loaded = &cfg
	return cfg, nil
}

// credentials are the ones of now, which the SDK renews.
func (a *awsAccount) credentials(ctx context.Context, cfg aws.Config) (aws.Credentials, error) {
	if cfg.Credentials == nil {
		return aws.Credentials{}, fmt.Errorf(noAWS, errors.New("there are no credentials"))
	}
	got, err := cfg.Credentials.Retrieve(ctx)
	if err != nil && a.role != "" {
		return got, fmt.Errorf("assuming the role %s: %w", a.role, err)
	}
	if err != nil {
		return got, fmt.Errorf(noAWS, err)
	}
	return got, nil
}

// endpoint is where a service of AWS is.
func (a *awsAccount) endpoint(ctx context.Context, cfg aws.Config, service string) (string, error) {
	for _, source := range cfg.ConfigSources { // AWS_ENDPOINT_URL_EKS, and the same in the file
		configured, ok := source.(interface {
			GetServiceBaseEndpoint(ctx context.Context, sdkID string) (string, bool, error)
		})
		if !ok {
			continue
		}
		if at, found, err := configured.GetServiceBaseEndpoint(ctx, service); err == nil && found {
			return at, nil
		}
	}
	if cfg.BaseEndpoint != nil {
		return *cfg.BaseEndpoint, nil
	}
	// Which domain a region is in is what the SDK knows of STS, which is in all of them.
	at, err := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sts.EndpointParameters{Region: &a.region, UseGlobalEndpoint: aws.Bool(false)})
	if err != nil {
		return "", fmt.Errorf("finding where %s is in %s: %w", service, a.region, err)
	}
	host, found := strings.CutPrefix(at.URI.Host, "sts.")
	if !found {
		return "", fmt.Errorf("where %s is in %s is not known", service, a.region)
	}
	if service == "ECR" {
		return "https://api.ecr." + host, nil
	}
	return "https://" + strings.ToLower(service) + "." + host, nil
}

// place asks EKS.
func (a *awsAccount) place(ctx context.Context, ref Ref) (place, error) {
	cfg, err := a.config(ctx)
	if err != nil {
		return place{}, err
	}
	at := ref.API
	if at == "" {
		if at, err = a.endpoint(ctx, cfg, "EKS"); err != nil {
			return place{}, err
		}
	}
	var said struct {
		Cluster struct {
			Endpoint  string `json:"endpoint"`
			Status    string `json:"status"`
			Authority struct {
				Data string `json:"data"`
			} `json:"certificateAuthority"`
		} `json:"cluster"`
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(at, "/")+"/clusters/"+url.PathEscape(ref.Cluster), nil)
	if err != nil {
		return place{}, err
	}
	if err := a.signed(ctx, cfg, req, "eks", nil, &said); err != nil {
		return place{}, a.hint(err, "eks:DescribeCluster")
	}
	if said.Cluster.Endpoint == "" {
		return place{}, fmt.Errorf("it has no API server yet: its status is %q", said.Cluster.Status)
	}
	authority, err := authorityOf(said.Cluster.Authority.Data)
	return place{withHTTPS(said.Cluster.Endpoint), authority}, err
}

// signed makes a request as whom we are.
func (a *awsAccount) signed(ctx context.Context, cfg aws.Config, req *http.Request, service string, body []byte, into any) error {
	who, err := a.credentials(ctx, cfg)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, who, req, hex.EncodeToString(sum[:]), service, a.region, a.clouds.now()); err != nil {
		return fmt.Errorf("signing a request: %w", err)
	}
	return call(cfg.HTTPClient, req, into)
}

// hint says what a refusal of AWS means.
func (a *awsAccount) hint(err error, right string) error {
	refused, ok := errors.AsType[*refusedError](err)
	switch {
	case ok && refused.code == http.StatusForbidden:
		return fmt.Errorf("%w; the role needs %s", err, right)
	case ok && refused.code == http.StatusNotFound:
		return fmt.Errorf("%w; is the region %s right, and the account?", err, a.region)
	}
	return err
}

// token makes one for a cluster: an address by which STS says who signed it, and which EKS asks. Nobody is asked for it.
func (a *awsAccount) token(ctx context.Context, ref Ref) (*oauth2.Token, error) {
	cfg, err := a.config(ctx)
	if err != nil {
		return nil, err
	}
	who, err := a.credentials(ctx, cfg)
	if err != nil {
		return nil, err
	}
	made := a.clouds.now()
	out, err := sts.NewPresignClient(sts.NewFromConfig(cfg)).PresignGetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, func(o *sts.PresignOptions) {
		o.Presigner = presigner{o.Presigner, ref.Cluster}
	})
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	ends := made.Add(eksTokenFor)
	if who.CanExpire && who.Expires.Before(ends) {
		ends = who.Expires // what signed it is not good for longer
	}
	return &oauth2.Token{AccessToken: eksPrefix + base64.RawURLEncoding.EncodeToString([]byte(out.URL)), Expiry: ends}, nil
}

// presigner signs for one cluster, and for as long as EKS allows: a header with that becomes a parameter.
type presigner struct {
	sts.HTTPPresignerV4

	cluster string
}

// PresignHTTP implements [sts.HTTPPresignerV4].
func (p presigner) PresignHTTP(
	ctx context.Context, credentials aws.Credentials, r *http.Request, hash, service, region string, at time.Time, options ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	r.Header.Set(eksHeader, p.cluster)
	r.Header.Set("X-Amz-Expires", "60") // of the address; EKS accepts the token for a quarter of an hour
	return p.HTTPPresignerV4.PresignHTTP(ctx, credentials, r, hash, service, region, at, options...)
}

// login is who we are for a registry of ECR.
func (a *awsAccount) login(ctx context.Context) (login, error) {
	cfg, err := a.config(ctx)
	if err != nil {
		return login{}, err
	}
	at, err := a.endpoint(ctx, cfg, "ECR")
	if err != nil {
		return login{}, err
	}
	body := "{}"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(at, "/")+"/", strings.NewReader(body))
	if err != nil {
		return login{}, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken")
	var said struct {
		Data []struct {
			Token   string  `json:"authorizationToken"`
			Expires float64 `json:"expiresAt"`
		} `json:"authorizationData"`
	}
	if err := a.signed(ctx, cfg, req, "ecr", []byte(body), &said); err != nil {
		return login{}, a.hint(err, "ecr:GetAuthorizationToken")
	}
	if len(said.Data) == 0 {
		return login{}, errors.New("ECR gives no token")
	}
	text, err := base64.StdEncoding.DecodeString(said.Data[0].Token)
	name, secret, found := strings.Cut(string(text), ":")
	if err != nil || !found {
		return login{}, errors.New("ECR gives a token that is none")
	}
	return login{name, secret, time.UnixMilli(int64(cmp.Or(said.Data[0].Expires, 0) * 1000))}, nil
}
