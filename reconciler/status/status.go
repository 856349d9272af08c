// SPDX-License-Identifier: Apache-2.0

// Package status is the read model of the daemon: what people and other programs are told of the platform.
// It may import api and catalog.
package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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
	// Replica is this one among several; nil if there is one.
	Replica *Replica `json:"replica,omitempty"`
}

// Sort orders clusters by name, and releases by project, environment and cluster.
func (p *Platform) Sort() {
	slices.SortFunc(p.Clusters, func(a, b Cluster) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(p.Releases, func(a, b Release) int { return a.Compare(b.ReleaseID) })
}

// Overview is what there is to say of a platform but its clusters and releases.
type Overview struct {
	Name     string    `json:"name"`
	Revision int64     `json:"revision"`
	Time     time.Time `json:"time"`
	Source   Source    `json:"source"`
	Replica  *Replica  `json:"replica,omitempty"`
}

// Replica is one of several daemons that share the releases.
type Replica struct {
	Name string `json:"name,omitempty"`
	// Leader is the one that has all releases, unless they are shared.
	Leader string `json:"leader,omitempty"`
	// Sharing reports whether the releases are spread over the replicas.
	Sharing bool `json:"sharing"`
	// Message says what is wrong, or who is waited for.
	Message string `json:"message,omitempty"`
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
	// Configuration says why the daemon's configuration file, as it is now, is not in use; the one before is.
	Configuration string `json:"configuration,omitempty"`
	// Notice says what is unusual and no error, such as a rewritten branch.
	Notice string `json:"notice,omitempty"`
	// Images says which images that projects follow cannot be looked at, and why.
	Images string `json:"images,omitempty"`
	// Notifications says which messages to channels were given up, and why.
	Notifications string `json:"notifications,omitempty"`
	// Sources are the repositories that the platform includes, by name.
	Sources []Included `json:"sources,omitempty"`
}

// Included is a repository that the platform includes.
type Included struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	// Follows is what of it counts, such as "branch main".
	Follows string `json:"follows"`
	// Head is the newest commit that was seen.
	Head *Commit `json:"head,omitempty"`
	// Accepted is the commit that the platform is being kept at; nil if it has none. Then what the repository declares is not known, and
	// what runs of it is left as it is.
	Accepted *Commit `json:"accepted,omitempty"`
	// Problems are what is wrong with Head. Those that deny it are why it is not Accepted.
	Problems v1alpha1.Problems `json:"problems,omitempty"`
	// Error says why the repository cannot be read just now.
	Error string `json:"error,omitempty"`
	// Notice says what is unusual and no error, such as a rewritten branch.
	Notice string `json:"notice,omitempty"`
}

// Refused reports whether the newest commit was not accepted.
func (i Included) Refused() bool { return i.Problems.Denied() }

// Fine reports whether the newest commit is accepted, and could be read.
func (i Included) Fine() bool { return !i.Refused() && i.Error == "" && i.Accepted != nil }

// clone copies all that can be changed in place.
func (s Source) clone() Source {
	s.Head, s.Accepted = s.Head.clone(), s.Accepted.clone()
	s.Problems = slices.Clone(s.Problems)
	for i := range s.Problems {
		s.Problems[i].Trace = slices.Clone(s.Problems[i].Trace)
	}
	s.Sources = slices.Clone(s.Sources)
	for i, one := range s.Sources {
		s.Sources[i].Head, s.Sources[i].Accepted = one.Head.clone(), one.Accepted.clone()
		s.Sources[i].Problems = slices.Clone(one.Problems)
	}
	return s
}

// Refused reports whether the newest commit was not accepted.
func (s Source) Refused() bool { return s.Problems.Denied() }

// Trouble says, in a line, why the newest commit is not the one that the platform is kept at; empty if it is, or if that is not known yet.
func (s Source) Trouble() string {
	switch {
	case s.Error != "":
		return s.Error
	case !s.Refused() || s.Head == nil:
		return ""
	}
	var first v1alpha1.Problem
	denials := 0
	for _, p := range s.Problems {
		if p.Severity == v1alpha1.Deny {
			if denials++; denials == 1 {
				first = p
			}
		}
	}
	text := fmt.Sprintf("commit %s is refused: %s: %s", s.Head.Short(), first.Position, strings.Join(strings.Fields(first.Message), " "))
	if denials > 1 {
		text += fmt.Sprintf(" (and %d more)", denials-1)
	}
	return text
}

// Commit is a commit, for people.
type Commit struct {
	Hash    string    `json:"hash"`
	Subject string    `json:"subject,omitempty"`
	Author  string    `json:"author,omitempty"`
	Time    time.Time `json:"time,omitzero"`
	// Parts is what the commit joins: that of the platform's repository, and those of the repositories that it includes, "NAME=COMMIT". It is
	// empty for a commit of one repository.
	Parts string `json:"parts,omitempty"`
}

