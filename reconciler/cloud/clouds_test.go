// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/oauth2"
	"k8s.io/client-go/rest"
)

// get asks an API server for its version with a configuration.
func get(t *testing.T, cfg *rest.Config) int {
	t.Helper()
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Get(cfg.Host + "/version")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode
}

// gke is a cluster of Google Cloud that is played, with what gives the tokens.
func gke(t *testing.T, o Options) (*Clouds, Ref, *mint, *door) {
	t.Helper()
	noIdentity(t)
	m := &mint{}
	playMetadata(t, m)
	d := newDoor(t, nil, m.knows)
	api := playGKE(t, m, func() *door { return d })
	return made(o), Ref{Provider: GCP, Owner: "acme", Place: "europe-west1", Cluster: "prod", API: api}, m, d
}

// TestATokenThatIsRefused is replaced by another one, with the same configuration and connection.
func TestATokenThatIsRefused(t *testing.T) {
	clouds, ref, m, d := gke(t, Options{})
	cfg, err := clouds.Cluster(ref).REST()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.BearerToken != "" || cfg.BearerTokenFile != "" {
		t.Error("the token is in the configuration, which is compared and printed")
	}
	codes := []int{get(t, cfg), get(t, cfg)}
	m.revoke()
	codes = append(codes, get(t, cfg), get(t, cfg))
	if diff := cmp.Diff([]int{200, 200, 401, 200}, codes); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := len(d.tokens()); n != 2 {
		t.Errorf("%d tokens were shown, want the one that was refused and another one: it is made once as long as it is good", n)
	}
}

// TestATokenIsRenewed before it ends: one that has less than two minutes is not used again.
func TestATokenIsRenewed(t *testing.T) {
	count := 0
	var ends time.Time
	cluster := &Cluster{account: accountFunc(func() (string, time.Time) {
		count++
		return fmt.Sprint(count), ends
	})}
	source := tokenSource{cluster}
	for _, tc := range []struct {
		left time.Duration
		good bool
	}{{time.Hour, true}, {early + time.Minute, true}, {early - time.Second, false}} {
		ends = time.Now().Add(tc.left)
		got, err := source.Token()
		if err != nil {
			t.Fatal(err)
		}
		if got.Expiry.After(time.Now()) != tc.good || got.TokenType != "Bearer" {
			t.Errorf("with %s left it counts until %s", tc.left, got.Expiry)
		}
	}
}

// accountFunc is a cloud that makes tokens as it is told.
type accountFunc func() (string, time.Time)

func (accountFunc) place(context.Context, Ref) (place, error) { return place{}, errors.New("nowhere") }

func (f accountFunc) token(context.Context, Ref) (*oauth2.Token, error) {
	token, ends := f()
	return &oauth2.Token{AccessToken: token, Expiry: ends, TokenType: "something else"}, nil
}

// TestWhereAClusterIs counts for five minutes, and for longer if its cloud does not answer.
func TestWhereAClusterIs(t *testing.T) {
	now := time.Now()
	clouds, ref, m, _ := gke(t, Options{Now: func() time.Time { return now }})
	elsewhere := newDoor(t, nil, m.knows)
	current := elsewhere
	ref.API = playGKE(t, m, func() *door { return current })
	c := clouds.Cluster(ref)
	at := func() string {
		t.Helper()
		cfg, err := c.REST()
		if err != nil {
			t.Fatal(err)
		}
		return cfg.Host
	}
	first := at()
	current = newDoor(t, nil, m.knows)
	if got := at(); got != first {
		t.Errorf("at once: %s", got)
	}
	m.mu.Lock()
	m.fails = true
	m.mu.Unlock()
	now = now.Add(placeFor)
	if got := at(); got != first {
		t.Errorf("while the cloud does not answer: %s", got)
	}
	m.mu.Lock()
	m.fails = false
	m.mu.Unlock()
	now = now.Add(placeFor)
	if got := at(); got != current.URL {
		t.Errorf("later: %s, want %s", got, current.URL)
	}
	ref.Address = "https://10.0.0.2"
	if cfg, err := clouds.Cluster(ref).REST(); err != nil || cfg.Host != "https://10.0.0.2" || len(cfg.CAData) == 0 {
		t.Errorf("with an address of its own: %v %v", cfg, err)
	}
}

