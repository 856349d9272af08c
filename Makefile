# What "make help" lists is what there is. Everything is built from packages that go.mod names; nothing needs to
# be installed but Go, git, make and a C compiler (for the race detector).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help build trunkline lot devcluster versitygw vault zig cosign image release test test-short test-cloud test-devcluster test-release test-image cover storms parity mutants fuzz lint fmt prose deadcode vuln \
	bench bench-loop generate golden licence airflow helm kustomize jsonnet cue prometheus-operator promtool transform catalog airflow-package wheel engines spark test-platform postgres github-schemas site mermaid openlineage moto demo browser browser-tools images tidy check clean

GO ?= go
# The tools, built at these versions into .cache/bin.
# renovate: module=github.com/golangci/golangci-lint/v2
GOLANGCI_VERSION := v2.15.0
# renovate: module=github.com/vale-cli/vale/v3
VALE_VERSION := v3.21.0
# renovate: module=golang.org/x/vuln
GOVULNCHECK_VERSION := v1.9.0
# renovate: module=golang.org/x/tools
DEADCODE_VERSION := v0.52.0
# How long "make fuzz" spends on each target, or how many seconds on all of them together, and which ones.
FUZZTIME ?= 30s
FUZZTOTAL ?=
FUZZ ?= .
# Which mutants "make mutants" tries, and how often "make storms" repeats what is random.
MUTANTS ?= .
STORMS ?= 5
# Which benchmarks "make bench" runs, and for how long; with BENCH, the table of the loop is left out.
BENCH ?=
BENCHTIME ?= 1s
# What the table of the loop is told, such as "-sizes 20,50 -large 500"; bin/bench -h lists it.
LOOP ?=

# How the program is built. Plugins in Go, which Kustomize could load and Trunkline never has it do, would have the linker
# keep every exported function of everything; tables for debuggers would be a fifth of the file.
TAGS := kustomize_disable_go_plugin_support
# Packages of types and of generated code, in which nothing is inlined: it is never what takes time, and two megabytes.
OUTLINED := k8s.io/api/... k8s.io/apiextensions-apiserver/pkg/apis/... k8s.io/apiserver/pkg/apis/... github.com/google/gnostic-models/... \
	github.com/jackc/pgx/v5/pgtype github.com/lestrrat-go/... github.com/vektah/...
BUILD := -tags $(TAGS) -ldflags '-s -w' $(foreach package,$(OUTLINED),-gcflags '$(package)=-l')

LINT := .cache/bin/golangci-lint-$(GOLANGCI_VERSION)
VALE := .cache/bin/vale-$(VALE_VERSION)
GOVULNCHECK := .cache/bin/govulncheck-$(GOVULNCHECK_VERSION)
DEADCODE := .cache/bin/deadcode-$(DEADCODE_VERSION)
WITH_TMP := hack/with-tmp.sh
# The packages of the module, each with what its tests import, and those of them whose tests start servers.
WITH_IMPORTS = $(GO) list -f '{{.ImportPath}} {{join .TestImports " "}} {{join .XTestImports " "}}' ./...
SERVERS := trunkline/test/(clustertest|s3test|pgtest)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: trunkline lot devcluster ## build bin/trunkline, bin/lot and bin/devcluster

trunkline: ## build bin/trunkline
	@[ -x bin/trunkline ] || echo "building bin/trunkline; the first time takes a few minutes"
	@$(GO) build $(BUILD) -o bin/trunkline ./cmd/trunkline

lot: ## build bin/lot, the program for images that work with lots
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/lot ./cmd/lot

devcluster: ## build bin/devcluster, a Kubernetes control plane in one binary
	@[ -x bin/devcluster ] || echo "building bin/devcluster, which is Kubernetes from its source; the first time takes about 5 minutes"
	@$(GO) build -C test/devcluster -o ../../bin/devcluster .

versitygw: ## build bin/versitygw, an S3 server on a folder
	@[ -x bin/versitygw ] || echo "building bin/versitygw, which is a program of others from its source; the first time takes a minute or two"
	@$(GO) build -C test/versitygw -ldflags '-s -w' -o ../../bin/versitygw github.com/versity/versitygw/cmd/versitygw

