// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestProgramsThatMisbehave: one that never ends is ended and has failed; one that writes nothing makes a lot that is empty; what one
// writes outside of its folder counts for nothing; and one that writes a manifest that lists what is not there has failed. What others
// read of that goes on, and a commit that fixes the program has the rest made.
func TestProgramsThatMisbehave(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	lots := slices.Sorted(maps.Keys(l.counted))
	endless, silent, stray, liar := lots[0], lots[1], lots[2], lots[3]
	outside := []string{filepath.Join(l.dir, "lake/orders/raw/outside"), filepath.Join(l.dir, "lake/orders/raw/lot="+stray, "outside"), filepath.Join(l.dir, "lake/sales/clean/outside")}
	// Its manifest has a place of its own, which Clusterless' variable says.
	lie := `returns=$(echo "$CLS_ARC_PROPS_JSON" | sed 's/.*"sinkManifestTemplates":{"main":"file:\/\/\([^"]*\)".*/\1/; s/{lot}/'$TRUNKLINE_LOT'/; s/{state}/complete/; s/{.*}//'); ` +
		`mkdir -p $(dirname $returns); printf '{"state":"complete","comment":null,"lotId":"%s","uriType":"identifier","uris":["%s/part","%s/ghost"]}' ` +
		`$TRUNKLINE_LOT ${TRUNKLINE_WRITE_MAIN%/} ${TRUNKLINE_WRITE_MAIN%/} > $returns; echo "$returns" >> DIR/ran/returns`
	does := strings.ReplaceAll(fmt.Sprintf(`case $TRUNKLINE_LOT in
%s) echo half > $out/half; sleep 3600;;
%s) exit 0;;
%s) mkdir -p DIR/lake/orders/raw/lot=$TRUNKLINE_LOT DIR/lake/sales/clean; for f in %s; do echo outside > $f; done;;
%s) %s;;
esac`, endless, silent, stray, strings.Join(outside, " "), liar, lie), "DIR", l.dir)
	declare := func(does string) map[string]string {
		files := l.files(does, "true")
		files["orders/project.yaml"] = strings.Replace(files["orders/project.yaml"], "      blueprint: container-job\n", "      blueprint: container-job\n      timeout: 20s\n", 1)
		return files
	}
	l.repo.Commit(t, "programs that misbehave", declare(does))
	d := l.serve(binary)
	l.await("all but two lots", func() bool {
		return len(l.manifests("orders", "complete")) == l.hours-3 && slices.Equal(l.manifests("orders", "empty"), []string{silent}) &&
			len(l.manifests("orders", "partial")) >= 2 && len(l.manifests("sales", "complete")) == l.hours-2
	})
	failed := map[string]bool{}
	for _, id := range l.manifests("orders", "partial") {
		failed[id] = true
	}
	if len(failed) != 2 || !failed[endless] || !failed[liar] {
		t.Errorf("partial are %v, want %s, which does not end, and %s, which lies", failed, endless, liar)
	}
	for _, at := range outside {
		if _, err := os.Stat(at); err != nil {
			t.Errorf("the test is of a program that writes %s: %v", at, err)
		}
	}
	for _, at := range l.counting() {
		text, err := os.ReadFile(at)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "outside") || strings.Contains(string(text), "ghost") {
			t.Errorf("%s lists what a run did not write to its folder: %s", at, text)
		}
	}
	for _, says := range []string{"ghost", "and nothing is there", "it took longer than"} {
		l.await("the log to say "+says, func() bool { return strings.Contains(grep(d.log.String(), "a run for a lot ended"), says) })
	}

	head := l.repo.Commit(t, "mended", declare("true"))
	d.sync()
	d.await("the mended program", fineAt(head))
	l.await("all lots", func() bool {
		return len(l.manifests("orders", "complete")) == l.hours-1 && len(l.manifests("sales", "complete")) == l.hours
	})
}

// counting are the manifests that count, of all datasets.
func (l *lake) counting() (found []string) {
	l.t.Helper()
	for _, state := range []string{"complete", "empty"} {
		at, err := filepath.Glob(filepath.Join(l.dir, "manifests", "*", "datasets", "*", "*", "lot=*", "state="+state, "manifest.json"))
		if err != nil {
			l.t.Fatal(err)
		}
		found = append(found, at...)
	}
	return found
}
