// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

func (g *GitHub) dataRoutes() []route {
	const git = "/repos/{owner}/{repo}/git"
	routes := []route{
		{pattern: "GET /repos/{owner}/{repo}/branches/{branch...}", needs: "contents:read", serve: g.getBranch},
		{pattern: "GET /repos/{owner}/{repo}/commits/{ref}", needs: "contents:read", serve: g.getCommit},
		{pattern: "GET /repos/{owner}/{repo}/contents/{path...}", needs: "contents:read", serve: g.getContents},
		{pattern: "GET /repos/{owner}/{repo}/compare/{basehead}", needs: "contents:read", serve: g.compare},
		{pattern: "GET " + git + "/ref/{ref...}", needs: "contents:read", serve: g.getRef},
		{pattern: "POST " + git + "/refs", needs: "contents:write", serve: g.createRef},
		{pattern: "PATCH " + git + "/refs/{ref...}", needs: "contents:write", serve: g.updateRef},
		{pattern: "DELETE " + git + "/refs/{ref...}", needs: "contents:write", serve: g.deleteRef},
		{pattern: "GET " + git + "/commits/{sha}", needs: "contents:read", serve: func(c *call) (int, any, error) {
			if !g.hasCommit(c.repo, c.PathValue("sha")) {
				return 0, nil, notFound()
			}
			return http.StatusOK, g.shapeGitCommit(c.repo, c.PathValue("sha")), nil
		}},
		{pattern: "POST " + git + "/commits", needs: "contents:write", serve: g.createCommit},
		{pattern: "GET " + git + "/trees/{sha}", needs: "contents:read", serve: g.getTree},
		{pattern: "POST " + git + "/trees", needs: "contents:write", serve: g.createTree},
		{pattern: "GET " + git + "/blobs/{sha}", needs: "contents:read", serve: g.getBlob},
		{pattern: "POST " + git + "/blobs", needs: "contents:write", serve: g.createBlob},
	}
	for i := range routes {
		if strings.Contains(routes[i].pattern, "/git/") || strings.Contains(routes[i].pattern, "/contents/") || strings.Contains(routes[i].pattern, "/compare/") {
			routes[i].serve = needsGit(routes[i].serve)
		}
	}
	return routes
}

// needsGit refuses what a repository without Git cannot answer, as GitHub does of an empty one.
func needsGit(serve handler) handler {
	return func(c *call) (int, any, error) {
		if c.repo.git == "" {
			return 0, nil, &failure{status: http.StatusConflict, message: "Git Repository is empty."}
		}
		return serve(c)
	}
}

func (g *GitHub) getBranch(c *call) (int, any, error) {
	branch := c.PathValue("branch")
	sha := c.repo.branches[branch]
	if sha == "" {
		return 0, nil, &failure{status: http.StatusNotFound, message: "Branch not found"}
	}
	api := g.repoURL(c.repo) + "/branches/" + branch
	required := c.repo.rules[branch].required
	contexts := []any{}
	for _, r := range required {
		contexts = append(contexts, r)
	}
	return http.StatusOK, object{
		"name": branch, "commit": g.shapeCommit(c.repo, sha), "_links": object{"self": api, "html": g.url + "/" + c.repo.fullName() + "/tree/" + branch},
		"protected": len(required) > 0, "protection_url": api + "/protection",
		"protection": object{"enabled": len(required) > 0, "required_status_checks": object{"enforcement_level": "everyone", "contexts": contexts, "checks": []any{}}},
	}, nil
}

