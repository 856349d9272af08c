// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/reference"
	"trunkline.dev/trunkline/cmd/trunkline/config"
)

const head = "apiVersion: trunkline.dev/v1alpha1\nkind: DaemonConfiguration\nspec:\n"

// everything says something in every field.
const everything = head + `  repository:
    url: ssh://git@example.com/acme.git
    branch: trunk
    folder: platform
    poll: 1m
    username: ann
    passwordFile: password
    tokenFile: /etc/token
    caFile: ca.pem
    keyFile: key
    keyPassphraseFile: passphrase
    knownHostsFile: hosts
    verify: {sshSignersFiles: [signers, /etc/more], gpgKeysFiles: [keys.asc]}
    noRewrite: true
    acceptRewrites: [a..b]
  sources:
    - name: orders
      url: https://example.com/orders.git
      username: bob
      passwordFile: orders.password
      tokenFile: /etc/orders.token
      caFile: orders.pem
      keyFile: orders.key
      keyPassphraseFile: orders.passphrase
      knownHostsFile: orders.hosts
      verify: {sshSignersFiles: [orders.signers, /etc/more], gpgKeysFiles: [orders.asc]}
      noRewrite: true
      acceptRewrites: [c..d]
      github: {repository: acme/orders, tokenFile: orders.github}
    - {name: billing, url: ../billing}
  clusters:
    - {name: dev, kubeconfig: dev.kubeconfig}
    - {name: prod, kubeconfig: /etc/prod.kubeconfig, context: admin}
    - {name: here, inCluster: true}
    - {name: eks, cloud: {provider: aws, region: eu-west-1, cluster: data, role: "arn:aws:iam::123456789012:role/trunkline"}}
    - {name: gke, cloud: {provider: gcp, project: acme, region: europe-west1, cluster: data}}
    - {name: aks, cloud: {provider: azure, subscription: 00000000-0000-0000-0000-000000000001, resourceGroup: rg, cluster: data, clientID: 00000000-0000-0000-0000-000000000002, address: "https://10.0.0.2", api: "https://arm.example.com"}}
    - {name: edge, agent: {certificate: edge.agents, issuer: "https://issuer.example.com", subject: "system:serviceaccount:trunkline-system:trunkline-agent", keysFile: edge.json}}
  agents: {listen: "0.0.0.0:8444", tlsCertFile: agents.crt, tlsKeyFile: agents.key, caFile: agents-ca.pem, audience: acme}
  deploy: {defaultServiceAccount: deployer, allowExecCredentials: true}
  data: data
  serve: {listen: "0.0.0.0:8443", tokenFile: token, tokensFile: tokens, hookSecretFile: hook, arrivalsTokenFile: arrivals, tlsCertFile: tls.crt, tlsKeyFile: tls.key, appsListen: "0.0.0.0:8445", appsURL: "https://*.apps.example.com"}
  signOn:
    issuer: https://id.example.com
    clientID: trunkline
    clientSecretFile: client.secret
    cliClientID: trunkline-cli
    url: https://trunkline.example.com
    sessionKeyFile: session.key
    scopes: [email, roles]
    nameClaim: preferred_username
    groupsClaim: roles
    machines: [{name: actions, issuer: "https://token.actions.githubusercontent.com", audience: trunkline, subjects: ["repo:acme/data:ref:refs/heads/main"], groups: [ci]}]
  replicas: {home: here, group: blue, shards: true}
  history: {store: postgres, dsnFile: dsn, keep: 24h, events: 1000}
  usage: {count: true, keep: 400d, keepRuns: 30d}
  traces: {url: "https://otel.example.com:4318", headersFile: otel.headers, ratio: "0.25"}
  sops: {ageKeyFiles: [age.txt, orders/prod=prod.txt], kms: ["arn:aws:kms:*"]}
  images: {registries: [ghcr.io, "registry.example.com:5000"], configFile: docker.json, cloudIdentity: true, interval: 10m}
  github: {repository: acme/data, appID: 12, appKeyFile: app.pem, installationID: 34, tokenFile: /etc/gh, url: "https://github.example.com", publicURL: "https://trunkline.example.com", setupFolder: setup}
  stores: {s3Endpoint: "https://minio.example.com", lotsInterval: 30s}
  events:
    - {name: hooks, url: "https://hooks.example.com/lots", format: clusterless, secretFile: hooks.secret, tokenFile: /etc/hooks.token}
    - {name: lineage, url: "https://lineage.example.com/api/v1/lineage", format: openlineage}
  channels:
    - {name: team, kind: slack, urlFile: slack.url, perHour: 10}
    - {name: people, kind: mail, url: "smtp://mail.example.com:587", from: t@example.com, to: [a@example.com, b@example.com], username: t, tokenFile: /etc/mail}
    - {name: hook, kind: webhook, url: "https://hooks.example.com/n", secretFile: hook.secret}
  artifacts: {hosts: [ghcr.io, charts.example.com], configFile: artifacts.json, cloudIdentity: true}
  logLevel: debug
`

