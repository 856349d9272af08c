// SPDX-License-Identifier: Apache-2.0

package console

import (
	"errors"
	"net/http"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/webhooks/github/delivery"
)

// route is one thing that can be asked for.
type route struct {
	pattern string
	// right is needed, on the project and the environment that the path names: a route without one is nobody's.
	right access.Right
	// scopeOf returns what it is needed on, if the path does not say so.
	scopeOf func(r *http.Request) access.Scope
	// rightOf returns the right if it depends on the request; it is used instead.
	rightOf func(r *http.Request) access.Right
	// filtered is for lists: they are for everybody who has signed on, and have what the caller has the right to.
	filtered bool
	// signed takes GitHub's signature instead of a sign-on; the handler checks it.
	signed bool
	// open needs no sign-on.
	open   bool
	handle func(w http.ResponseWriter, r *http.Request) error
}

// routes are all that there are but for pages. A route needs a sign-on and a right unless it says otherwise.
func (c *console) routes() []route {
	return []route{
		{pattern: "GET /healthz", open: true, handle: c.healthz},
		{pattern: "GET /readyz", open: true, handle: c.readyz},
		{pattern: "GET /login", open: true, handle: c.login},
		{pattern: "GET /login/callback", open: true, handle: c.callback},
		{pattern: "POST /logout", right: access.SignedOn, handle: c.logout},
		{pattern: "GET /api/v1/sign-on", open: true, handle: c.signOnInfo}, // what is in it is public, and needed to sign on
		{pattern: "GET /api/v1/me", right: access.SignedOn, handle: c.me},
		{pattern: "GET /api/v1/tokens", right: access.SignedOn, handle: c.tokens},
		{pattern: "POST /api/v1/tokens", right: access.SignedOn, handle: c.createToken},
		{pattern: "POST /api/v1/tokens/{token}/revoke", right: access.SignedOn, handle: c.revokeToken},
		{pattern: "POST /api/v1/sessions/end", right: access.SignedOn, handle: c.endAll}, // one's own; those of others need more
		{pattern: "GET /metrics", right: access.Metrics, handle: c.metrics},
		{pattern: "GET /api/v1/openapi.json", right: access.SignedOn, handle: c.openAPI},
		{pattern: "GET /api/v1/status", right: access.View, filtered: true, handle: c.status},
		{pattern: "GET /api/v1/changes", right: access.View, filtered: true, handle: c.changes},
		{pattern: "GET /api/v1/releases", right: access.View, filtered: true, handle: c.releases},
		{pattern: "GET /api/v1/releases/{project}/{environment}/{cluster}", right: access.View, handle: c.release},
		{pattern: "GET /api/v1/releases/{project}/{environment}/{cluster}/objects", right: access.View, handle: c.objects},
		{pattern: "GET /api/v1/releases/{project}/{environment}/{cluster}/commits", right: access.View, handle: c.applied},
		{pattern: "GET /api/v1/releases/{project}/{environment}/{cluster}/commits/{commit}", right: access.View, handle: c.commit},
		{pattern: "POST /api/v1/releases/{project}/{environment}/{cluster}/{act}", rightOf: rightToAct, handle: c.act},
		{pattern: "GET /api/v1/projects", right: access.View, filtered: true, handle: c.projects},
		{pattern: "GET /api/v1/projects/{project}", right: access.View, handle: c.project},
		{pattern: "GET /api/v1/environments", right: access.View, filtered: true, handle: c.environments},
		{pattern: "GET /api/v1/environments/{environment}", right: access.View, handle: c.environment},
		{pattern: "POST /api/v1/environments/{environment}/approve", right: access.Approve, handle: c.approve},
		{pattern: "GET /api/v1/clusters", right: access.View, filtered: true, handle: c.clusters},
		{pattern: "GET /api/v1/clusters/{cluster}", right: access.View, filtered: true, handle: c.cluster},
		{pattern: "GET /api/v1/datasets", right: access.View, filtered: true, handle: c.datasets},
		{pattern: "GET /api/v1/datasets/{project}/{dataset}", right: access.View, handle: c.dataset},
		{pattern: "GET /api/v1/lots", right: access.View, filtered: true, handle: c.lots},
		{pattern: "GET /api/v1/lots/{environment}/{project}/{dataset}", right: access.View, handle: c.lotsOf},
		{pattern: "GET /api/v1/lots/{environment}/{project}/{dataset}/gaps", right: access.View, handle: c.gaps},
		{pattern: "GET /api/v1/lots/{environment}/{project}/{dataset}/{lot}", right: access.View, handle: c.lot},
		{pattern: "GET /api/v1/lots/{environment}/{project}/{dataset}/{lot}/log", right: access.ViewLogs, handle: c.log},
		{pattern: "POST /api/v1/lots/{environment}/{project}/{dataset}/remove", right: access.RemoveLots, handle: c.removeLots},
		{pattern: "POST /api/v1/lots/{environment}/{project}/{dataset}/{lot}/remove", right: access.RemoveLots, handle: c.removeLot},
		{pattern: "POST /api/v1/workloads/{environment}/{project}/{workload}/{act}", rightOf: rightOnLots, handle: c.actOnWorkload},
		{pattern: "GET /api/v1/workloads/{environment}/{project}/{workload}/runs/{run}", right: access.View, handle: c.run},
		{pattern: "GET /api/v1/workloads/{environment}/{project}/{workload}/runs/{run}/log", right: access.ViewLogs, handle: c.runLog},
		{pattern: "GET /api/v1/dags/{environment}/{project}/{dag}/log", right: access.ViewLogs, handle: c.taskLog},
		{pattern: "GET /api/v1/runs", right: access.View, filtered: true, handle: c.remoteRuns},
		{pattern: "GET /api/v1/runs/{environment}/{project}/base", right: access.Run, handle: c.runBase},
		{pattern: "POST /api/v1/runs/{environment}/{project}", right: access.Run, handle: c.startRun},
		{pattern: "GET /api/v1/runs/{environment}/{project}/{run}/log", right: access.ViewLogs, handle: c.followRun},
		{pattern: "POST /api/v1/runs/{environment}/{project}/{run}/attach", right: access.Run, handle: c.attachRun},
		{pattern: "POST /api/v1/runs/{environment}/{project}/{run}/cancel", right: access.Run, handle: c.cancelRun},
		{pattern: "GET /api/v1/runs/{environment}/{project}/{run}/usage", right: access.View, handle: c.runUsage},
		{pattern: "GET /api/v1/workspaces", right: access.View, filtered: true, handle: c.workspaces},
		{pattern: "POST /api/v1/workspaces/{environment}/{project}", right: access.Workspace, handle: c.openWorkspace},
		{pattern: "GET /api/v1/workspaces/{environment}/{project}/{workspace}", right: access.Workspace, handle: c.workspace},
		{pattern: "POST /api/v1/workspaces/{environment}/{project}/{workspace}/{act}", right: access.Workspace, handle: c.actOnWorkspace},
		{pattern: "POST /api/v1/apps/{kind}/{environment}/{project}/{name}/enter", rightOf: rightToApp, handle: c.enterApp},
		{pattern: "GET /apps/{kind}/{environment}/{project}/{name}", rightOf: rightToApp, handle: c.openApp},
		{pattern: "GET /api/v1/setup/clusters", right: access.Admin, handle: c.setupClusters},
		{pattern: "GET /api/v1/setup/github", right: access.Admin, handle: c.setupGitHub},
		{pattern: "GET /api/v1/graph", right: access.View, filtered: true, handle: c.graph},
		{pattern: "GET /api/v1/history", right: access.View, filtered: true, handle: c.history},
		{pattern: "GET /api/v1/pulls", right: access.View, filtered: true, handle: c.pulls},
		{pattern: "GET /api/v1/pulls/{pull}", right: access.View, filtered: true, handle: c.pull},
		{pattern: "GET /api/v1/cost", right: access.ViewCost, scopeOf: asked, handle: c.costs},
		{pattern: "GET /api/v1/cost/outlook", right: access.ViewCost, handle: c.outlook},
		{pattern: "GET /api/v1/cost/bills", right: access.ViewCost, handle: c.bills},
		{pattern: "POST /api/v1/cost/bills", right: access.Admin, handle: c.importBill},
		{pattern: "GET /reports/{link}", open: true, handle: c.report}, // the link is the sign-on
		{pattern: "POST /hooks/sync", right: access.Sync, handle: c.sync, signed: true},
		{pattern: "POST /hooks/github", right: access.Sync, handle: c.github, signed: true},
		{pattern: "POST /hooks/arrivals", handle: c.notified, open: true}, // it has a token of its own
		{pattern: "OPTIONS /hooks/arrivals", handle: c.notifies, open: true},
	}
}

