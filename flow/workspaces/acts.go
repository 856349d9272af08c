// SPDX-License-Identifier: Apache-2.0

package workspaces

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	names "trunkline.dev/trunkline/api/person"
	"trunkline.dev/trunkline/api/workspace"
	"trunkline.dev/trunkline/flow/asking"
	plans "trunkline.dev/trunkline/plan/workspace"
)

// Get returns a workspace of a person's, as it is now.
func (k *Keeper) Get(ctx context.Context, environment, project, name, person string) (Workspace, error) {
	c, f, err := k.find(ctx, environment, project, name, person)
	if err != nil {
		return Workspace{}, err
	}
	s, err := k.look(ctx, c, f, true)
	return s.Workspace, err
}

// Wake wakes a workspace of a person's.
func (k *Keeper) Wake(ctx context.Context, environment, project, name, person string, by asking.By) (Workspace, error) {
	_, f, err := k.find(ctx, environment, project, name, person)
	if err != nil {
		return Workspace{}, err
	}
	return k.Open(ctx, Ask{Environment: environment, Project: project, Workload: f.Workload, Kind: f.Kind, Cluster: f.Cluster, Person: person, By: by})
}

// Stop stops a workspace, of anybody if no person is named. Its volume stays.
func (k *Keeper) Stop(ctx context.Context, environment, project, name, person string, by asking.By) (string, error) {
	_, f, err := k.find(ctx, environment, project, name, person)
	if err != nil {
		return "", err
	}
	if !f.wanted {
		return name + " is stopped already", nil
	}
	return name + ": stopped; its volume stays", k.stop(ctx, f, by, "stopped by "+by.Name)
}

func (k *Keeper) stop(ctx context.Context, f found, by asking.By, said string) error {
	now := k.opts.Now().UTC().Format(time.RFC3339)
	changes := []operation{{"replace", "/spec/replicas", 0}, note(plans.AnnotationStopped, now)}
	if used := k.lastUse(f); used.After(f.active) {
		changes = append(changes, note(plans.AnnotationActive, used.UTC().Format(time.RFC3339)))
	}
	if err := f.change(ctx, changes...); err != nil {
		return err
	}
	k.drop(f)
	k.opts.Happened(Happened{Workspace: f.Workspace, By: by, Said: said})
	return nil
}

// Delete removes a workspace, of anybody if no person is named.
func (k *Keeper) Delete(ctx context.Context, environment, project, name, person string, by asking.By) (string, error) {
	_, f, err := k.find(ctx, environment, project, name, person)
	if err != nil {
		return "", err
	}
	if err := f.remove(ctx, ""); err != nil {
		return "", err
	}
	k.drop(f)
	k.opts.Happened(Happened{Workspace: f.Workspace, By: by, Said: "deleted by " + by.Name})
	return name + ": deleted; what becomes of its volume, keepVolume of " + f.Project + "/" + f.Workload + " says", nil
}

// drop forgets what was found of a workspace for requests.
func (k *Keeper) drop(f found) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.seen, f.path())
}

// Server is the server of a workspace that answers.
type Server struct {
	// Key tells it from the servers that the workspace has had before.
	Key string
	// Dial opens a connection to it, and Authorize has it let a request in.
	Dial      func(ctx context.Context) (net.Conn, error)
	Authorize func(r *http.Request)
	// Root is set if it believes to be at the root of its host.
	Root bool
}

// Server returns the server of a person's workspace. What was found a moment ago counts, so that it can be asked for each request.
func (k *Keeper) Server(ctx context.Context, kind, environment, project, name, person string) (Server, error) {
	ref := Workspace{Kind: kind, Environment: environment, Project: project, Name: name}.path()
	k.mu.Lock()
	s := k.seen[ref]
	if s == nil {
		s = &kept{}
	}
	k.mu.Unlock()
	s.once.Lock()
	defer s.once.Unlock()
	if k.opts.Now().Sub(s.at) > known || s.Phase != plans.Running {
		c, f, err := k.find(ctx, environment, project, name, "")
		if err != nil || f.Kind != kind {
			return Server{}, cmp.Or(err, asking.Errorf(asking.ErrNotFound, "there is no such workspace, or it is not yours"))
		}
		now, err := k.look(ctx, c, f, true)
		if err != nil {
			return Server{}, err
		}
		k.mu.Lock()
		s.sighting = now
		k.seen[ref] = s
		k.mu.Unlock()
	}
	switch {
	case s.owner != names.Slug(person):
		return Server{}, asking.Errorf(asking.ErrNotFound, "there is no such workspace, or it is not yours")
	case s.Phase == plans.Starting:
		return Server{}, asking.Errorf(asking.ErrCannot, "it is starting%s", because(s.Why))
	case s.Phase != plans.Running && s.Phase != plans.Idle:
		return Server{}, asking.Errorf(asking.ErrCannot, "it is stopped: wake it, from the console or with \"trunkline notebook open\"")
	}
	f, token := s.found, s.token
	return Server{Key: s.podUID, Dial: f.dial, Root: f.Kind == workspace.IDE, Authorize: func(r *http.Request) { r.Header.Set("Authorization", "token "+token) }}, nil
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return fmt.Sprintf(" (%s)", why)
}