func settings(found []config.Setting) map[string]string {
	out := map[string]string{}
	for _, s := range found {
		out[s.Flag] = strings.Join(s.Values, " ")
	}
	return out
}

// TestEverySettingIsAFlag reads a configuration that says everything; paths are relative to its folder.
func TestEverySettingIsAFlag(t *testing.T) {
	found, problems := config.Read("/etc/trunkline/daemon.yaml", []byte(everything))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := map[string]string{
		"repo": "ssh://git@example.com/acme.git", "branch": "trunk", "dir": "platform", "poll": "1m0s", "git-username": "ann",
		"git-password-file": "/etc/trunkline/password", "git-token-file": "/etc/token", "git-ca-file": "/etc/trunkline/ca.pem", "git-key-file": "/etc/trunkline/key",
		"git-key-passphrase-file": "/etc/trunkline/passphrase", "git-known-hosts": "/etc/trunkline/hosts",
		"verify-ssh-signers": "/etc/trunkline/signers /etc/more", "verify-gpg-keys": "/etc/trunkline/keys.asc", "no-rewrite": "true", "accept-rewrite": "a..b",
		"source-repo": "orders=https://example.com/orders.git billing=/etc/billing", "source-username": "orders=bob", "source-password-file": "orders=/etc/trunkline/orders.password",
		"source-token-file": "orders=/etc/orders.token", "source-ca-file": "orders=/etc/trunkline/orders.pem", "source-key-file": "orders=/etc/trunkline/orders.key",
		"source-key-passphrase-file": "orders=/etc/trunkline/orders.passphrase", "source-known-hosts": "orders=/etc/trunkline/orders.hosts",
		"source-verify-ssh-signers": "orders=/etc/trunkline/orders.signers orders=/etc/more", "source-verify-gpg-keys": "orders=/etc/trunkline/orders.asc",
		"source-no-rewrite": "orders", "source-accept-rewrite": "orders=c..d", "source-github-repo": "orders=acme/orders", "source-github-token-file": "orders=/etc/trunkline/orders.github",
		"cluster":                 "dev=/etc/trunkline/dev.kubeconfig prod=/etc/prod.kubeconfig#admin here=in-cluster eks=eks://eu-west-1/data?role=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Ftrunkline gke=gke://acme/europe-west1/data aks=aks://00000000-0000-0000-0000-000000000001/rg/data?address=https%3A%2F%2F10.0.0.2&api=https%3A%2F%2Farm.example.com&client=00000000-0000-0000-0000-000000000002 edge=agent",
		"default-service-account": "deployer", "allow-exec-credentials": "true", "data": "/etc/trunkline/data", "listen": "0.0.0.0:8443", "apps-listen": "0.0.0.0:8445", "apps-url": "https://*.apps.example.com",
		"token-file": "/etc/trunkline/token", "tokens-file": "/etc/trunkline/tokens", "hook-secret-file": "/etc/trunkline/hook", "arrivals-token-file": "/etc/trunkline/arrivals",
		"tls-cert-file": "/etc/trunkline/tls.crt", "tls-key-file": "/etc/trunkline/tls.key", "home": "here", "group": "blue", "shards": "true",
		"history": "postgres", "history-dsn-file": "/etc/trunkline/dsn", "history-keep": "24h0m0s", "history-events": "1000", "usage": "true", "usage-keep": "9600h0m0s", "usage-keep-runs": "720h0m0s",
		"traces": "https://otel.example.com:4318", "traces-headers-file": "/etc/trunkline/otel.headers", "traces-ratio": "0.25",
		"sops-age-key-file": "/etc/trunkline/age.txt orders/prod=/etc/trunkline/prod.txt", "sops-kms": "arn:aws:kms:*", "log-level": "debug",
		"s3-endpoint": "https://minio.example.com", "lots-interval": "30s",
		"sign-on-issuer": "https://id.example.com", "sign-on-client-id": "trunkline", "sign-on-client-secret-file": "/etc/trunkline/client.secret",
		"sign-on-cli-client-id": "trunkline-cli", "sign-on-url": "https://trunkline.example.com", "sign-on-session-key-file": "/etc/trunkline/session.key",
		"sign-on-scope": "email roles", "sign-on-name-claim": "preferred_username", "sign-on-groups-claim": "roles",
		"machine-issuer": "actions=https://token.actions.githubusercontent.com", "machine-audience": "actions=trunkline",
		"machine-subject": "actions=repo:acme/data:ref:refs/heads/main", "machine-group": "actions=ci",
		"channel": "team=slack people=mail hook=webhook", "channel-url": "people=smtp://mail.example.com:587 hook=https://hooks.example.com/n",
		"channel-url-file": "team=/etc/trunkline/slack.url", "channel-token-file": "people=/etc/mail", "channel-secret-file": "hook=/etc/trunkline/hook.secret",
		"channel-to": "people=a@example.com people=b@example.com", "channel-from": "people=t@example.com", "channel-username": "people=t", "channel-per-hour": "team=10",
		"event-target": "hooks=https://hooks.example.com/lots lineage=https://lineage.example.com/api/v1/lineage",
		"event-format": "hooks=clusterless lineage=openlineage", "event-secret-file": "hooks=/etc/trunkline/hooks.secret", "event-token-file": "hooks=/etc/hooks.token",
		"image-registry": "ghcr.io registry.example.com:5000", "image-registry-config": "/etc/trunkline/docker.json", "image-registry-cloud-identity": "true", "image-interval": "10m0s",
		"artifact-host": "ghcr.io charts.example.com", "artifact-config": "/etc/trunkline/artifacts.json", "artifact-cloud-identity": "true",
		"agent-listen": "0.0.0.0:8444", "agent-tls-cert-file": "/etc/trunkline/agents.crt", "agent-tls-key-file": "/etc/trunkline/agents.key",
		"agent-ca-file": "/etc/trunkline/agents-ca.pem", "agent-audience": "acme", "agent-certificate": "edge=edge.agents",
		"agent-issuer": "edge=https://issuer.example.com", "agent-subject": "edge=system:serviceaccount:trunkline-system:trunkline-agent",
		"agent-keys-file": "edge=/etc/trunkline/edge.json",
		"github-repo":     "acme/data", "github-app-id": "12", "github-app-key-file": "/etc/trunkline/app.pem", "github-installation": "34", "github-token-file": "/etc/gh",
		"github-url": "https://github.example.com", "public-url": "https://trunkline.example.com", "github-setup-dir": "/etc/trunkline/setup",
	}
	if diff := cmp.Diff(want, settings(found)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// Every field that there is has to be in everything, or nobody would notice that it stands for nothing.
	all := reference.All()
	var missing []string
	var walk func(fields []*reference.Field)
	walk = func(fields []*reference.Field) {
		for _, f := range fields {
			if !strings.Contains(everything, f.Name+":") {
				missing = append(missing, f.Name)
			}
			walk(f.Form.Fields())
		}
	}
	walk(all[len(all)-1].Struct.Fields)
	if len(missing) > 0 {
		t.Errorf("fields that nothing is said in: %v", missing)
	}
}

func TestRepositoryByPath(t *testing.T) {
	for url, want := range map[string]string{
		"../acme.git": "/etc/acme.git", "/srv/acme.git": "/srv/acme.git", "file:///srv/acme.git": "file:///srv/acme.git", "git@host:acme.git": "git@host:acme.git",
	} {
		found, problems := config.Read("/etc/trunkline/daemon.yaml", []byte(head+"  repository: {url: '"+url+"'}\n  clusters: [{name: a, inCluster: true}]\n"))
		if got := settings(found)["repo"]; got != want || len(problems) > 0 {
			t.Errorf("%s: got %q, want %q %s", url, got, want, problems)
		}
	}
}

func TestProblems(t *testing.T) {
	const repository, clusters = "  repository: {url: x}\n", "  clusters: [{name: a, inCluster: true}]\n"
	cases := map[string]struct{ reason, text, want string }{
		"Unknown":    {"A field that is misspelt is not left out in silence.", head + repository + clusters + "  serve: {lisen: x}\n", "d.yaml:6:11: error: spec.serve: unknown field \"lisen\"\n    hint: did you mean \"listen\"?"},
		"Type":       {"A wrong type is an error.", head + repository + clusters + "  replicas: {shards: maybe}\n", "d.yaml:6:22: error: spec.replicas.shards: expected true or false, got the text \"maybe\""},
		"Value":      {"A value is one of those that there are.", head + repository + clusters + "  logLevel: loud\n", "d.yaml:6:13: error: spec.logLevel: unknown value \"loud\"\n    hint: want one of: debug, error, info, warn"},
		"Missing":    {"What a daemon cannot do without is asked for.", head + clusters, "d.yaml:4:3: error: spec: the field \"repository\" is missing or empty"},
		"NoWay":      {"A cluster is reached somehow.", head + repository + "  clusters: [{name: a}]\n", "d.yaml:5:14: error: spec.clusters[0]: there is no way to reach the cluster \"a\"\n    hint: write kubeconfig: FILE, inCluster: true, cloud: {provider: …} or agent: {…}"},
		"TwoWays":    {"And in one way.", head + repository + "  clusters: [{name: a, inCluster: true, kubeconfig: x}]\n", "d.yaml:5:14: error: spec.clusters[0]: a cluster is reached by a kubeconfig, from inside of it, or by its cloud: not by several\n    hint: keep one of them"},
		"OtherCloud": {"A field of another cloud would be left out in silence.", head + repository + "  clusters: [{name: a, cloud: {provider: gcp, project: p, region: r, cluster: c, role: x}}]\n", "d.yaml:5:88: error: spec.clusters[0].cloud.role: provider gcp has no role\n    hint: remove it"},
		"NoRegion":   {"Where a cluster is has to be said.", head + repository + "  clusters: [{name: a, cloud: {provider: aws, cluster: c}}]\n", "d.yaml:5:31: error: spec.clusters[0].cloud: \"\" is no region of AWS, such as eu-west-1\n    hint: \"trunkline explain daemonConfiguration.spec.clusters.cloud\" says which fields each cloud needs"},
		"AgentToo":   {"An agent keeps it, or the daemon.", head + repository + "  clusters: [{name: a, inCluster: true, agent: {certificate: x}}]\n", "d.yaml:5:14: error: spec.clusters[0]: a cluster is kept by an agent, or reached by the daemon: not both\n    hint: remove one of them"},
		"Empty":      {"Nothing is no configuration.", "", "d.yaml: error: the file is empty\n    hint: trunkline explain daemonConfiguration shows an example"},
		"OtherKind":  {"A declaration of the repository is none.", "apiVersion: trunkline.dev/v1alpha1\nkind: Project\n", "d.yaml:2:7: error: kind: unknown kind \"Project\"\n    hint: want one of: DaemonConfiguration"},
		"OtherThing": {"Nor is something of someone else.", "apiVersion: v1\nkind: Secret\n", "d.yaml: error: the file is not a daemon configuration\n    hint: begin it with apiVersion: trunkline.dev/v1alpha1 and kind: DaemonConfiguration"},
		"Two":        {"Nobody knows which of two would count.", head + repository + clusters + "---\n" + head, "d.yaml: error: the file holds more than one document\n    hint: keep one of them"},
		"Syntax":     {"What is not YAML says where.", head + "\t- x\n", "d.yaml:4:1: error: not valid YAML: the line is indented with a tab\n    hint: YAML is indented with spaces, never with tabs"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, problems := config.Read("d.yaml", []byte(tc.text))
			if diff := cmp.Diff(tc.want, strings.TrimSpace(problems.String())); diff != "" {
				t.Errorf("%s -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestTheExampleIsValid: what explain shows can be used as it is.
func TestTheExampleIsValid(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "api", "reference", "examples", "daemonconfiguration.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, problems := config.Read("example.yaml", data); len(problems) > 0 {
		t.Error(problems)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(everything))
	f.Add([]byte(head))
	f.Fuzz(func(t *testing.T, data []byte) {
		if found, problems := config.Read("d.yaml", data); len(problems) > 0 && found != nil {
			t.Errorf("problems and settings: %v %v", problems, found)
		}
	})
}