// named is what the path of a request names, and asked what its query is limited to.
func named(r *http.Request) access.Scope {
	return access.Scope{Project: r.PathValue("project"), Environment: r.PathValue("environment")}
}

func asked(r *http.Request) access.Scope {
	q := r.URL.Query()
	return access.Scope{Project: q.Get("project"), Environment: q.Get("environment")}
}

// rightToAct is the right that an act on a release needs. What is no act that is known needs as much as to apply it again.
func rightToAct(r *http.Request) access.Right {
	switch r.PathValue("act") {
	case "suspend":
		return access.Suspend
	case "resume":
		return access.Resume
	case "rollback":
		return access.Rollback
	}
	return access.Deploy
}

// rightOnLots is the right that an act on the lots of a workload needs.
func rightOnLots(r *http.Request) access.Right {
	switch r.PathValue("act") {
	case "retry":
		return access.RetryLots
	case "enable", "disable":
		return access.SwitchLots
	}
	return access.RemoveLots
}

// handler serves a route to whoever may have it.
func (c *console) handler(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if route.signed && delivery.Signed(r) {
			r = withPrincipal(r, access.Principal{Name: access.Hook, SignOn: access.ByHook}) // once its signature is found to be right
		} else if !route.open {
			who, err := c.signOn(w, r)
			if err == nil && c.crossOrigin.Check(r) != nil {
				err = problemf(http.StatusForbidden, "a page of another origin cannot make this request")
			}
			if err == nil && who.SignOn == access.BySession {
				err = fromPage(r)
			}
			if err == nil {
				r = withPrincipal(r, who)
				err = c.allow(route, r)
			}
			if p, is := errors.AsType[*Problem](err); is && p.Status == http.StatusUnauthorized && c.toLogin(w, r) {
				return
			}
			if err != nil {
				c.fail(w, r, err)
				return
			}
		}
		if err := route.handle(w, r); err != nil {
			c.fail(w, r, err)
		}
	})
}
