// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
)

// stored is a platform whose environment has stores of secrets, and a project with a workload that has secrets.
func stored(stores, secrets, more string) map[string]string {
	return map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: acme}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: one}\n",
		"env.yaml":       head + "kind: Environment\nmetadata: {name: prod}\nspec:\n  clusters: [one]\n" + stores,
		"orders/project.yaml": head + "kind: Project\nmetadata: {name: orders}\nspec:\n  owner: team-orders\n  environments: {prod: {workloads: {load: {" + more + "}}}}\n" +
			"  image: orders:1\n  workloads:\n    - name: load\n      blueprint: container-job\n" + secrets,
	}
}

const (
	oneVault = "  secretStores:\n    main: {provider: vault, resolve: external-secrets, url: \"https://vault.acme.example\", role: \"<identity>-<environment>\"}\n"
	inPod    = "  secretStores:\n    main: {provider: azure-key-vault, resolve: entrypoint, url: \"https://acme.vault.azure.net\"}\n  lotImage: lot:1\n"
)

func TestProblemsOfSecrets(t *testing.T) {
	for name, tc := range map[string]struct{ reason, stores, secrets, more, want string }{
		"Cluster":  {reason: "A Secret of the cluster needs no store.", secrets: "      secrets: {A: {name: db, key: password}}\n"},
		"Operator": {reason: "One of a store.", stores: oneVault, secrets: "      secrets: {A: {store: main, name: orders/db, key: password, version: \"3\"}}\n"},
		"Pod": {
			reason: "One that the pod reads.", stores: inPod,
			secrets: "      command: [run]\n      secrets: {A: {store: main, name: orders-db}}\n",
		},
		"NoKey": {
			reason: "A Secret of the cluster has keys, and no versions.", secrets: "      secrets: {A: {name: db}, B: {name: db, key: a, version: \"1\"}}\n",
			want: `orders/project.yaml:11:20: error: spec.workloads[0].secrets.A: the field "key" is required: a Secret of the cluster has several
    hint: write "key: KEY", or name the store that the secret is in
orders/project.yaml:11:63: error: spec.workloads[0].secrets.B.version: a Secret of the cluster has no versions
    hint: remove it, or name the store that the secret is in`,
		},
		"UnknownStore": {
			reason: "A store that the environment does not have; the nearest is offered.", stores: oneVault, secrets: "      secrets: {A: {store: mian, name: orders/db, key: a}}\n",
			want: `orders/project.yaml:11:28: error: spec.workloads[0].secrets.A.store: the environment "prod" has no store of secrets "mian"
    hint: did you mean "main"?`,
		},
		"Override": {
			reason: "What an environment says otherwise is named there.", stores: oneVault, secrets: "      secrets: {A: {store: main, name: orders/db, key: a}}\n",
			more: "secrets: {A: {store: mian, name: db, key: a}}",
			want: `orders/project.yaml:6:65: error: spec.environments.prod.workloads.load.secrets.A.store: the environment "prod" has no store of secrets "mian"
    hint: did you mean "main"?`,
		},
		"Reference": {
			reason: "A reference is as its provider has them.", stores: oneVault,
			secrets: "      secrets:\n        A: {store: main, name: /orders/../db, key: a}\n        B: {store: main, name: db}\n        C: {store: main, name: db, key: \"a b\", version: new}\n",
			want: `orders/project.yaml:12:32: error: spec.workloads[0].secrets.A.name: "/orders/../db" is not the path of a secret, such as orders/db, without that of its engine
orders/project.yaml:13:12: error: spec.workloads[0].secrets.B: a secret of Vault is a table: say which of its keys is meant
    hint: as in "key: password"
orders/project.yaml:14:41: error: spec.workloads[0].secrets.C.key: "a b" is not a key: it has letters, digits, dashes, underscores and dots
orders/project.yaml:14:57: error: spec.workloads[0].secrets.C.version: "new" is not a number`,
		},
		"KeyOfNone": {
			reason: "A provider whose secrets are one value.", stores: inPod, secrets: "      command: [run]\n      secrets: {A: {store: main, name: orders-db, key: a}}\n",
			want: `orders/project.yaml:12:56: error: spec.workloads[0].secrets.A.key: a secret of azure-key-vault is one value, and has no keys
    hint: remove the key, or make a secret of its own of the value`,
		},
		"NoCommand": {
			reason: "What the pod is to start after it has read its secrets has to be known.", stores: inPod, secrets: "      secrets: {A: {store: main, name: orders-db}}\n",
			want: `orders/project.yaml:11:20: error: spec.workloads[0].secrets.A: in the environment "prod" the secret is read before the program starts, and the workload does not say which program that is: what its image starts by itself is known where the image is
    hint: write "command: [PROGRAM, ARGUMENT]" at the workload`,
		},
		"Stores": {
			reason: "A store has what its provider needs, and nothing of another one's.",
			stores: `  secretStores:
    Main: {provider: gcp-secret-manager, resolve: external-secrets, project: acme-prod}
    a: {provider: aws-secrets-manager, resolve: external-secrets, region: nowhere, endpoint: "https://x.example"}
    b: {provider: azure-key-vault, resolve: external-secrets, url: "http://acme.vault.azure.net", role: x}
    c: {provider: vault, resolve: external-secrets, url: "https://u:p@vault", mount: ../sys, ca: none, role: "<cluster>"}
    d: {provider: aws-parameter-store, resolve: entrypoint}
`,
			want: `env.yaml:7:5: error: spec.secretStores.Main: "Main" is not a name of a store: use lower-case letters, digits and dashes
env.yaml:8:75: error: spec.secretStores.a.region: "nowhere" is not a region of AWS, such as eu-west-1
env.yaml:8:94: error: spec.secretStores.a.endpoint: the External Secrets Operator takes no endpoint from a store
    hint: remove it, or write resolve: entrypoint
env.yaml:9:68: error: spec.secretStores.b.url: it is no address that secrets can be asked of
    hint: write it like "https://vault.acme.example:8200", without a path
env.yaml:9:105: error: spec.secretStores.b.role: a store of azure-key-vault has no role
    hint: remove it; it has: url
env.yaml:10:58: error: spec.secretStores.c.url: it is no address that secrets can be asked of
    hint: write it like "https://vault.acme.example:8200", without a path
env.yaml:10:86: error: spec.secretStores.c.mount: "../sys" is not a path, such as secret or teams/data
env.yaml:10:98: error: spec.secretStores.c.ca: it has no certificates in PEM
    hint: begin with -----BEGIN CERTIFICATE-----
env.yaml:10:110: error: spec.secretStores.c.role: there is no placeholder "<cluster>"
    hint: want one of: <project>, <environment>, <identity>
env.yaml:11:8: error: spec.secretStores.d: a store of aws-parameter-store needs region
env.yaml:11:49: error: spec.secretStores.d.resolve: nothing says which image has the program lot, which is to read the secrets
    hint: write spec.lotImage, such as "lotImage: registry.acme.example/lot@sha256:…"`,
		},
		"CSI": {
			reason: "The driver's providers take less of a store, and that for Azure more.",
			stores: `  secretStores:
    a: {provider: azure-key-vault, resolve: csi, url: "https://acme.vault.azure.net", tenant: 01234567-89ab-cdef-0123-456789abcdef}
    b: {provider: azure-key-vault, resolve: csi, url: "https://vault.acme.example"}
    c: {provider: azure-key-vault, resolve: entrypoint, url: "https://acme.vault.azure.net", tenant: 01234567-89ab-cdef-0123-456789abcdef}
    d: {provider: vault, resolve: csi, url: "https://vault.acme.example", role: orders, ca: x}
    e: {provider: gcp-secret-manager, resolve: csi, project: acme-prod, endpoint: "https://x.example", tenant: acme}
  lotImage: lot:1
`,
			want: `env.yaml:8:8: error: spec.secretStores.b: a store of azure-key-vault needs tenant
env.yaml:8:55: error: spec.secretStores.b.url: it is no address of a vault of Azure by its name
    hint: write it like "https://acme.vault.azure.net"
env.yaml:9:102: error: spec.secretStores.c.tenant: only the Secrets Store CSI driver needs the tenant
    hint: remove it, or write resolve: csi
env.yaml:10:93: error: spec.secretStores.d.ca: the Secrets Store CSI driver takes no certificates from a store: its provider for Vault has them in its own pod
    hint: mount them there, and remove this
env.yaml:11:83: error: spec.secretStores.e.endpoint: the providers of the Secrets Store CSI driver take no endpoint from a store
    hint: remove it, or write resolve: entrypoint
env.yaml:11:112: error: spec.secretStores.e.tenant: a store of gcp-secret-manager has no tenant
    hint: remove it; it has: project, endpoint`,
		},
		"Unknown": {
			reason: "A provider or a way that there is none of.", stores: "  secretStores:\n    e: {provider: keepass, resolve: never}\n",
			want: `env.yaml:7:19: error: spec.secretStores.e.provider: unknown value "keepass"
    hint: want one of: aws-parameter-store, aws-secrets-manager, azure-key-vault, gcp-secret-manager, vault
env.yaml:7:37: error: spec.secretStores.e.resolve: unknown value "never"
    hint: want one of: csi, entrypoint, external-secrets`,
		},
		"LotImage": {
			reason: "Something has to read what pods read.", stores: "  secretStores:\n    d: {provider: aws-parameter-store, resolve: entrypoint, region: eu-west-1}\n",
			want: `env.yaml:7:49: error: spec.secretStores.d.resolve: nothing says which image has the program lot, which is to read the secrets
    hint: write spec.lotImage, such as "lotImage: registry.acme.example/lot@sha256:…"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems, err := catalog.Load(mapFS(stored(tc.stores, tc.secrets, tc.more)), blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, problems.String()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestStoresOfWorkloads: a workload is told of the stores that it has secrets of, as they are for its account, and of no others.
func TestStoresOfWorkloads(t *testing.T) {
	stores := oneVault + "    spare: {provider: gcp-secret-manager, resolve: external-secrets, project: acme-prod}\n"
	c, problems, err := catalog.Load(mapFS(stored(stores, "      secrets: {A: {store: main, name: orders/db, key: password}, B: {name: db, key: a}}\n", "identity: orders-load")), blueprints.FS)
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	for r := range c.Releases() {
		want := map[string]v1alpha1.SecretStore{"main": {
			Provider: v1alpha1.Vault, Resolve: v1alpha1.ByExternalSecrets, URL: "https://vault.acme.example", Role: "orders-load-prod",
		}}
		if diff := cmp.Diff(want, r.Workloads[0].SecretStores); diff != "" || r.Workloads[0].LotImage != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}
