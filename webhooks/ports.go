// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"io/fs"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/compose"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

// Repository reads commits. Trees are those of the platform's folder, wherever that is in the repository.
type Repository interface { //nolint:interfacebloat // it is one store, and each method is asked of it
	// Merge returns what merging a pull request into a commit of its base branch makes. The heads are fetched first. An
	// error that is a [RefusalError] is the pull request's own fault and stays until it changes.
	Merge(ctx context.Context, p Pull, base string) (Merge, error)
	// Commit returns a commit of the repository, which is fetched first if ref names the branch that it is on. Where a platform has several
	// repositories, it is joined with the others: as they are accepted, or as they are in a state.
	Commit(ctx context.Context, sha, ref string, beside compose.State) (Commit, error)
	// Changed lists the paths that differ between two trees.
	Changed(ctx context.Context, from, to fs.FS) ([]string, error)
	// Contains reports whether a commit is another one or comes before it.
	Contains(ctx context.Context, tip, commit string) (bool, error)
	// Path returns where a file of the platform is in the repository; empty if it is in another one.
	Path(file string) string
	// Fetched returns the head of a pull request that was fetched last, by this process or one before it; empty if none was.
	Fetched(number int) (string, error)
	// Forget drops what was fetched for a pull request.
	Forget(ctx context.Context, number int) error
}

// Merge is what merging makes.
type Merge struct {
	// ID identifies it: the forge's test merge, or the tree.
	ID   string
	Tree fs.FS
	// Conflicts are the paths that both sides changed; Tree is nil if there are any.
	Conflicts []string
}

// Commit is a commit with its content.
type Commit struct {
	SHA string
	// Parent is the first one; empty if there is none. Merge reports whether there are others.
	Parent string
	Merge  bool
	Tree   fs.FS
}

// RefusalError is an error that trying again does not cure, with a text for people.
type RefusalError struct{ Err error }

func (e *RefusalError) Error() string { return e.Err.Error() }
func (e *RefusalError) Unwrap() error { return e.Err }

// Trunk is the branch that the platform follows.
type Trunk interface {
	// Branch is its name; empty if pull requests into no branch change what runs, as of a source that is followed by a tag, or not included.
	Branch() string
	// Follows says to people what runs, such as "main" or "tag v3"; empty: nothing of the repository.
	Follows() string
	// Tip returns the newest commit that was fetched; empty before the first.
	Tip() string
	// Accepted returns the commit that the clusters are kept at, and what it means; nil before there is one.
	Accepted() (string, *evaluate.Evaluation)
}

// Board is what the releases are doing; it is [status.Board] outside of tests.
type Board interface {
	Release(id catalog.ReleaseID) (status.Release, bool)
	Snapshot() status.Platform
	Changes(after int64, limit int) status.Changes
	Changed(after int64) <-chan struct{}
}

// Previews keeps the environments of pull requests in clusters.
type Previews interface {
	// Put makes a preview at a head, or has it take the place of the one of the same name. An error that is a [RefusalError]
	// says to people why it cannot be.
	Put(ctx context.Context, p *evaluate.Preview, head string, asleep bool) error
	// Sleep and Wake scale a preview that was put to nothing, and back.
	Sleep(ctx context.Context, name string) error
	Wake(ctx context.Context, name string) error
	// Remove has a preview removed with all that it has in clusters. It is gone once States does not list it any more.
	Remove(ctx context.Context, name, why string) error
	// States lists the previews that were put or that clusters hold. With an error there may be others, too.
	States(ctx context.Context) ([]PreviewState, error)
}

// PreviewState is what is known of a preview in clusters.
type PreviewState struct {
	// Name is that of its environment, Of of the one that it was made after, and Head the commit that it is at.
	Name, Of, Head string
	Asleep         bool
	// Put reports whether it was put since the daemon was started.
	Put, Removing bool
}

// Data is what is in object stores. A location is a folder of one, as previews have them.
type Data interface {
	// Check returns why nothing could be removed from a location; nil: it could.
	Check(location string) error
	// Remove deletes all that is below a location, and returns how many objects that were. It is called again after an error.
	Remove(ctx context.Context, location string) (int, error)
}

// Reports keeps what is known of pull requests, and the full reports on them. A name is that of the preview.
type Reports interface {
	// Note keeps what the forge says of one, and Drop forgets one that the forge does not know.
	Note(p report.Pull) error
	Drop(name string) error
	// Keep keeps the report on a head of one, and returns the address at which it is read, which stays the same for days; empty if there
	// is none.
	Keep(name, head string, r report.Review) (address string, err error)
}

// Live compares what is declared with what clusters hold.
type Live interface {
	// Diff finds out what bringing clusters into the declared state would do to the picked releases, and does nothing of it.
	Diff(ctx context.Context, head preview.Side, picked preview.Picker) ([]preview.Release, []preview.Trouble)
}

// Hand does what people ask for by hand.
type Hand interface {
	// Rollback takes a release back to the commit before; its error is for people.
	Rollback(ctx context.Context, id catalog.ReleaseID, by, why string) error
	// Approve confirms what is held in an environment, if that is what the digest is of; its error is for people.
	Approve(environment, digest, by, why string) error
	// Reviewed reports of a state that is held for it, by its digest, whether it was reviewed; if not, why says how.
	Reviewed(id catalog.ReleaseID, digest, why string)
}
