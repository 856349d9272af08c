// SPDX-License-Identifier: Apache-2.0

package web

import (
	"encoding/json"
	"strings"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/status"
)

// act is a thing that a person can ask for on a page: a button, and a dialog with what it does, a reason, and a confirmation. acts.js
// sends it to the API as a POST of JSON, which is the same request that the command line makes; the page has no other way to act. The API
// decides whether someone may; a page knows before, and shows what they may not as disabled, with the reason.
type act struct {
	// ID names the dialog.
	ID string
	// Label is what the button says, and Text what comes of it.
	Label, Text string
	// Path is where it is asked for, and Body what is, as JSON, but for the reason.
	Path, Body string
	// Command is what does the same on a command line.
	Command string
	// Grave has a person confirm it.
	Grave bool
	// Rehearsed has the API say first what would be done, and how many lots it is of.
	Rehearsed bool
	// Nameless has a person say who they are, since their sign-on does not.
	Nameless bool
	// Right is needed on Scope. Refused is why the viewer does not have it; empty: they do.
	Right   access.Right
	Scope   access.Scope
	Refused string
}

// may notes on acts whether the viewer may do them: the function decides that decides for the API.
func (a *ask) may(acts []act) []act {
	for i := range acts {
		decision := a.sight.May(acts[i].Right, acts[i].Scope)
		if decision.Allowed {
			continue
		}
		acts[i].Refused = decision.Why
		if len(decision.Who) > 0 {
			acts[i].Refused += "; who can: " + strings.Join(decision.Who, ", ")
		}
	}
	return acts
}

// bodyOf is what is asked for, as JSON.
func bodyOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "{}" // these are structs of texts and times
	}
	return string(data)
}

// nameless reports whether who asks has to say who they are.
func (a *ask) nameless() bool {
	who := console.PrincipalOf(a.request.Context())
	return who.Nameless() && who.Claim == ""
}

// releaseActs are what can be done to a release as it is now.
func releaseActs(r *status.Release, all []status.Release, nameless bool) []act {
	path := "/api/v1/releases" + join(r.Project, r.Environment, r.Cluster) + "/"
	name := r.Project + "/" + r.Environment + "/" + r.Cluster
	var out []act
	add := func(act act) {
		act.ID, act.Nameless, act.Scope = "act-"+act.ID, nameless, access.Scope{Project: r.Project, Environment: r.Environment}
		if act.Right == access.Approve {
			act.Scope.Project = "" // it is of all that is held in the environment
		}
		if act.Path == "" {
			act.Path, act.Body, act.Command = path+act.ID[len("act-"):], bodyOf(console.Act{}), "trunkline "+act.ID[len("act-"):]+" "+name
		}
		out = append(out, act)
	}
	if _, digest := status.ToApprove(all, r.Environment); digest != "" && r.Held != nil && r.Held.Person {
		add(act{
			ID: "approve", Right: access.Approve, Label: "Approve", Text: "What is held in " + r.Environment + ", all of it as it is shown now, is applied. What comes later needs another approval.",
			Path: "/api/v1/environments" + join(r.Environment) + "/approve", Body: bodyOf(console.Approval{Digest: &digest}), Command: "trunkline approve " + r.Environment,
			Grave: true,
		})
	}
	if r.Result == status.Elsewhere || r.Result == status.Pruning {
		return out
	}
	if r.Result == status.Suspended {
		add(act{ID: "resume", Right: access.Resume, Label: "Resume", Text: "The release takes the newest commit, and drift is reverted again. A release that its declaration suspends stays suspended."})
		return out
	}
	add(act{ID: "reconcile", Right: access.Deploy, Label: "Apply again", Text: "All objects are applied again, and what failed or was rolled back is tried again. A hold still applies."})
	if r.Preview == nil && r.Commit != "" {
		add(act{
			ID: "rollback", Right: access.Rollback, Label: "Roll back", Grave: true,
			Text: "The release goes back to the last commit before this one at which it was healthy. The current one is not applied again until a newer commit changes the release.",
		})
	}
	add(act{
		ID: "suspend", Right: access.Suspend, Label: "Suspend", Grave: true,
		Text: "The release is left as it is until it is resumed: no new commit is applied, no drift is reverted, and nothing is deleted.",
	})
	return out
}
