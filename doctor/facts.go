// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"io/fs"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

// Facts are what is so.
type Facts struct {
	Now time.Time
	// Version is that of this program.
	Version string
	// Configuration is whether the configuration of a daemon can be used; a zero one was not named.
	Configuration Configuration

	Git         Fact[Git]
	Folders     []Folder
	Secrets     []SecretFile
	Kubeconfigs []Kubeconfig
	Clocks      []Clock

	Place     Fact[Place]
	Platform  Fact[Platform]
	Remote    Fact[Remote]
	Sources   Fact[[]Source]
	Signed    Fact[Signed]
	Rewrite   Fact[Rewrite]
	Sealed    Fact[Sealed]
	Artifacts Fact[[]Artifact]

	// Server is the address of the daemon, and Named reports whether someone named it.
	Server string
	Named  bool
	Daemon Fact[Running]

	Clusters []Cluster

	// GitHub is the name of the repository at GitHub; empty if the daemon is not connected to it.
	GitHub      string
	Access      Fact[Access]
	Permissions Fact[[]Permission]
	// Events are those that the App needs to be told of, and is.
	Events     Fact[Events]
	Deliveries Fact[Deliveries]
	// Sources are the repositories at GitHub of what the platform may include.
	GitHubSources []AtGitHub
}

// AtGitHub is what is known of a repository at GitHub besides the platform's own.
type AtGitHub struct {
	Name        string
	Access      Fact[Access]
	Permissions Fact[[]Permission]
}

// Configuration is a file with the configuration of a daemon.
type Configuration struct {
	File string
	// Problems are what is wrong with it, each with the hint that it has below it, as trunkline validate prints them.
	Problems []string
}

// Git is the program on this machine.
type Git struct {
	// Path is empty if there is none, and Version what it says of itself.
	Path, Version string
	// Needed is the repository that is read with it; empty if none is.
	Needed string
}

// Folder is one that has to be writable.
type Folder struct {
	// For is what is kept there.
	For, Path string
	// Error says why nothing can be written there; empty if something can.
	Error string
	// Mode is that of the folder, and Private reports that nobody else may write to it.
	Mode    fs.FileMode
	Private bool
}

// SecretFile is a file that holds a secret.
type SecretFile struct {
	// For is what names it.
	For, Path string
	Mode      fs.FileMode
	// Error says why it cannot be read; empty if it can.
	Error string
}

// Kubeconfig is how a cluster is reached, as it is written down on this machine.
type Kubeconfig struct {
	Cluster, Path, Context string
	// Error says why it cannot be used; empty if it can.
	Error string
	// Exec is the program that has the credentials; empty if there is none. It has to be there, and allowed.
	Exec                  string
	ExecFound, ExecAllows bool
	// Expires is when its certificate ends; zero if it has none.
	Expires time.Time
}

// Clock is that of another machine.
type Clock struct {
	Of string
	// Ahead is by how much it is ahead of this machine's, give or take Uncertain.
	Ahead, Uncertain time.Duration
}

// Place is where a folder is.
type Place struct {
	Folder string
	// Root is the repository that the folder is in, and Prefix its place there; Root is empty if it is in none.
	Root, Prefix string
	// Head is the commit that is checked out there; empty before the first one.
	Head string
}

// Platform is what a folder declares.
type Platform struct {
	// Name is empty if no platform is declared there, and Elsewhere are folders where one is.
	Name      string
	Elsewhere []string
	// Errors and Warnings are what is wrong with it, and Found the first of that.
	Errors, Warnings int
	Found            []string
	Projects         int
}

// Remote is the branch of a repository that is followed.
type Remote struct {
	// URL is without credentials.
	URL, Branch string
	// Commit is the newest one.
	Commit string
	// Error says why it cannot be read, and Hint what to do about it.
	Error, Hint string
}

// Source is a repository that the platform includes.
type Source struct {
	Remote

	Name string
	// Line is what is followed of it, such as "branch main".
	Line string
	// Unread says why nobody asked for it here; empty if someone did.
	Unread string
	// Signed is whether its newest commit is signed by those who may.
	Signed Signed
}

