package preview

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/reconciler/plan"
)

const (
	// maxLines bounds what is compared, a side: the time that it takes may grow with the square of it.
	maxLines = 5000
	// maxDiff bounds a diff, in bytes.
	maxDiff = 128 << 10
	// around is how many lines are shown before and after a change.
	around = 3
)

// Diff compares an object before and after, of which either may be nil, and gives a unified diff of what people
// declare in it; empty if that is the same. Values of Secrets are masked.
func (m Mask) Diff(before, after *unstructured.Unstructured) (string, error) {
	a, b := m.Pair(before, after)
	was, err := lines(a)
	if err != nil {
		return "", err
	}
	is, err := lines(b)
	if err != nil {
		return "", err
	}
	if len(was) > maxLines || len(is) > maxLines {
		if strings.Join(was, "") == strings.Join(is, "") {
			return "", nil
		}
		return fmt.Sprintf("(too long to compare: %d lines before and %d after; at most %d are)\n", len(was), len(is), maxLines), nil
	}
	text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: was, B: is, Context: around})
	if err != nil {
		return "", fmt.Errorf("comparing: %w", err)
	}
	if len(text) > maxDiff {
		cut := strings.LastIndexByte(text[:maxDiff], '\n') + 1
		text = text[:cut] + fmt.Sprintf("(cut here: the diff has %d bytes, of which at most %d are shown)\n", len(text), maxDiff)
	}
	return text, nil
}

// lines gives the object as YAML, without what the API server fills in.
func lines(o *unstructured.Unstructured) ([]string, error) {
	if o == nil {
		return nil, nil
	}
	delete(o.Object, "status")
	if meta, ok := o.Object["metadata"].(map[string]any); ok {
		for _, name := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"} {
			delete(meta, name)
		}
		if annotations, ok := meta["annotations"].(map[string]any); ok {
			delete(annotations, plan.DigestAnnotation) // it follows from all the rest
			if len(annotations) == 0 {
				delete(meta, "annotations")
			}
		}
	}
	data, err := yaml.Marshal(o.Object)
	if err != nil {
		return nil, fmt.Errorf("writing %s as YAML: %w", plan.RefOf(o), err)
	}
	return slices.Collect(strings.Lines(string(data))), nil
}
