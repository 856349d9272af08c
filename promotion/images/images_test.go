// SPDX-License-Identifier: Apache-2.0

package images_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/promotion/images"
)

var now = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func tag(digest string) v1alpha1.Image {
	return v1alpha1.Image{Repository: "r.example/orders", Track: "stable", Digest: digest}
}

func within(tag, digest string) v1alpha1.Image {
	return v1alpha1.Image{Repository: "r.example/orders", Track: "^1.4", Tag: tag, Digest: digest}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reason string
		image  v1alpha1.Image
		// seen and at are what the registry said, and when; empty: nothing.
		tag, digest string
		ago         time.Duration
		open        bool
		want        string
	}{
		"Newer":       {reason: "The tag points to something else.", image: tag("sha256:1"), tag: "stable", digest: "sha256:2", want: "propose r.example/orders:stable@sha256:2"},
		"NewerOpen":   {reason: "What is open follows.", image: tag("sha256:1"), tag: "stable", digest: "sha256:2", open: true, want: "propose r.example/orders:stable@sha256:2"},
		"NoDigest":    {reason: "The first digest is a move too.", image: tag(""), tag: "stable", digest: "sha256:2", want: "propose r.example/orders:stable@sha256:2"},
		"Same":        {reason: "It is what is declared.", image: tag("sha256:1"), tag: "stable", digest: "sha256:1"},
		"SameOpen":    {reason: "There is nothing to move any more.", image: tag("sha256:1"), tag: "stable", digest: "sha256:1", open: true, want: "withdraw"},
		"Unknown":     {reason: "Nothing was said yet.", image: tag("sha256:1")},
		"UnknownOpen": {reason: "A registry that is away withdraws nothing.", image: tag("sha256:1"), open: true},
		"Old":         {reason: "What was said long ago does not count.", image: tag("sha256:1"), tag: "stable", digest: "sha256:2", ago: 2 * time.Hour},
		"OldOpen":     {reason: "It neither moves nor withdraws.", image: tag("sha256:1"), tag: "stable", digest: "sha256:1", ago: 2 * time.Hour, open: true},
		"Version":     {reason: "The range has a newer version.", image: within("1.4.2", "sha256:1"), tag: "1.5.0", digest: "sha256:2", want: "propose r.example/orders:1.5.0@sha256:2"},
		"SameDigest":  {reason: "The version is part of the declaration.", image: within("1.4.2", "sha256:1"), tag: "1.5.0", digest: "sha256:1", want: "propose r.example/orders:1.5.0@sha256:1"},
		"SameVersion": {reason: "A version can be pushed again.", image: within("1.4.2", "sha256:1"), tag: "1.4.2", digest: "sha256:2", want: "propose r.example/orders:1.4.2@sha256:2"},
		"NotBack":     {reason: "A version that was deleted is no reason to go back.", image: within("1.5.0", "sha256:1"), tag: "1.4.2", digest: "sha256:2"},
		"NotBackOpen": {reason: "Then there is nothing to move.", image: within("1.5.0", "sha256:1"), tag: "1.4.2", digest: "sha256:2", open: true, want: "withdraw"},
		"OtherRange":  {reason: "The range does not have what is in force: it was changed.", image: within("2.0.0", "sha256:1"), tag: "1.4.2", digest: "sha256:2", want: "propose r.example/orders:1.4.2@sha256:2"},
		"NotFollowed": {reason: "Nothing is followed any more.", image: v1alpha1.Image{Repository: "r.example/orders:1"}, open: true, want: "withdraw"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := images.Question{
				Now: now, Keep: time.Hour, Seen: map[images.Target]images.Seen{}, Open: map[string]bool{"orders": tc.open},
				Projects: []images.Project{{Name: "orders", Followed: images.Of(&v1alpha1.ProjectSpec{Image: tc.image})}},
			}
			if tc.digest != "" {
				q.Seen[images.Target{Repository: tc.image.Repository, Track: tc.image.Track}] = images.Seen{Tag: tc.tag, Digest: tc.digest, At: now.Add(-tc.ago)}
			}
			got := ""
			a := images.Decide(q)
			for _, p := range a.Propose {
				for _, m := range p.Moves {
					got += "propose " + m.Reference()
				}
			}
			for range a.Withdraw {
				got += "withdraw"
			}
			if got != tc.want {
				t.Errorf("%s Decided %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

// TestApply holds that nothing but tags and digests changes, wherever an image is declared.
func TestApply(t *testing.T) {
	t.Parallel()
	const before = `# what runs
apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  image: {repository: r.example/orders, track: stable}   # of all
  workloads:
    - name: clean
      blueprint: container-job
      image:
        repository: r.example/clean
        track: ^1.4   # no 2 yet
        tag: 1.4.2
        digest: "sha256:1"
  environments:
    dev: {image: {repository: r.example/orders, track: edge, digest: 'sha256:1'}}
    prod:
      workloads:
        clean: {image: 'r.example/clean@sha256:0'}
`
	const after = `# what runs
apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  image: {repository: r.example/orders, track: stable, digest: sha256:2}   # of all
  workloads:
    - name: clean
      blueprint: container-job
      image:
        repository: r.example/clean
        track: ^1.4   # no 2 yet
        tag: 1.5.0
        digest: "sha256:2"
  environments:
    dev: {image: {repository: r.example/orders, track: edge, digest: 'sha256:2'}}
    prod:
      workloads:
        clean: {image: 'r.example/clean@sha256:0'}
`
	docs, problems := v1alpha1.Decode("app.yaml", []byte(before))
	if len(docs) != 1 {
		t.Fatal(problems)
	}
	var moves []images.Move
	for _, f := range images.Of(&docs[0].Object.(*v1alpha1.Project).Spec) {
		moves = append(moves, images.Move{Followed: f, To: images.Seen{Tag: "1.5.0", Digest: "sha256:2"}})
	}
	got, err := images.Apply([]byte(before), 0, moves)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(after, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	const interval = 5 * time.Minute
	for name, tc := range map[string]struct {
		reason string
		look   images.Look
		want   bool
	}{
		"Never":        {"It was not looked at yet.", images.Look{}, true},
		"JustNow":      {"Once in an interval is enough.", images.Look{At: now.Add(-4 * time.Minute)}, false},
		"Again":        {"The interval is over.", images.Look{At: now.Add(-interval)}, true},
		"Nearly":       {"The clock ticked a moment early.", images.Look{At: now.Add(-interval + time.Second)}, true},
		"FailedOnce":   {"It waits twice as long.", images.Look{At: now.Add(-interval), Failed: 1}, false},
		"FailedLong":   {"Twice as long is over.", images.Look{At: now.Add(-2 * interval), Failed: 1}, true},
		"FailedOften":  {"The wait has a bound.", images.Look{At: now.Add(-2 * time.Hour), Failed: 1000}, true},
		"FailedOften2": {"It reaches that bound.", images.Look{At: now.Add(-time.Hour), Failed: 1000}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.look.Due(now, interval); got != tc.want {
				t.Errorf("%s Due is %t", tc.reason, got)
			}
		})
	}
}
