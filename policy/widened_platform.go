// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"path"
	"reflect"
	"slices"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// ofPlatform compares the settings of the platform.
func (w *widening) ofPlatform() {
	doc, ok := w.Catalog.Document(v1alpha1.KindPlatform, w.Catalog.Name())
	if !ok {
		return
	}
	w.doc = doc
	was, is := w.Base.Platform.Spec, w.Catalog.Platform.Spec
	w.relaxed(was.Rules, is.Rules, nil, nil)
	for i, e := range is.Exceptions {
		had := slices.ContainsFunc(was.Exceptions, func(o v1alpha1.Exception) bool { return silencesAll(o, e) })
		if over := !e.Until.IsZero() && !w.Now.Before(e.Until.Time); !had && !over {
			w.say([]any{"spec", "exceptions", i}, "an exception of the rule %q is new, or covers more than it did", e.Rule)
		}
	}
	for _, folder := range was.Policies {
		if !slices.ContainsFunc(is.Policies, func(o string) bool { return path.Clean(o) == path.Clean(folder) }) {
			w.say([]any{"spec", "policies"}, "the policies in %q no longer apply", folder)
		}
	}
	if len(was.Governance.Folders) > 0 && len(is.Governance.Folders) == 0 {
		w.say([]any{"spec", "governance"}, "what governs others counts in every folder that is not a project's own")
	}
	for i, folder := range is.Governance.Folders {
		if len(was.Governance.Folders) > 0 && !slices.Contains(was.Governance.Folders, folder) {
			w.say([]any{"spec", "governance", "folders", i}, "what governs others counts in one more folder: %s", folder)
		}
	}
	for i, owner := range is.Governance.Owners {
		if !slices.Contains(was.Governance.Owners, owner) {
			w.say([]any{"spec", "governance", "owners", i}, "what governs others has one more owner: %s", owner)
		}
	}
	for i, s := range is.Sources {
		w.ofSource(was.Sources, s, "spec", "sources", i)
	}
}

// ofSource compares what a repository may declare that the platform includes.
func (w *widening) ofSource(before []v1alpha1.IncludedRepository, is v1alpha1.IncludedRepository, at ...any) {
	i := slices.IndexFunc(before, func(o v1alpha1.IncludedRepository) bool { return o.Name == is.Name })
	if i < 0 {
		w.say(at, "the repository %q is included: whoever can push to it declares what the platform lets it", is.Name)
		i, before = 0, []v1alpha1.IncludedRepository{{Kinds: []v1alpha1.IncludedKind{v1alpha1.IncludedProject}, Owners: is.Owners, Environments: is.Environments, URL: is.URL}}
	}
	was := before[i]
	if was.URL != is.URL {
		w.say(append(at, "url"), "the repository %q is another one: others may push to it", is.Name)
	}
	for _, kind := range v1alpha1.Kinds() {
		if is.May(kind) && !was.May(kind) {
			w.say(append(at, "kinds"), "the repository %q may declare kind: %s", is.Name, kind)
		}
	}
	for _, list := range []struct {
		field, what, all string
		was, is          []string
	}{
		{"owners", "projects of %s", "projects of anybody", was.Owners, is.Owners},
		{"environments", "projects in %q", "projects in every environment", was.Environments, is.Environments},
	} {
		switch {
		case len(list.was) == 0: // it may already
		case len(list.is) == 0:
			w.say(at, "the repository %q may have "+list.all, is.Name)
		default:
			for _, one := range list.is {
				if !slices.Contains(list.was, one) {
					w.say(append(at, list.field), "the repository %q may have "+list.what, is.Name, one)
				}
			}
		}
	}
}

// silencesAll reports whether an exception silences at least what another one does, for at least as long.
func silencesAll(o, e v1alpha1.Exception) bool {
	wider := func(o, e string) bool { return o == "" || o == e }
	return o.Rule == e.Rule && wider(o.Project, e.Project) && wider(o.Environment, e.Environment) && wider(o.Workload, e.Workload) &&
		wider(o.Dataset, e.Dataset) && (o.Until.IsZero() || !e.Until.IsZero() && !e.Until.After(o.Until.Time))
}

// ofPolicies compares the policies. Whether one that is changed still refuses all that it refused cannot be told from its
// text, so that each change of what it checks by is said.
func (w *widening) ofPolicies() {
	for doc := range w.Base.Documents(v1alpha1.KindPolicy) {
		was, ok := w.Base.Policies[doc.Name]
		if !ok {
			continue
		}
		is, there := w.Catalog.Policies[doc.Name]
		if w.doc = doc; !there {
			w.say([]any{"metadata", "name"}, "the policy %q no longer applies", doc.Name)
			continue
		}
		if w.doc, ok = w.Catalog.Document(v1alpha1.KindPolicy, doc.Name); !ok {
			continue
		}
		before, after := was.Spec, is.Spec
		before.Description, after.Description = "", ""
		if !reflect.DeepEqual(before, after) {
			w.say([]any{"metadata", "name"}, "the policy %q is changed, and may refuse less than it did", doc.Name)
		}
	}
	for _, file := range w.Changed {
		if policyFile(w.Base, file) && exists(w.Base, file) {
			w.add(v1alpha1.Problem{
				Position: v1alpha1.Position{File: file}, Message: "the policies in this file are changed, and may refuse less than they did",
			}, file)
		}
	}
}
