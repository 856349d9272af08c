// Package status is the read model of the daemon: what people and other programs are told of the platform.
// It may import api and catalog.
package status

import (
	"slices"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// Platform is the state of everything at one moment.
type Platform struct {
	Name string `json:"name"`
	// Revision grows by one with every change.
	Revision int64     `json:"revision"`
	Time     time.Time `json:"time"`
	Source   Source    `json:"source"`
	Clusters []Cluster `json:"clusters"`
	Releases []Release `json:"releases"`
}

// Source is where the declarations come from.
type Source struct {
	// URL is without credentials.
	URL    string `json:"url,omitempty"`
	Branch string `json:"branch,omitempty"`
	// Head is the newest commit that was seen.
	Head *Commit `json:"head,omitempty"`
	// Accepted is the commit that the platform is being kept at: the newest one that was not refused.
	Accepted *Commit `json:"accepted,omitempty"`
	// Problems are what is wrong with Head. Those that deny it are why it is not Accepted.
	Problems v1alpha1.Problems `json:"problems,omitempty"`
	// Error says why the repository cannot be read just now; what runs is left as it is.
	Error string `json:"error,omitempty"`
	// Notice tells of something unusual that is not an error, such as a rewritten branch.
	Notice string `json:"notice,omitempty"`
}

// clone copies all that can be changed in place.
func (s Source) clone() Source {
	s.Head, s.Accepted = s.Head.clone(), s.Accepted.clone()
	s.Problems = slices.Clone(s.Problems)
	for i := range s.Problems {
		s.Problems[i].Trace = slices.Clone(s.Problems[i].Trace)
	}
	return s
}

// Refused tells that the newest commit was not accepted.
func (s Source) Refused() bool { return s.Problems.Denied() }

// Commit is a commit, for people.
type Commit struct {
	Hash    string    `json:"hash"`
	Subject string    `json:"subject,omitempty"`
	Author  string    `json:"author,omitempty"`
	Time    time.Time `json:"time,omitzero"`
}

func (c *Commit) clone() *Commit {
	if c == nil {
		return nil
	}
	copied := *c
	return &copied
}

// Short gives the first characters of the hash.
func (c *Commit) Short() string {
	if c == nil {
		return ""
	}
	return Short(c.Hash)
}

// Short gives the first characters of a commit's hash.
func Short(hash string) string { return hash[:min(len(hash), 8)] }

// Cluster says whether a cluster answers.
type Cluster struct {
	Name      string `json:"name"`
	Reachable bool   `json:"reachable"`
	Message   string `json:"message,omitempty"`
	// Since is when Reachable last changed.
	Since time.Time `json:"since,omitzero"`
}

// Result is how far a release has come.
type Result string

// The results.
const (
	Pending  Result = "pending"  // accepted, and not begun
	Applying Result = "applying" // being brought into the declared state
	Applied  Result = "applied"  // declared and applied state are the same
	Retrying Result = "retrying" // something failed that may pass; it is tried again
	Failed   Result = "failed"   // something failed that a person has to mend
	Pruning  Result = "pruning"  // not declared any more, being deleted
	// Suspended is declared and left as it is, since its project says so.
	Suspended Result = "suspended"
)

// Health is how what was applied is doing.
type Health string

// The healths.
const (
	Unknown     Health = "unknown"
	Progressing Health = "progressing"
	Healthy     Health = "healthy"
	Unhealthy   Health = "failed"
)

// Release is the state of one release.
type Release struct {
	catalog.ReleaseID
	Namespace string `json:"namespace,omitempty"`
	Owner     string `json:"owner,omitempty"`
	// Commit is the last one that changed the release, and is applied.
	Commit  string `json:"commit,omitempty"`
	Result  Result `json:"result"`
	Health  Health `json:"health"`
	Message string `json:"message,omitempty"`
	// Since is when Result, Health or Commit last changed.
	Since time.Time `json:"since"`
	// Objects is how many objects are declared.
	Objects int `json:"objects"`
	// Kept are objects that stay in the cluster although they are not declared any more.
	Kept []string `json:"kept,omitempty"`
}

// Fine tells that the release is in the declared state, and healthy; or suspended, since that is what was asked for.
func (r Release) Fine() bool {
	return r.Result == Applied && r.Health == Healthy || r.Result == Suspended
}

// Settled tells that nothing will change by itself soon: it is fine, or it needs a person.
func (r Release) Settled() bool {
	return r.Fine() || r.Result == Failed || r.Result == Applied && r.Health == Unhealthy
}

// Fine tells that there is nothing to find: the newest commit is accepted, and every release is fine.
func (p Platform) Fine() bool {
	if p.Source.Refused() || p.Source.Error != "" || p.Source.Accepted == nil {
		return false
	}
	for _, c := range p.Clusters {
		if !c.Reachable {
			return false
		}
	}
	for _, r := range p.Releases {
		if !r.Fine() {
			return false
		}
	}
	return true
}
