// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/spark"
	"trunkline.dev/trunkline/catalog"
)

const streams = "streams/project.yaml"

// streaming is a project with streams.
func streaming(environments string, workloads ...string) edit {
	text := head + "kind: Project\nmetadata: {name: streams}\nspec:\n  owner: team\n  environments: " + environments + "\n  image: i:1\n  workloads:\n"
	for _, w := range workloads {
		text += "    - {blueprint: spark-stream, command: [s.py], " + w + "}\n"
	}
	return edit{streams, "", text}
}

func stream(name, checkpoint string) string {
	return "name: " + name + ", params: {checkpoint: \"" + checkpoint + "\"}"
}

// running is a project with a stream that runs a command, with files.
func running(command, files string) edit {
	text := head + "kind: Project\nmetadata: {name: streams}\nspec:\n  owner: team\n  environments: [dev]\n  image: i:1\n  workloads:\n" +
		"    - {name: a, blueprint: spark-stream, params: {checkpoint: \"lake://c/\"}, command: " + command + ", files: " + files + "}\n"
	return edit{streams, "", text}
}

// TestProblemsOfSpark: a stream has a checkpoint of its own, in a store of the environment, and what it runs can start.
func TestProblemsOfSpark(t *testing.T) {
	const own = "\n    hint: give each stream a checkpoint in a folder of its own, outside of all datasets"
	testProblems(t, map[string]problemCase{
		"Apart": {reason: "Two streams have two folders.", edits: []edit{streaming("[dev]", stream("a", "lake://c/a/"), stream("b", "lake://c/b/"))}},
		"Shared": {
			reason: "Two streams that write to one checkpoint take each other's work for their own.", edits: []edit{streaming("[dev]", stream("a", "lake://c/"), stream("b", "lake://c"))},
			want: `streams/project.yaml:10:80: error: spec.workloads[1].params.checkpoint: the checkpoint "lake://c" of streams/b is that of streams/a` + own,
		},
		"Within": {
			reason: "Nor is one within that of another.", edits: []edit{streaming("[dev]", stream("a", "lake://c/"), stream("b", "lake://c/b/"))},
			want: `streams/project.yaml:10:80: error: spec.workloads[1].params.checkpoint: the checkpoint "lake://c/b/" of streams/b lies within that of streams/a` + own,
		},
		"Dataset": {
			reason: "In the folder of a dataset it would be read as data.", edits: []edit{streaming("[dev]", stream("a", "lake://orders/raw/c/"))},
			want: `streams/project.yaml:9:80: error: spec.workloads[0].params.checkpoint: the checkpoint "lake://orders/raw/c/" of streams/a lies within that of orders/raw@1` + own,
		},
		"Store": {
			reason: "It is in a store of the environment.", edits: []edit{streaming("[dev]", stream("a", "lakes://c/"))},
			want: `streams/project.yaml:9:80: error: spec.workloads[0].params.checkpoint: the environment "dev" has no store "lakes"
    hint: did you mean "lake"?`,
		},
		"Address": {
			reason: "Outside of stores nobody knows whose it is.", edits: []edit{streaming("[dev]", stream("a", "c/"))},
			want: `streams/project.yaml:9:80: error: spec.workloads[0].params.checkpoint: the blueprint "spark-stream": "c/" is not a folder of a store of the environment
    hint: write it like "lake://orders/checkpoints/clean/"`,
		},
		"Empty": {
			reason: "Without a folder a stream would begin from nothing each time.", edits: []edit{streaming("[dev]", stream("a", ""))},
			want: `streams/project.yaml:9:80: error: spec.workloads[0].params.checkpoint: the blueprint "spark-stream": "" is not a folder of a store of the environment
    hint: write it like "lake://orders/checkpoints/clean/"`,
		},
		"Launcher": {
			reason: "What starts the application is no application.", edits: []edit{running("[spark-submit, s.py]", "[]")},
			want: `streams/project.yaml:9:87: error: spec.workloads[0].command[0]: "spark-submit" is not an application of Spark
    hint: write what spark-submit is given, such as "command: [clean.py, --day, today]"`,
		},
		"LauncherByPath": {
			reason: "Nor is it by its path.", edits: []edit{running("[/opt/spark/bin/python3, s.py]", "[]")},
			want: `streams/project.yaml:9:87: error: spec.workloads[0].command[0]: "/opt/spark/bin/python3" is not an application of Spark
    hint: write what spark-submit is given, such as "command: [clean.py, --day, today]"`,
		},
		"NoFile": {
			reason: "With files, the driver begins where these are.", edits: []edit{running("[t.py]", "[s.py]"), {"streams/s.py", "", "1"}},
			want: `streams/project.yaml:9:87: error: spec.workloads[0].command[0]: there is no file "t.py" beside the declaration
    hint: name one of the workload's files, or one of the image by its path, such as "local:///opt/app/clean.py"`,
		},
		"File":      {reason: "One that is there can be run.", edits: []edit{running("[./s.py]", "[s.py]"), {"streams/s.py", "", "1"}}},
		"InImage":   {reason: "So can one of the image, with files beside it,", edits: []edit{running("[\"local:///opt/s.py\"]", "[s.py]"), {"streams/s.py", "", "1"}}},
		"Absolute":  {reason: "by its path,", edits: []edit{running("[/opt/s.py]", "[s.py]"), {"streams/s.py", "", "1"}}},
		"Relative":  {reason: "or, without files, where the image begins,", edits: []edit{running("[t.py]", "[]")}},
		"OfPackage": {reason: "and one of a package.", edits: []edit{running("[packages/utils/t.py]", "[s.py]"), {"streams/s.py", "", "1"}}},
		"Clusters": {
			reason: "A stream on two clusters is two.", edits: []edit{streaming("[prod]", stream("a", "lake://c/"))},
			want: `streams/project.yaml:9:80: error: spec.workloads[0].params.checkpoint: the streams of streams/a on the clusters one, two of "prod" would share a checkpoint
    hint: put "<cluster>" into the folder, or run the stream in an environment with one cluster`,
		},
		"EachCluster": {reason: "Each cluster may have its own.", edits: []edit{streaming("[prod]", stream("a", "lake://c/<cluster>/"))}},
		"Environments": {
			reason: "So are those of two environments with one store.",
			edits:  []edit{streaming("[dev, prod]", stream("a", "lake://c/<cluster>/")), {"prod.yaml", "s3://prod", "file:///dev/"}, {"prod.yaml", "[one, two]", "[one]"}},
			want: `streams/project.yaml:9:80: error: spec.workloads[0].params.checkpoint: the checkpoint of streams/a in "prod" is that of "dev", in file:///dev/c/one/
    hint: put "<environment>" into the folder, or give the environments stores of their own`,
		},
		"Small": {
			reason: "Spark would refuse to start.", edits: []edit{streaming("[dev]", "size: mx.nano, "+stream("a", "lake://c/"))},
			want: `streams/project.yaml:9:7: error: spec.workloads[0]: the driver is too small in the environment "dev": of 512Mi of memory a JVM gets 365 MiB, and Spark starts with 450 MiB at least
    hint: take a larger size, such as mx.micro, or a lower overheadFactor`,
		},
		"Size": {
			reason: "The size of executors is one of the cluster.", edits: []edit{streaming("[dev]", "name: a, params: {checkpoint: \"lake://c/\", executors: {size: mx.smal}}")},
			want: `streams/project.yaml:9:111: error: spec.workloads[0].params.executors.size: there is no size "mx.smal" on cluster "one"
    hint: did you mean "mx.small"?`,
		},
		"OwnConf": {
			reason: "What the blueprint sets is not set twice.", edits: []edit{streaming("[dev]", "name: a, params: {checkpoint: \"lake://c/\", conf: {spark.executor.memory: 4g}}")},
			want: `streams/project.yaml:9:123: error: spec.workloads[0].params.conf."spark.executor.memory": the blueprint "spark-stream": the blueprint sets spark.executor.memory itself
    hint: say it by executors.size`,
		},
		"Dynamic": {
			reason: "There are not fewer at most than at least.", edits: []edit{streaming("[dev]", "name: a, params: {checkpoint: \"lake://c/\", executors: {dynamic: {min: 4, max: 2}}}")},
			want: `streams/project.yaml:9:128: error: spec.workloads[0].params.executors.dynamic.max: the blueprint "spark-stream": at most 2 executors are fewer than 4 at least`,
		},
	})
}

