// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"time"
)

// ErrNotFound says that the forge has no such thing, or does not show it to us.
var ErrNotFound = errors.New("not found")

// Pull is a pull request as the forge has it.
type Pull struct {
	Number int
	Title  string
	// Author is the login of who opened it.
	Author string
	Labels []string
	Draft  bool
	// Fork reports whether the head is in another repository than the base; so it counts if the head's repository was
	// deleted or is not told.
	Fork bool
	// HeadOwner is the login of whom the head's repository belongs to; empty if that is not told.
	HeadOwner string
	// Base and Head are the branches, with their newest commits.
	Base, Head Branch
	// TestMerge is the commit by which the forge tried the merge of Base and Head; empty if there is none yet. It may be
	// one of older heads: its parents say so.
	TestMerge string
	// Conflicts reports whether the forge says that it cannot be merged.
	Conflicts bool
	State     PullState
	// MergeCommit is the newest commit on the base branch that holds the changes, and MergedBy the login of who merged; empty
	// unless State is Merged.
	MergeCommit, MergedBy string
	// Commits is how many commits it has; 0 in lists.
	Commits int
	// Updated is when anything about it changed last, and Closed when it was closed or merged; zero if it is open.
	Updated, Closed time.Time
	URL             string
}

// Branch is a branch and its newest commit.
type Branch struct{ Ref, SHA string }

// PullState is whether a pull request is open.
type PullState string

// The states.
const (
	Open   PullState = "open"
	Closed PullState = "closed" // without having been merged
	Merged PullState = "merged"
)

// Pulls reads pull requests.
type Pulls interface {
	// Pull returns one pull request; [ErrNotFound] if there is none of that number.
	Pull(ctx context.Context, number int) (Pull, error)
	// OpenPulls returns those that are open.
	OpenPulls(ctx context.Context) ([]Pull, error)
	// ClosedPulls returns those that were closed or merged since a time.
	ClosedPulls(ctx context.Context, since time.Time) ([]Pull, error)
	// PullOf returns the merged one that brought a commit to the branch that it was merged into, as its merge, its only commit, or
	// one of several; false if none did.
	PullOf(ctx context.Context, sha string) (Pull, bool, error)
	// Approvals returns who approved exactly a head commit, and has not withdrawn it since.
	Approvals(ctx context.Context, number int, sha string) ([]string, error)
}

// CheckState is how far a check is.
type CheckState string

// The states of a check. The last three are final.
const (
	Queued     CheckState = "queued"
	InProgress CheckState = "in_progress"
	Success    CheckState = "success"
	Failure    CheckState = "failure"
	// Neutral counts as passed: it is for commits that touch nothing of ours, and for nothing else.
	Neutral CheckState = "neutral"
)

// Final reports whether the check is concluded.
func (s CheckState) Final() bool { return s == Success || s == Failure || s == Neutral }

// Check is a check of a commit.
type Check struct {
	// ID is the forge's; zero if it is not made yet.
	ID int64
	// Name is what rules for merging call it.
	Name, SHA string
	// ExternalID is found again after a restart.
	ExternalID string
	State      CheckState
	// Title is one line; Summary and Text are Markdown.
	Title, Summary, Text string
	// Annotations are only added to: an update sends those that are new.
	Annotations []Annotation
	// DetailsURL leads to the full report; empty: there is none.
	DetailsURL string
	// Brief reports whether the forge keeps no texts of it but the title, as of a commit status.
	Brief bool
}

// Annotation is a finding at lines of a file of the commit.
type Annotation struct {
	Path string
	// Line counts from 1; EndLine is at least Line.
	Line, EndLine int
	Level         AnnotationLevel
	Title         string
	Message       string
}

// AnnotationLevel is how grave an annotation is.
type AnnotationLevel string

// The levels.
const (
	Notice  AnnotationLevel = "notice"
	Warning AnnotationLevel = "warning"
	Fail    AnnotationLevel = "failure"
)

// Checks writes the checks of commits. With a token instead of an app these are commit statuses, without annotations.
type Checks interface {
	// FindCheck returns our newest check of a commit by its name.
	FindCheck(ctx context.Context, sha, name string) (Check, bool, error)
	// CreateCheck makes a check and returns its id.
	CreateCheck(ctx context.Context, c Check) (int64, error)
	// UpdateCheck changes the check with c.ID. More annotations than fit in a request are sent in several; the state is
	// final with the last of them.
	UpdateCheck(ctx context.Context, c Check) error
}

// Comment is a comment on a pull request.
type Comment struct {
	ID     int64
	Number int // the pull request's
	Author string
	// Ours reports whether we wrote it.
	Ours    bool
	Body    string
	Created time.Time
	Updated time.Time
}

// Comments reads and writes comments on pull requests.
type Comments interface {
	// CommentsOf returns all comments of a pull request, the oldest first.
	CommentsOf(ctx context.Context, number int) ([]Comment, error)
	// CommentsSince returns the comments of all pull requests that were written or edited since a time.
	CommentsSince(ctx context.Context, since time.Time) ([]Comment, error)
	CreateComment(ctx context.Context, number int, body string) (Comment, error)
	EditComment(ctx context.Context, id int64, body string) error
	// React adds one of the forge's reactions, such as "eyes", to a comment, and reports whether it was not there before.
	React(ctx context.Context, comment int64, reaction string) (bool, error)
}

