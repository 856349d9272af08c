// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
)

// got asks the daemon for something, as JSON, or as a page if out is a text.
func (d *daemon) got(path string, out any) int {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.server+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	page, isPage := out.(*string)
	if isPage {
		r.Header.Set("Accept", "text/html")
	}
	r.Header.Set("Trunkline-Claim", "ann")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if isPage {
		*page = string(data)
		return resp.StatusCode
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(data, out); err != nil {
			d.t.Fatalf("%s: %v: %s", path, err, data)
		}
	}
	return resp.StatusCode
}

// TestCommitsOfARelease: the daemon says of the commits that it has applied what each changed, also after a restart, and of no others.
func TestCommitsOfARelease(t *testing.T) {
	cluster := pkg.Cluster(t)
	repo := gittest.New(t)
	first := repo.Commit(t, "first", small("changed", "registry.example.com/web:1"))
	args := []string{"--repo", repo.URL(), "--data", t.TempDir(), "--cluster", "test=" + cluster.Kubeconfig, "--poll", "1h"}
	d := serve(t, args...)
	d.await("the first commit to be in place", status.Platform.Fine)
	second := repo.Commit(t, "second", small("changed", "registry.example.com/web:2"))
	d.sync()
	d.await("the second commit to be in place", fineAt(second))
	const path = "/api/v1/releases/changed/dev/test/commits"
	applied := func(d *daemon) (hashes []string) {
		var list console.AppliedCommits
		if code := d.got(path, &list); code != http.StatusOK {
			t.Fatalf("the commits are answered with %d", code)
		}
		for _, c := range list.Items {
			hashes = append(hashes, c.Commit.Hash+" "+c.Commit.Subject)
		}
		return hashes
	}
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	for want := []string{second + " second", first + " first"}; !slices.Equal(applied(d), want); {
		select {
		case <-time.After(50 * time.Millisecond): // it is written a moment after it happened
		case <-ctx.Done():
			t.Fatalf("the commits are %v, want %v", applied(d), want)
		}
	}
	d.stop()
	d = serve(t, args...)
	d.await("the commit to be in place after a restart", fineAt(second))
	var change console.CommitChange
	if code := d.got(path+"/"+second, &change); code != http.StatusOK || change.Before != first || change.Action != "change" || change.Error != "" {
		t.Fatalf("got %d %+v", code, change)
	}
	diffs := ""
	for _, s := range change.Steps {
		diffs += s.Object + "\n" + s.Diff
	}
	if !strings.Contains(diffs, "Deployment.apps changed-dev/web\n") || !strings.Contains(diffs, "image: registry.example.com/web:1\n+        image: registry.example.com/web:2\n") {
		t.Errorf("it changed\n%s", diffs)
	}
	var page string
	if code := d.got("/releases/changed/dev/test/commits/"+second, &page); code != http.StatusOK || !strings.Contains(page, "registry.example.com/web:2") {
		t.Errorf("its page is answered with %d\n%s", code, page)
	}
	if code := d.got("/releases/changed/dev/test", &page); code != http.StatusOK || !strings.Contains(page, "/commits/"+second) {
		t.Errorf("the page of the release is answered with %d\n%s", code, page)
	}
	// What nobody has applied is not shown, whatever the repository has.
	third := repo.Commit(t, "third", map[string]string{"note.txt": "nothing that is declared"})
	d.sync()
	d.await("a commit that changes nothing of it", func(p status.Platform) bool { return p.Source.Accepted != nil && p.Source.Accepted.Hash == third })
	if code := d.got(path+"/"+third, &change); code != http.StatusNotFound {
		t.Errorf("a commit that was not applied is answered with %d", code)
	}
	d.stop()
}

// shownRun has a run that failed be shown: its log, and the manifest of its Job without a password.
func (l *lake) shownRun(d *daemon, workload string) {
	l.t.Helper()
	first := slices.Sorted(maps.Keys(l.counted))[0]
	found, err := filepath.Glob(filepath.Join(l.dir, "manifests/trunkline-lots/lots/dev/logs", workload, "lot="+first, "attempt=*"))
	if err != nil || len(found) != 1 {
		l.t.Fatalf("of the lot %s there are %v, %v", first, found, err)
	}
	_, attempt, _ := strings.Cut(filepath.Base(found[0]), "=")
	project, name, _ := strings.Cut(workload, "/")
	at := fmt.Sprintf("/api/v1/workloads/dev/%s/%s/runs/%s.%s", project, name, first, attempt)
	var run console.RunShown
	if code := d.got(at, &run); code != http.StatusOK || !run.There || !run.Failed || !run.Logged || len(run.Troubles) > 0 || !strings.Contains(run.Manifest, "kind: Job") || len(run.Wrote) != 1 || !run.Wrote[0].Own {
		l.t.Errorf("of a run it is said %d %+v", code, run)
	}
	var log console.LotLog
	if code := d.got(at+"/log", &log); code != http.StatusOK || !log.Kept || !strings.Contains(log.Text, "[redacted]") {
		l.t.Errorf("its log is %d %+v", code, log)
	}
	var page string
	if code := d.got(fmt.Sprintf("/runs/dev/%s/%s/%s.%s", project, name, first, attempt), &page); code != http.StatusOK || !strings.Contains(page, "exit code 3") {
		l.t.Errorf("its page is answered with %d\n%s", code, page)
	}
	if kept, err := os.ReadDir(found[0]); err != nil || len(kept) != 2 {
		l.t.Errorf("kept of it are %v, %v: want its log and its manifest", kept, err)
	}
	if strings.Contains(run.Manifest+log.Text+page, "hunter2") {
		l.t.Errorf("a password is shown:\n%s\n%s", run.Manifest, log.Text)
	}
}
