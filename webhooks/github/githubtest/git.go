// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// errConflict is the answer of a merge that people have to make.
var errConflict = errors.New("the merge has conflicts")

// commit is what is known of a commit.
type commit struct {
	tree, message, author, email string
	time                         time.Time
	parents                      []string
}

// gitEnv keeps out whatever the machine is configured to do, and has commits be of the fake's name and time.
func (g *GitHub) gitEnv(who *account) []string {
	name, email := "GitHub", "noreply@github.com"
	if who != nil {
		name, email = who.login, strconv.FormatInt(who.id, 10)+"+"+who.login+"@users.noreply.github.com"
	}
	date := g.now().Format(time.RFC3339)
	return append(os.Environ(),
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "HOME="+g.opts.Dir, "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME="+name, "GIT_AUTHOR_EMAIL="+email, "GIT_AUTHOR_DATE="+date,
		"GIT_COMMITTER_NAME="+name, "GIT_COMMITTER_EMAIL="+email, "GIT_COMMITTER_DATE="+date,
	)
}

// gitIn runs git in a repository, with what it reads, and returns what it writes without the last line end.
func (g *GitHub) gitIn(r *repo, who *account, stdin string, env []string, args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"--git-dir", r.git}, args...)...)
	cmd.Env = append(g.gitEnv(who), env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// git is gitIn without the rare arguments.
func (g *GitHub) git(r *repo, args ...string) (string, error) {
	return g.gitIn(r, nil, "", nil, args...)
}

// initGit makes the bare repository.
func (g *GitHub) initGit(r *repo) error {
	if g.opts.Dir == "" {
		return errors.New("there is no folder for repositories with Git: set Options.Dir")
	}
	r.git = filepath.Join(g.opts.Dir, strings.ToLower(r.owner.login), strings.ToLower(r.name)+".git")
	if _, err := g.git(r, "init", "--quiet", "--bare", "--initial-branch", r.defaultBranch, r.git); err != nil {
		return err
	}
	for key, value := range map[string]string{
		"http.receivepack": "true", "uploadpack.allowAnySHA1InWant": "true", "uploadpack.allowFilter": "true", "receive.shallowUpdate": "false",
		"core.fsync": "none", "gc.auto": "0", // the transfer.hideRefs of GitHub: refs/pull is read and never written
		"receive.hideRefs": "refs/pull",
	} {
		if _, err := g.git(r, "config", key, value); err != nil {
			return err
		}
	}
	return nil
}

// refs reads the branches from disk.
func (g *GitHub) refs(r *repo) (map[string]string, error) {
	out, err := g.git(r, "for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads")
	if err != nil {
		return nil, err
	}
	branches := map[string]string{}
	for line := range strings.Lines(out) {
		sha, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "" {
			branches[name] = sha
		}
	}
	return branches, nil
}

// commitOf finds out about a commit; of one without Git, what can be made up.
func (g *GitHub) commitOf(r *repo, sha string) commit {
	made := commit{tree: name("tree", sha), message: "commit " + sha, author: "GitHub", email: "noreply@github.com", time: r.created}
	if r.git == "" {
		return made
	}
	out, err := g.git(r, "show", "-s", "--format=%T%n%P%n%an%n%ae%n%ct%n%B", sha)
	lines := strings.SplitN(out, "\n", 6)
	if err != nil || len(lines) < 6 {
		return made
	}
	seconds, _ := strconv.ParseInt(lines[4], 10, 64)
	return commit{
		tree: lines[0], parents: strings.Fields(lines[1]), author: lines[2], email: lines[3], time: time.Unix(seconds, 0).UTC(), message: strings.TrimSpace(lines[5]),
	}
}

// write makes a commit on a branch, which is made if it is not there. Files with nil are removed.
func (g *GitHub) write(r *repo, branch, message string, files map[string]*string, who *account) (string, error) {
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit refs/heads/%s\n", branch)
	identity := fmt.Sprintf("%s <%s@users.noreply.github.com> %d +0000", who.login, who.login, g.now().Unix())
	fmt.Fprintf(&in, "author %s\ncommitter %s\ndata %d\n%s\n", identity, identity, len(message), message)
	if at := r.branches[branch]; at != "" {
		fmt.Fprintf(&in, "from %s\n", at)
	}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if content := files[name]; content == nil {
			fmt.Fprintf(&in, "D %s\n", strconv.Quote(name))
		} else {
			fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", strconv.Quote(name), len(*content), *content)
		}
	}
	if _, err := g.gitIn(r, who, in.String(), nil, "fast-import", "--quiet", "--date-format=raw"); err != nil {
		return "", err
	}
	return g.git(r, "rev-parse", "refs/heads/"+branch)
}

