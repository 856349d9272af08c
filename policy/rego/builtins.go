// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// allowed are the functions that policies may call: each is deterministic and reaches nothing but its arguments.
// It is a list of what there is rather than of what there is not, so that a new version of the engine adds nothing unseen.
const allowed = `
	eq assign equal neq lt lte gt gte plus minus mul div rem abs round ceil floor and or
	internal.member_2 internal.member_3 internal.print internal.template_string internal.test_case print trace
	array.concat array.flatten array.reverse array.slice all any count max min sum product sort
	bits.and bits.lsh bits.negate bits.or bits.rsh bits.xor numbers.range numbers.range_step
	intersection union set_diff object.filter object.get object.keys object.remove object.subset object.union object.union_n
	concat contains endswith format_int indexof indexof_n lower replace split sprintf startswith substring trim trim_left
	trim_prefix trim_right trim_space trim_suffix upper strings.any_prefix_match strings.any_suffix_match strings.count
	strings.replace_n strings.reverse strings.split_n
	regex.find_all_string_submatch_n regex.find_n regex.is_valid regex.match regex.replace regex.split re_match
	glob.match glob.quote_meta graph.reachable walk
	base64.decode base64.encode base64.is_valid base64url.decode base64url.encode base64url.encode_no_pad hex.decode hex.encode
	json.filter json.is_valid json.marshal json.marshal_with_options json.patch json.remove json.unmarshal
	yaml.is_valid yaml.marshal yaml.unmarshal uri.is_valid uri.parse
	urlquery.decode urlquery.decode_object urlquery.encode urlquery.encode_object
	crypto.hmac.equal crypto.hmac.md5 crypto.hmac.sha1 crypto.hmac.sha256 crypto.hmac.sha512 crypto.md5 crypto.sha1 crypto.sha256
	crypto.x509.parse_certificate_request crypto.x509.parse_certificates io.jwt.decode
	net.cidr_contains net.cidr_contains_matches net.cidr_intersects net.cidr_is_valid net.cidr_merge net.cidr_overlap
	semver.compare semver.is_valid uuid.parse units.parse units.parse_bytes to_number
	cast_array cast_boolean cast_null cast_object cast_set cast_string
	is_array is_boolean is_null is_number is_object is_set is_string type_name
	time.add_date time.clock time.date time.diff time.format time.parse_duration_ns time.parse_ns time.parse_rfc3339_ns time.weekday
	rego.metadata.chain rego.metadata.rule`

// unguarded are those of them whose work does not depend on what they are given, or that the engine counts as steps itself.
const unguarded = `eq assign walk internal.print internal.test_case print trace count object.get array.slice
	is_array is_boolean is_null is_number is_object is_set is_string type_name rego.metadata.chain rego.metadata.rule`

// prefix is put before the name of a function that is guarded, once a policy is compiled: the engine looks for its own
// functions first, so they cannot be replaced under their own names.
const prefix = "bounded."

// sandbox is what policies may call, and the guards around that.
type sandbox struct {
	capabilities *ast.Capabilities
	// guarded maps the name of a function to its guarded one's, as a term.
	guarded map[string]*ast.Term
	// functions are the guarded functions by their new names.
	functions map[string]*topdown.Builtin
}

func newSandbox() *sandbox {
	names := map[string]bool{}
	for name := range strings.FieldsSeq(allowed) {
		names[name] = true
	}
	free := map[string]bool{}
	for name := range strings.FieldsSeq(unguarded) {
		free[name] = true
	}
	s := &sandbox{capabilities: ast.CapabilitiesForThisVersion(), guarded: map[string]*ast.Term{}, functions: map[string]*topdown.Builtin{}}
	s.capabilities.AllowNet = []string{}
	s.capabilities.Builtins = nil
	for _, b := range ast.CapabilitiesForThisVersion().Builtins {
		if !names[b.Name] {
			continue
		}
		s.capabilities.Builtins = append(s.capabilities.Builtins, b)
		call := topdown.GetBuiltin(b.Name)
		if free[b.Name] || call == nil {
			continue
		}
		decl := *b
		decl.Name = prefix + b.Name
		decl.CanSkipBctx = false // the guard needs the budget, which is there
		// A name of one part: parsed, the engine would write "bounded.contains" as bounded["contains"], since that is a keyword,
		// and find no function of that name.
		s.guarded[b.Name] = ast.NewTerm(ast.Ref{ast.VarTerm(decl.Name)})
		s.functions[decl.Name] = &topdown.Builtin{Decl: &decl, Func: guard(b.Name, call)}
	}
	return s
}

// redirect makes the calls of a compiled module go to the guarded functions.
func (s *sandbox) redirect(module *ast.Module) {
	ast.WalkExprs(module, func(e *ast.Expr) bool {
		if terms, ok := e.Terms.([]*ast.Term); ok && len(terms) > 0 {
			if to := s.guarded[terms[0].String()]; to != nil {
				terms[0] = to
			}
		}
		return false
	})
}
