// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/test/s3test"
)

// What a backfill is made of in which things go wrong; "make storms" has a large one.
var (
	lotsHours = flag.Int("lots.hours", 20, "how many lots each of the two workloads of a backfill has to make")
	lotsKills = flag.Int("lots.kills", 5, "how often the daemon is killed in a backfill")
	lotsSeed  = flag.Uint64("lots.seed", 0, "seed of what goes wrong in a backfill; 0 for a new one")
)

// storedLake is a lake whose data and manifests are in an S3, and whose programs write down when they begin and when they end.
type storedLake struct {
	*lake

	s3 *s3test.Server
}

// newStoredLake makes one with some lots for each program, and commits it. What the programs do between their first object and the rest
// is for the caller to say; DIR in it is the folder of the lake.
func newStoredLake(t *testing.T, hours int, between string) (*storedLake, string) {
	t.Helper()
	l := &storedLake{lake: newLakeOf(t, hours)}
	l.base = "s3:/"
	l.s3 = s3test.Start(t, l.dir, "lake", "manifests")
	var keys strings.Builder
	for _, set := range append(l.s3.Env(), "AWS_ENDPOINT_URL_S3="+l.s3.URL) {
		fmt.Fprintf(&keys, "export %s\n", set)
	}
	if err := os.WriteFile(filepath.Join(l.dir, "control", "keys"), []byte(keys.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(built(t, "lot"))
	if err == nil {
		err = os.WriteFile(filepath.Join(l.dir, "control", "lot"), program, 0o755)
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(l.dir, "locks"), 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	look := fmt.Sprintf(`for f in first rest; do [ -s %s/lake/${TRUNKLINE_READ_RAW#s3://lake/}$f ] || echo "$TRUNKLINE_LOT reads $TRUNKLINE_READ_RAW" >> %s/ran/wrong; done`, l.dir, l.dir)
	return l, l.repo.Commit(t, "lots", l.declare(l.program("land", "true", between), l.program("clean", look, between)))
}

// program is a script that writes two objects. That it is at work it says by a lock, which ends with it however that comes about, and by
// a line when it begins and when it ends.
func (l *storedLake) program(name, first, between string) string {
	return strings.NewReplacer("DIR", l.dir, "NAME", name, "FIRST", first, "BETWEEN", strings.ReplaceAll(between, "DIR", l.dir)).Replace(`set -eu
exec 9>>DIR/locks/NAME-$TRUNKLINE_LOT
flock -n 9 || echo "NAME $TRUNKLINE_LOT $TRUNKLINE_ATTEMPT is run twice at once" >> DIR/ran/wrong
echo "$TRUNKLINE_LOT $TRUNKLINE_ATTEMPT begins" >> DIR/ran/NAME
FIRST
. DIR/control/keys
cd /tmp
echo "$TRUNKLINE_ATTEMPT" | tee first > rest
DIR/control/lot write first
BETWEEN
DIR/control/lot write rest
echo "$TRUNKLINE_LOT $TRUNKLINE_ATTEMPT ends" >> DIR/ran/NAME`)
}

// serveStored starts a daemon with a data folder of its own that finds the store at an address, and a cluster by a kubeconfig.
func (l *storedLake) serveStored(program, data, endpoint, kubeconfig string, more ...string) *daemon {
	l.t.Helper()
	args := []string{
		"--repo", l.repo.URL(), "--data", data, "--cluster", "test=" + kubeconfig, "--poll", "1h", "--event-target", "hooks=" + l.hook.url,
		"--s3-endpoint", endpoint, "--lots-interval", "1s",
	}
	return serveIn(l.t, l.s3.Env(), program, append(args, more...)...)
}

// record is a line that a program wrote.
type record struct{ lot, attempt, what string }

// records are the lines of a program, of the lots that are looked at.
func (l *storedLake) records(name string) (out []record) {
	l.t.Helper()
	f, err := os.Open(filepath.Join(l.dir, "ran", name))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r record
		if _, err := fmt.Sscan(lines.Text(), &r.lot, &r.attempt, &r.what); err != nil {
			l.t.Fatalf("%s wrote %q: %v", name, lines.Text(), err)
		}
		if l.counted[r.lot] {
			out = append(out, r)
		}
	}
	return out
}

// did is how many runs of a program have done something.
func (l *storedLake) did(name, what string) (n int) {
	l.t.Helper()
	for _, r := range l.records(name) {
		if r.what == what {
			n++
		}
	}
	return n
}

// programs are the projects by the names of their programs, with the datasets that they write.
var programs = map[string]struct{ project, dataset string }{"land": {"orders", "raw"}, "clean": {"sales", "clean"}}

// sound makes sure that nothing is wrong by now: that no lot was run twice at once, or too often, and that what counts is whole.
func (l *storedLake) sound() {
	l.t.Helper()
	if wrong, err := os.ReadFile(filepath.Join(l.dir, "ran", "wrong")); err == nil {
		l.t.Errorf("the programs say:\n%s", wrong)
	} else if !os.IsNotExist(err) {
		l.t.Fatal(err)
	}
	for name, of := range programs {
		// What counts is looked at before what ended, which is before it counts.
		var counts []string
		for _, state := range []string{"complete", "empty"} {
			found, err := filepath.Glob(filepath.Join(l.dir, "manifests", of.project, "datasets", "*", "*", "lot=*", "state="+state, "manifest.json"))
			if err != nil {
				l.t.Fatal(err)
			}
			counts = append(counts, found...)
		}
		ended, begun := map[string]bool{}, map[string]int{}
		for _, r := range l.records(name) {
			switch r.what {
			case "begins":
				begun[r.lot]++
			case "ends":
				ended[r.lot+" "+r.attempt] = true
			}
		}
		for id, n := range begun {
			if n > 1 {
				l.t.Errorf("%s was run %d times for %s", name, n, id)
			}
		}
		for _, at := range counts {
			l.whole(name, at, ended)
		}
	}
}

// whole makes sure that a manifest that counts lists all that one run wrote, which has ended, and that it is there.
func (l *storedLake) whole(name, at string, ended map[string]bool) {
	l.t.Helper()
	text, err := os.ReadFile(at)
	if err != nil {
		l.t.Fatal(err)
	}
	m, err := manifest.Parse(text)
	if err != nil {
		l.t.Errorf("%s: %v", at, err)
		return
	}
	if !l.counted[m.LotID] {
		return
	}
	if m.State != manifest.Complete || len(m.URIs) != 2 {
		l.t.Errorf("%s is %s and lists %q, want both objects of a run", at, m.State, m.URIs)
	}
	for _, uri := range m.URIs {
		data, err := os.ReadFile(filepath.Join(l.dir, strings.TrimPrefix(uri, "s3://")))
		if err != nil {
			l.t.Errorf("%s lists what is not there: %v", at, err)
			continue
		}
		attempt := strings.TrimSpace(string(data))
		if !strings.Contains(uri, "attempt="+attempt+"-") || !ended[m.LotID+" "+attempt] {
			l.t.Errorf("%s lists %s, which the attempt %q at %s wrote, which has not ended well", at, uri, attempt, m.LotID)
		}
	}
}

// ends waits until all lots are there, and makes sure that each is, and nothing is wrong.
func (l *storedLake) ends() {
	l.t.Helper()
	count := func() int { return len(l.manifests("orders", "complete")) + len(l.manifests("sales", "complete")) }
	for !l.made() { // however many there are, some are made all the time
		had := count()
		l.await("more lots", func() bool { return count() > had || l.made() })
	}
	l.sound()
	for _, of := range programs {
		lots := l.manifests(of.project, "complete")
		slices.Sort(lots)
		if got := len(slices.Compact(lots)); got != l.hours {
			l.t.Errorf("%d lots of %s count, want %d", got, of.dataset, l.hours)
		}
		if partial := l.manifests(of.project, "partial"); len(partial) > 0 {
			l.t.Errorf("runs of %s have failed or were lost: %v", of.project, partial)
		}
	}
}
