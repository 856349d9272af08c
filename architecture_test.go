// SPDX-License-Identifier: Apache-2.0

package trunkline_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "trunkline.dev/trunkline"

// mayKnow says what each folder may import of Trunkline, for itself and all below it; the longest folder that
// matches a package counts. It is the table of the design, in the words of the package comments. A folder that is
// not here may import nothing, so that a new one has to be added here by someone who thought about it.
var mayKnow = map[string][]string{
	"access":                     {"api"},
	"access/signon":              {"access"},
	"access/signon/signontest":   {},
	"access/session":             {"access"},
	"access/tokens":              {"access", "reconciler/history"},
	"api/columntype":             {},
	"api/asset":                  {},
	"api/artifact":               {"api/track", "api/v1alpha1"},
	"api/boundary":               {"api/param", "api/pattern"},
	"api/number":                 {},
	"api/person":                 {},
	"api/pattern":                {},
	"api/compat":                 {"api/schema"},
	"api/digraph":                {},
	"api/edit":                   {"api/v1alpha1"},
	"api/confidential":           {"api/unfilled"},
	"api/field":                  {},
	"api/generated":              {},
	"api/glob":                   {},
	"api/image":                  {"api/unfilled"},
	"api/jsonschema":             {"api/reference", "api/v1alpha1"},
	"api/location":               {},
	"api/lot":                    {},
	"api/markdown":               {},
	"api/memfile":                {},
	"api/outside":                {},
	"api/pack":                   {},
	"api/param":                  {},
	"api/pull":                   {"api/lot", "api/param", "api/sqltext"},
	"api/reference":              {"api/v1alpha1"},
	"api/schedule":               {},
	"api/schema":                 {"api/v1alpha1"},
	"api/sealed":                 {},
	"api/secretref":              {"api/v1alpha1"},
	"api/spark":                  {"api/param"},
	"api/sqltext":                {},
	"api/transform":              {"api/param", "api/pattern", "api/sqltext"},
	"api/unfilled":               {},
	"api/tableformat":            {"api/v1alpha1"},
	"api/track":                  {"api/v1alpha1"},
	"api/v1alpha1":               {},
	"blueprints":                 {"workloads/airflow"},
	"api/workspace":              {"api/param"},
	"bootstrap":                  {"api", "catalog", "deploy", "render/helm", "scaffold"},
	"catalog":                    {"api", "policy/airflow", "policy/cel/guard"}, // DAG files use datasets; projects choose clusters by conditions in CEL
	"build":                      {"api", "build"},
	"build/archive":              {},
	"build/referrer":             {},
	"build/statement":            {},
	"catalog/draw":               {"api", "catalog/draw"},
	"catalog/flowchart":          {"api", "catalog", "catalog/draw"},
	"cmd":                        {"..."},
	"console":                    {"access", "api", "catalog", "cost/usage", "doctor", "flow/plan", "flow/report", "flow/run", "reconciler/history", "reconciler/status", "webhooks/github/delivery", "webhooks/report"}, // pull requests are read as their reports say them
	"console/apps":               {"access"},
	"console/web":                {"access", "api", "catalog", "catalog/draw", "catalog/flowchart", "console", "cost/usage", "docs/rules", "doctor", "flow/plan", "flow/report", "promotion", "reconciler/history", "reconciler/status", "webhooks/report"},
	"console/web/webtest":        {"access", "api", "catalog", "catalog/draw", "console", "console/consoletest", "console/web", "cost/usage", "doctor", "flow/report", "reconciler/history", "reconciler/status", "webhooks/report"},
	"console/client":             {"access", "catalog", "console", "cost/usage", "flow/report", "reconciler/history", "reconciler/status"},
	"console/consoletest":        {"access", "api/lot", "catalog", "console", "cost/usage", "doctor", "flow/plan", "flow/report", "reconciler/history", "reconciler/status", "webhooks/report"},
	"cost":                       {"api", "catalog", "render"},
	"cost/report":                {"api", "catalog", "cost"},
	"cost/usage":                 {"api", "catalog", "cost"},
	"deploy":                     {},
	"docs/rules":                 {},
	"doctor":                     {"api", "reconciler/status"},
	"doctor/probe":               {"api", "blueprints", "catalog", "console", "deploy", "doctor", "evaluate", "plan/preview", "reconciler/artifact", "reconciler/cluster", "reconciler/git", "reconciler/secrets", "reconciler/signers", "webhooks"},
	"evaluate":                   {"api", "catalog", "cost", "flow/plan", "flow/rights", "plan", "policy", "render"},
	"examples/broken":            {"api", "blueprints", "catalog", "docs/rules", "evaluate", "policy", "render"},
	"examples/demo":              {"api/lot", "console", "console/client", "flow/bucket", "flow/manifest", "flow/store", "reconciler/status", "test/stage", "webhooks/github/githubtest"},
	"flow":                       {"api", "catalog", "flow", "plan/gate"},
	"flow/acts":                  {"flow/bucket"},
	"flow/afar":                  {"api/lot", "flow/jobs"}, // what leads to an agent is an interface of its own
	"flow/arcstate":              {"api/lot", "flow/manifest", "flow/run"},
	"flow/arrivals":              {"api", "flow/bucket", "flow/ingress", "flow/ledger", "flow/manifest", "flow/plan", "flow/run", "flow/store", "flow/survey"},
	"flow/asking":                {"catalog"},
	"flow/assets":                {"api/asset", "api/lot", "flow/bucket", "flow/egress", "flow/ledger", "flow/manifest", "flow/run", "flow/store", "flow/survey"},
	"flow/bucket":                {"api/location"},
	"flow/bucket/buckettest":     {},
	"flow/data":                  {"api/lot", "flow/bucket", "flow/filter", "flow/given", "flow/manifest", "flow/store"},
	"flow/deliver":               {"api", "flow/bucket", "flow/egress"},
	"flow/egress":                {"api/glob", "api/lot"},
	"flow/excerpt":               {},
	"flow/expire":                {"api/lot", "flow/bucket", "flow/manifest", "flow/store"},
	"flow/filter":                {"api/pattern"},
	"flow/given":                 {"api/lot", "flow/manifest"},
	"flow/ingress":               {"api/boundary", "api/lot", "flow/manifest"},
	"flow/jobs":                  {"api/confidential", "api/lot", "api/secretref", "flow/excerpt", "flow/run", "plan", "plan/health", "reconciler/cluster"},
	"flow/ledger":                {"api/lot", "flow/arcstate", "flow/bucket", "flow/manifest", "flow/run", "flow/store"},
	"flow/logs":                  {"api/lot", "flow/bucket"},
	"flow/manifest":              {"api/lot"},
	"flow/notice":                {},
	"flow/plan":                  {"api", "catalog"},
	"flow/pull":                  {"api/lot", "api/pull", "flow/bucket", "flow/data", "flow/filter", "flow/given", "flow/manifest", "flow/store"},
	"flow/record":                {"api/lot", "flow/bucket", "flow/plan"},
	"flow/remote":                {"api", "build", "catalog", "flow/asking", "flow/bucket", "flow/given", "flow/jobs", "flow/ledger", "flow/plan", "flow/run"},
	"flow/report":                {"api/lot", "flow/manifest", "flow/plan"},
	"flow/rights/rightstest":     {"flow/rights"},
	"flow/rights":                {"api", "catalog", "flow/manifest", "flow/rights", "flow/run"},
	"flow/run":                   {"api", "catalog", "flow/given", "flow/manifest", "flow/plan"},
	"flow/secrets":               {"api/secretref", "api/v1alpha1"},
	"flow/snapshot":              {"api/lot", "flow/bucket", "flow/plan", "flow/survey"},
	"flow/store":                 {"api/lot", "flow/bucket", "flow/manifest"},
	"flow/survey":                {"api", "catalog", "flow/manifest", "flow/plan", "flow/store"},
	"hack/airflow/verdicts":      {"api", "policy"},
	"hack/gotest":                {},
	"hack/mutants":               {},
	"flow/workspaces/afar":       {"api/workspace", "flow/workspaces", "plan", "reconciler/reach", "reconciler/tunnel"},
	"flow/workspaces":            {"api", "catalog", "flow/asking", "plan", "reconciler/tunnel"},
	"hack/bench":                 {"api", "blueprints", "catalog", "console/client", "reconciler/status", "render", "test/clustertest", "test/stage", "webhooks/github/githubtest"},
	"hack/simulate":              {"api", "catalog", "plan", "render"},
	"migrate":                    {"api/track", "api/v1alpha1", "render", "scaffold"},
	"migrate/clusterless":        {"api/columntype", "api/confidential", "api/location", "api/lot", "api/pattern", "api/v1alpha1", "catalog", "migrate", "scaffold"},
	"notify":                     {"api/glob"},
	"notify/channel":             {"api/markdown", "flow/deliver", "flow/egress", "notify"},
	"notify/outbox":              {"notify", "reconciler/history"},
	"notify/post":                {"catalog", "flow/egress", "notify", "notify/channel", "notify/outbox", "notify/watch", "reconciler/history", "reconciler/status"},
	"notify/watch":               {"api", "catalog", "notify", "reconciler/history", "reconciler/status"},
	"plan":                       {"api", "catalog", "plan/ownership"},
	"plan/compose":               {},
	"plan/gate":                  {"api", "plan"},
	"plan/health":                {"api", "policy/cel/guard", "policy/subject"},
	"plan/ownership":             {"api/field"},
	"plan/preview":               {"api", "catalog", "flow/plan", "flow/rights", "plan", "render"},
	"plan/previews":              {},
	"plan/resource":              {"api", "catalog"},
	"plan/release":               {"api", "catalog", "plan", "render"},
	"plan/stay":                  {"api", "catalog"},
	"plan/workspace":             {"api", "plan"},
	"plan/terms":                 {"api", "catalog", "plan", "plan/gate"},
	"policy":                     {"api", "catalog", "docs/rules", "flow/rights", "plan/health", "policy"},
	"policy/admission":           {"api", "policy/cel/guard", "policy/subject"},
	"policy/airflow":             {"api"},
	"policy/cel":                 {"api", "policy/cel", "policy/subject"},
	"policy/cel/guard":           {"policy/subject"},
	"policy/fixture":             {"api", "policy/admission", "policy/cel", "policy/rego", "policy/subject"},
	"policy/rego":                {"api", "policy/subject"},
	"policy/report":              {"api"},
	"policy/subject":             {"api"},
	"promotion":                  {"api"},
	"reconciler":                 {"api", "blueprints", "catalog", "evaluate", "plan", "policy", "reconciler", "render"},
	"reconciler/agent":           {"api", "catalog", "plan", "reconciler/cluster", "reconciler/durable", "reconciler/history", "reconciler/status", "render"},
	"reconciler/agent/agenttest": {},
	"reconciler/airflow":         {"plan/health"},
	"reconciler/apply":           {"api", "catalog", "plan", "reconciler/apply", "reconciler/cluster", "reconciler/secrets", "render"},
	"reconciler/archive":         {},
	"reconciler/builders":        {"reconciler/builders/frame", "reconciler/child", "render/code", "render/kustomize"},
	"reconciler/builders/frame":  {"render/code"},
	"reconciler/artifact":        {"api", "reconciler/durable", "reconciler/oci"},
	"reconciler/child":           {},
	"reconciler/cloud":           {},
	"reconciler/cluster":         {"catalog", "plan", "plan/gate", "plan/health", "plan/ownership", "reconciler/cluster"},
	"reconciler/dryrun":          {"api", "catalog", "plan", "plan/gate", "plan/preview", "plan/terms", "reconciler/apply", "reconciler/cluster", "reconciler/secrets", "render"},
	"reconciler/durable":         {},
	"reconciler/git":             {"reconciler/child", "reconciler/durable", "reconciler/git"},
	"reconciler/history":         {"catalog", "reconciler/durable"},
	"reconciler/meter":           {"api/lot", "catalog", "cost", "plan", "reconciler/history"},
	"reconciler/images":          {"api", "build", "reconciler/oci"},
	"reconciler/oci":             {"api"},
	"reconciler/reach":           {"catalog", "reconciler/airflow", "reconciler/tunnel"},
	"reconciler/rendercache":     {"catalog", "reconciler/durable", "render"},
	"reconciler/install":         {"api", "catalog", "plan", "reconciler/apply", "reconciler/cluster", "reconciler/secrets", "reconciler/shard", "render"},
	"reconciler/resources":       {"api", "catalog", "plan/gate", "plan/resource"},
	"reconciler/secrets":         {"api"},
	"reconciler/shard":           {"catalog"},
	"reconciler/signers":         {},
	"reconciler/stores":          {"api/location", "flow/bucket"},
	"reconciler/status":          {"api", "catalog"},
	"reconciler/tunnel":          {"reconciler/cluster"},
	"reconciler/workdir":         {"reconciler/durable"},
	"render":                     {"api", "catalog", "flow/rights", "render"},
	"render/code":                {"api", "render/internal"},
	"render/cue":                 {"api", "render/code", "render/internal"},
	"render/cue/evaluate":        {"render/code", "render/cue"},
	"render/helm":                {"api", "render/internal"},
	"render/internal":            {"api", "render/internal"},
	"render/jsonnet":             {"api", "render/code", "render/internal"},
	"render/kinds":               {"api"},
	"render/kustomize":           {"api", "render/helm", "render/internal"},
	"render/manifests":           {"api", "render/internal"},
	"render/substitute":          {},
	"scaffold":                   {"api", "catalog"},
	"traces":                     {"catalog"},
	"test/cached":                {},
	"test/clustertest":           {},
	"test/fulldisk":              {},
	"test/mermaidtest":           {"test/cached"},
	"test/mototest":              {"test/cached"},
	"test/oidctest":              {},
	"test/pgtest":                {},
	"test/s3test":                {},
	"test/stage":                 {"console/client"},
	"webhooks":                   {"access", "api", "catalog", "cost", "docs/rules", "evaluate", "flow/plan", "plan", "policy", "promotion", "reconciler/status", "webhooks/report"},
	"workloads/airflow":          {},
	"webhooks/commits":           {"plan/compose", "reconciler/git", "webhooks"},
	"webhooks/github":            {"webhooks", "webhooks/github/delivery"},
	"webhooks/github/delivery":   {},
	"webhooks/github/githubtest": {"catalog/draw/layered", "test/cached", "webhooks/github/githubtest"},
	"webhooks/github/setup":      {},
	"webhooks/registry":          {"api", "promotion", "reconciler/oci"},
	"webhooks/report":            {"api", "catalog", "cost", "plan", "promotion"},
	"webhooks/reports":           {"catalog/draw", "reconciler/durable", "webhooks/report"}, // the flow of a report is kept as the graph that it is
}