// Signed is whether the commit that is checked out is signed by those who may.
type Signed struct {
	// Wanted reports whether commits have to be signed.
	Wanted bool
	Commit string
	// By signed it, if it counts; else Refused says why it does not, and Who are those who may sign.
	By, Refused, Who string
}

// Rewrite is whether a push of the commit that is checked out would rewrite the branch.
type Rewrite struct {
	// Wanted reports whether rewrites are refused.
	Wanted bool
	// Accepted is the commit that the daemon has accepted, Head the one that is checked out, and Behind reports that Head does not come after it.
	Accepted, Head string
	Behind         bool
}

// Sealed are the Secrets that SOPS has encrypted.
type Sealed struct {
	// Keys is how many keys there are to decrypt them with.
	Keys int
	// Count is how many Secrets there are; each file that cannot be decrypted is in Failed.
	Count  int
	Failed []SealedFile
}

// SealedFile is a file that cannot be decrypted for a release.
type SealedFile struct{ File, Release, Error string }

// Artifact is a blueprint that is fetched.
type Artifact struct {
	Blueprint, Source string
	// Locked is what it is at; empty if it is not resolved.
	Locked string
	// Error says why it cannot be had; empty if it can.
	Error string
}

// Running is a daemon, as it says itself.
type Running struct {
	// Error says why it does not answer, and Hint what to do about it; the rest is empty then.
	Error, Hint string
	// Absent reports that nothing listens at its address.
	Absent bool
	// Version is empty if it does not say.
	Version string
	// Fetched is when it last read the repository; zero if it does not say, or never has.
	Fetched time.Time
	// Poll is how often it does.
	Poll time.Duration
	// Ready says why it keeps no clusters; empty if it does.
	Ready string
	// State is what it says of all that it keeps.
	State status.Platform
}

// Cluster is one, as it is seen from here.
type Cluster struct {
	Name string
	// Reached is whether it is from here, and Rights are those that are missing.
	Reached Fact[Reached]
	Rights  Fact[[]Right]
	// Needs are the kinds that releases there have, and nobody serves.
	Needs Fact[Needs]
	// Storage are the storage classes that claims of releases name, Machines the labels of nodes that pods select, and Metrics the API by
	// which releases are scaled.
	Storage, Machines, Metrics Fact[Lacks]
}

// Reached is an API server that was asked.
type Reached struct {
	Address string
	// Error says why it does not answer, and Hint what to do about it.
	Error, Hint string
	// Version is that of Kubernetes, and Declared the one that the platform says.
	Version, Declared string
	// Silent are the API groups that do not say what they serve.
	Silent []string
}

// Right is one that the daemon needs.
type Right struct {
	Verbs []string
	// Resource is with its group, such as "deployments.apps", and Namespace empty for all.
	Resource, Namespace, Name string
}

// Needs are kinds that releases have.
type Needs struct {
	// Count is how many kinds were looked for.
	Count int
	// Missing are those that are not served.
	Missing []Kind
	// Unrendered is how many releases could not be rendered, and may have others.
	Unrendered int
}

// Kind is one of an API version, and a release that has it.
type Kind struct{ APIVersion, Kind, Release string }

// Access is whether GitHub takes our credentials.
type Access struct {
	// Error says why it does not.
	Error string
	// App reports that they are those of an App, and Public that none are needed.
	App, Public bool
	// Limit and Remaining are how many requests may be made in an hour, and are left until Reset.
	Limit, Remaining int
	Reset            time.Time
}

// Permission is one that the App needs.
type Permission struct {
	// Name is the one of GitHub's pages, and API that of its API.
	Name, API string
	// Needed and Has are accesses, such as "read"; empty: none.
	Needed, Has string
}

// Events are what GitHub tells the App of.
type Events struct {
	// Needed is empty if the daemon takes no deliveries.
	Needed, Has []string
}

// Deliveries are what GitHub sent lately.
type Deliveries struct {
	// Error says why that is not known, and Hook is empty if nothing is sent.
	Error, Hook string
	// Count is how many there are, and Failed those that did not arrive, the newest first.
	Count  int
	Failed []Delivery
}

// Delivery is one that was not accepted.
type Delivery struct {
	Event  string
	At     time.Time
	Status string
	Code   int
}