// TestTheSameCluster: the same address is the same cluster, and another identity is another one.
func TestTheSameCluster(t *testing.T) {
	noIdentity(t)
	clouds := made(Options{})
	ref := Ref{Provider: AWS, Place: "eu-west-1", Cluster: "prod"}
	other := ref
	other.Role = "arn:aws:iam::123456789012:role/x"
	first, again := clouds.Cluster(ref), clouds.Cluster(ref)
	if first != again || first == clouds.Cluster(other) {
		t.Error("clusters are not told apart by their references")
	}
}

// TestNoIdentity: without one the error says so, and what to do.
func TestNoIdentity(t *testing.T) {
	refs := map[string]struct {
		ref  Ref
		says string
	}{
		"AWS":   {Ref{Provider: AWS, Place: "eu-west-1", Cluster: "prod"}, "no identity in AWS"},
		"GCP":   {Ref{Provider: GCP, Owner: "acme", Place: "europe-west1", Cluster: "prod"}, "no identity in Google Cloud"},
		"Azure": {Ref{Provider: Azure, Owner: subscription, Place: "rg", Cluster: "prod"}, "no identity in Azure"},
	}
	for name, tc := range refs {
		t.Run(name, func(t *testing.T) {
			noIdentity(t)
			t.Setenv("GCE_METADATA_HOST", "127.0.0.1:1")
			t.Setenv("AWS_CA_BUNDLE", "") // which the SDK's own client is needed for
			nobody := roundTripper(func(r *http.Request) (*http.Response, error) { return nil, errors.New("no route to host") })
			_, err := made(Options{Transport: nobody}).Cluster(tc.ref).REST()
			if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "docs/clouds.md") || !strings.Contains(err.Error(), tc.ref.String()) {
				t.Errorf("got %v", err)
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestRefused: what a cloud refuses is said with the right that is missing, and no secret.
func TestRefused(t *testing.T) {
	cases := map[string]struct {
		reason string
		play   func(t *testing.T) Ref
		says   []string
	}{
		"EKS": {"The credentials are of nobody whom EKS knows.", func(t *testing.T) Ref {
			t.Setenv("AWS_ACCESS_KEY_ID", "AKIASOMEONE")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
			return Ref{Provider: AWS, Place: "eu-west-1", Cluster: "prod", API: playEKS(t, "AKIAOTHER", "other", nil)}
		}, []string{"403 Forbidden", "signature", "eks:DescribeCluster"}},
		"EKSNoCluster": {"There is none of the name.", func(t *testing.T) Ref {
			t.Setenv("AWS_ACCESS_KEY_ID", "AKIASOMEONE")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
			return Ref{Provider: AWS, Place: "eu-west-1", Cluster: "other", API: playEKS(t, "AKIASOMEONE", "s3cret", nil)}
		}, []string{"404 Not Found", "No cluster found", "is the region eu-west-1 right"}},
		"GKE": {"The account may not ask.", func(t *testing.T) Ref {
			m := &mint{}
			playMetadata(t, m)
			return Ref{Provider: GCP, Owner: "acme", Place: "europe-west1", Cluster: "prod", API: playGKE(t, &mint{}, nil)}
		}, []string{"403 Forbidden", "container.clusters.get", "roles/container.clusterViewer"}},
		"AKS": {"The identity may not ask.", func(t *testing.T) Ref {
			playAzure(t, &mint{}, nil, kubelogin)
			return Ref{Provider: Azure, Owner: subscription, Place: "rg", Cluster: "prod", API: playARM(t, &mint{}, nil, kubelogin)}
		}, []string{"403 Forbidden", "does not have authorization", "Cluster User Role"}},
		"AKSFederation": {"The cluster's tokens are not trusted.", func(t *testing.T) Ref {
			api := playAzure(t, &mint{}, nil, kubelogin)
			t.Setenv("AZURE_CLIENT_ID", "another")
			return Ref{Provider: Azure, Owner: subscription, Place: "rg", Cluster: "prod", API: api}
		}, []string{"401 Unauthorized", "AADSTS70021", "no identity in Azure"}},
		"AKSNoEntra": {"What signs on there is no identity.", func(t *testing.T) Ref {
			m := &mint{}
			d := newDoor(t, nil, m.aksKnows)
			api := playAzure(t, m, func() *door { return d }, "{client-certificate-data: aGk=, client-key-data: aGk=}")
			return Ref{Provider: Azure, Owner: subscription, Place: "rg", Cluster: "prod", API: api}
		}, []string{"Microsoft Entra ID", "--enable-aad"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			noIdentity(t)
			_, err := made(Options{}).Cluster(tc.play(t)).REST()
			if err == nil {
				t.Fatal(tc.reason)
			}
			for _, says := range tc.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%s\n%v does not say %q", tc.reason, err, says)
				}
			}
			for _, secret := range []string{"s3cret", "t0ken", "assert10n", "aGk="} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%s\n%v tells a secret", tc.reason, err)
				}
			}
		})
	}
}