// pure are the folders whose results depend on nothing but their arguments.
var pure = []string{"access", "api", "bootstrap", "build", "catalog", "cost", "evaluate", "flow/arcstate", "flow/egress", "flow/excerpt", "flow/filter", "flow/given", "flow/ingress", "flow/manifest", "flow/notice", "flow/plan", "flow/report", "flow/rights", "flow/run", "migrate", "notify", "plan", "policy", "promotion", "render", "scaffold", "webhooks/report"}

// edges are folders in those that reach beyond.
var edges = []string{"access/session", "access/signon", "access/signon/signontest", "access/tokens", "build/archive", "notify/channel", "notify/outbox", "notify/post"}

// impure are the imports, and those below them, that reach beyond the arguments.
var impure = []string{"net", "net/http", "os", "os/exec", "math/rand", "math/rand/v2", "k8s.io/client-go"}

// tables are those of them that are nothing but tables of types.
var tables = []string{"k8s.io/client-go/kubernetes/scheme"}

// source is a Go file of the module.
type source struct {
	// file is its path, and pkg the folder, both with slashes and relative to the root.
	file, pkg string
	test      bool
	ast       *ast.File
}

// sources parses all Go files of this module; other modules in the repository are left out.
func sources(t *testing.T) (*token.FileSet, []source) {
	t.Helper()
	fset := token.NewFileSet()
	var out []source
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		file := filepath.ToSlash(name)
		if entry.IsDir() {
			if file == "." {
				return nil
			}
			_, other := os.Stat(filepath.Join(name, "go.mod"))
			if other == nil || entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") || strings.HasPrefix(entry.Name(), "_") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(file) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, source{file: file, pkg: path.Dir(file), test: strings.HasSuffix(file, "_test.go"), ast: parsed})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("found %d files only: the walk is broken, and this test checks nothing", len(out))
	}
	return fset, out
}

