// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/durable"
	"trunkline.dev/trunkline/render"
)

// Book is what an agent was told last, on disk, so that one that is started while the daemon cannot be reached goes on. What is in
// it is what the repository declares: values that SOPS has encrypted are encrypted here, too.
type Book struct {
	dir string
	// id is another one if the folder is another one, or was lost.
	id string

	mu       sync.Mutex
	pages    map[catalog.ReleaseID]*page
	platform Platform
	settled  bool
	// objects are the digests of those on disk.
	objects map[string]bool
	// packed are the objects of the briefs, for as long as these are.
	packed map[string]*render.Packed
}

// page is what is known of one release.
type page struct {
	Brief *Brief `json:"brief"`
	// Before are the states that it was to be in before, the newest first.
	Before []Target `json:"before,omitempty"`
}

// maxBefore is how many states there are to go back to, as many as a release remembers to have been healthy in.
const maxBefore = 3

// head is what is known of all of them.
type head struct {
	Platform Platform `json:"platform"`
	Settled  bool     `json:"settled"`
}

// OpenBook reads the book in a folder, which is made if it is not there. A page that is damaged is left out: the daemon tells it
// again. What is damaged is returned besides the book.
func OpenBook(dir string) (b *Book, damaged, err error) {
	b = &Book{dir: dir, pages: map[catalog.ReleaseID]*page{}, objects: map[string]bool{}, packed: map[string]*render.Packed{}}
	for _, folder := range []string{"", "releases", "objects"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, nil, fmt.Errorf("making the folder of the agent: %w", err)
		}
	}
	if b.id, err = identify(filepath.Join(dir, "id")); err != nil {
		return nil, nil, fmt.Errorf("naming the folder of the agent: %w", err)
	}
	return b, b.read(), nil
}

// idLen is how long the name of a book is.
const idLen = 8

// identify reads the name of a book, which is made if there is none.
func identify(file string) (string, error) {
	data, err := os.ReadFile(file)
	if id := string(data); err == nil && len(id) == idLen && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == "" {
		return id, nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	id := strings.ToLower(rand.Text()[:idLen])
	return id, durable.Replace(file, []byte(id), file+".*.tmp")
}

// ID names the book.
func (b *Book) ID() string { return b.id }

// Clear forgets all that the daemon has said. Objects stay until nothing has named them for long: they are what their digests say.
func (b *Book) Clear() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	folder := filepath.Join(b.dir, "releases")
	if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o700), b.write(filepath.Join(b.dir, "platform.json"), head{})); err != nil {
		return fmt.Errorf("forgetting what the daemon has said before: %w", err)
	}
	b.pages, b.platform, b.settled = map[catalog.ReleaseID]*page{}, Platform{}, false
	return nil
}

func (b *Book) read() error {
	var errs []error
	var h head
	if err := readJSON(filepath.Join(b.dir, "platform.json"), &h); err == nil {
		b.platform, b.settled = h.Platform, h.Settled
	} else if !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	stored, err := os.ReadDir(filepath.Join(b.dir, "objects"))
	errs = append(errs, err)
	for _, f := range stored {
		if digest, ok := strings.CutSuffix(f.Name(), ".json.gz"); ok {
			b.objects[digest] = true
		} else if strings.HasSuffix(f.Name(), ".tmp") { // the agent was killed while it wrote
			errs = append(errs, os.Remove(filepath.Join(b.dir, "objects", f.Name())))
		}
	}
	releases, err := os.ReadDir(filepath.Join(b.dir, "releases"))
	errs = append(errs, err)
	for _, f := range releases {
		if !strings.HasSuffix(f.Name(), ".json") {
			continue
		}
		p := &page{}
		if err := readJSON(filepath.Join(b.dir, "releases", f.Name()), p); err != nil {
			errs = append(errs, err)
			continue
		}
		if p.Brief == nil {
			continue
		}
		if t := p.Brief.Target; t != nil && !t.Remove {
			if t.objects, err = b.get(t.Digest); err != nil {
				errs = append(errs, fmt.Errorf("of the release %s: %w", p.Brief.ID, err))
				continue
			}
			b.packed[t.Digest] = t.objects
		}
		b.pages[p.Brief.ID] = p
	}
	return errors.Join(errs...)
}

func readJSON(file string, into any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	return nil
}

// get reads objects from the disk.
func (b *Book) get(digest string) (*render.Packed, error) {
	if p := b.packed[digest]; p != nil {
		return p, nil
	}
	data, err := os.ReadFile(b.file(digest))
	if err != nil {
		delete(b.objects, digest)
		return nil, fmt.Errorf("reading objects: %w", err)
	}
	p, err := expand(data, digest)
	if err != nil {
		delete(b.objects, digest)
		return nil, err
	}
	return p, nil
}

func (b *Book) file(digest string) string { return filepath.Join(b.dir, "objects", digest+".json.gz") }

// pageFile is the file of a release. Names of releases may be longer than those of files.
func (b *Book) pageFile(id catalog.ReleaseID) string {
	sum := sha256.Sum256([]byte(id.String()))
	return filepath.Join(b.dir, "releases", hex.EncodeToString(sum[:])+".json")
}

// Briefs returns all briefs, by release.
func (b *Book) Briefs() []Brief {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Brief, 0, len(b.pages))
	for _, p := range b.pages {
		out = append(out, *p.Brief)
	}
	slices.SortFunc(out, func(x, y Brief) int { return x.ID.Compare(y.ID) })
	return out
}

// Platform returns what was said of the platform, and whether all releases had what it said of them.
func (b *Book) Platform() (Platform, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.platform, b.settled
}