vault: ## build bin/vault, the Vault of HashiCorp for tests
	@[ -x bin/vault ] || echo "building bin/vault, which is a program of others from its source; the first time takes a few minutes"
	@$(GO) build -C test/vault -ldflags '-s -w' -o ../../bin/vault .

zig: ## install Zig into .cache/zig, which releases have what is written in C compiled with, for every platform
	@hack/zig/install.sh

cosign: ## build bin/cosign, which signs and verifies releases
	@[ -x bin/cosign ] || echo "building bin/cosign, which is a program of others from its source; the first time takes a few minutes"
	@$(GO) build -C test/cosign -ldflags '-s -w' -o ../../bin/cosign github.com/sigstore/cosign/v3/cmd/cosign

# What is released is what is committed, whatever is in the work tree; docs/install.md describes what comes out. The flags of the
# program that makes it, such as -push, -key FILE or -platforms linux/amd64; "go run -C release . -h" lists them.
RELEASE_FLAGS ?=
RELEASE = $(WITH_TMP) $(GO) run -C release . -repo $(CURDIR) -out $(CURDIR)/dist -zig $(CURDIR)/.cache/zig/ziglang/zig

image: zig ## make the container image of the last commit for amd64 and arm64 into dist, in OCI's layout; RELEASE_FLAGS='-push -image …'
	@$(RELEASE) -only image $(RELEASE_FLAGS) -- $(BUILD)

release: zig ## make all of a release of the last commit into dist: image, archives, packages, bills of materials; compiles for four platforms
	@$(RELEASE) $(RELEASE_FLAGS) -- $(BUILD)

# Tests come in three tiers; CONTRIBUTING.md says which test is in which. hack/gotest runs `go test` and ends with what
# was skipped and why; in CI, a test that is skipped for a reason of its own fails the run.
test-short: ## tier 1: the tests that need no cluster and no PostgreSQL, in minutes
	@$(WITH_TMP) $(GO) run ./hack/gotest -race -short ./...

test-cloud: ## vet and test what the build tags sops_cloud, stores_cloud and events_brokers bring in: clients of clouds, NATS and Kafka
	@$(GO) vet -tags $(TAGS),sops_cloud,stores_cloud,events_brokers ./reconciler/secrets/... ./flow/bucket/... ./flow/deliver/... ./cmd/trunkline
	@$(WITH_TMP) $(GO) run ./hack/gotest -short -tags $(TAGS),sops_cloud,stores_cloud,events_brokers ./reconciler/secrets/... ./flow/bucket/... ./flow/deliver/...

test: devcluster versitygw postgres github-schemas mermaid openlineage moto helm kustomize jsonnet cue prometheus-operator promtool transform catalog browser-tools ## tier 2: all tests, those on a real API server and a real PostgreSQL among them
	@echo "testing what starts no servers with the race detector; compiling for it takes minutes the first time"
	@$(WITH_TMP) $(GO) run ./hack/gotest -race -timeout 30m $$($(WITH_IMPORTS) | awk '!/$(subst /,\/,$(SERVERS))/ {print $$1}')
	@echo "testing what starts servers"
	@$(WITH_TMP) $(GO) run ./hack/gotest -race -timeout 30m $$($(WITH_IMPORTS) | awk '/$(subst /,\/,$(SERVERS))/ {print $$1}')
	@$(WITH_TMP) $(GO) test -run 'TestTooMuchMemory|TestCodeBombs' ./reconciler/builders # the race detector breaks their limits
	@$(MAKE) --no-print-directory test-devcluster
	@echo "testing release"
	@cd release && ../$(WITH_TMP) $(GO) test -short ./...

test-devcluster: devcluster ## run the tests of test/devcluster, a module of its own
	@echo "testing test/devcluster"
	@cd test/devcluster && DEVCLUSTER=$(CURDIR)/bin/devcluster ../../$(WITH_TMP) $(GO) test -race ./node/... ./pki/... ./process/... ./e2e/...

