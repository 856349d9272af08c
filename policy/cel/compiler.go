// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"fmt"
	"reflect"

	celgo "github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/util/version"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/environment"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/cel/guard"
)

// The names that expressions may use.
const (
	varObject     = "object"
	varRelease    = "release"
	varUpstream   = "upstream"
	varDownstream = "downstream"
	varVariables  = "variables"
)

// Compiler compiles policies. It may be used by several goroutines.
type Compiler struct {
	targets map[v1alpha1.PolicyTarget]*target
	fields  map[string][]string
}

// target is what expressions of the policies on one kind of subject may use.
type target struct {
	env   *environment.EnvSet
	guard []celgo.ProgramOption
	names []string
}

// NewCompiler makes a compiler. That takes some milliseconds, so one is made and kept.
func NewCompiler() (*Compiler, error) {
	d := &declared{types: map[reflect.Type]*apiservercel.DeclType{}, fields: map[string][]string{}}
	named := map[string]*apiservercel.DeclType{
		string(v1alpha1.OnProject):     d.of(reflect.TypeFor[v1alpha1.Project]()),
		string(v1alpha1.OnWorkload):    d.of(reflect.TypeFor[v1alpha1.Workload]()),
		string(v1alpha1.OnDataset):     d.of(reflect.TypeFor[v1alpha1.Dataset]()),
		string(v1alpha1.OnEnvironment): d.of(reflect.TypeFor[v1alpha1.Environment]()),
		varObject:                      apiservercel.DynType,
		varRelease:                     apiservercel.DynType,
	}
	node := d.of(reflect.TypeFor[v1alpha1.PolicyNode]())
	named[varUpstream] = apiservercel.NewListType(node, -1)
	named[varDownstream] = named[varUpstream]

	c := &Compiler{targets: map[v1alpha1.PolicyTarget]*target{}, fields: d.fields}
	for _, on := range v1alpha1.PolicyTargets() {
		t, err := newTarget(named, node, around(on))
		if err != nil {
			return nil, fmt.Errorf("preparing CEL for policies on %q: %w", on, err)
		}
		c.targets[on] = t
	}
	return c, nil
}

// around lists the names that there are for a kind of subject.
func around(on v1alpha1.PolicyTarget) []string {
	switch on {
	case v1alpha1.OnEnvironment:
		return []string{"environment"}
	case v1alpha1.OnProject:
		return []string{"project", "environment", varUpstream, varDownstream}
	case v1alpha1.OnObject:
		return []string{varObject, "project", "workload", "environment", varRelease, varUpstream, varDownstream}
	default:
		return []string{string(on), "project", "environment", varRelease, varUpstream, varDownstream}
	}
}

func newTarget(named map[string]*apiservercel.DeclType, node *apiservercel.DeclType, names []string) (*target, error) {
	opts := environment.VersionedOptions{IntroducedVersion: version.MajorMinor(1, 0), DeclTypes: []*apiservercel.DeclType{node}}
	for _, name := range names {
		opts.EnvOptions = append(opts.EnvOptions, celgo.Variable(name, named[name].CelType()))
		if named[name].IsObject() {
			opts.DeclTypes = append(opts.DeclTypes, named[name])
		}
	}
	base := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	env, err := base.Extend(opts)
	if err != nil {
		return nil, err
	}
	bounded, err := guard.Program(env.StoredExpressionsEnv())
	return &target{env: env, guard: bounded, names: names}, err
}

// withVariables adds a type for the variables of one policy; its fields are added as they are compiled.
func (t *target) withVariables() (*celgo.Env, *apiservercel.DeclType, error) {
	object := apiservercel.NewObjectType("trunkline.variables", map[string]*apiservercel.DeclField{})
	env, err := t.env.Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions:        []celgo.EnvOption{celgo.Variable(varVariables, object.CelType())},
		DeclTypes:         []*apiservercel.DeclType{object},
	})
	if err != nil {
		return nil, nil, err
	}
	return env.StoredExpressionsEnv(), object, nil
}
