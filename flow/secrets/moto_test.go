// SPDX-License-Identifier: Apache-2.0

package secrets_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/test/mototest"
)

// TestAWS reads from AWS as moto has it, with the role of an account as IRSA gives it.
func TestAWS(t *testing.T) {
	at := mototest.New(t, "eu-west-1")
	for target, body := range map[string]string{
		"secretsmanager.CreateSecret": `{"Name": "orders/db", "SecretString": "{\"password\": \"` + value + `\"}"}`,
		"AmazonSSM.PutParameter":      `{"Name": "/orders/password", "Type": "SecureString", "Value": "` + value + `"}`,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at+"/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		service := "secretsmanager"
		if strings.HasPrefix(target, "AmazonSSM") {
			service = "ssm"
		}
		req.Header.Set("X-Amz-Target", target)
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", target, resp.Status, err)
		}
	}
	for name, tc := range map[string]struct {
		provider v1alpha1.SecretProvider
		ref      ref
		want     string
	}{
		"Secret":           {v1alpha1.AWSSecretsManager, ref{Name: "orders/db", Key: "password"}, value},
		"SecretMissing":    {v1alpha1.AWSSecretsManager, ref{Name: "orders/none"}, "not there"},
		"SecretVersion":    {v1alpha1.AWSSecretsManager, ref{Name: "orders/db", Version: "AWSPREVIOUS"}, "not there"},
		"Parameter":        {v1alpha1.AWSParameterStore, ref{Name: "/orders/password"}, value},
		"ParameterVersion": {v1alpha1.AWSParameterStore, ref{Name: "/orders/password", Version: "1"}, value},
		"ParameterMissing": {v1alpha1.AWSParameterStore, ref{Name: "/orders/none"}, "not there"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			maps.Copy(w.env, map[string]string{
				"AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/orders", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ENDPOINT_URL": at,
			})
			got, err := w.one(v1alpha1.SecretStore{Provider: tc.provider, Region: "eu-west-1"}, tc.ref)
			if err != nil {
				tells(t, err.Error())
				got = err.Error()
			}
			if got != tc.want && (err == nil || !strings.Contains(got, tc.want)) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
