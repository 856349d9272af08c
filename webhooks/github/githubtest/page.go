// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"trunkline.dev/trunkline/webhooks/github/githubtest/markdown"
)

//go:embed page
var pageFiles embed.FS

var templates = template.Must(template.ParseFS(pageFiles, "page/*.html"))

// page is what every page has.
type page struct {
	Title, Repo, Viewer, Problem string
	// Refresh is after how many seconds the page is loaded again; 0: never.
	Refresh int
}

// show writes a page. Nothing on it is run, and nothing is loaded from elsewhere but pictures.
func (g *GitHub) show(w http.ResponseWriter, status int, name string, data any) {
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, data); err != nil {
		g.opts.Log.Error("making a page", "page", name, "err", err)
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src http: https:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

// pageFile serves a file that pages load.
func pageFile(name, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		content, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(content)
	}
}

// page makes what every page has, for the person that the pages are shown to.
func (g *GitHub) page(title, repo string, r *http.Request) page {
	refresh := number(r.URL.Query().Get("refresh"), 0)
	return page{Title: title + " · githubtest", Repo: repo, Viewer: g.opts.Viewer, Refresh: max(refresh, 0)}
}

func (g *GitHub) pageHome(w http.ResponseWriter, r *http.Request) {
	type row struct {
		Name, Fork string
		Open       int
	}
	g.mu.Lock()
	var rows []row
	for _, repo := range g.sortedRepos() {
		each := row{Name: repo.fullName()}
		if repo.parent != nil {
			each.Fork = repo.parent.fullName()
		}
		for _, p := range repo.pulls {
			if !p.closed {
				each.Open++
			}
		}
		rows = append(rows, each)
	}
	data := struct {
		page
		Repos []row
	}{g.page("Repositories", "", r), rows}
	g.mu.Unlock()
	g.show(w, http.StatusOK, "home.html", data)
}

// found finds the repository, and the pull request if the path has one; the fake is locked.
func (g *GitHub) found(r *http.Request) (*repo, *pull) {
	repo := g.repos[repoKey(r.PathValue("owner")+"/"+r.PathValue("repo"))]
	if repo == nil || repo.private && (g.opts.Viewer == "" || repo.role(g.opts.Viewer) == "") {
		return nil, nil
	}
	n, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil {
		return repo, nil
	}
	return repo, repo.findPull(n)
}

func (g *GitHub) pageRepo(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	repo, _ := g.found(r)
	if repo == nil {
		g.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	data := struct {
		page
		Pulls []pullView
	}{page: g.page("Pull requests", repo.fullName(), r)}
	for _, p := range slices.Backward(repo.pulls) {
		v := g.viewPull(repo, p)
		v.Checks = g.viewChecks(repo, p)
		data.Pulls = append(data.Pulls, v)
	}
	g.mu.Unlock()
	g.show(w, http.StatusOK, "repo.html", data)
}

func (g *GitHub) pagePull(w http.ResponseWriter, r *http.Request) {
	g.pullPage(w, r, http.StatusOK, "")
}

// pullPage shows a pull request, with a problem above it if something did not work.
func (g *GitHub) pullPage(w http.ResponseWriter, r *http.Request, status int, problem string) {
	g.mu.Lock()
	repo, p := g.found(r)
	if p == nil {
		g.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	data := struct {
		page
		Pull        pullView
		Files       []fileView
		Items       []item
		Checks      []checkView
		Deployments []deploymentView
		Actions     []action
		Why         string
	}{
		page: g.page(p.title, repo.fullName(), r), Pull: g.viewPull(repo, p), Items: g.viewItems(p), Checks: g.viewChecks(repo, p),
		Deployments: g.viewDeployments(repo, p),
	}
	data.Problem = problem
	data.Actions, data.Why = g.actions(repo, p)
	g.mu.Unlock()
	g.show(w, status, "pull.html", data)
}

func (g *GitHub) pageFiles(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	repo, p := g.found(r)
	if p == nil {
		g.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	data := struct {
		page
		Pull  pullView
		Files []fileView
	}{page: g.page(p.title, repo.fullName(), r), Pull: g.viewPull(repo, p), Files: []fileView{}}
	for _, f := range g.filesOf(repo, p) {
		data.Files = append(data.Files, viewFile(f))
	}
	g.mu.Unlock()
	g.show(w, http.StatusOK, "files.html", data)
}

func (g *GitHub) pageCheck(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	repo, _ := g.found(r)
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	var k *check
	if repo != nil {
		for _, each := range repo.checks {
			if each.id == id {
				k = each
			}
		}
	}
	if k == nil {
		g.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	data := struct {
		page
		Check         checkView
		Summary, Text template.HTML
		Annotations   []annotationView
		Rerun         bool
		Number        int
		ID            int64
	}{
		page: g.page(k.name, repo.fullName(), r), Check: g.viewCheck(repo, k), Summary: shown(k.summary), Text: shown(k.text), ID: k.id,
		Rerun: g.opts.Viewer != "" && k.status == "completed",
	}
	for _, a := range k.annotations {
		data.Annotations = append(data.Annotations, viewAnnotation(a))
	}
	for _, p := range repo.pulls {
		if p.headSHA == k.suite.sha {
			data.Number = p.number
		}
	}
	data.Rerun = data.Rerun && data.Number > 0
	g.mu.Unlock()
	g.show(w, http.StatusOK, "check.html", data)
}

// shown renders Markdown, which is safe after that.
func shown(source string) template.HTML {
	rendered, err := markdown.Render(source)
	if err != nil {
		return template.HTML(template.HTMLEscapeString(source)) // it is escaped
	}
	return template.HTML(rendered.HTML) // it is sanitised, which the tests of markdown hold
}

// pageAct does what a button asks for, as the person that the pages are shown to, and shows the pull request again.
func (g *GitHub) pageAct(w http.ResponseWriter, r *http.Request) {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		http.Error(w, "a page of another origin cannot ask for this", http.StatusForbidden)
		return
	}
	g.mu.Lock()
	found, p := g.found(r)
	viewer := g.opts.Viewer
	g.mu.Unlock()
	if p == nil || viewer == "" {
		http.NotFound(w, r)
		return
	}
	repo := &Repo{g, found}
	var err error
	switch act := r.PathValue("act"); act {
	case "merge":
		err = repo.Merge(p.number, viewer)
	case "dequeue":
		err = repo.Dequeue(p.number, viewer)
	case "close":
		err = repo.Close(p.number, viewer)
	case "reopen":
		err = repo.Reopen(p.number, viewer)
	case "ready":
		err = repo.SetDraft(p.number, false, viewer)
	case "comment":
		if strings.TrimSpace(r.FormValue("body")) == "" {
			err = errors.New("a comment says something")
		} else {
			_, err = repo.Comment(p.number, r.FormValue("body"), viewer)
		}
	default:
		if id, ok := strings.CutPrefix(act, "rerun-"); ok {
			n, _ := strconv.ParseInt(id, 10, 64)
			err = repo.RerunCheck(n, viewer)
			break
		}
		http.NotFound(w, r)
		return
	}
	if err != nil {
		if f, ok := errors.AsType[*failure](err); ok {
			err = errors.New(f.message)
		}
		g.pullPage(w, r, http.StatusConflict, err.Error())
		return
	}
	http.Redirect(w, r, fmt.Sprintf("/%s/pull/%d", repo.FullName(), p.number), http.StatusSeeOther)
}
