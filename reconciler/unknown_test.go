// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"slices"
	"strings"
	"testing"

	"trunkline.dev/trunkline/reconciler/status"
)

// TestWhatIsNotKnownIsLeft: after a start that knows nothing of one repository, what is in place of it stays, and what was recorded before there
// were any; what others do not declare any more is removed. Once it is known, so is the rest.
func TestWhatIsNotKnownIsLeft(t *testing.T) {
	l := newLoop(t)
	stop := l.run()
	alone := l.files["trunkline.yaml"].Data
	l.write("env.yaml", string(l.files["env.yaml"].Data[:len(l.files["env.yaml"].Data)-2])+", maxRemovals: 100}\n")
	l.project("old", "a")
	l.project("own", "a")
	l.project("stays", "a")
	l.accept()
	l.awaitFine()
	l.write("trunkline.yaml", string(alone)+"spec: {sources: [{name: a, url: x}, {name: b, url: z}]}\n")
	for _, name := range []string{"a", "b"} {
		l.project("x"+name, "a")
		l.files["sources/"+name+"/x/project.yaml"] = l.files["x"+name+"/project.yaml"]
		delete(l.files, "x"+name+"/project.yaml")
	}
	l.accept()
	l.awaitFine()
	recorded := func(project string) (repository string) {
		l.cluster.Change(func() { repository = l.cluster.Stored[idOf(project)].Repository })
		return repository
	}
	for project, want := range map[string]string{"old": ".", "own": ".", "xa": "a", "xb": "b"} {
		if !l.awaitCluster(func(status.Platform) bool { return recorded(project) == want }) {
			t.Errorf("the inventory of %s says that %q declares it, want %q", project, recorded(project), want)
		}
	}
	stop()

	// The store is lost, with a commit that declares neither of its own projects any more. One inventory is of before there were sources.
	l.cluster.Change(func() {
		i := l.cluster.Stored[idOf("old")]
		i.Repository = ""
		l.cluster.Stored[idOf("old")] = i
	})
	l.restart()
	l.cluster.Log()
	b := l.files["sources/b/x/project.yaml"]
	delete(l.files, "sources/b/x/project.yaml")
	l.remove("old")
	l.remove("own")
	l.run()
	l.accept()
	left := func(p status.Platform, project, why string) bool {
		return strings.Contains(releaseOf(p, project).Message, why)
	}
	l.await("own to be removed, and what is not known to be left", func(p status.Platform) bool {
		return releaseOf(p, "own").Project == "" && left(p, "xb", `the source "b", which declares it, is not known`) && left(p, "old", "not all sources are known") &&
			releaseOf(p, "xa").Result == status.Applied && releaseOf(p, "stays").Result == status.Applied
	})
	log := l.cluster.Log()
	if !slices.Contains(log, "delete own-0 uid-own-0") {
		t.Errorf("what is not declared any more is not removed: %v", log)
	}
	for _, name := range []string{"xb", "old", "xa", "stays"} {
		if slices.Contains(log, "delete "+name+"-0 uid-"+name+"-0") {
			t.Errorf("%s was removed: %v", name, log)
		}
	}

	// The repository is known again: it has the project, and what nobody has is removed.
	l.files["sources/b/x/project.yaml"] = b
	l.accept()
	l.await("old to be removed", func(p status.Platform) bool {
		return releaseOf(p, "old").Project == "" && releaseOf(p, "xb").Result == status.Applied && releaseOf(p, "xb").Message == ""
	})
	// And what it gives up is removed as from any.
	l.write("sources/b/readme.txt", "x")
	delete(l.files, "sources/b/x/project.yaml")
	l.accept()
	l.await("xb to be removed", func(p status.Platform) bool { return releaseOf(p, "xb").Project == "" })
	l.cluster.Log()
}