// folder finds the longest folder of a table that a package is in.
func folder(pkg string, in []string) (string, bool) {
	best, found := "", false
	for _, f := range in {
		if within(pkg, f) && len(f) >= len(best) {
			best, found = f, true
		}
	}
	return best, found
}

func within(pkg, folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }

func imports(f *ast.File) []string {
	var out []string
	for _, spec := range f.Imports {
		if name, err := strconv.Unquote(spec.Path.Value); err == nil {
			out = append(out, name)
		}
	}
	return out
}

func TestWhoKnowsWhom(t *testing.T) {
	folders := make([]string, 0, len(mayKnow))
	for f := range mayKnow {
		folders = append(folders, f)
	}
	_, all := sources(t)
	for _, s := range all {
		if s.test || s.pkg == "." {
			continue // tests may set up whatever they test with
		}
		at, ok := folder(s.pkg, folders)
		if !ok {
			t.Errorf("%s: the folder %s is in no row of mayKnow: say there what it may import", s.file, s.pkg)
			continue
		}
		allowed := mayKnow[at]
		for _, name := range imports(s.ast) {
			mine, ours := strings.CutPrefix(name, module+"/")
			if !ours || slices.Contains(allowed, "...") {
				continue
			}
			if _, ok := folder(mine, allowed); !ok {
				t.Errorf("%s: imports %s, which %s may not know; it may know %s", s.file, mine, at, list(allowed))
			}
		}
	}
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing of ours"
	}
	return strings.Join(names, ", ")
}