// hello says what is in the book.
func (b *Book) hello() hello {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := hello{Book: b.id, Holds: map[string]string{}, Objects: slices.Sorted(maps.Keys(b.objects))}
	for id, p := range b.pages {
		h.IDs = append(h.IDs, id)
		h.Holds[id.String()] = p.Brief.Rev()
	}
	return h
}

// setHead records what is so of the platform.
func (b *Book) setHead(p Platform, settled bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.platform, b.settled = p, settled
	return b.write(filepath.Join(b.dir, "platform.json"), head{p, settled})
}

func (b *Book) write(file string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return durable.Replace(file, data, file+".*.tmp")
}

// keep stores objects as they came.
func (b *Book) keep(o objects) error {
	if strings.ContainsAny(o.Digest, `/\.`) {
		return fmt.Errorf("%q is no digest", o.Digest)
	}
	p, err := expand(o.Data, o.Digest)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.packed[o.Digest] = p
	file := b.file(o.Digest)
	if err := durable.Replace(file, o.Data, file+".*.tmp"); err != nil {
		return fmt.Errorf("keeping objects: %w", err)
	}
	b.objects[o.Digest] = true
	return nil
}

// errNoObjects says that a brief came whose objects are not here.
var errNoObjects = errors.New("the objects of a release are not here any more")

// put records a brief, and puts its objects into it. The brief that was there is returned; nil if there was none. The last error
// says that the disk does not have it.
func (b *Book) put(brief *Brief) (before *Brief, err, unsaved error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := brief.Target; t != nil && !t.Remove {
		if t.objects, err = b.get(t.Digest); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", errNoObjects, brief.ID, err), nil
		}
		b.packed[t.Digest] = t.objects
	}
	next := &page{Brief: brief}
	if p := b.pages[brief.ID]; p != nil {
		before, next.Before = p.Brief, p.Before
		if t := before.Target; t != nil && !t.Remove && (brief.Target == nil || brief.Target.Digest != t.Digest) {
			next.Before = slices.DeleteFunc(slices.Clone(next.Before), func(o Target) bool { return o.Digest == t.Digest })
			next.Before = slices.Insert(next.Before, 0, *t)
			next.Before = next.Before[:min(len(next.Before), maxBefore)]
			for i := range next.Before {
				next.Before[i].objects = nil // they are on the disk
			}
		}
	}
	b.pages[brief.ID] = next
	unsaved = errors.Join(b.write(b.pageFile(brief.ID), next), b.sweep())
	return before, nil, unsaved
}

// remove forgets a release.
func (b *Book) remove(id catalog.ReleaseID) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.pages, id)
	err := os.Remove(b.pageFile(id))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, b.sweep())
}

// brief returns what was last said of a release; nil if nothing was.
func (b *Book) brief(id catalog.ReleaseID) *Brief {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.pages[id]; p != nil {
		return p.Brief
	}
	return nil
}

// Place is where a release is deployed, and as whom.
type Place struct{ Namespace, Account string }

// Places are those of the releases that are not told to go.
func (b *Book) Places() map[Place]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[Place]bool{}
	for _, p := range b.pages {
		if t := p.Brief.Target; t != nil && !t.Remove {
			out[Place{t.Namespace, cmp.Or(p.Brief.Settings.Access.Account, b.platform.Account)}] = true
		}
	}
	return out
}

// Kept returns what a release is to be that was not told to go, and the account that deploys it. An error says why there is nothing.
func (b *Book) Kept(id catalog.ReleaseID) (t release.Target, account string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.pages[id]
	switch {
	case p == nil:
		return t, "", fmt.Errorf("the agent keeps no release %s", id)
	case p.Brief.Paused != nil:
		return t, "", fmt.Errorf("the release %s is left as it is, and the agent was not told what it declares", id)
	case p.Brief.Target == nil || p.Brief.Target.Remove || p.Brief.Target.objects == nil:
		return t, "", fmt.Errorf("the release %s declares nothing", id)
	}
	return p.Brief.Target.Target(), cmp.Or(p.Brief.Settings.Access.Account, b.platform.Account), nil
}

// state returns one that a release was to be in, by its digest; false if it is not known any more.
func (b *Book) state(id catalog.ReleaseID, commit, digest string) (release.Target, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.pages[id]
	if p == nil || digest == "" {
		return release.Target{}, false
	}
	known := slices.Clone(p.Before)
	if p.Brief.Target != nil {
		known = append(known, *p.Brief.Target)
	}
	for _, t := range known {
		if t.Digest != digest || t.Remove {
			continue
		}
		var err error
		if t.objects, err = b.get(digest); err != nil {
			continue
		}
		t.Commit = commit
		return t.Target(), true
	}
	return release.Target{}, false
}

// spare is how many objects that nothing names are not worth looking for.
const spare = 16

// sweep removes objects that no page names. It looks only once there are many more of them than pages. The caller holds the lock.
func (b *Book) sweep() error {
	if len(b.objects) <= (2+maxBefore)*len(b.pages)+spare && len(b.packed) <= 2*len(b.pages)+spare {
		return nil
	}
	named, current := map[string]bool{}, map[string]bool{}
	for _, p := range b.pages {
		if t := p.Brief.Target; t != nil {
			named[t.Digest], current[t.Digest] = true, true
		}
		for _, t := range p.Before {
			named[t.Digest] = true
		}
	}
	maps.DeleteFunc(b.packed, func(digest string, _ *render.Packed) bool { return !current[digest] })
	var errs []error
	for digest := range b.objects {
		if !named[digest] {
			delete(b.objects, digest)
			errs = append(errs, os.Remove(b.file(digest)))
		}
	}
	return errors.Join(errs...)
}