test-release: cosign zig ## tier 3, nightly: test release, a module of its own, with the real cosign and Zig; -short of it is part of tier 2
	@cd test/cosign && $(GO) mod tidy -diff # it has many modules, which nothing else fetches
	@echo "testing release, with cosign"
	@cd release && ../$(WITH_TMP) $(GO) test ./...

test-image: image ## tier 3, nightly: make the image of the last commit, and run what is in it as a container would
	@cd release && ../$(WITH_TMP) $(GO) test -count 1 -run TestTrunklineInItsImage . -args -image-layout $(CURDIR)/dist/image

test-platform: devcluster engines airflow-package postgres github-schemas vault ## the tests with the engines of data platforms: Airflow, Spark, JupyterLab, dbt; and with Vault
	@cd test/vault && $(GO) mod tidy -diff # it has many modules, which nothing else fetches
	@$(WITH_TMP) $(GO) run ./hack/gotest -count 1 -timeout 30m -run '^Test(Spark|Airflow|Notebook|Template|Vault)' ./cmd/trunkline/e2e -args -platform

storms: build versitygw postgres ## tier 3, nightly: repeat what is random (storms, kills, models, properties); STORMS=5 times
	@$(WITH_TMP) $(GO) run ./hack/gotest -race -count $(STORMS) -timeout 120m -run 'Storm|Kill|Damaged|Replica|Hang|Delay' \
		./reconciler ./reconciler/shard ./cmd/trunkline/e2e
	@for seed in $$(seq $(STORMS)); do \
		$(WITH_TMP) $(GO) run ./hack/gotest -race -count 1 -timeout 30m -run TestStorm ./flow -args -storm-seed $$seed -storm-lots 250 -storm-kills 50 || exit 1; \
	done
	@$(WITH_TMP) $(GO) run ./hack/gotest -count 1 -timeout 60m -run TestBackfillOnACluster ./flow -args -backfill-lots 10000
	@$(WITH_TMP) $(GO) run ./hack/gotest -race -count 1 -timeout 60m -run TestLotsOutliveKills ./cmd/trunkline/e2e -args -lots.hours 250 -lots.kills 50
	@$(WITH_TMP) $(GO) run ./hack/gotest -race -count 1 -timeout 60m -run TestLotsOfAStoreThatFails ./cmd/trunkline/e2e -args -lots.hours 80
	@$(WITH_TMP) $(GO) run ./hack/gotest -race -short -timeout 120m $$(git grep -l pgregory.net/rapid -- '*_test.go' | xargs -n 1 dirname | sort -u | sed 's|^|./|') -args -rapid.checks=2000

parity: devcluster ## tier 3, nightly: the same answers as Helm, Kustomize, Kubernetes' admission and Apache Airflow themselves
	@hack/helm/install.sh --charts
	@hack/kustomize/install.sh --overlays
	@CHARTS=$(CURDIR)/.cache/helm/charts OVERLAYS=$(CURDIR)/.cache/kustomize/overlays $(WITH_TMP) $(GO) run ./hack/gotest -count 1 -timeout 60m -run 'Parity|RendersAsHelmDoes' ./render/... ./policy/admission/...
	@cat .cache/helm/parity.txt .cache/kustomize/parity.txt
	@$(MAKE) --no-print-directory airflow
	@hack/airflow/derive.sh --examples

mutants: ## tier 3, nightly: break the invariants one by one and report which are not noticed; MUTANTS=regexp
	@$(WITH_TMP) $(GO) run ./hack/mutants -run '$(MUTANTS)'

fuzz: ## tier 3, nightly: run every fuzz target for a while; FUZZ=regexp FUZZTIME=30s
	@$(WITH_TMP) hack/fuzz.sh '$(FUZZ)' $(FUZZTIME) $(FUZZTOTAL)

cover: ## coverage of the tests without a cluster, by package; the lines are in coverage/index.html
	@mkdir -p coverage
	@$(WITH_TMP) $(GO) test -short -coverpkg=./... -coverprofile=coverage/all.out ./... >coverage/test.log || { cat coverage/test.log; exit 1; }
	@$(GO) tool cover -html=coverage/all.out -o coverage/index.html
	@hack/cover.sh coverage/all.out | tee coverage/packages.txt

