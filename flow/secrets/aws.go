// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// session is how AWS' own log calls a pod that has no name for that itself.
const session = "trunkline-lot"

// awsStore is Secrets Manager or the Parameter Store.
type awsStore struct {
	o        Options
	client   *http.Client
	declared v1alpha1.SecretStore
	// known are the credentials of the pod, which outlast the reading of its secrets.
	known *aws.Credentials
}

func (*awsStore) leave(context.Context) {}

// awsIDs tell ids of versions from stages.
var awsID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func (s *awsStore) read(ctx context.Context, ref v1alpha1.SecretRef) (document, error) {
	if s.declared.Provider == v1alpha1.AWSParameterStore {
		name := ref.Name
		if ref.Version != "" {
			name += ":" + ref.Version
		}
		var said struct {
			Parameter struct {
				Value *string `json:"Value"`
			} `json:"Parameter"`
		}
		if err := s.ask(ctx, "ssm", "AmazonSSM.GetParameter", map[string]any{"Name": name, "WithDecryption": true}, &said); err != nil {
			return document{}, err
		}
		if said.Parameter.Value == nil {
			return document{}, refused(secretref.Refused, "the answer has no value")
		}
		return document{text: *said.Parameter.Value}, nil
	}
	in := map[string]any{"SecretId": ref.Name}
	switch {
	case awsID.MatchString(ref.Version):
		in["VersionId"] = ref.Version
	case ref.Version != "":
		in["VersionStage"] = ref.Version
	}
	var said struct {
		String *string `json:"SecretString"`
		Binary string  `json:"SecretBinary"`
	}
	if err := s.ask(ctx, "secretsmanager", "secretsmanager.GetSecretValue", in, &said); err != nil {
		return document{}, err
	}
	if said.String != nil {
		return document{text: *said.String}, nil
	}
	data, err := base64.StdEncoding.DecodeString(said.Binary)
	if err != nil || len(data) == 0 {
		return document{}, refused(secretref.Refused, "the answer has no value")
	}
	return document{text: string(data)}, nil
}

// ask makes a request of an API of AWS that speaks JSON.
func (s *awsStore) ask(ctx context.Context, service, target string, in map[string]any, into any) error {
	at, err := s.address(ctx, service)
	if err != nil {
		return err
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", target)
	who, err := s.identity(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, who, req, hex.EncodeToString(sum[:]), service, s.declared.Region, s.o.Now()); err != nil {
		return refused(secretref.NoIdentity, "the request cannot be signed")
	}
	a, err := call(s.client, req)
	if err != nil {
		return err
	}
	if a.status == http.StatusOK {
		return a.decode(into)
	}
	return awsRefusal(a)
}

// awsReasons are what refusals of AWS mean.
var awsReasons = map[string]secretref.Reason{
	"ResourceNotFoundException": secretref.NotFound, "ParameterNotFound": secretref.NotFound, "ParameterVersionNotFound": secretref.NotFound,
	"InvalidRequestException": secretref.NotFound, // it is marked for deletion
	"AccessDeniedException":   secretref.Denied, "AccessDenied": secretref.Denied, "DecryptionFailure": secretref.Denied, "InvalidKeyId": secretref.Denied,
	"UnrecognizedClientException": secretref.NoIdentity, "InvalidSignatureException": secretref.NoIdentity, "ExpiredTokenException": secretref.NoIdentity,
	"IncompleteSignatureException": secretref.NoIdentity, "InvalidClientTokenId": secretref.NoIdentity,
	"ThrottlingException": secretref.Unreachable, "InternalServiceError": secretref.Unreachable, "InternalServerError": secretref.Unreachable,
}

// awsRefusal is an answer that is no success. AWS says in the body what it is, and almost always with the status 400.
func awsRefusal(a answer) error {
	var said struct {
		Type string `json:"__type"`
	}
	_ = json.Unmarshal(a.body, &said) // without it, the status has to do
	code, _, _ := strings.Cut(cmp.Or(a.header.Get("X-Amzn-Errortype"), said.Type), ":")
	if i := strings.LastIndexByte(code, '#'); i >= 0 {
		code = code[i+1:]
	}
	if reason, known := awsReasons[code]; known {
		return refused(reason, "%s", a.says(code))
	}
	return a.refusal(code)
}

// address is where a service is.
func (s *awsStore) address(ctx context.Context, service string) (string, error) {
	own := map[string]string{"ssm": "AWS_ENDPOINT_URL_SSM", "secretsmanager": "AWS_ENDPOINT_URL_SECRETS_MANAGER"}[service] //nolint:gosec // names of variables
	if at := cmp.Or(s.declared.Endpoint, s.o.Env(own), s.o.Env("AWS_ENDPOINT_URL")); at != "" {
		if !secretref.Secure(at) {
			return "", refused(secretref.Refused, "the address of the API is no https address")
		}
		return strings.TrimSuffix(at, "/"), nil
	}
	// Which domain a region is in is what the SDK knows of STS, which is in all of them.
	at, err := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sts.EndpointParameters{Region: &s.declared.Region, UseGlobalEndpoint: aws.Bool(false)})
	host, found := strings.CutPrefix(at.URI.Host, "sts.")
	if err != nil || !found {
		return "", refused(secretref.Refused, "where %s is in %s is not known", service, s.declared.Region)
	}
	return "https://" + service + "." + host, nil
}

