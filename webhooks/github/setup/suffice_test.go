// SPDX-License-Identifier: Apache-2.0

package setup

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/webhooks"
	"trunkline.dev/trunkline/webhooks/github"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// everything does all that the daemon does at GitHub, and returns the first refusal.
func everything(ctx context.Context, forge *github.Repository, number int, sha string, promotions bool) error {
	check := webhooks.Check{Name: "trunkline", SHA: sha, ExternalID: "pr/1", State: webhooks.Queued, Title: "t", Summary: "s"}
	deployment := webhooks.Deployment{SHA: sha, Environment: "pr-1", Transient: true}
	steps := []func() error{
		func() error { _, err := forge.OpenPulls(ctx); return err },
		func() error { _, _, err := forge.PullOf(ctx, sha); return err },
		func() error { _, err := forge.Approvals(ctx, number, sha); return err },
		func() error { _, err := forge.Permission(ctx, "ann"); return err },
		func() error { _, err := forge.Teams(ctx, "ann", []string{"data"}); return err },
		func() (err error) { check.ID, err = forge.CreateCheck(ctx, check); return err },
		func() error { check.State = webhooks.Success; return forge.UpdateCheck(ctx, check) },
		func() error { _, _, err := forge.FindCheck(ctx, sha, "trunkline"); return err },
		func() error {
			c, err := forge.CreateComment(ctx, number, "hello")
			return errors.Join(err, forge.EditComment(ctx, c.ID, "hello again"))
		},
		func() error {
			all, err := forge.CommentsOf(ctx, number)
			if err != nil || len(all) == 0 {
				return err
			}
			_, err = forge.React(ctx, all[0].ID, "eyes")
			return err
		},
		func() (err error) { deployment, err = forge.CreateDeployment(ctx, deployment); return err },
		func() error {
			return forge.SetDeploymentStatus(ctx, deployment.ID, webhooks.DeploymentStatus{State: webhooks.DeploySuccess})
		},
		func() error { _, err := forge.DeploymentsOf(ctx, sha); return err },
		func() error { return forge.RemoveEnvironment(ctx, "pr-1") },
	}
	if promotions {
		steps = append(steps, func() error {
			text := "image: b\n"
			_, err := forge.Propose(ctx, webhooks.Proposal{
				Branch: "trunkline/promote", Parent: sha, Base: "main", Title: "Promote", Message: "promote", Files: map[string]*string{"a.yaml": &text},
			})
			return err
		})
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// TestThePermissionsSuffice does everything with what is asked for, and finds that it needs all of that.
func TestThePermissionsSuffice(t *testing.T) {
	// What only GitHub needs: to send an event, or to let the App see the repository at all.
	notByUs := map[string]bool{"issues": true, "merge_queues": true}
	for _, promotions := range []bool{false, true} {
		o := acme("")
		o.Promotions = promotions
		asked := o.Manifest("").Permissions
		less := map[string]map[string]string{"nothing": asked}
		for name, access := range asked {
			if notByUs[name] || name == "contents" && !promotions { // which Git reads
				continue
			}
			fewer := maps.Clone(asked)
			delete(fewer, name)
			if access == "write" {
				fewer[name] = "read"
			}
			less[name] = fewer
		}
		for name, permissions := range less {
			err := tryWith(t, permissions, promotions)
			var refused *github.Error
			switch {
			case name == "nothing" && err != nil:
				t.Errorf("promotions %t: what is asked for does not suffice: %v", promotions, err)
			case name != "nothing" && (!errors.As(err, &refused) || refused.Status != http.StatusForbidden):
				t.Errorf("promotions %t: less of %s would do, or fails in another way: %v", promotions, name, err)
			}
		}
	}
}

// tryWith does everything in a GitHub of its own, with some permissions.
func tryWith(t *testing.T, permissions map[string]string, promotions bool) error {
	t.Helper()
	g := githubtest.Start(t, githubtest.Options{Dir: t.TempDir(), UnknownMerges: -1})
	repo, err := g.AddRepo("acme/data", githubtest.RepoSpec{Git: true, Private: true})
	if err != nil {
		t.Fatal(err)
	}
	g.AddTeam("acme", "data", "ann")
	repo.Grant("ann", "write")
	if _, err := repo.Push("main", "first", map[string]string{"a.yaml": "image: a\n"}, "ann"); err != nil {
		t.Fatal(err)
	}
	if err := repo.Branch("change", "main"); err != nil {
		t.Fatal(err)
	}
	sha, err := repo.Push("change", "second", map[string]string{"b.yaml": "b: 1\n"}, "ann")
	if err != nil {
		t.Fatal(err)
	}
	number, err := repo.Open(githubtest.PullSpec{Title: "Change", Author: "ann", Head: "change"})
	if err != nil {
		t.Fatal(err)
	}
	with := maps.Clone(permissions)
	with["metadata"] = "read" // which any of them implies
	app, err := g.AddApp(githubtest.App{Owner: "acme", Permissions: with, Events: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	g.Install(app, "acme", repo)
	client, err := github.New(github.WithApp(app.ID, app.Key), github.WithBaseURL(g.APIURL()))
	if err != nil {
		t.Fatal(err)
	}
	forge, err := client.Repository("acme/data")
	if err != nil {
		t.Fatal(err)
	}
	return everything(t.Context(), forge, number, sha, promotions)
}

// TestTheFakeAsksForTheSame holds what Apps of the fake may do to what is asked for, so that all its tests are about that.
func TestTheFakeAsksForTheSame(t *testing.T) {
	o := acme("")
	o.Promotions = true
	want := o.Manifest("").Permissions
	want["metadata"] = "read"
	if diff := cmp.Diff(want, githubtest.LeastPermissions()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