// TestTheTokenOfEKS is an address of STS that is signed for one cluster, for a minute; and ends with what signed it.
func TestTheTokenOfEKS(t *testing.T) {
	noIdentity(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIASOMEONE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
	now := time.Now()
	clouds := made(Options{Now: func() time.Time { return now }})
	for region, host := range map[string]string{"eu-west-1": "sts.eu-west-1.amazonaws.com", "cn-north-1": "sts.cn-north-1.amazonaws.com.cn", "us-east-1": "sts.us-east-1.amazonaws.com"} {
		got, err := clouds.Cluster(Ref{Provider: AWS, Place: region, Cluster: "prod"}).account.token(t.Context(), Ref{Cluster: "prod"})
		if err != nil {
			t.Fatal(err)
		}
		encoded, ours := strings.CutPrefix(got.AccessToken, "k8s-aws-v1.")
		text, err := base64.RawURLEncoding.DecodeString(encoded)
		if err != nil || !ours {
			t.Fatalf("%q: %v", got.AccessToken, err)
		}
		at, err := url.Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		q := at.Query()
		want := []string{host, "GetCallerIdentity", "60", "host;x-k8s-aws-id"}
		if diff := cmp.Diff(want, []string{at.Host, q.Get("Action"), q.Get("X-Amz-Expires"), q.Get("X-Amz-SignedHeaders")}); diff != "" {
			t.Errorf("%s: -want +got:\n%s", region, diff)
		}
		if !got.Expiry.Equal(now.Add(15 * time.Minute)) {
			t.Errorf("it ends at %s", got.Expiry)
		}
	}
}

// TestEndpointsOfAWS: which domain a region is in is known, and what AWS' own tools are told counts.
func TestEndpointsOfAWS(t *testing.T) {
	noIdentity(t)
	ask := func(region, service string) string {
		t.Helper()
		a := &awsAccount{clouds: made(Options{}), region: region}
		cfg, err := a.config(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		at, err := a.endpoint(t.Context(), cfg, service)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	got := []string{ask("eu-west-1", "EKS"), ask("cn-north-1", "EKS"), ask("us-gov-west-1", "EKS"), ask("eu-west-1", "ECR")}
	t.Setenv("AWS_ENDPOINT_URL_EKS", "https://eks.vpc.example.com")
	got = append(got, ask("eu-west-1", "EKS"), ask("eu-west-1", "ECR"))
	want := []string{
		"https://eks.eu-west-1.amazonaws.com", "https://eks.cn-north-1.amazonaws.com.cn", "https://eks.us-gov-west-1.amazonaws.com", "https://api.ecr.eu-west-1.amazonaws.com",
		"https://eks.vpc.example.com", "https://api.ecr.eu-west-1.amazonaws.com",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestTheMachineOfAzure: without a federated identity the machine's is asked for, and which one.
func TestTheMachineOfAzure(t *testing.T) {
	noIdentity(t)
	var asked []string
	machine := roundTripper(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.Method+" "+r.URL.String()+" "+r.Header.Get("Metadata"))
		body := `{"access_token":"t0ken","expires_in":"86399","token_type":"Bearer"}`
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}, nil
	})
	now := time.Now()
	clouds := made(Options{Transport: machine, Now: func() time.Time { return now }})
	got, err := clouds.Cluster(Ref{Provider: Azure, Owner: subscription, Place: "rg", Cluster: "prod", Client: subscription}).account.token(t.Context(), Ref{})
	if err != nil || got.AccessToken != "t0ken" || !got.Expiry.Equal(now.Add(86399*time.Second)) {
		t.Errorf("got %v %v", got, err)
	}
	want := []string{"GET http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&client_id=" + subscription + "&resource=" + aksResource + " true"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// keys is a keychain with the credentials of one registry.
type keys map[string]authn.AuthConfig

func (k keys) Resolve(of authn.Resource) (authn.Authenticator, error) {
	return authn.FromConfig(k[of.RegistryStr()]), nil
}

// TestKeychain: registries of clouds are signed on to with the identity, once as long as that is good; what has credentials of its own uses them, and
// nobody else's registry gets a token.
func TestKeychain(t *testing.T) {
	noIdentity(t)
	m := &mint{}
	playMetadata(t, m)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIASOMEONE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
	t.Setenv("AWS_CA_BUNDLE", "")
	var asked []string
	now := time.Now()
	ends := now.Add(12 * time.Hour)
	clouds := made(Options{Now: func() time.Time { return now }, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		body, code := "{}", http.StatusNotFound
		switch {
		case r.URL.Host == "api.ecr.eu-west-1.amazonaws.com" && r.Header.Get("X-Amz-Target") == "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken" && strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/ecr/aws4_request"):
			asked = append(asked, "ecr")
			code, body = http.StatusOK, fmt.Sprintf(`{"authorizationData":[{"authorizationToken":%q,"expiresAt":%d.5}]}`, base64.StdEncoding.EncodeToString([]byte("AWS:p4ss")), ends.Unix())
		case r.URL.Host == "169.254.169.254":
			code, body = http.StatusOK, `{"access_token":"arm","expires_in":"86399"}`
		case r.URL.String() == "https://acme.azurecr.io/oauth2/exchange":
			_ = r.ParseForm()
			asked = append(asked, "acr "+r.PostForm.Get("service")+" "+r.PostForm.Get("access_token"))
			code, body = http.StatusOK, `{"refresh_token":"refreshed"}`
		case strings.HasSuffix(r.URL.Path, "/token"):
			return http.DefaultTransport.RoundTrip(r)
		}
		return &http.Response{StatusCode: code, Status: http.StatusText(code), Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}, Request: r}, nil
	})})
	chain := clouds.Keychain(keys{"europe-docker.pkg.dev": {Username: "own", Password: "own"}})
	resolve := func(host string) authn.AuthConfig {
		t.Helper()
		of, err := name.NewRegistry(host)
		if err != nil {
			t.Fatal(err)
		}
		found, err := authn.Resolve(t.Context(), chain, of)
		if err != nil {
			t.Fatal(host, err)
		}
		a, err := found.Authorization()
		if err != nil {
			t.Fatal(host, err)
		}
		return *a
	}
	const ecrHost = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
	for host, want := range map[string]authn.AuthConfig{
		ecrHost:                 {Username: "AWS", Password: "p4ss"},
		"gcr.io":                {Username: "oauth2accesstoken", Password: "t0ken-1"},
		"acme.azurecr.io":       {Username: "00000000-0000-0000-0000-000000000000", Password: "refreshed"},
		"europe-docker.pkg.dev": {Username: "own", Password: "own"},
		"ghcr.io":               {},
		ecrHost + ".evil.com":   {},
	} {
		if got := resolve(host); got != want {
			t.Errorf("%s: got %+v, want %+v", host, got, want)
		}
	}
	resolve(ecrHost)
	now = ends.Add(-time.Minute)
	resolve(ecrHost)
	count := 0
	for _, a := range asked {
		if a == "ecr" {
			count++
		}
	}
	if count != 2 {
		t.Errorf("ECR was asked %d times, want once, and again before the end: %v", count, asked)
	}
}

// TestAFederationOfGoogle: outside of Google Cloud a file says how a token of elsewhere is exchanged.
func TestAFederationOfGoogle(t *testing.T) {
	noIdentity(t)
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	m := &mint{}
	exchange := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("subject_token") != "assert10n" {
			answer(w, http.StatusUnauthorized, object{"error": "invalid_grant", "error_description": "The token is not trusted."})
			return
		}
		answer(w, http.StatusOK, object{"access_token": m.next(), "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer", "expires_in": 3600})
	})
	file := filepath.Join(dir, "federation.json")
	text := fmt.Sprintf(`{"type":"external_account","audience":"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
"subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":%q,"credential_source":{"file":%q}}`, exchange, token)
	if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.WriteFile(token, []byte("assert10n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	ask := func() (string, error) {
		got, err := made(Options{}).Cluster(Ref{Provider: GCP, Owner: "a", Place: "b", Cluster: "c"}).account.token(context.Background(), Ref{})
		if err != nil {
			return "", err
		}
		return got.AccessToken, nil
	}
	if got, err := ask(); err != nil || got != "t0ken-1" {
		t.Errorf("got %q %v", got, err)
	}
	if err := os.WriteFile(token, []byte("wr0ng"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(); err == nil || !strings.Contains(err.Error(), "no identity in Google Cloud") || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("got %v", err)
	}
}