// identity is who the pod is: the role of its account, by IRSA or EKS Pod Identity, or the credentials that it was given as variables. The role
// of the machine is not asked for: it is the same for all pods.
func (s *awsStore) identity(ctx context.Context) (aws.Credentials, error) {
	if s.known != nil {
		return *s.known, nil
	}
	by, err := s.provider()
	if err != nil {
		return aws.Credentials{}, err
	}
	who, err := by.Retrieve(ctx)
	if err != nil {
		return who, awsIdentityError(err)
	}
	s.known = &who
	return who, nil
}

func (s *awsStore) provider() (aws.CredentialsProvider, error) {
	env := s.o.Env
	switch key, role, file, uri := env("AWS_ACCESS_KEY_ID"), env("AWS_ROLE_ARN"), env("AWS_WEB_IDENTITY_TOKEN_FILE"), env("AWS_CONTAINER_CREDENTIALS_FULL_URI"); {
	case key != "":
		return credentials.NewStaticCredentialsProvider(key, env("AWS_SECRET_ACCESS_KEY"), env("AWS_SESSION_TOKEN")), nil
	case role != "" && file != "":
		options := sts.Options{Region: s.declared.Region, HTTPClient: s.client, Retryer: aws.NopRetryer{}}
		if at := cmp.Or(env("AWS_ENDPOINT_URL_STS"), env("AWS_ENDPOINT_URL")); at != "" && secretref.Secure(at) {
			options.BaseEndpoint = &at
		}
		return stscreds.NewWebIdentityRoleProvider(sts.New(options), role, tokenFile{s.o, file}, func(o *stscreds.WebIdentityRoleOptions) {
			o.RoleSessionName = cmp.Or(env("AWS_ROLE_SESSION_NAME"), session)
		}), nil
	case uri != "":
		if !agent(uri) {
			return nil, refused(secretref.NoIdentity, "AWS_CONTAINER_CREDENTIALS_FULL_URI names a server that is not that of EKS Pod Identity")
		}
		return endpointcreds.New(uri, func(o *endpointcreds.Options) {
			o.HTTPClient, o.Retryer, o.AuthorizationToken = s.client, aws.NopRetryer{}, env("AWS_CONTAINER_AUTHORIZATION_TOKEN")
			if file := env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); file != "" {
				o.AuthorizationTokenProvider = endpointcreds.TokenProviderFunc(func() (string, error) { return s.o.token(file) })
			}
		}), nil
	}
	return nil, refused(secretref.NoIdentity, "the pod has no role of AWS: its service account needs one by IRSA or EKS Pod Identity")
}

// agent reports whether credentials may be asked for at an address: that of EKS' own agent, a server in the pod, or one with a certificate.
func agent(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.User != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	own := err == nil && (ip.IsLoopback() || ip == netip.MustParseAddr("169.254.170.23") || ip == netip.MustParseAddr("fd00:ec2::23"))
	return u.Scheme == "https" || u.Scheme == "http" && (own || u.Hostname() == "localhost")
}

// tokenFile is the token of the account as the client of STS reads it.
type tokenFile struct {
	o    Options
	file string
}

// GetIdentityToken implements [stscreds.IdentityTokenRetriever].
func (f tokenFile) GetIdentityToken() ([]byte, error) {
	token, err := f.o.token(f.file)
	return []byte(token), err
}

// awsIdentityError is why the pod could not become who it is to be.
func awsIdentityError(err error) error {
	if r, ok := errors.AsType[*refusedError](err); ok {
		return r
	}
	if said, ok := errors.AsType[smithy.APIError](err); ok {
		code := said.ErrorCode()
		if !errorCode.MatchString(code) {
			code = "an error"
		}
		if said.ErrorFault() == smithy.FaultServer {
			return refused(secretref.Unreachable, "asking for the role of the pod: %s", code)
		}
		return refused(secretref.NoIdentity, "asking for the role of the pod: %s", code)
	}
	return refused(secretref.Unreachable, "who gives the pod its role does not answer")
}