// Of returns the commit of an included repository that the commit joins, or the platform's for an empty name: the commit itself, if it
// joins none.
func (c *Commit) Of(name string) string {
	if c == nil {
		return ""
	}
	return PartOf(c.Hash, c.Parts, name)
}

// PartOf returns the commit of a repository of those that a commit joins, as [Commit.Of] does.
func PartOf(hash, parts, name string) string {
	for i, field := range strings.Fields(parts) {
		of, at := "", field
		if i > 0 {
			of, at, _ = strings.Cut(field, "=")
		}
		if of == name {
			at, _, _ = strings.Cut(at, ":")
			return at
		}
	}
	if name == "" {
		return hash
	}
	return ""
}

// PartsOf returns the commits of all repositories that a commit joins, by the names of sources; of the platform's own alone if it joins none.
func PartsOf(hash, parts string) map[string]string {
	if hash == "" {
		return nil
	}
	out := map[string]string{"": PartOf(hash, parts, "")}
	for i, field := range strings.Fields(parts) {
		if name, _, ok := strings.Cut(field, "="); ok && i > 0 {
			out[name] = PartOf(hash, parts, name)
		}
	}
	return out
}

func (c *Commit) clone() *Commit {
	if c == nil {
		return nil
	}
	copied := *c
	return &copied
}

// describedBy returns the commit with what others of the same hash know of it: a daemon that resumes at one knows its hash.
func (c *Commit) describedBy(others ...*Commit) *Commit {
	if c == nil || c.Subject != "" {
		return c
	}
	for _, o := range others {
		if o != nil && o.Hash == c.Hash && o.Subject != "" {
			return o.clone()
		}
	}
	return c
}

// Short returns the first characters of the hash.
func (c *Commit) Short() string {
	if c == nil {
		return ""
	}
	return Short(c.Hash)
}

// Short returns the first characters of a commit's hash.
func Short(hash string) string { return hash[:min(len(hash), 8)] }

// Cluster reports whether a cluster answers.
type Cluster struct {
	Name      string `json:"name"`
	Reachable bool   `json:"reachable"`
	Message   string `json:"message,omitempty"`
	// Warning says how it is not what it is declared to be; empty if it is, as far as is known.
	Warning string `json:"warning,omitempty"`
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
	Failed   Result = "failed"   // something failed that a person has to fix
	Pruning  Result = "pruning"  // not declared any more, being deleted
	// Suspended is declared and left as it is, since its project says so.
	Suspended Result = "suspended"
	// Elsewhere is kept by another replica of the daemon.
	Elsewhere Result = "elsewhere"
)

// Health is how what was applied is doing.
type Health string

// The healths.
const (
	Unknown     Health = "unknown"
	Progressing Health = "progressing"
	// Stalled does not go on until something around it changes, such as an image that is not there.
	Stalled   Health = "stalled"
	Healthy   Health = "healthy"
	Unhealthy Health = "failed"
)

// Release is the state of one release.
type Release struct {
	catalog.ReleaseID
	Namespace string `json:"namespace,omitempty"`
	Owner     string `json:"owner,omitempty"`
	// Placed says why the release is on its cluster; empty if its project is on all of the environment.
	Placed string `json:"placed,omitempty"`
	// Commit is the last one that changed the release, and is applied.
	Commit string `json:"commit,omitempty"`
	// Parts is what Commit joins, as in [Commit], and Source the included repository that declares the release, if one does.
	Parts   string `json:"parts,omitempty"`
	Source  string `json:"source,omitempty"`
	Result  Result `json:"result"`
	Health  Health `json:"health"`
	Message string `json:"message,omitempty"`
	// Since is when Result, Health or Commit last changed; of a release whose cluster does not answer, since when that is so.
	Since time.Time `json:"since"`
	// Objects is how many objects are declared.
	Objects int `json:"objects"`
	// Kept are objects that stay in the cluster although they are not declared any more.
	Kept []string `json:"kept,omitempty"`
	// Cause says why it is not healthy, as far as that was looked into; nil if it was not.
	Cause *Cause `json:"cause,omitempty"`
	// Held says why the release does not take its newest state yet; nil if it does.
	Held *Held `json:"held,omitempty"`
	// Drifts are what others have changed of the release: what is so now, then what was corrected last.
	Drifts []Drift `json:"drifts,omitempty"`
	// Additions are what others have added to objects of the release. They are left, unless the environment says otherwise.
	Additions []Addition `json:"additions,omitempty"`
	// Instead are declared fields for which something else runs, as an admission webhook or policy wants it.
	Instead []Difference `json:"instead,omitempty"`
	// Lots are what there is of the lots of its datasets; nil if none are kept, or it is not known here.
	Lots *Lots `json:"lots,omitempty"`
	// Resources are how what it has made in the cloud is doing; nil if it has nothing made, or it is not known here.
	Resources *Resources `json:"resources,omitempty"`
	// Dags are how its DAGs are doing in the Airflow of its environment; nil if it has none there, or it is not known here.
	Dags *Dags `json:"dags,omitempty"`
	// Preview is set if the release is part of the preview of a pull request.
	Preview *Preview `json:"preview,omitempty"`
}

