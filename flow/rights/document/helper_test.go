// SPDX-License-Identifier: Apache-2.0

package document_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/rights"
	"trunkline.dev/trunkline/flow/rights/document"
)

const account = "/subscriptions/1/resourceGroups/data/providers/Microsoft.Storage/storageAccounts/acme"

// options are those of all tests.
func options() document.Options {
	return document.Options{Region: "eu-west-1", DataAccess: v1alpha1.DataAccess{
		Issuers:         map[string]string{"one": "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"},
		StorageAccounts: map[string]string{"lake": account, "manifests": account},
	}}
}

// principal is someone in a cloud with rights on folders of a bucket.
func principal(cloud catalog.Provider, grants ...rights.Grant) rights.Principal {
	name := map[catalog.Provider]string{
		catalog.AWS: "arn:aws:iam::123456789012:role/teams/orders-prod", catalog.GCP: "orders-prod@acme-data.iam.gserviceaccount.com",
		catalog.Azure: "11111111-2222-3333-4444-555555555555",
	}[cloud]
	scheme := map[catalog.Provider]string{catalog.AWS: "s3", catalog.GCP: "gs", catalog.Azure: "azblob"}[cloud]
	for i := range grants {
		grants[i].Place.Scheme = scheme
	}
	return rights.Principal{
		Cloud: cloud, Name: name, Workloads: []string{"orders/clean in prod", "orders/load in prod"},
		Members: []rights.Member{{Environment: "prod", Project: "orders", Account: "orders", Cluster: "one", Namespace: "orders-prod"}},
		Needs:   rights.Needs{Grants: grants},
	}
}

func grant(r rights.Right, folder string, part rights.Part) rights.Grant {
	return rights.Grant{Rights: r, Place: location.Location{Bucket: "lake", Folder: folder}, Part: part}
}

// typical are the rights of a program of a project's own that reads and writes lots.
func typical() []rights.Grant {
	return []rights.Grant{
		grant(rights.List|rights.Get, "orders/clean/", rights.Whole), grant(rights.Create, "orders/clean/", rights.Attempts),
		grant(rights.Replace|rights.Delete, "orders/clean/", rights.Hidden), grant(rights.List|rights.Get, "orders/raw/", rights.Whole),
	}
}

// verdict says what a document allows.
type verdict func(right rights.Right, key string) bool

// ofAWS evaluates statements as AWS does: patterns have "*" and "?", and variables that stand for these.
func ofAWS(t testing.TB, p rights.Principal) verdict {
	t.Helper()
	d, err := document.Of(p, options())
	if err != nil {
		t.Fatal(err)
	}
	actions := map[rights.Right]string{
		rights.List: "s3:ListBucket", rights.Get: "s3:GetObject", rights.Create: "s3:PutObject", rights.Replace: "s3:PutObject", rights.Delete: "s3:DeleteObject",
	}
	statements := d.Policy.(document.Statements).Statement
	return func(right rights.Right, key string) bool {
		resource := "arn:aws:s3:::lake"
		if right != rights.List {
			resource += "/" + key
		}
		return slices.ContainsFunc(statements, func(s document.Statement) bool {
			matches := func(pattern string) bool { return glob(pattern, resource) }
			if s.Effect != "Allow" || !slices.Contains(s.Action, actions[right]) || !slices.ContainsFunc(s.Resource, matches) {
				return false
			}
			prefixes, bound := s.Condition["StringLike"]["s3:prefix"]
			return !bound || slices.ContainsFunc(prefixes, func(pattern string) bool { return glob(pattern, key) })
		})
	}
}

func glob(pattern, text string) bool {
	quoted := regexp.QuoteMeta(pattern)
	for _, c := range []string{"*", "?", "$"} { // a variable that stands for a character is hidden first
		quoted = strings.ReplaceAll(quoted, regexp.QuoteMeta("${"+c+"}"), "\x00"+c+"\x00")
	}
	quoted = strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(quoted)
	for _, c := range []string{"*", "?", "$"} {
		quoted = strings.ReplaceAll(quoted, "\x00"+c+"\x00", regexp.QuoteMeta(c))
	}
	return regexp.MustCompile("(?s)^" + quoted + "$").MatchString(text)
}

// condition compiles an expression, and returns what it says of variables.
func condition(t testing.TB, expression string, options ...cel.EnvOption) func(map[string]any) bool {
	t.Helper()
	env, err := cel.NewEnv(options...)
	if err != nil {
		t.Fatal(err)
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		t.Fatalf("%s: %v", expression, issues.Err())
	}
	program, err := env.Program(ast)
	if err != nil {
		t.Fatal(err)
	}
	return func(vars map[string]any) bool {
		out, _, err := program.Eval(vars)
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		return out.Value() == true
	}
}