func (g *GitHub) getCommit(c *call) (int, any, error) {
	sha, err := g.resolve(c.repo, c.PathValue("ref"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, g.shapeCommit(c.repo, sha), nil
}

func (g *GitHub) getContents(c *call) (int, any, error) {
	ref := c.URL.Query().Get("ref")
	if ref == "" {
		ref = c.repo.defaultBranch
	}
	commit, err := g.resolve(c.repo, ref)
	if err != nil {
		return 0, nil, &failure{status: http.StatusNotFound, message: "No commit found for the ref " + ref}
	}
	file := strings.Trim(c.PathValue("path"), "/")
	entry, err := g.git(c.repo, "ls-tree", "-l", commit, "--", file)
	fields := strings.Fields(entry)
	if err != nil || len(fields) < 5 {
		return 0, nil, notFound()
	}
	if fields[1] != "blob" {
		return 0, nil, &failure{status: http.StatusNotFound, message: "Not Found"} // a folder, of which nobody asks here
	}
	content, err := g.gitIn(c.repo, nil, "", nil, "cat-file", "blob", fields[2])
	if err != nil {
		return 0, nil, err
	}
	content += strings.Repeat("\n", max(number(fields[3], 0)-len(content), 0)) // the line end that was cut off
	api := g.repoURL(c.repo) + "/contents/" + file + "?ref=" + ref
	html := g.url + "/" + c.repo.fullName() + "/blob/" + ref + "/" + file
	blob := g.repoURL(c.repo) + "/git/blobs/" + fields[2]
	return http.StatusOK, object{
		"type": "file", "encoding": "base64", "size": len(content), "name": path.Base(file), "path": file, "sha": fields[2],
		"content": base64.StdEncoding.EncodeToString([]byte(content)), "url": api, "git_url": blob, "html_url": html, "download_url": html + "?raw=true",
		"_links": object{"self": api, "git": blob, "html": html},
	}, nil
}

func (g *GitHub) compare(c *call) (int, any, error) {
	baseRef, headRef, ok := strings.Cut(c.PathValue("basehead"), "...")
	base, err1 := g.resolve(c.repo, baseRef)
	head, err2 := g.resolve(c.repo, headRef)
	if !ok || err1 != nil || err2 != nil {
		return 0, nil, notFound()
	}
	fork, err := g.git(c.repo, "merge-base", base, head)
	if err != nil {
		return 0, nil, notFound()
	}
	count := func(from, to string) []string {
		out, _ := g.git(c.repo, "rev-list", "--reverse", from+".."+to)
		return strings.Fields(out)
	}
	ahead, behind := count(base, head), count(head, base)
	status := "identical"
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		status = "diverged"
	case len(ahead) > 0:
		status = "ahead"
	case len(behind) > 0:
		status = "behind"
	}
	html := g.url + "/" + c.repo.fullName() + "/compare/" + base + "..." + head
	return http.StatusOK, object{
		"url": g.repoURL(c.repo) + "/compare/" + base + "..." + head, "html_url": html, "permalink_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch",
		"base_commit": g.shapeCommit(c.repo, base), "merge_base_commit": g.shapeCommit(c.repo, fork), "status": status, "ahead_by": len(ahead), "behind_by": len(behind),
		"total_commits": len(ahead), "commits": shapes(ahead, func(sha string) object { return g.shapeCommit(c.repo, sha) }),
	}, nil
}

func (g *GitHub) shapeRef(r *repo, branch, sha string) object {
	return object{
		"ref": "refs/heads/" + branch, "node_id": "REF_" + branch, "url": g.repoURL(r) + "/git/refs/heads/" + branch,
		"object": object{"type": "commit", "sha": sha, "url": g.repoURL(r) + "/git/commits/" + sha},
	}
}

func (g *GitHub) getRef(c *call) (int, any, error) {
	branch, ok := strings.CutPrefix(c.PathValue("ref"), "heads/")
	if sha := c.repo.branches[branch]; ok && sha != "" {
		return http.StatusOK, g.shapeRef(c.repo, branch, sha), nil
	}
	return 0, nil, notFound()
}

func unprocessable(format string, args ...any) error {
	return &failure{status: http.StatusUnprocessableEntity, message: fmt.Sprintf(format, args...)}
}

func (g *GitHub) createRef(c *call) (int, any, error) {
	var in struct{ Ref, SHA string }
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	branch, ok := strings.CutPrefix(in.Ref, "refs/heads/")
	switch {
	case !ok:
		return 0, nil, unprocessable("Reference name must start with 'refs' and have at least two slashes.")
	case c.repo.branches[branch] != "":
		return 0, nil, unprocessable("Reference already exists")
	case !g.hasCommit(c.repo, in.SHA):
		return 0, nil, unprocessable("Object does not exist")
	}
	if _, err := g.git(c.repo, "check-ref-format", "--branch", branch); err != nil {
		return 0, nil, unprocessable("'%s' is not a valid ref name.", in.Ref)
	}
	if err := g.setBranch(c.repo, branch, in.SHA, c.who.user); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, g.shapeRef(c.repo, branch, in.SHA), nil
}

func (g *GitHub) updateRef(c *call) (int, any, error) {
	var in struct {
		SHA   string
		Force bool
	}
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	branch, _ := strings.CutPrefix(c.PathValue("ref"), "heads/")
	at := c.repo.branches[branch]
	if at == "" || !g.hasCommit(c.repo, in.SHA) {
		return 0, nil, unprocessable("Reference does not exist")
	}
	if _, err := g.git(c.repo, "merge-base", "--is-ancestor", at, in.SHA); err != nil && !in.Force {
		return 0, nil, unprocessable("Update is not a fast forward")
	}
	if why := c.repo.protectedFrom(branch); why != "" {
		return 0, nil, unprocessable("%s", why)
	}
	if err := g.setBranch(c.repo, branch, in.SHA, c.who.user); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, g.shapeRef(c.repo, branch, in.SHA), nil
}

// protectedFrom says why a branch is not pushed to.
func (r *repo) protectedFrom(branch string) string {
	if required := r.rules[branch].required; len(required) > 0 {
		return fmt.Sprintf("Required status check %q is expected.", required[0])
	}
	return ""
}

func (g *GitHub) deleteRef(c *call) (int, any, error) {
	branch, _ := strings.CutPrefix(c.PathValue("ref"), "heads/")
	if c.repo.branches[branch] == "" {
		return 0, nil, unprocessable("Reference does not exist")
	}
	if branch == c.repo.defaultBranch {
		return 0, nil, unprocessable("Cannot delete the default branch")
	}
	return http.StatusNoContent, nil, g.setBranch(c.repo, branch, "", c.who.user)
}

func (g *GitHub) shapeGitCommit(r *repo, sha string) object {
	o := g.shapeCommit(r, sha)
	inner := o["commit"].(object)
	inner["sha"], inner["node_id"], inner["html_url"], inner["parents"] = sha, o["node_id"], o["html_url"], o["parents"]
	delete(inner, "comment_count")
	return inner
}

func (g *GitHub) createCommit(c *call) (int, any, error) {
	var in struct {
		Message, Tree string
		Parents       []string
	}
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	if _, err := g.git(c.repo, "cat-file", "-e", in.Tree+"^{tree}"); err != nil {
		return 0, nil, unprocessable("Tree SHA does not exist")
	}
	for _, p := range in.Parents {
		if !g.hasCommit(c.repo, p) {
			return 0, nil, unprocessable("Parent SHA does not exist or is not a commit object")
		}
	}
	sha, err := g.commitTree(c.repo, c.who.user, in.Tree, in.Message, in.Parents...)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, g.shapeGitCommit(c.repo, sha), nil
}

func (g *GitHub) shapeTree(r *repo, sha string) (object, error) {
	out, err := g.git(r, "ls-tree", "-l", "-z", sha)
	if err != nil {
		return nil, notFound()
	}
	entries := []any{}
	for record := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		about, name, ok := strings.Cut(record, "\t")
		fields := strings.Fields(about)
		if !ok || len(fields) < 4 {
			continue
		}
		e := object{"path": name, "mode": fields[0], "type": fields[1], "sha": fields[2], "url": g.repoURL(r) + "/git/" + fields[1] + "s/" + fields[2]}
		if fields[3] != "-" {
			e["size"] = number(fields[3], 0)
		}
		entries = append(entries, e)
	}
	return object{"sha": sha, "url": g.repoURL(r) + "/git/trees/" + sha, "tree": entries, "truncated": false}, nil
}

