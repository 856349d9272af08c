// SPDX-License-Identifier: Apache-2.0

package clusterless_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/bucket/buckettest"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/migrate/clusterless"
	"trunkline.dev/trunkline/scaffold"
)

// endpointVariable has the address of the S3 of a test.
const endpointVariable = "TRUNKLINE_TEST_S3"

// TestMain has the program of the tests be the tool of AWS where it is called "aws".
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "aws" {
		if err := awsCopy(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// awsCopy does "aws s3 cp [--recursive] --only-show-errors FROM TO".
func awsCopy(args []string) (err error) {
	from, to := args[len(args)-2], args[len(args)-1]
	opts := bucket.Options{Endpoint: os.Getenv(endpointVariable)}
	source, key := from, ""
	target := strings.TrimSuffix(to, "/") + "/"
	if !strings.Contains(strings.Join(args, " "), "--recursive") {
		source, key = path.Dir(from[len("s3://"):]), path.Base(from)
		source, target = "s3://"+source+"/", "s3://"+path.Dir(to[len("s3://"):])+"/"
	}
	in, err := bucket.Open(context.Background(), source, opts)
	if err != nil {
		return err
	}
	out, err := bucket.Open(context.Background(), target, opts)
	if err != nil {
		return err
	}
	for o, err := range in.List(context.Background(), key) {
		if err != nil {
			return err
		}
		data, err := in.Read(context.Background(), o.Key, 1<<20)
		if err != nil {
			return err
		}
		if err := out.Create(context.Background(), o.Key, data); err != nil {
			return err
		}
	}
	return errors.Join(in.Close(), out.Close())
}

// machine is a cluster whose Jobs are processes of this machine.
type machine struct {
	catalog *catalog.Catalog
	env     []string

	mu   sync.Mutex
	jobs map[string]jobs.Job
	tell func(jobs.Event)
	logs strings.Builder
	work sync.WaitGroup
}

func (m *machine) Name() string { return "us-west-2" }

// Watch tells of a template for each workload of the releases.
func (m *machine) Watch(ctx context.Context, tell func(jobs.Event)) {
	m.mu.Lock()
	m.tell = tell
	tell(jobs.Event{Cluster: m.Name(), Kind: jobs.Begins})
	for rel := range m.catalog.Releases() {
		for _, w := range rel.Workloads {
			tell(jobs.Event{Cluster: m.Name(), Kind: jobs.Has, Template: &jobs.Template{
				Namespace: rel.Namespace, Name: w.Name, Environment: rel.ID.Environment, Workload: rel.ID.Project + "/" + w.Name, Digest: "1", Command: w.Command, Env: w.Env,
			}})
		}
	}
	tell(jobs.Event{Cluster: m.Name(), Kind: jobs.Complete})
	m.mu.Unlock()
	<-ctx.Done()
	m.work.Wait()
}

// Create starts a process.
func (m *machine) Create(ctx context.Context, as jobs.As, o jobs.Order) error {
	j := jobs.Job{
		Namespace: as.Namespace, Name: o.Name, UID: types.UID(o.Name), Environment: o.Template.Environment, Workload: o.Template.Workload, Lot: o.Lot,
		Attempt: o.Attempt, Inputs: o.Inputs, Replaces: o.Replaces, Tag: o.Tag, Created: time.Now(),
	}
	m.put(j)
	args := make([]string, len(o.Command))
	for i, arg := range o.Command {
		args[i] = arg.With(nil)
	}
	program := exec.CommandContext(ctx, args[0], args[1:]...)
	program.Env = slices.Clone(m.env) // it is appended to for several at once
	for _, v := range o.Variables {
		program.Env = append(program.Env, v.Name+"="+v.Value.With(nil))
	}
	m.work.Go(func() {
		said, err := program.CombinedOutput()
		m.mu.Lock()
		m.logs.WriteString(o.Name + ": " + string(said) + "\n")
		m.mu.Unlock()
		j.Ended, j.Failed = time.Now(), err != nil
		m.put(j)
	})
	return nil
}

func (m *machine) put(j jobs.Job) {
	m.mu.Lock()
	m.jobs[j.Namespace+"/"+j.Name] = j
	tell := m.tell
	m.mu.Unlock()
	tell(jobs.Event{Cluster: m.Name(), Kind: jobs.Has, Job: &j})
}

func (m *machine) Settle(_ context.Context, _ jobs.As, j jobs.Job, outcome string) error {
	j.Outcome = outcome
	m.put(j)
	return nil
}
func (m *machine) Delete(context.Context, jobs.As, jobs.Job) error             { return nil }
func (m *machine) Why(context.Context, jobs.As, jobs.Job) (string, error)      { return "it failed", nil }
func (m *machine) Lingering(context.Context, jobs.As) (map[string]bool, error) { return nil, nil }
func (m *machine) Log(context.Context, jobs.As, jobs.Job) (string, error)      { return "", jobs.ErrNoLog }

func (m *machine) Look(_ context.Context, as jobs.As, name string) (jobs.Looked, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j, there := m.jobs[as.Namespace+"/"+name]
	if !there {
		return jobs.Looked{}, jobs.ErrNoJob
	}
	return jobs.Looked{Job: j}, nil
}

func (m *machine) Await(_ context.Context, as jobs.As, name string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, there := m.jobs[as.Namespace+"/"+name]
	return there, nil
}

// TestScenario does what Clusterless' scenario "copy-chain" does: it takes the project over, uploads objects and watches the end of the
// chain. The boundary is Clusterless' own, of which the manifests are; the copies are processes.
func TestScenario(t *testing.T) {
	const lake, placement = "clusterless-chain-test-1-us-west-2", "1-us-west-2"
	s3 := buckettest.New(t, lake, "dev-clusterless-manifest-"+placement, "dev-clusterless-arc-state-"+placement)
	write := func(store, key, text string) {
		t.Helper()
		f, err := bucket.Open(t.Context(), store, bucket.Options{Endpoint: s3.URL})
		if err == nil {
			err = errors.Join(f.Create(t.Context(), key, []byte(text)), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	list := func(store, prefix string) map[string]string {
		out := map[string]string{}
		f, err := bucket.Open(t.Context(), store, bucket.Options{Endpoint: s3.URL})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		for o, err := range f.List(t.Context(), prefix) {
			if err != nil {
				t.Fatal(err)
			}
			data, err := f.Read(t.Context(), o.Key, 1<<20)
			if bucket.ClassOf(err) == bucket.NotFound {
				continue // it was moved just now
			}
			if err != nil {
				t.Fatal(err)
			}
			out[o.Key] = string(data)
		}
		return out
	}
	arc := func(name, of, to string) string {
		return fmt.Sprintf(`{"type": "aws:core:s3CopyArc", "name": %q, "sources": {"main": {"name": %q, "version": "1"}},
			"sinks": {"main": {"name": %q, "version": "1", "pathURI": "s3://%s/%s/"}}}`, name, of, to, lake, to)
	}
	project := fmt.Sprintf(`{"project": {"name": "S3Chain", "version": "20230101-00"},
		"placement": {"stage": "DEV", "provider": "aws", "account": "1", "region": "us-west-2"},
		"boundaries": [{"type": "aws:core:s3PutListenerBoundary", "name": "Ingress", "lotUnit": "Twelfths",
			"dataset": {"name": "ingress", "version": "1", "pathURI": "s3://%s/ingress/"}}],
		"arcs": [%s, %s, %s]}`, lake, arc("copyA", "ingress", "copy-a"), arc("copyB", "copy-a", "copy-b"), arc("copyC", "copy-b", "copy-c"))

	first := lot.Twelfths.At(time.Now().Add(-15 * time.Minute))
	result, err := clusterless.Take(clusterless.Input{
		Files: []clusterless.File{{Name: "project.json", Data: []byte(project)}}, To: "trunkline", Platform: "acme", Owner: "team", Since: first.Start,
	})
	if err != nil {
		t.Fatal(err)
	}
	e := evaluated(t, scaffold.Overlay(fstest.MapFS{}, result.Files))
	if e.Denied() {
		t.Fatalf("what is written is not valid:\n%s", e.Problems())
	}

	// What Clusterless' boundary leaves: two lots with an object each, and one without.
	manifests, states := "s3://dev-clusterless-manifest-"+placement+"/", "s3://dev-clusterless-arc-state-"+placement+"/"
	lots := []lot.Lot{first, first.Next(), first.Next().Next()}
	for i, l := range lots {
		uri, state := "", "empty"
		if i < 2 {
			key := fmt.Sprintf("2026/part-%d.csv", i)
			write("s3://"+lake+"/ingress/", key, fmt.Sprintf("id,value\n%d,x\n", i))
			uri, state = `"s3://`+lake+`/ingress/`+key+`"`, "complete"
		}
		write(manifests, "datasets/name=ingress/version=1/lot="+l.ID()+"/state="+state+"/manifest.json",
			`{"state":"`+state+`","comment":null,"lotId":"`+l.ID()+`","uriType":"identifier","uris":[`+uri+`]}`)
	}

	tools := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(tools, "aws")); err != nil {
		t.Skip("programs cannot be linked here: " + err.Error())
	}
	m := &machine{
		catalog: e.Catalog(), jobs: map[string]jobs.Job{},
		env: append(os.Environ(), "PATH="+tools+string(os.PathListSeparator)+os.Getenv("PATH"), endpointVariable+"="+s3.URL),
	}
	k := flow.New(flow.Options{
		Accepted: func() *catalog.Catalog { return m.catalog }, Clusters: []flow.Cluster{m}, Stores: bucket.Options{Endpoint: s3.URL}, Interval: 200 * time.Millisecond,
		Limits: flow.DefaultLimits(), Log: slog.New(slog.DiscardHandler), Now: time.Now, Ended: func(flow.Ended) {},
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { k.Run(ctx) })
	const wait = 2 * time.Minute // only a test that fails waits for all of it
	for late := time.Now().Add(wait); len(list(states, "arcs/")) < 9 || len(list(manifests, "datasets/name=copy-c/")) < 3 || strings.Contains(fmt.Sprint(list(states, "arcs/")), "running.arc"); {
		if time.Now().After(late) {
			cancel()
			running.Wait()
			t.Fatalf("there are %v\n%s", list(states, ""), m.logs.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	running.Wait()

	// The objects are at the end of the chain, by the paths that they have at its beginning.
	got := map[string]string{}
	for key, text := range list("s3://"+lake+"/", "copy-c/") {
		_, below, _ := strings.Cut(key, "/attempt=")
		_, below, _ = strings.Cut(below, "/")
		got[below] = text
	}
	if diff := cmp.Diff(map[string]string{"2026/part-0.csv": "id,value\n0,x\n", "2026/part-1.csv": "id,value\n1,x\n"}, got); diff != "" {
		t.Errorf("copied (-want +got):\n%s\n%s", diff, m.logs.String())
	}
	// Its manifests are those that Clusterless would have written: the same bytes, in the same places.
	for i, l := range lots {
		state := "complete"
		if i == 2 {
			state = "empty"
		}
		key := "datasets/name=copy-c/version=1/lot=" + l.ID() + "/state=" + state + "/manifest.json"
		text := list(manifests, key)[key]
		head := `{"state":"` + state + `","comment":null,"lotId":"` + l.ID() + `","uriType":"identifier","uris":[`
		if !strings.HasPrefix(text, head) || i < 2 != strings.HasSuffix(text, fmt.Sprintf(`/2026/part-%d.csv"]}`, i)) {
			t.Errorf("the manifest %s is %q", key, text)
		}
		for _, name := range []string{"copyA", "copyB", "copyC"} {
			at := "arcs/project=S3Chain/version=20230101-00/arc=" + name + "/lot=" + l.ID() + "/"
			if of := list(states, at); len(of) != 1 || of[at+"complete.arc"] == "" {
				t.Errorf("the states of %s are %v", at, of)
			}
		}
	}
}
