// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/build"
	"trunkline.dev/trunkline/build/image"
	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/jobs"
)

// swapped is an image as it is deployed, and a layer on it.
func swapped(t *testing.T, user string) (deployed string, l Layer) {
	t.Helper()
	img, err := random.Image(64, 2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config.User = "linux", "amd64", user
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	base := image.Base{Digest: digest, Images: []image.Platform{{Image: img, Platform: v1.Platform{OS: "linux", Architecture: "amd64"}}}}
	code, err := image.Layer([]build.File{{Path: "main.py", Data: []byte("1")}}, "/app")
	if err != nil {
		t.Fatal(err)
	}
	made, err := image.Swap(base, code)
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range [][]image.Platform{base.Images, made.Images} {
		papers, err := image.PapersOf(nil, of)
		if err != nil {
			t.Fatal(err)
		}
		l.Papers = append(l.Papers, papers...)
	}
	l.Image = "r.example/runs@" + made.Digest.String()
	return "r.example/orders@" + digest.String(), l
}

// TestLayer: an image runs only if it is where it has to be, and what is deployed with code on it.
func TestLayer(t *testing.T) {
	t.Parallel()
	deployed, l := swapped(t, "1000")
	other, _ := swapped(t, "0")
	for _, tc := range []struct {
		name, deployed, registry string
		edit                     func(*Layer)
		says                     string
	}{
		{name: "fine", deployed: deployed, registry: "r.example/runs"},
		{name: "no registry", deployed: deployed, says: "the environment has no registry for code of runs"},
		{name: "another repository", deployed: deployed, registry: "r.example/other", says: "is no image of r.example/other by its digest"},
		{name: "a repository below", deployed: deployed, registry: "r.example", says: "is no image of r.example by its digest"},
		{name: "a tag", deployed: deployed, registry: "r.example/runs", edit: func(l *Layer) { l.Image = "r.example/runs:1" }, says: "by its digest"},
		{name: "a tag that is deployed", deployed: "r.example/orders:1", registry: "r.example/runs", says: "is named by a tag"},
		{name: "another base", deployed: other, registry: "r.example/runs", says: "the image is not what is deployed with code on it: what sha256:"},
		{name: "papers of another", deployed: deployed, registry: "r.example/runs", edit: func(l *Layer) { l.Papers = l.Papers[:3] }, says: "was not sent along"},
		{name: "the base itself", deployed: deployed, registry: "r.example/runs", edit: func(l *Layer) {
			l.Image = "r.example/runs@" + deployed[strings.Index(deployed, "@")+1:]
		}, says: "it has 2 layers"},
	} {
		l := Layer{l.Image, slices.Clone(l.Papers)}
		if tc.edit != nil {
			tc.edit(&l)
		}
		_, err := l.judge(tc.deployed, tc.registry)
		if tc.says == "" && err != nil || tc.says != "" && (!errors.Is(err, asking.ErrCannot) || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: it says %v", tc.name, err)
		}
	}
}

// TestFits: code travels as files if the cluster takes them.
func TestFits(t *testing.T) {
	t.Parallel()
	tops := func(n int) (all []build.File) {
		for i := range n {
			all = append(all, build.File{Path: strings.Repeat("a", i+1)})
		}
		return all
	}
	for name, tc := range map[string]struct {
		code []build.File
		want bool
	}{
		"small": {tops(1), true}, "many names": {tops(maxTops), true}, "too many": {tops(maxTops + 1), false},
		"large": {[]build.File{{Path: "a", Data: make([]byte, maxBytes)}}, false}, "a name of dots": {[]build.File{{Path: "..a"}}, false},
	} {
		if got := Fits(nil, tc.code); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if Fits(map[string][]byte{"a": make([]byte, maxBytes)}, tops(1)) {
		t.Error("files of the workload do not count")
	}
}

// built has the project's image made of files, in a folder.
var built = []string{"image: acme.example/orders:1", "image: acme.example/orders:2\n  build: {base: \"r.example/python@sha256:" + strings.Repeat("a", 64) + "\", files: [src], to: /srv/app}"}

// TestStartCode: a run has the code that was sent, in an image or over that of one, and says so.
func TestStartCode(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	deployed, l := swapped(t, "1000")
	_, named := swapped(t, "app")
	ask := Ask{Environment: "dev", Project: "orders", Workload: "report", Person: d.namespace, By: asking.By{Name: "ann"}, Detached: true}
	code := map[string]jobs.CodeFile{"src/a.py": {Data: []byte("1")}}
	client := d.cluster.Client(t)
	start := func(edit func(*Ask)) (*batchv1.Job, error) {
		t.Helper()
		a := ask
		edit(&a)
		run, err := d.Start(t.Context(), a)
		if err != nil {
			return nil, err
		}
		job, err := client.BatchV1().Jobs(d.namespace).Get(t.Context(), run.ID, metav1.GetOptions{})
		if err == nil {
			_, err = d.Cancel(t.Context(), "dev", "orders", run.ID, asking.By{Name: "ann"})
		}
		if err != nil {
			t.Fatal(err)
		}
		return job, nil
	}
	if _, err := start(func(a *Ask) { a.Code = code }); !errors.Is(err, asking.ErrCannot) || !strings.Contains(err.Error(), "does not say how its image is built") {
		t.Errorf("code of what is not built: %v", err)
	}
	d.accepted.Store(declared(t, d.namespace, append(slices.Clone(built), "clusters: [one], namespace", "clusters: [one], runs: {registry: r.example/runs}, namespace")...))

	if _, err := start(func(a *Ask) { a.Layer = &l }); !errors.Is(err, asking.ErrCannot) || !strings.Contains(err.Error(), "acme.example/orders:1, is named by a tag") {
		t.Errorf("what is declared is not what is deployed: %v", err)
	}
	crons := client.BatchV1().CronJobs(d.namespace)
	cron, err := crons.Get(t.Context(), "report", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cron.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Image = deployed
	if _, err := crons.Update(t.Context(), cron, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	found, err := d.Deployed(t.Context(), ask)
	if err != nil || found != (Deployed{deployed, "r.example/runs"}) {
		t.Errorf("what is deployed is %+v, %v", found, err)
	}
	job, err := start(func(a *Ask) { a.Layer = &l })
	if err != nil {
		t.Fatal(err)
	}
	c := job.Spec.Template.Spec.Containers[0]
	if c.Image != l.Image || *c.SecurityContext.AllowPrivilegeEscalation || *job.Spec.Suspend {
		t.Errorf("it runs %+v", c)
	}
	if job, err = start(func(a *Ask) { a.Code = code }); err != nil {
		t.Fatal(err)
	}
	if c := job.Spec.Template.Spec.Containers[0]; c.Image != deployed || len(c.VolumeMounts) != 1 || c.VolumeMounts[0].MountPath != "/srv/app/src" {
		t.Errorf("it runs %+v", c)
	}
	for name, edit := range map[string]func(*Ask){
		"both":               func(a *Ask) { a.Layer, a.Code = &l, code },
		"of another image":   func(a *Ask) { a.Layer = &named },
		"a path":             func(a *Ask) { a.Code = map[string]jobs.CodeFile{"../a": {}} },
		"a secret":           func(a *Ask) { a.Code = map[string]jobs.CodeFile{"a": {Data: []byte("-----BEGIN PRIVATE KEY-----\n")}} },
		"too much":           func(a *Ask) { a.Code = map[string]jobs.CodeFile{"a": {Data: bytes.Repeat([]byte("x\n"), maxBytes)}} },
		"too many":           func(a *Ask) { a.Code = many(maxTops + 1) },
		"reviewed is needed": func(a *Ask) { a.Layer, a.Environment = &l, "prod" },
	} {
		if _, err := start(edit); !errors.Is(err, asking.ErrCannot) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if said := d.happened[0].Said; !strings.Contains(said, ", in "+l.Image) {
		t.Errorf("the history has %q", said)
	}
}

func many(n int) map[string]jobs.CodeFile {
	all := map[string]jobs.CodeFile{}
	for i := range n {
		all[strings.Repeat("a", i+1)] = jobs.CodeFile{}
	}
	return all
}

// TestNamedUser: nobody becomes another user by a file of theirs.
func TestNamedUser(t *testing.T) {
	t.Parallel()
	deployed, l := swapped(t, "app")
	c := declared(t, "x", append(slices.Clone(built), "clusters: [one], namespace", "clusters: [one], runs: {registry: r.example/runs}, namespace")...)
	a := Ask{Environment: "dev", Project: "orders", Workload: "report", Layer: &l}
	_, w, err := a.workload(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.code(c, w, jobs.Template{Image: deployed}, &jobs.RemoteOrder{}); !errors.Is(err, asking.ErrCannot) || !strings.Contains(err.Error(), "its image names its user") {
		t.Errorf("it says %v", err)
	}
}