// mergeTrees merges two commits as GitHub does, and returns the tree; errConflict if people have to.
func (g *GitHub) mergeTrees(r *repo, base, head string) (string, error) {
	out, err := g.git(r, "merge-tree", "--write-tree", "--no-messages", base, head)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return "", errConflict
	}
	if err != nil {
		return "", err
	}
	tree, _, _ := strings.Cut(out, "\n")
	return tree, nil
}

// commitTree makes a commit of a tree.
func (g *GitHub) commitTree(r *repo, who *account, tree, message string, parents ...string) (string, error) {
	args := []string{"commit-tree", tree, "-m", message}
	for _, p := range parents {
		args = append(args, "-p", p)
	}
	return g.gitIn(r, who, "", nil, args...)
}

// filesOf are the files that a pull request changes: those between where the branches part and the head.
func (g *GitHub) filesOf(r *repo, p *pull) []File {
	if r.git == "" || p.files != nil {
		return p.files
	}
	if key := p.baseSHA + p.headSHA; p.diffedAt != key {
		p.diffedAt, p.diffed = key, g.diff(r, p.baseSHA, p.headSHA)
		p.commitsThen = g.revisions(r, p)
	}
	return p.diffed
}

// diff compares a head with where it left its base.
func (g *GitHub) diff(r *repo, base, head string) []File {
	out, err := g.git(r, "diff", "--name-status", "-M", "-z", base+"..."+head)
	if err != nil {
		return nil
	}
	numbers, err := g.git(r, "diff", "--numstat", "--no-renames", "-z", base+"..."+head)
	if err != nil {
		return nil
	}
	whole, err := g.git(r, "diff", "-M", base+"..."+head)
	if err != nil {
		return nil
	}
	patches := strings.Split("\n"+whole, "\ndiff --git ")[1:] // in the order of the names
	lines := map[string][2]int{}
	for record := range strings.SplitSeq(numbers, "\x00") {
		if parts := strings.SplitN(record, "\t", 3); len(parts) == 3 {
			lines[parts[2]] = [2]int{number(parts[0], 0), number(parts[1], 0)}
		}
	}
	var files []File
	parts := strings.Split(out, "\x00")
	for i := 0; i+1 < len(parts); i += 2 {
		f := File{Name: parts[i+1]}
		switch parts[i][:1] {
		case "A":
			f.Status = "added"
		case "D":
			f.Status = "removed"
		case "R":
			f.Status, f.Previous, f.Name = "renamed", parts[i+1], parts[i+2]
			i++
		default:
			f.Status = "modified"
		}
		f.Additions, f.Deletions = lines[f.Name][0], lines[f.Name][1]
		if at := len(files); at < len(patches) {
			if _, hunk, ok := strings.Cut(patches[at], "\n@@"); ok {
				f.Patch = "@@" + hunk
			}
		}
		files = append(files, f)
	}
	return files
}

// commitsOf are the commits of a pull request, the oldest first.
func (g *GitHub) commitsOf(r *repo, p *pull) []string {
	if r.git == "" {
		return []string{p.headSHA}
	}
	g.filesOf(r, p)
	return p.commitsThen
}

func (g *GitHub) revisions(r *repo, p *pull) []string {
	out, err := g.git(r, "rev-list", "--reverse", p.baseSHA+".."+p.headSHA)
	if err != nil {
		return nil
	}
	return strings.Fields(out)
}