func TestPurePackages(t *testing.T) {
	fset, all := sources(t)
	for _, s := range all {
		at, ok := folder(s.pkg, pure)
		if s.test || !ok || slices.Contains(edges, s.pkg) {
			continue
		}
		for _, name := range imports(s.ast) {
			if slices.Contains(tables, name) {
				continue
			}
			if slices.Contains(impure, name) || within(name, "k8s.io/client-go") {
				t.Errorf("%s: imports %s, and %s is pure: no network, clock, disk or environment", s.file, name, at)
			}
		}
		for _, call := range clockReads(s.ast) {
			t.Errorf("%s: reads the clock, and %s is pure: take the time as an argument", fset.Position(call), at)
		}
	}
}

// clockReads finds time.Now and its relatives, called or handed on.
func clockReads(f *ast.File) []token.Pos {
	clock := ""
	for _, spec := range f.Imports {
		if spec.Path.Value == `"time"` {
			clock = "time"
			if spec.Name != nil {
				clock = spec.Name.Name
			}
		}
	}
	var out []token.Pos
	ast.Inspect(f, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && clock != "" && x.Name == clock &&
			slices.Contains([]string{"Now", "Since", "Until", "After", "Tick", "NewTimer", "NewTicker", "Sleep", "AfterFunc"}, selector.Sel.Name) {
			out = append(out, n.Pos())
		}
		return true
	})
	return out
}