func (g *GitHub) getTree(c *call) (int, any, error) {
	sha, err := g.git(c.repo, "rev-parse", "--verify", "--end-of-options", c.PathValue("sha")+"^{tree}")
	if err != nil {
		return 0, nil, notFound()
	}
	o, err := g.shapeTree(c.repo, sha)
	return http.StatusOK, o, err
}

func (g *GitHub) createTree(c *call) (int, any, error) {
	var in struct {
		Base string `json:"base_tree"`
		Tree []struct {
			Path, Mode, Type string
			SHA              *string
			Content          *string
		}
	}
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	folder, err := os.MkdirTemp(g.opts.Dir, "index-")
	if err != nil {
		return 0, nil, fmt.Errorf("making an index: %w", err)
	}
	defer os.RemoveAll(folder)
	env := []string{"GIT_INDEX_FILE=" + path.Join(folder, "index")}
	if in.Base != "" {
		if _, err := g.gitIn(c.repo, nil, "", env, "read-tree", in.Base); err != nil {
			return 0, nil, unprocessable("base_tree is not a valid tree")
		}
	}
	var index strings.Builder
	for _, e := range in.Tree {
		bad := slices.Contains(strings.Split(e.Path, "/"), "..") || strings.HasPrefix(e.Path, "/") || e.Path == "" || strings.ContainsAny(e.Path, "\x00\n")
		switch {
		case bad:
			return 0, nil, unprocessable("tree.path contains a malformed path component")
		case e.Content != nil:
			blob, err := g.gitIn(c.repo, nil, *e.Content, nil, "hash-object", "-w", "--stdin")
			if err != nil {
				return 0, nil, err
			}
			e.SHA = &blob
		case e.SHA == nil: // the file goes
			e.Mode, e.SHA = "0", new(zero)
		}
		fmt.Fprintf(&index, "%s %s\t%s\n", e.Mode, *e.SHA, e.Path)
	}
	if _, err := g.gitIn(c.repo, nil, index.String(), env, "update-index", "--index-info"); err != nil {
		return 0, nil, unprocessable("tree.sha %s", err)
	}
	sha, err := g.gitIn(c.repo, nil, "", env, "write-tree")
	if err != nil {
		return 0, nil, unprocessable("GitRPC::BadObjectState: %s", err)
	}
	o, err := g.shapeTree(c.repo, sha)
	return http.StatusCreated, o, err
}

