// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"strings"
	"time"
)

// repo is a repository.
type repo struct {
	id            int64
	owner         *account
	name          string
	defaultBranch string
	private       bool
	parent        *repo  // of a fork
	git           string // the bare repository on disk; empty: commits are names only
	created       time.Time
	deleted       bool

	branches     map[string]string // to the commits at their ends
	grants       map[string]string // logins in lower case, to read, triage, write, maintain or admin
	rules        map[string]rules  // by branch
	pulls        []*pull           // by number, with holes where issues would be
	numbers      int
	suites       []*suite
	checks       []*check
	statuses     []*status
	deployments  []*deployment
	environments []*environment
	queue        []*entry
	hooks        []*hook
	labels       map[string]*label
	former       []string // names that it had, in lower case
}

func (r *repo) fullName() string { return r.owner.login + "/" + r.name }

func repoKey(fullName string) string { return strings.ToLower(fullName) }

// rules are what a branch demands of a merge.
type rules struct {
	// Required are the checks, or contexts of statuses, that must have passed.
	required []string
	// queue has merges go through the merge queue.
	queue bool
}

type label struct {
	id   int64
	name string
}

// pull is a pull request.
type pull struct {
	id              int64
	number          int
	title, body     string
	author          *account
	base            string // a branch of the repository
	baseSHA         string
	head            *repo // nil: it was deleted
	headBranch      string
	headOwner       *account
	headSHA         string
	draft           bool
	closed          bool
	merged          bool
	mergedBy        *account
	mergeCommit     string   // of the merge, or of the test merge
	rebased         []string // its commits as they are on the base branch, if they were rebased
	testMerged      bool     // whether mergeCommit and mergeable belong to baseSHA and headSHA
	unknown         int      // how often it is still said that mergeability is not known
	mergeable       bool
	conflicts       bool // what a test says of a repository without Git
	labels          []*label
	files           []File // what a test says of a repository without Git
	diffedAt        string // of which commits what follows is known
	diffed          []File
	commitsThen     []string
	comments        []*comment
	reviews         []*review
	created, edited time.Time
	closedAt        time.Time
	mergedAt        time.Time
}

// fork reports whether the head is in another repository than the base.
func (p *pull) fork(base *repo) bool { return p.head != base }

type comment struct {
	id              int64
	author          *account
	app             *App
	body            string
	created, edited time.Time
	reactions       []*reaction
}

type reaction struct {
	id      int64
	user    *account
	content string
	created time.Time
}

type review struct {
	id      int64
	user    *account
	state   string
	commit  string
	body    string
	created time.Time
}

// suite is the check suite of one App for one commit.
type suite struct {
	id              int64
	app             *App
	sha             string
	created, edited time.Time
}

// check is a check run.
type check struct {
	id                   int64
	suite                *suite
	name, externalID     string
	detailsURL           string
	status, conclusion   string
	started, completed   time.Time
	title, summary, text string
	hasOutput            bool
	annotations          []object
	actions              []object
}

type status struct {
	id                  int64
	sha, context, state string
	description, target string
	creator             *account
	created             time.Time
}

type deployment struct {
	id                    int64
	sha, ref, task        string
	environment           string
	description           string
	payload               any
	transient, production bool
	creator               *account
	app                   *App
	statuses              []*deploymentStatus
	created, edited       time.Time
	deleted               bool
}

type deploymentStatus struct {
	id                     int64
	state, description     string
	environment            string
	logURL, environmentURL string
	creator                *account
	created                time.Time
}

type environment struct {
	id      int64
	name    string
	created time.Time
}

// entry is a pull request in the merge queue of its base branch.
type entry struct {
	pull       *pull
	by         *account
	head, base string // the commit of the group, and the one that it is merged into
	ref        string
}

// File is a file of a pull request, for repositories without Git.
type File struct {
	Name string
	// Previous is what it was called, where Status is "renamed".
	Previous string
	// Status is added, removed, modified or renamed; empty: modified.
	Status               string
	Additions, Deletions int
	Patch                string
}