// Deployment is the roll-out of a commit into an environment, as the forge shows it.
type Deployment struct {
	ID                    int64
	SHA, Environment      string
	Description           string
	Transient, Production bool
	// State and Said are those of its newest status; empty if there is none.
	State DeploymentState
	Said  string
	// Created is when it was made.
	Created time.Time
}

// DeploymentState is how far a deployment is.
type DeploymentState string

// The states of a deployment.
const (
	DeployQueued     DeploymentState = "queued"
	DeployInProgress DeploymentState = "in_progress"
	DeploySuccess    DeploymentState = "success"
	DeployFailure    DeploymentState = "failure"
	DeployInactive   DeploymentState = "inactive"
)

// DeploymentStatus is what is said of a deployment.
type DeploymentStatus struct {
	State       DeploymentState
	Description string // one line, at most 140 characters
	// EnvironmentURL is where what was deployed is seen, and LogURL where it is told how; empty: nowhere.
	EnvironmentURL, LogURL string
}

// Deployments writes deployments.
type Deployments interface {
	// DeploymentsOf returns our deployments of a commit, with their newest states.
	DeploymentsOf(ctx context.Context, sha string) ([]Deployment, error)
	// DeploymentsIn returns our deployments into an environment, the newest first, which alone has its state.
	DeploymentsIn(ctx context.Context, environment string) ([]Deployment, error)
	// CreateDeployment makes a deployment and returns it with its ID and with when the forge says that it was made.
	CreateDeployment(ctx context.Context, d Deployment) (Deployment, error)
	SetDeploymentStatus(ctx context.Context, id int64, s DeploymentStatus) error
	// RemoveEnvironment takes an environment and its deployments away. That it is gone already is no error.
	RemoveEnvironment(ctx context.Context, environment string) error
}

// Permission is what a person may do in the repository.
type Permission string

// The permissions, from the least.
const (
	None  Permission = "none"
	Read  Permission = "read"
	Write Permission = "write"
	Admin Permission = "admin"
)

// People says who may do what.
type People interface {
	// Permission returns what a person may do; None for strangers.
	Permission(ctx context.Context, login string) (Permission, error)
	// Teams returns which of the teams a person is in, of those asked for as NAME or ORGANISATION/NAME: always as
	// ORGANISATION/NAME. A team of another organisation than the repository's has nobody in it.
	Teams(ctx context.Context, login string, teams []string) ([]string, error)
}

// Queues reads merge queues.
type Queues interface {
	// MergeGroups returns the groups of a branch that wait for their checks.
	MergeGroups(ctx context.Context, branch string) ([]MergeGroup, error)
}

// Proposal is a change that we ask people to merge, such as a promotion. It is known by its branch: the same branch is the
// same proposal, which follows what it is made of.
type Proposal struct {
	// Branch is made at the commit Parent, on which the Files, by their paths in the repository, are changed; a file that is
	// nil is removed.
	Branch, Parent string
	Files          map[string]*string
	// Message is that of the commit. It says what the change is for: the same message is the same change.
	Message string
	// Base is the branch to merge into; Title and Body are of the pull request.
	Base, Title, Body string
	// Again opens one although the same change was closed or merged before, since a person asks for it.
	Again bool
}

// Proposals opens pull requests of our own.
type Proposals interface {
	// Propose has a pull request with exactly this change be open, and returns it. One that is open from that branch
	// follows; one with the same change that was closed or merged is returned as it is, unless Again asks for another.
	Propose(ctx context.Context, p Proposal) (Pull, error)
	// Withdraw closes the open pull request from a branch of ours into another one, with a comment that says why, and
	// deletes the branch. That there is none is no error.
	Withdraw(ctx context.Context, branch, base, why string) error
}

// Forge is all that is asked of a forge, for one repository.
type Forge interface { //nolint:interfacebloat // it has one implementation, of these small ones
	Pulls
	Checks
	Comments
	Deployments
	People
	Queues
	Proposals
}

// Hint is what an event says is worth a look. Everything else in its payload is left unread.
type Hint struct {
	// Delivery identifies the event for the log.
	Delivery string
	// Pull is the number of a pull request to look at; zero: none.
	Pull int
	// SHA is a commit whose pull requests, or whose check, are to be looked at; with Pull, what its head became; empty: none.
	SHA string
	// Comment reports whether someone wrote or edited a comment on the pull request, and CommentID which; zero: not known.
	Comment   bool
	CommentID int64
	// Rerun reports whether someone asked for the check of SHA, or of the pull request, to run again.
	Rerun bool
	// Queue is the merge group that was made, or destroyed; nil: none.
	Queue *MergeGroup
	// Push reports whether a branch moved: the repository is to be fetched.
	Push bool
}

// MergeGroup is a group of pull requests in a merge queue that is checked as one commit.
type MergeGroup struct {
	// Head is the commit to check, on the branch HeadRef, and Base the one that it is merged into.
	Head, HeadRef, Base string
	Destroyed           bool
}