func (g *GitHub) getBlob(c *call) (int, any, error) {
	size, err := g.git(c.repo, "cat-file", "-s", c.PathValue("sha"))
	if err != nil {
		return 0, nil, notFound()
	}
	content, err := g.git(c.repo, "cat-file", "blob", c.PathValue("sha"))
	if err != nil {
		return 0, nil, notFound()
	}
	n, _ := strconv.Atoi(size)
	content += strings.Repeat("\n", max(n-len(content), 0))
	sha := c.PathValue("sha")
	return http.StatusOK, object{
		"sha": sha, "node_id": "B_" + sha, "size": n, "url": g.repoURL(c.repo) + "/git/blobs/" + sha, "encoding": "base64", "content": base64.StdEncoding.EncodeToString([]byte(content)),
	}, nil
}

func (g *GitHub) createBlob(c *call) (int, any, error) {
	var in struct{ Content, Encoding string }
	if err := c.read(&in); err != nil {
		return 0, nil, err
	}
	content := in.Content
	if in.Encoding == "base64" {
		decoded, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(content, "\n", ""))
		if err != nil {
			return 0, nil, unprocessable("content is not valid Base64")
		}
		content = string(decoded)
	}
	sha, err := g.gitIn(c.repo, nil, content, nil, "hash-object", "-w", "--stdin")
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, object{"sha": sha, "url": g.repoURL(c.repo) + "/git/blobs/" + sha}, nil
}

// File is what a file has at the end of a branch; empty if it is not there.
func (r *Repo) File(branch, file string) string {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	size, err := r.g.git(r.repo, "cat-file", "-s", "refs/heads/"+branch+":"+file)
	if err != nil {
		return ""
	}
	content, err := r.g.git(r.repo, "cat-file", "blob", "refs/heads/"+branch+":"+file)
	if err != nil {
		return ""
	}
	return content + strings.Repeat("\n", max(number(size, 0)-len(content), 0)) // the line end that was cut off
}
