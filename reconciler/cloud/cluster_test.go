// SPDX-License-Identifier: Apache-2.0

package cloud_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"trunkline.dev/trunkline/reconciler/cloud"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/test/clustertest"
	"trunkline.dev/trunkline/test/mototest"
)

var shared clustertest.Package

func TestMain(m *testing.M) { shared.Main(m) }

// TestARealAPIServer: by the identity of each cloud, which is played, the code that keeps clusters reaches a real API server, and works with it.
func TestARealAPIServer(t *testing.T) {
	c := shared.Cluster(t)
	cases := map[string]func(t *testing.T) cloud.Ref{
		"GKE": func(t *testing.T) cloud.Ref { return cloud.PlayGKE(t, c.Config) },
		"AKS": func(t *testing.T) cloud.Ref { return cloud.PlayAKS(t, c.Config) },
	}
	for name, play := range cases {
		t.Run(name, func(t *testing.T) {
			use(t, cloud.Made().Cluster(play(t)))
		})
	}
}

// TestEKS: the token of EKS is held against STS, as the cluster of EKS does it, by an AWS in memory; also as a role that is assumed.
func TestEKS(t *testing.T) {
	for name, role := range map[string]string{"Own": "", "Role": "arn:aws:iam::123456789012:role/trunkline"} {
		t.Run(name, func(t *testing.T) {
			c := shared.Cluster(t)
			cloud.NoIdentity(t)
			moto := mototest.New(t, "eu-west-1")
			var arns []string
			ref := cloud.PlayEKS(t, c.Config, role == "", func(token string) bool {
				arn := vouched(t, moto, token)
				arns = append(arns, arn)
				return arn != ""
			})
			ref.Role = role
			use(t, cloud.Made().Cluster(ref))
			want := ":user/"
			if role != "" {
				want = ":assumed-role/trunkline/trunkline"
			}
			if len(arns) == 0 || !strings.Contains(arns[0], want) {
				t.Errorf("STS vouches for %v, want one with %q", arns, want)
			}
		})
	}
}

// vouched returns whom STS says that a token is of, as an API server of EKS asks it; empty: nobody.
func vouched(t *testing.T, sts, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "k8s-aws-v1."))
	if err != nil {
		return ""
	}
	at, err := url.Parse(string(text))
	if err != nil || at.Scheme+"://"+at.Host != sts || at.Query().Get("Action") != "GetCallerIdentity" || !strings.Contains(at.Query().Get("X-Amz-SignedHeaders"), "x-k8s-aws-id") {
		return ""
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at.String(), nil)
	if err != nil {
		return ""
	}
	req.Header.Set("X-K8s-Aws-Id", "prod")
	// STS takes it from the address; moto reads who signed from the header alone.
	q := at.Query()
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+q.Get("X-Amz-Credential")+", SignedHeaders="+q.Get("X-Amz-SignedHeaders")+", Signature="+q.Get("X-Amz-Signature"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	var said struct {
		XMLName xml.Name
		Result  struct {
			ARN string `xml:"Arn"`
		} `xml:"GetCallerIdentityResult"`
	}
	if err := xml.NewDecoder(resp.Body).Decode(&said); err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return said.Result.ARN
}

// use connects to a cluster as the daemon does, and writes and watches there.
func use(t *testing.T, managed *cloud.Cluster) {
	t.Helper()
	cfg := cluster.Config{Name: "prod", Managed: managed}
	watched := cluster.New(cfg, func(cluster.Event) {})
	defer watched.Close()
	conn, err := watched.Connect(t.Context(), t.Context())
	if err != nil {
		t.Fatal(err)
	}
	served, err := conn.Served(t.Context())
	if err != nil || !strings.HasPrefix(served.KubeVersion, "v1.") {
		t.Fatalf("it serves %s: %v", served.KubeVersion, err)
	}
	rest, err := cfg.REST()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(rest.CAData); err != nil || len(text) < 100 {
		t.Errorf("the authority is %s", text)
	}
	client, err := kubernetes.NewForConfig(rest)
	if err != nil {
		t.Fatal(err)
	}
	watch, err := client.CoreV1().Namespaces().Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	if e := <-watch.ResultChan(); e.Object == nil {
		t.Error("the watch ended")
	}
}
