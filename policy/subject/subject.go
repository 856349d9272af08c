// SPDX-License-Identifier: Apache-2.0

// Package subject holds what the policies of a platform check, and the verdicts, in one form for all engines:
// CEL, ValidatingAdmissionPolicy and Rego.
//
// The package is pure. Of Trunkline it may import api only.
package subject

import (
	"sync"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Subject is one thing to check: a declaration or a rendered object, and what is around it. It is not changed by
// checking, and several policies may check it at a time. Maps hold plain JSON values: map[string]any, []any, string,
// bool, int64, float64 and nil.
type Subject struct {
	// On says what it is.
	On v1alpha1.PolicyTarget
	// ID is what people call it, such as "workload orders/clean in prod"; messages begin with it.
	ID string
	// Value is the declaration or object itself; a workload or dataset is as it stands in its project.
	Value map[string]any
	// Old is the object that is in the cluster already; nil if there is none, or for a declaration.
	Old map[string]any

	// What is around the subject, each nil where there is none. The one that the subject is itself may be left out.
	Project, Workload, Dataset, Environment, Release, Cluster map[string]any

	// Up and Down list the nodes of the DAG that the subject depends on, and that depend on it: near and far, ordered by
	// id. They are called at most once, and only when a policy asks. Nil means that there are none.
	Up, Down func() []Node

	// Place finds a field by the keys (string) and indexes (int) that lead to it; nil if the place is not known.
	Place func(path ...any) v1alpha1.Position

	upOnce, downOnce sync.Once
	up, down         []Node
}

// Node is a dataset or workload of the DAG.
type Node struct {
	// ID is unique among all nodes, such as "orders/orders-clean@2".
	ID string
	// Kind is "dataset", "workload" or "dag".
	Kind string
	// Project is the name of the project that has it, and Owner its owner.
	Project, Owner string
	Tags           []string
}

// Upstream returns the nodes that the subject depends on.
func (s *Subject) Upstream() []Node {
	s.upOnce.Do(func() {
		if s.Up != nil {
			s.up = s.Up()
		}
	})
	return s.up
}

// Downstream returns the nodes that depend on the subject.
func (s *Subject) Downstream() []Node {
	s.downOnce.Do(func() {
		if s.Down != nil {
			s.down = s.Down()
		}
	})
	return s.down
}

// Locate finds the place of a field.
func (s *Subject) Locate(path ...any) v1alpha1.Position {
	if s.Place == nil {
		return v1alpha1.Position{}
	}
	return s.Place(path...)
}

// Context returns what is around the subject, or the subject itself if it is that.
func (s *Subject) Context(of v1alpha1.PolicyTarget) map[string]any {
	if of == s.On {
		return s.Value
	}
	switch of {
	case v1alpha1.OnProject:
		return s.Project
	case v1alpha1.OnWorkload:
		return s.Workload
	case v1alpha1.OnDataset:
		return s.Dataset
	case v1alpha1.OnEnvironment:
		return s.Environment
	default:
		return nil
	}
}

// Name returns the name of what is around the subject; empty if there is none.
func (s *Subject) Name(of v1alpha1.PolicyTarget) string {
	value := s.Context(of)
	if of == v1alpha1.OnProject || of == v1alpha1.OnEnvironment || of == v1alpha1.OnObject {
		value, _ = value["metadata"].(map[string]any)
	}
	name, _ := value["name"].(string)
	return name
}