func TestOnePackageComment(t *testing.T) {
	_, all := sources(t)
	packages := map[string][]string{} // to the files with a comment
	for _, s := range all {
		if s.test {
			continue
		}
		if _, ok := packages[s.pkg]; !ok {
			packages[s.pkg] = nil
		}
		if s.ast.Doc != nil && strings.TrimSpace(s.ast.Doc.Text()) != "" {
			packages[s.pkg] = append(packages[s.pkg], s.file)
			want := "Package " + s.ast.Name.Name
			if s.ast.Name.Name == "main" {
				want = "Command "
			}
			if text := s.ast.Doc.Text(); !strings.HasPrefix(text, want) {
				t.Errorf("%s: the package comment begins with %q, want %q", s.file, strings.SplitN(text, "\n", 2)[0], want+"…")
			}
		}
	}
	for pkg, files := range packages {
		if len(files) != 1 {
			t.Errorf("%s: has %d package comments, want one: %s", pkg, len(files), strings.Join(files, ", "))
		}
	}
}

// TestNoAssertionLibrary holds tests to values that are compared, and everybody to one way of doing things.
func TestNoAssertionLibrary(t *testing.T) {
	banned := map[string]string{
		"github.com/stretchr/testify": "compare with cmp.Diff", "github.com/onsi/gomega": "compare with cmp.Diff", "github.com/onsi/ginkgo": "use testing",
		"github.com/pkg/errors": "use fmt.Errorf with %w", "golang.org/x/exp": "the standard library has it",
	}
	_, all := sources(t)
	for _, s := range all {
		for _, name := range imports(s.ast) {
			for prefix, instead := range banned {
				if within(name, prefix) {
					t.Errorf("%s: imports %s: %s", s.file, name, instead)
				}
			}
		}
	}
}
