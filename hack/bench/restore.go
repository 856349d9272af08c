// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// editLimit is how long an edited field may take to come back before that counts as not at all.
const editLimit = 5 * time.Second

// hasImage tells of a Deployment.
func hasImage(want string) func(*unstructured.Unstructured) bool {
	return func(o *unstructured.Unstructured) bool { return imageOf(o) == want }
}

// deletions measures how long it takes from the deletion of a Service by hand until it is there again.
func (s *scaled) deletions(ctx context.Context, _ *daemon) error {
	s.progress("%d apps: deleting an object, %d times", s.result.apps, s.opts.repeat)
	var took []time.Duration
	for i := range s.opts.repeat {
		namespace := s.home.platform.namespace(s.some(i))
		e, err := s.cell.watch(ctx, resources["Service"], namespace)
		if err != nil {
			return err
		}
		d, err := s.deletion(ctx, e, namespace)
		e.close()
		if err != nil {
			return err
		}
		took = append(took, d)
	}
	s.sheet.add(row{what: fmt.Sprintf("an object deleted by hand → back, median of %d", s.opts.repeat), apps: s.result.apps, figure: both(took)})
	return nil
}

func (s *scaled) deletion(ctx context.Context, e *objectWatch, namespace string) (time.Duration, error) {
	before := e.last.GetUID()
	began := time.Now()
	if err := s.cell.client.Resource(resources["Service"]).Namespace(namespace).Delete(ctx, workload, metav1.DeleteOptions{}); err != nil {
		return 0, fmt.Errorf("deleting a Service: %w", err)
	}
	at, err := e.until(ctx, changeLimit, "is there again", func(o *unstructured.Unstructured) bool { return o.GetUID() != before })
	return at.Sub(began), err
}

// edited measures how long a field that someone else changed takes to be as declared again.
func (s *scaled) edited(ctx context.Context, _ *daemon) error {
	what := fmt.Sprintf("a field edited by hand → back, median of %d", s.opts.repeat)
	if !s.opts.edits {
		s.sheet.add(row{what: what, apps: s.result.apps, figure: "not measured: needs -edits, and a daemon that corrects at once"})
		return nil
	}
	s.progress("%d apps: editing a field, %d times", s.result.apps, s.opts.repeat)
	var took []time.Duration
	for i := range s.opts.repeat {
		app := s.some(i)
		e, err := s.cell.watch(ctx, resources["Deployment"], s.home.platform.namespace(app))
		if err != nil {
			return err
		}
		d, err := s.edit(ctx, e, s.home.platform.namespace(app))
		unseen := errors.Is(err, errUnseen)
		if unseen {
			err = s.renew(ctx, e, s.home.platform.namespace(app))
		}
		e.close()
		if unseen && err == nil {
			s.sheet.add(row{what: what, apps: s.result.apps, figure: fmt.Sprintf("not within %s, after %d that came back", editLimit, len(took))})
			return nil // that is a result, and waiting for more of it would take minutes
		}
		if err != nil {
			return err
		}
		took = append(took, d)
	}
	s.sheet.add(row{what: what, apps: s.result.apps, figure: both(took)})
	return nil
}

// renew has a Deployment made again by the daemon, so that a field that stayed edited has its one owner again: all that
// comes after is measured on apps that are as declared.
func (s *scaled) renew(ctx context.Context, e *objectWatch, namespace string) error {
	before := e.last.GetUID()
	if err := s.cell.client.Resource(resources["Deployment"]).Namespace(namespace).Delete(ctx, workload, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("deleting an edited Deployment: %w", err)
	}
	_, err := e.until(ctx, changeLimit, "is there again", func(o *unstructured.Unstructured) bool { return o.GetUID() != before })
	return err
}

func (s *scaled) edit(ctx context.Context, e *objectWatch, namespace string) (time.Duration, error) {
	want := imageOf(e.last)
	const other = "registry.example/someone:else"
	patch := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"` + workload + `","image":"` + other + `"}]}}}}`)
	began := time.Now()
	_, err := s.cell.client.Resource(resources["Deployment"]).Namespace(namespace).
		Patch(ctx, workload, types.StrategicMergePatchType, patch, metav1.PatchOptions{FieldManager: "kubectl-set"})
	if err != nil {
		return 0, fmt.Errorf("editing a Deployment: %w", err)
	}
	if _, err := e.until(ctx, changeLimit, "is edited", hasImage(other)); err != nil {
		return 0, err
	}
	at, err := e.until(ctx, editLimit, "has its image back", hasImage(want))
	return at.Sub(began), err
}
