# What "make help" lists is what there is. Everything is built from packages that go.mod names; nothing needs to
# be installed but Go, git, make and a C compiler (for the race detector).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help build trunkline devcluster test test-short test-devcluster lint fmt bench bench-loop fuzz golden airflow postgres demo tidy check clean

GO ?= go
GOLANGCI_VERSION := v2.15.0
# How long "make fuzz" spends on each target, and which ones.
FUZZTIME ?= 30s
FUZZ ?= .
# Which benchmarks "make bench" runs, and for how long; with BENCH, the table of the loop is left out.
BENCH ?=
BENCHTIME ?= 1s
# What the table of the loop is told, such as "-sizes 20,50 -large 500"; bin/bench -h lists it.
LOOP ?=

# How the program is built. Plugins in Go, which Kustomize could load and Trunkline never has it do, would have the linker
# keep every exported function of everything; tables for debuggers would be a fifth of the file.
BUILD := -tags kustomize_disable_go_plugin_support -ldflags '-s -w'

LINT := .cache/bin/golangci-lint-$(GOLANGCI_VERSION)
WITH_TMP := hack/with-tmp.sh

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: trunkline devcluster ## build bin/trunkline and bin/devcluster

trunkline: ## build bin/trunkline
	@[ -x bin/trunkline ] || echo "building bin/trunkline; the first time takes a few minutes"
	@$(GO) build $(BUILD) -o bin/trunkline ./cmd/trunkline

devcluster: ## build bin/devcluster, a Kubernetes control plane in one binary
	@[ -x bin/devcluster ] || echo "building bin/devcluster, which is Kubernetes from its source; the first time takes about 5 minutes"
	@$(GO) build -C test/devcluster -o ../../bin/devcluster .

test: devcluster postgres ## run all tests, those on a real API server and a real PostgreSQL among them
	@echo "testing trunkline with the race detector; compiling for it takes minutes the first time"
	@$(WITH_TMP) $(GO) test -race -timeout 30m ./...
	@$(MAKE) --no-print-directory test-devcluster

test-short: ## run the tests that need no cluster and no PostgreSQL
	@$(WITH_TMP) $(GO) test -race -short ./...

test-devcluster: devcluster ## run the tests of test/devcluster
	@echo "testing test/devcluster"
	@cd test/devcluster && DEVCLUSTER=$(CURDIR)/bin/devcluster ../../$(WITH_TMP) $(GO) test -race ./node/... ./pki/... ./process/... ./e2e/...

$(LINT):
	@echo "building golangci-lint $(GOLANGCI_VERSION); this takes a few minutes, once"
	@GOBIN=$(CURDIR)/.cache/bin/tmp $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv .cache/bin/tmp/golangci-lint $@

lint: $(LINT) ## run the linters
	@$(LINT) run ./...
	@cd test/devcluster && ../../$(LINT) run --config ../../.golangci.yml ./...

fmt: $(LINT) ## format the code
	@$(LINT) fmt ./...
	@cd test/devcluster && ../../$(LINT) fmt --config ../../.golangci.yml ./...

bench: devcluster ## measure the loop, then run the Go benchmarks; BENCH=regexp BENCHTIME=1s for some of those alone
	@[ -n '$(BENCH)' ] || $(MAKE) --no-print-directory bench-loop
	@$(WITH_TMP) $(GO) test -run '^$$' -bench '$(or $(BENCH),.)' -benchtime $(BENCHTIME) -benchmem -timeout 30m ./...

bench-loop: build ## measure the loop alone, a table in Markdown; LOOP='-sizes 20,50 -large 500' for a quick one
	@$(GO) build -o bin/bench ./hack/bench
	@$(WITH_TMP) bin/bench $(LOOP)

fuzz: ## run every fuzz target for a while; FUZZ=regexp FUZZTIME=30s
	@$(WITH_TMP) hack/fuzz.sh '$(FUZZ)' $(FUZZTIME)

golden: ## write the golden files anew; look at the difference before you commit it
	@$(GO) test ./api/reference ./blueprints/... ./catalog/draw ./policy/report ./plan/health ./examples/broken ./cmd/trunkline/ -update

airflow: ## ask Apache Airflow itself whether it still says what the corpus of DAG files has it say
	@hack/airflow/derive.sh --check

postgres: ## install the PostgreSQL that tests run against into .cache/postgres
	@hack/postgres/install.sh

demo: build ## show the main job on two real clusters; ONCE=1 to run it unattended
	@$(GO) build -o bin/demo ./examples/demo
	@ONCE=$(ONCE) exec bin/demo

tidy: ## bring go.mod and go.sum in line with the imports
	@$(GO) mod tidy
	@cd test/devcluster && $(GO) mod tidy

check: ## everything that CI runs
	@.ci/run

clean: ## remove what was built
	@rm -rf bin .cache