# tool VERSIONED-FILE, MODULE/PATH@VERSION: builds a tool once.
define tool
	@echo "building $(notdir $(1)); this takes a few minutes, once"
	@GOBIN=$(CURDIR)/.cache/bin/tmp $(GO) install $(2)
	@mv .cache/bin/tmp/$(notdir $(firstword $(subst @, ,$(2)))) $(1)
endef

$(LINT):
	$(call tool,$@,github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION))

$(VALE):
	$(call tool,$@,github.com/vale-cli/vale/v3/cmd/vale@$(VALE_VERSION))

$(GOVULNCHECK):
	$(call tool,$@,golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION))

$(DEADCODE):
	$(call tool,$@,golang.org/x/tools/cmd/deadcode@$(DEADCODE_VERSION))

lint: $(LINT) prose deadcode ## run the linters, of code and of prose, and what looks for dead code
	@$(LINT) run ./...
	@cd test/devcluster && ../../$(LINT) run --config ../../.golangci.yml ./...
	@cd release && ../$(LINT) run --config ../.golangci.yml ./...

prose: $(VALE) ## hold docs and comments to the glossary of CONTRIBUTING.md
	@! echo 'On the ground of a rule.' | $(VALE) --path=README.md >/dev/null || { echo "prose: Vale misses a known error; see .vale.ini" >&2; exit 1; }
	@git ls-files -z -- '*.md' '*.go' | xargs -0 $(VALE) --output=line

deadcode: $(DEADCODE) ## list the functions that no program reaches; half a minute
	@hack/deadcode.sh $(DEADCODE) $(TAGS)

vuln: $(GOVULNCHECK) ## known vulnerabilities in what the code calls; needs vuln.go.dev
	@$(GOVULNCHECK) ./...

fmt: $(LINT) ## format the code
	@$(LINT) fmt ./...
	@cd test/devcluster && ../../$(LINT) fmt --config ../../.golangci.yml ./...
	@cd release && ../$(LINT) fmt --config ../.golangci.yml ./...

bench: devcluster ## measure the loop, then run the Go benchmarks; BENCH=regexp BENCHTIME=1s for some of those alone
	@[ -n '$(BENCH)' ] || $(MAKE) --no-print-directory bench-loop
	@$(WITH_TMP) $(GO) test -run '^$$' -bench '$(or $(BENCH),.)' -benchtime $(BENCHTIME) -benchmem -timeout 30m ./...

bench-loop: build ## measure the loop alone, a table in Markdown; LOOP='-sizes 20,50 -large 500' for a quick one
	@$(GO) build -o bin/bench ./hack/bench
	@$(WITH_TMP) bin/bench $(LOOP)

generate: licence golden ## make everything that is generated; CI checks that this changes nothing

golden: helm kustomize ## write the golden files again; look at the difference before you commit it
	@$(GO) test -run 'TestDecisions|TestReference' . -update
	@$(GO) test -run TestFields ./render/kinds -update
	@$(GO) test -run TestCommentsAreCurrent ./api/reference -update # the pages of the next line are made from them
	@$(GO) test -run 'TestSchemaIsCurrent|TestDocsListTheValues' ./deploy -update # the chart of the next line is checked by it
	@$(GO) test -run 'TestChart|TestKustomize' ./deploy -update
	@$(GO) test -short ./api/reference ./blueprints/... ./catalog ./catalog/draw ./policy/report ./plan/health ./examples/broken ./plan/preview/report ./cmd/trunkline/ ./cmd/trunkline/config -update

licence: ## put the licence line at the head of Go files that lack it
	@hack/licence.sh

helm: ## build Helm's own program, which tests compare with, into .cache/helm
	@hack/helm/install.sh

kustomize: ## build Kustomize's own program, which tests compare with, into .cache/kustomize
	@hack/kustomize/install.sh

jsonnet: ## build Jsonnet's own command, which tests compare with, into .cache/jsonnet
	@hack/jsonnet/install.sh

cue: ## build CUE's own command, which tests compare with, into .cache/cue
	@hack/cue/install.sh