// ofGoogle evaluates the conditions of bindings with what Google Cloud has beside CEL: the attributes of a request, and extract.
func ofGoogle(t testing.TB, p rights.Principal) verdict {
	t.Helper()
	d, err := document.Of(p, options())
	if err != nil {
		t.Fatal(err)
	}
	may := map[string]rights.Right{
		"roles/storage.objectViewer": rights.List | rights.Get, "roles/storage.objectCreator": rights.Create,
		"roles/storage.objectUser": rights.List | rights.Get | rights.Create | rights.Replace | rights.Delete,
	}
	attribute := cel.Function("getAttribute", cel.MemberOverload("getAttribute", []*cel.Type{cel.MapType(cel.StringType, cel.StringType), cel.StringType, cel.StringType}, cel.StringType,
		cel.FunctionBinding(func(args ...ref.Val) ref.Val {
			if value, found := args[0].Value().(map[string]string)[args[1].Value().(string)]; found {
				return types.String(value)
			}
			return args[2]
		})))
	extract := cel.Function("extract", cel.MemberOverload("extract", []*cel.Type{cel.StringType, cel.StringType}, cel.StringType,
		cel.BinaryBinding(func(from, template ref.Val) ref.Val {
			before, rest, _ := strings.Cut(template.Value().(string), "{")
			_, after, _ := strings.Cut(rest, "}")
			_, tail, found := strings.Cut(from.Value().(string), before)
			value, _, ends := strings.Cut(tail, after)
			if !found || !ends {
				return types.String("")
			}
			return types.String(value)
		})))
	var all []verdict
	for _, b := range d.Policy.(document.Bindings).Bindings {
		if n := strings.Count(b.Condition.Expression, "&&") + strings.Count(b.Condition.Expression, "||"); n > 12 {
			t.Errorf("the condition has %d logical operators: %s", n, b.Condition.Expression)
		}
		holds := condition(t, b.Condition.Expression, cel.Variable("api", cel.MapType(cel.StringType, cel.StringType)),
			cel.Variable("resource", cel.MapType(cel.StringType, cel.StringType)), attribute, extract)
		all = append(all, func(right rights.Right, key string) bool {
			resource, api := map[string]string{"type": "storage.googleapis.com/Object", "name": "projects/_/buckets/lake/objects/" + key}, map[string]string{}
			if right == rights.List {
				resource = map[string]string{"type": "storage.googleapis.com/Bucket", "name": "projects/_/buckets/lake"}
				api["storage.googleapis.com/objectListPrefix"] = key
			}
			return may[b.Role].Has(right) && holds(map[string]any{"resource": resource, "api": api})
		})
	}
	return func(right rights.Right, key string) bool {
		return slices.ContainsFunc(all, func(v verdict) bool { return v(right, key) })
	}
}

// ofAzure evaluates the conditions of assignments, written as CEL.
func ofAzure(t testing.TB, p rights.Principal) verdict {
	t.Helper()
	d, err := document.Of(p, options())
	if err != nil {
		t.Fatal(err)
	}
	const blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
	may := map[string][]string{
		"Storage Blob Data Reader": {blobs + "/read"}, "Trunkline Blob Writer": {blobs + "/write", blobs + "/add/action"}, "Trunkline Blob Remover": {blobs + "/delete"},
	}
	rewrites := []struct{ from, to string }{
		{`@(Resource|Request)\[[^\]]*:(path|prefix)\] StringStartsWith '([^']*)'`, `$2.startsWith(r'$3')`},
		{`@(Resource|Request)\[[^\]]*:(path|prefix)\] StringLike '([^']*)'`, `like($2, r'$3')`},
		{`ActionMatches\{'([^']*)'\}`, `(action == "$1")`},
		{`SubOperationMatches\{'([^']*)'\}`, `(sub == "$1")`},
		{`\bAND\b`, "&&"},
		{`\bOR\b`, "||"},
		{`\bNOT\b `, "!"},
	}
	like := cel.Function("like", cel.Overload("like_string_string", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType,
		cel.BinaryBinding(func(text, pattern ref.Val) ref.Val {
			p := strings.NewReplacer(`\*`, "${*}", `\?`, "${?}").Replace(pattern.Value().(string))
			return types.Bool(glob(p, text.Value().(string)))
		})))
	var all []verdict
	for _, a := range d.Policy.(document.Assignments).Assignments {
		if want := account + "/blobServices/default/containers/lake"; a.Scope != want {
			t.Errorf("it is on %s, want %s", a.Scope, want)
		}
		expression := a.Condition
		for _, r := range rewrites {
			expression = regexp.MustCompile(r.from).ReplaceAllString(expression, r.to)
		}
		holds := condition(t, expression, cel.Variable("action", cel.StringType), cel.Variable("sub", cel.StringType), cel.Variable("path", cel.StringType),
			cel.Variable("prefix", cel.StringType), like)
		all = append(all, func(right rights.Right, key string) bool {
			vars := map[string]any{"sub": "", "path": key, "prefix": ""}
			switch right {
			case rights.List:
				vars["action"], vars["sub"], vars["path"], vars["prefix"] = blobs+"/read", "Blob.List", "", key
			case rights.Get:
				vars["action"] = blobs + "/read"
			case rights.Create, rights.Replace:
				vars["action"] = blobs + "/write"
			default:
				vars["action"] = blobs + "/delete"
			}
			return slices.Contains(may[a.Role], vars["action"].(string)) && holds(vars)
		})
	}
	return func(right rights.Right, key string) bool {
		return slices.ContainsFunc(all, func(v verdict) bool { return v(right, key) })
	}
}