// Preview says of which preview a release is a part.
type Preview struct {
	// Of is the environment that the preview is derived from; empty while only a cluster knows of it.
	Of string `json:"of,omitempty"`
	// Asleep reports whether its workloads are scaled to nothing.
	Asleep bool `json:"asleep,omitempty"`
}

// Addition is what others have added to an object.
type Addition struct {
	Object string   `json:"object"`
	Fields []string `json:"fields"`
	// Manager is who added them, as Kubernetes knows them.
	Manager string `json:"manager,omitempty"`
}

// Difference is a declared field for which something else runs. The values are there for images alone.
type Difference struct {
	Object   string `json:"object"`
	Field    string `json:"field"`
	Declared string `json:"declared,omitempty"`
	Runs     string `json:"runs,omitempty"`
}

// Cause is why a release is not healthy.
type Cause struct {
	// Object is the one that is worst off.
	Object string `json:"object"`
	// Code is the kind of cause, such as "image-pull"; docs/operations.md lists them.
	Code string `json:"code"`
	// Log is the end of the log that tells more: what a program wrote, not Trunkline.
	Log []string `json:"log,omitempty"`
	// Notes say what could not be looked at.
	Notes []string `json:"notes,omitempty"`
}

// Held says what keeps a release from its newest state.
type Held struct {
	// Rule is the one that holds it, such as "window".
	Rule string `json:"rule"`
	// Reason says why to people.
	Reason string `json:"reason"`
	// Commit is the newest, which is held.
	Commit string `json:"commit,omitempty"`
	// Until is when it goes on by itself; zero if that depends on something else.
	Until time.Time `json:"until,omitzero"`
	// Person reports whether it goes on only when a person does something.
	Person bool `json:"person,omitempty"`
	// Digest identifies what is held, where a person has to approve it; see [ToApprove].
	Digest string `json:"digest,omitempty"`
	// Parts is what Commit joins, as in [Commit].
	Parts string `json:"parts,omitempty"`
}

// Drift is what someone has changed of an object.
type Drift struct {
	Object string   `json:"object"`
	Fields []string `json:"fields"`
	// What was done to the object as a whole, such as "deleted"; empty if fields were changed.
	What string `json:"what,omitempty"`
	// Manager is who changed them, as Kubernetes knows them; empty if that cannot be told.
	Manager string `json:"manager,omitempty"`
	// Time is when they were changed, or else when it was seen.
	Time time.Time `json:"time"`
	// Corrected reports whether they were reverted.
	Corrected bool `json:"corrected,omitempty"`
	// Rounds is how often they were reverted, if someone changes them again and again.
	Rounds int `json:"rounds,omitempty"`
}

// Own returns the commit of the repository that declares the release, out of those that its commit joins.
func (r Release) Own() string {
	if own := PartOf(r.Commit, r.Parts, r.Source); own != "" {
		return own
	}
	return r.Commit
}

// Fine reports whether the release is in the declared state and healthy, as far as it may be just now; or suspended, since
// that is what was asked for; or another replica's to report. It is not fine if it drifted, or if it needs a person to go on.
func (r Release) Fine() bool {
	if r.Result == Suspended || r.Result == Elsewhere {
		return true
	}
	return r.Result == Applied && r.Health == Healthy && !r.Drifted() && (r.Held == nil || !r.Held.Person) && (r.Lots == nil || r.Lots.Fine()) &&
		(r.Resources == nil || r.Resources.Fine()) && (r.Dags == nil || r.Dags.Fine())
}

// Drifted reports whether someone has changed the release, and that was not reverted.
func (r Release) Drifted() bool {
	return slices.ContainsFunc(r.Drifts, func(d Drift) bool { return !d.Corrected })
}

// Settled reports whether nothing will change by itself soon: it is fine, or it needs a person.
func (r Release) Settled() bool {
	return r.Fine() || r.Result == Failed || r.Result == Applied && (r.Health == Unhealthy || r.Health == Stalled || r.Health == Healthy)
}

// Fine reports whether there is nothing to look at: the newest commit is accepted, and every release is fine. How previews are
// doing is told where their pull requests are.
func (p Platform) Fine() bool {
	if p.Source.Refused() || p.Source.Error != "" || p.Source.Accepted == nil {
		return false
	}
	if slices.ContainsFunc(p.Source.Sources, func(i Included) bool { return !i.Fine() }) {
		return false
	}
	for _, c := range p.Clusters {
		if !c.Reachable {
			return false
		}
	}
	for _, r := range p.Releases {
		if r.Preview == nil && !r.Fine() {
			return false
		}
	}
	return true
}