prometheus-operator: ## fetch the kinds of operators, which tests of the chart and of secrets need, into .cache/deploy
	@hack/deploy/install.sh

# Without the clients of clouds by which Prometheus finds what it watches; rules need none.
promtool: ## build Prometheus' program that tests rules into .cache/bin
	@[ -x .cache/bin/promtool ] || echo "building promtool, which is a program of others from its source; the first time takes minutes"
	@$(GO) build -C test/promtool -tags remove_all_sd -ldflags '-s -w' -o ../../.cache/bin/promtool github.com/prometheus/prometheus/cmd/promtool

transform: ## check and test the program of the blueprint transform, with DuckDB from PyPI in .cache/transform
	@hack/transform/check.sh

catalog: moto ## check and test the program of the blueprint catalog, with AWS of .cache/moto, and a Java and Iceberg's own catalog in .cache/catalog
	@hack/catalog/check.sh

airflow-package: ## check and test the package trunkline-airflow, with Airflow of .cache/engines; installs it into .cache/trunkline-airflow
	@hack/trunkline-airflow/check.sh

wheel: ## build the wheel of the package trunkline-airflow into dist
	@hack/trunkline-airflow/wheel.sh dist

engines: spark ## install Apache Airflow, JupyterLab and dbt from PyPI into .cache/engines, for make test-platform; 1.2 GB
	@for engine in airflow jupyter dbt; do hack/engines/install.sh $$engine || exit 1; done

spark: ## install Apache Spark and a Java from PyPI into .cache/spark, for make test-platform; half a gigabyte
	@hack/spark/install.sh

airflow: ## ask Apache Airflow itself whether it still says what the corpus of DAG files has it say
	@hack/airflow/derive.sh --check

postgres: ## install the PostgreSQL that tests run against into .cache/postgres
	@hack/postgres/install.sh

github-schemas: ## fetch what GitHub says of its own API and webhooks, which tests hold us to, into .cache/github
	@hack/github/install.sh

site: ## build the site of the documentation into .cache/site/html, with MkDocs from PyPI; a link that leads nowhere fails
	@hack/site/build.sh

mermaid: ## fetch Mermaid, whose parser tests hold our diagrams to, into .cache/mermaid
	@hack/mermaid/install.sh

openlineage: ## install the classes of OpenLineage's client, which read our events in tests, into .cache/openlineage
	@hack/openlineage/install.sh

moto: ## install moto, which is AWS in memory, into .cache/moto
	@test/moto/install.sh

demo: build $(if $(filter-out 0 false,$(FULL)),engines) ## show the main job on two real clusters; ONCE=1 to run it unattended, FULL=1 with Spark, Airflow and a notebook
	@$(GO) build -o bin/demo ./examples/demo
	@ONCE=$(ONCE) FULL=$(FULL) exec bin/demo

browser-tools: ## find or install a browser and what drives it, into .cache/browser; where there is none, tests with it are skipped
	@hack/browser/install.sh || echo "without a browser, the tests of pages in one are skipped"

browser: build ## play the demo with a real browser in the person's place: look at its pages, press merge, watch the deployment
	@hack/browser/install.sh
	@$(GO) build -o bin/demo ./examples/demo
	@$(WITH_TMP) node hack/browser/demo.mjs bin/demo $(if $(IMAGES),--images $(IMAGES))

images: ## take the pictures of the documentation again, while the demo is played
	@$(MAKE) --no-print-directory browser IMAGES=docs/images
	@$(GO) test -count 1 -run TestInABrowser ./console/web -args -images $(CURDIR)/docs/images

tidy: ## bring go.mod and go.sum in line with the imports
	@$(GO) mod tidy
	@cd test/devcluster && $(GO) mod tidy
	@cd test/versitygw && $(GO) mod tidy
	@cd test/vault && $(GO) mod tidy
	@cd test/cosign && $(GO) mod tidy
	@cd release && $(GO) mod tidy
	@cd test/promtool && $(GO) mod tidy

check: ## everything that CI runs
	@.ci/run

clean: ## remove what was built
	@rm -rf bin dist coverage .cache
