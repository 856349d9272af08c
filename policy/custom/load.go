// SPDX-License-Identifier: Apache-2.0

package custom

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/outside"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/policy/admission"
	"trunkline.dev/trunkline/policy/cel"
	"trunkline.dev/trunkline/policy/rego"
	"trunkline.dev/trunkline/policy/subject"
)

const (
	// maxFiles bounds the files of all policy folders, and maxFileBytes one of them.
	maxFiles     = 5_000
	maxFileBytes = 1 << 20
)

// Set is a platform's own policies, compiled. It may be used by several goroutines.
type Set struct {
	declared  []declared
	rego      *rego.Set
	admission *admission.Set
	problems  v1alpha1.Problems
	// inFolders are the folders that the latter two come from.
	inFolders []subject.Folder
}

// declared is a policy in CEL, and what can be told of it from its text.
type declared struct {
	*cel.Policy
	// environments reports whether the verdict may depend on the environment, and wide that it may depend on what is
	// further away in the DAG than what is read directly.
	environments, wide bool
}

// Load compiles the policies of a platform. What is wrong with them is in [Set.Problems]. An error means that the tree
// could not be read, or that the program itself is broken.
func Load(cat *catalog.Catalog) (*Set, error) {
	s := &Set{}
	if cat.Platform == nil {
		return s, nil
	}
	for doc := range cat.Documents(v1alpha1.KindPolicy) {
		if err := s.declare(doc); err != nil {
			return nil, err
		}
	}
	folders, err := s.folders(cat)
	if err != nil || len(folders) == 0 {
		return s, err
	}
	var problems v1alpha1.Problems
	s.inFolders = folders
	s.rego, problems = rego.Load(folders)
	s.problems = append(s.problems, problems...)
	s.admission, problems = admission.Load(folders)
	s.problems = append(s.problems, problems...)
	return s, nil
}

// declare compiles a policy that is declared.
func (s *Set) declare(doc *v1alpha1.Document) error {
	compiler, err := cel.NewCompiler()
	if err != nil {
		return fmt.Errorf("creating the CEL environment: %w", err)
	}
	object, ok := doc.Object.(*v1alpha1.Policy)
	if !ok {
		return nil
	}
	compiled, problems := compiler.Compile(object, doc.Position)
	s.problems = append(s.problems, problems...)
	if compiled == nil {
		return nil
	}
	d := declared{Policy: compiled, environments: len(object.Spec.Match.Environments) > 0}
	for _, text := range texts(object.Spec) {
		// A word that is only part of another, or of a text, makes the policy be asked more often and nothing worse.
		d.environments = d.environments || strings.Contains(text, "environment") || strings.Contains(text, "release")
		d.wide = d.wide || strings.Contains(text, "upstream") || strings.Contains(text, "downstream")
	}
	s.declared = append(s.declared, d)
	return nil
}

// texts are all expressions of a policy.
func texts(spec v1alpha1.PolicySpec) []string {
	out := []string{spec.Match.Expression}
	for _, v := range spec.Variables {
		out = append(out, v.Expression)
	}
	for _, v := range spec.Validations {
		out = append(out, v.Expression, v.MessageExpression)
	}
	return out
}

// folders reads the folders of policies.
func (s *Set) folders(cat *catalog.Catalog) (folders []subject.Folder, err error) {
	files := 0
	doc, _ := cat.Document(v1alpha1.KindPlatform, cat.Name())
	for i, declared := range cat.Platform.Spec.Policies {
		folder := subject.Folder{Path: path.Clean(declared)}
		if !fs.ValidPath(folder.Path) {
			continue // reported by the catalog
		}
		err := fs.WalkDir(cat.Tree(), folder.Path, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil // reported by the catalog
			case err != nil:
				return err
			case cat.InProject(name):
				return nil // what a team has in its project's folder is no policy
			case !entry.Type().IsRegular() || !slices.Contains([]string{".rego", ".yaml", ".yml", ".json"}, path.Ext(name)):
				return nil
			}
			if files++; files > maxFiles {
				return fs.SkipAll
			}
			data, err := read(cat.Tree(), name)
			if err != nil {
				return err
			}
			if err := outside.Check(name, data); err != nil {
				s.problems = append(s.problems, v1alpha1.Problem{
					Rule: catalog.RuleFile, Severity: v1alpha1.Deny, Position: v1alpha1.Position{File: name}, Message: err.Error(),
				})
				return nil //nolint:nilerr // it is one of the problems
			}
			folder.Files = append(folder.Files, subject.File{Path: name, Data: data})
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading the policies below %s: %w", folder.Path, err)
		}
		if files > maxFiles {
			at := []any{"spec", "policies", i}
			s.problems = append(s.problems, v1alpha1.Problem{
				Rule: v1alpha1.RuleLimit, Severity: v1alpha1.Deny, Position: doc.Position(at...), Path: v1alpha1.FieldPath(at...),
				Message: fmt.Sprintf("the folders of policies hold more than %d files", maxFiles), Hint: "name folders that hold policies only",
			})
			return nil, nil
		}
		if folder.Path == "." {
			folder.Path = ""
		}
		folders = append(folders, folder)
	}
	return folders, nil
}

// read reads a file of policies; one that is too large is read so far that its reader sees that.
func read(tree fs.FS, name string) ([]byte, error) {
	f, err := tree.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFileBytes+1))
}

// IDs implements [policy.Custom].
func (s *Set) IDs() []string {
	var ids []string
	for _, d := range s.declared {
		ids = append(ids, d.ID())
	}
	if s.rego != nil {
		ids = append(ids, s.rego.IDs()...)
	}
	if s.admission != nil {
		ids = append(ids, s.admission.IDs()...)
	}
	slices.Sort(ids)
	return ids
}

// Problems implements [policy.Custom].
func (s *Set) Problems() v1alpha1.Problems { return s.problems }

// Wide implements [policy.Custom].
func (s *Set) Wide() bool {
	return slices.ContainsFunc(s.declared, func(d declared) bool { return d.wide })
}

var _ policy.Custom = (*Set)(nil)