// TestSparkIsResolved: sizes, folders and memory are those of the environment and cluster; a preview has a checkpoint of its own.
func TestSparkIsResolved(t *testing.T) {
	files := change(t, streaming("[prod]", `name: a, size: mx.small, params: {checkpoint: "lake://c/<cluster>/", executors: {size: mx.medium, dynamic: {min: 1, max: 9}}}`))
	cat, problems := load(t, mapFS(files))
	if problems.Denied() {
		t.Fatal(problems)
	}
	p, _ := cat.Project("streams")
	got := map[string]*spark.Setup{}
	for _, id := range cat.ReleasesOf(p) {
		rel := cat.Release(p, id)
		got[id.Cluster] = rel.Workloads[0].Spark
		if rel.Workloads[0].Lots {
			t.Error("a stream is no run for a lot")
		}
	}
	executor := spark.Process{Size: spark.Size{CPU: "1000m", Memory: "4096Mi"}, Cores: 1, HeapMiB: 2925, OverheadMiB: 1171}
	want := map[string]*spark.Setup{
		"one": {
			Stream: true, Type: "Python", Min: 1, Max: 9, Dynamic: true, Checkpoint: "s3://prod/c/one/", Executor: executor,
			Driver: spark.Process{Size: spark.Size{CPU: "500m", Memory: "2048Mi"}, Cores: 1, HeapMiB: 1462, OverheadMiB: 586},
		},
		"two": {
			Stream: true, Type: "Python", Min: 1, Max: 9, Dynamic: true, Checkpoint: "s3://prod/c/two/", Executor: executor,
			Driver: spark.Process{Size: spark.Size{CPU: "3", Memory: "5Gi"}, Cores: 3, HeapMiB: 3657, OverheadMiB: 1463},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var uses []catalog.DataUse
	for _, a := range cat.DataAccounts(p, "prod") {
		uses = append(uses, a.Uses...)
	}
	if len(uses) != 2 || uses[0].Location != "s3://prod/c/one/" || uses[0].Kind != catalog.Writes {
		t.Errorf("its account may not write its checkpoints: %+v", uses)
	}
}
