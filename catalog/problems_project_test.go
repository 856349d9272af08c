// SPDX-License-Identifier: Apache-2.0

package catalog_test

import "testing"

func TestProblemsOfProjects(t *testing.T) {
	testProblems(t, map[string]problemCase{
		"UnknownEnvironmentInList": {
			reason: "An environment in a list is named where it stands.",
			edits:  []edit{{orders, "[dev, prod]", "[dev, prd]"}},
			want: `orders/project.yaml:6:23: error: spec.environments[1]: there is no environment "prd"
    hint: did you mean "prod"?`,
		},
		"UnknownEnvironmentInMap": {
			reason: "An environment that is a key is named at the key.",
			edits:  []edit{{rates, "prod: {}", "prd: {image: x}"}},
			want: `rates/project.yaml:6:27: error: spec.environments.prd: there is no environment "prd"
    hint: did you mean "prod"?`,
		},
		"DependsOnNobody": {
			reason: "The nearest project is offered, and each is named once.",
			edits:  []edit{{orders, "spec:", "spec:\n  dependsOn: [rate, rates, rates]"}},
			want: `orders/project.yaml:5:15: error: spec.dependsOn[0]: there is no project "rate"
    hint: did you mean "rates"?
orders/project.yaml:5:28: error: spec.dependsOn[2]: the project "rates" is already named in line 5`,
		},
		"DependsOnProjectElsewhere": {
			reason: "What is not in the environment would be waited for forever.",
			edits:  []edit{{rates, "{dev: {}, prod: {}}", "[dev]"}, {orders, "spec:", "spec:\n  dependsOn: [rates]"}, {orders, "rates/fx@1", "raw@1"}},
			want: `orders/project.yaml:5:15: error: spec.dependsOn[0]: orders depends on rates in environment "prod", where rates is not deployed
    hint: add the environment to that project, or remove it from this one`,
		},
		"GeneratedSecrets": {
			reason: "What cannot be made, or would be guessed, is named where it stands.",
			edits: []edit{{orders, "spec:", `spec:
  generatedSecrets:
    - {name: Orders, keys: {password: {}}}
    - name: good
      keys: {password: {}, token: {length: 16, alphabet: 0123456789abcdef}, "tls.key": {length: 4096}}
      revision: 3
    - {name: good, keys: {other: {}}}
    - name: weak
      keys: {"a b": {}, few: {length: 10}, none: {length: 0}, huge: {length: 4097}, one: {alphabet: a}, twice: {alphabet: abca}, odd: {alphabet: abé}}`}},
			want: `orders/project.yaml:6:14: error: spec.generatedSecrets[0].name: "Orders" is not the name of a Secret
    hint: use lower-case letters, digits and dashes
orders/project.yaml:10:14: error: spec.generatedSecrets[2].name: the Secret "good" is already declared in line 7
    hint: declare all of its keys there
orders/project.yaml:12:14: error: spec.generatedSecrets[3].keys.a b: "a b" is not a key of a Secret
    hint: use letters, digits, dashes, underscores and dots
orders/project.yaml:12:25: error: spec.generatedSecrets[3].keys.few: a value of that length and alphabet can be guessed
    hint: with this alphabet, use a length of 11 or more
orders/project.yaml:12:44: error: spec.generatedSecrets[3].keys.none: a value of that length and alphabet can be guessed
    hint: with this alphabet, use a length of 11 or more
orders/project.yaml:12:63: error: spec.generatedSecrets[3].keys.huge: a value of 4097 characters: the limit is 4096
orders/project.yaml:12:85: error: spec.generatedSecrets[3].keys.one: a value of that length and alphabet can be guessed
    hint: use more characters in the alphabet
orders/project.yaml:12:105: error: spec.generatedSecrets[3].keys.twice: the alphabet has 'a' twice
    hint: each character counts once: write it out, since ranges are not understood
orders/project.yaml:12:130: error: spec.generatedSecrets[3].keys.odd: the alphabet has a character that is not printed in ASCII
    hint: use letters, digits and punctuation`,
		},
		"UnknownBlueprint": {
			reason: "The nearest blueprint is offered.",
			edits:  []edit{{orders, "blueprint: job", "blueprint: jobb"}},
			want: `orders/project.yaml:13:18: error: spec.workloads[0].blueprint: there is no blueprint "jobb"
    hint: did you mean "job"?`,
		},
		"UnknownSizeOfWorkload": {
			reason: "A size that a cluster lacks is named at the workload, for each cluster.",
			edits:  []edit{{orders, "      writes: {main: raw@1}", "      writes: {main: raw@1}\n      size: mx.smal"}},
			want: `orders/project.yaml:15:13: error: spec.workloads[0].size: there is no size "mx.smal" on cluster "one"
    hint: did you mean "mx.small"?
orders/project.yaml:15:13: error: spec.workloads[0].size: there is no size "mx.smal" on cluster "two"
    hint: did you mean "mx.small"?`,
		},
		"UnknownSizeInOverride": {
			reason: "A size of an environment's override is named there.",
			edits:  []edit{{rates, "prod: {}", "prod: {size: tiny, workloads: {fetch: {size: huge}}}"}, {rates, "workloads:\n", "workloads:\n    - {name: other, blueprint: job}\n"}},
			want: `rates/project.yaml:6:40: error: spec.environments.prod.size: there is no size "tiny" on cluster "one"
    hint: want one of: cx.2xlarge, cx.4xlarge, cx.large, cx.medium, cx.micro, cx.nano, cx.small, cx.xlarge, mx.2xlarge, mx.4xlarge, mx.large, mx.medium, and 12 more
rates/project.yaml:6:40: error: spec.environments.prod.size: there is no size "tiny" on cluster "two"
    hint: want one of: cx.2xlarge, cx.4xlarge, cx.large, cx.medium, cx.micro, cx.nano, cx.small, cx.xlarge, mx.2xlarge, mx.4xlarge, mx.large, mx.medium, and 12 more
rates/project.yaml:6:72: error: spec.environments.prod.workloads.fetch.size: there is no size "huge" on cluster "one"
    hint: want one of: cx.2xlarge, cx.4xlarge, cx.large, cx.medium, cx.micro, cx.nano, cx.small, cx.xlarge, mx.2xlarge, mx.4xlarge, mx.large, mx.medium, and 12 more
rates/project.yaml:6:72: error: spec.environments.prod.workloads.fetch.size: there is no size "huge" on cluster "two"
    hint: want one of: cx.2xlarge, cx.4xlarge, cx.large, cx.medium, cx.micro, cx.nano, cx.small, cx.xlarge, mx.2xlarge, mx.4xlarge, mx.large, mx.medium, and 12 more`,
		},
		"UnknownSizeOfEnvironment": {
			reason: "A default that does not exist is one problem of the environment, not one of each workload.",
			edits:  []edit{{"dev.yaml", "  clusters", "  defaults: {size: tiny}\n  clusters"}},
			want: `dev.yaml:5:20: error: spec.defaults.size: there is no size "tiny" on cluster "one"
    hint: want one of: cx.2xlarge, cx.4xlarge, cx.large, cx.medium, cx.micro, cx.nano, cx.small, cx.xlarge, mx.2xlarge, mx.4xlarge, mx.large, mx.medium, and 12 more`,
		},
		"SizeOfOneCluster": {
			reason: "A size that only one cluster has is missing on the other.",
			edits:  []edit{{"clusters.yaml", "mx.small", "gpu.big"}, {orders, "      writes: {main: raw@1}", "      writes: {main: raw@1}\n      size: gpu.big"}},
			want: `orders/project.yaml:15:13: error: spec.workloads[0].size: there is no size "gpu.big" on cluster "one"
    hint: want one of: cx.2xlarge, cx.4xlarge, cx.large, cx.medium, cx.micro, cx.nano, cx.small, cx.xlarge, mx.2xlarge, mx.4xlarge, mx.large, mx.medium, and 12 more`,
		},
		"UnknownStore": {
			reason: "A store that an environment lacks is named once, at the dataset, however many use it.",
			edits:  []edit{{orders, "lake://orders/raw/", "queue://orders"}},
			want: `orders/project.yaml:9:39: error: spec.datasets[0].path: the environment "dev" has no store "queue"
    hint: want one of: lake`,
		},
		"BadPaths": {
			reason: "A dataset's path has a store and stays in it.",
			edits:  []edit{{orders, "lake://orders/raw/", "orders/raw"}, {orders, "lake://orders/clean/", "lake://orders/../rates/"}, {rates, "lake://rates/fx/", "lake:///etc"}},
			want: `orders/project.yaml:9:39: error: spec.datasets[0].path: "orders/raw" is not a path: write it as "store://folder/", without ".."
orders/project.yaml:10:41: error: spec.datasets[1].path: "lake://orders/../rates/" is not a path: write it as "store://folder/", without ".."
rates/project.yaml:8:38: error: spec.datasets[0].path: "lake:///etc" is not a path: write it as "store://folder/", without ".."`,
		},
		"BadTable": {
			reason: "Where a store is a catalog, a path is a database and a table.",
			edits:  []edit{{orders, "lake://orders/raw/", "tables://raw"}, {"dev.yaml", "stores: {", "stores: {tables: \"glue:///\", "}},
			want: `orders/project.yaml:9:39: error: spec.datasets[0].path: in the environment "dev", the table "glue:///raw" names no database, or no table in one
    hint: write database and table, as in "tables://sales/orders"
orders/project.yaml:9:39: error: spec.datasets[0].path: the environment "prod" has no store "tables"
    hint: want one of: lake, queue`,
		},
		"DuplicateDataset": {
			reason: "The second of two datasets is told the line of the first.",
			edits:  []edit{{orders, `{name: clean, version: "2"`, `{name: raw, version: "1"`}},
			want: `orders/project.yaml:10:7: error: spec.datasets[1]: the dataset raw@1 is already declared in line 9
orders/project.yaml:18:22: error: spec.workloads[1].writes.main: there is no dataset orders/clean@2
    hint: did you mean "orders/raw@1"?`,
		},
		"DuplicateWorkload": {
			reason: "The second of two workloads is told the line of the first.",
			edits:  []edit{{orders, "name: clean\n", "name: land\n"}, {orders, "      after: [land]\n", ""}},
			want:   `orders/project.yaml:15:13: error: spec.workloads[1].name: the workload "land" is already declared in line 12`,
		},
		"BadNames": {
			reason: "Names and versions are held to their form, each where it stands.",
			edits:  []edit{{rates, "name: fetch", "name: Fetch"}, {rates, "fx, version: \"1\"", "f_x, version: \"1/2\""}, {rates, "fx@1", "f_x@1/2"}, {orders, ", fx: rates/fx@1", ""}},
			want: `rates/project.yaml:8:14: error: spec.datasets[0].name: "f_x" is not a name: use lower-case letters, digits and dashes, at most 63 characters, with a letter or digit at both ends
rates/project.yaml:8:28: error: spec.datasets[0].version: "1/2" is not a version: use letters, digits, dots and dashes, at most 32 characters
rates/project.yaml:10:14: error: spec.workloads[0].name: "Fetch" is not a name: use lower-case letters, digits and dashes, at most 63 characters, with a letter or digit at both ends`,
		},
		"BadRoles": {
			reason: "A role becomes part of a variable; it is held to its form at its key.",
			edits:  []edit{{rates, "{main: fx@1}", "{Main: fx@1}"}},
			want:   `rates/project.yaml:10:46: error: spec.workloads[0].writes.Main: "Main" is not a role: use lower-case letters, digits, dashes and underscores, at most 32 characters, with a letter first`,
		},
		"NoDatasetReference": {
			reason: "What does not look like a dataset is told what one looks like.",
			edits:  []edit{{orders, "{raw: raw@1, fx: rates/fx@1}", "{raw: raw, fx: rates/fx@, x: '@1'}"}},
			want: `orders/project.yaml:17:20: error: spec.workloads[1].reads.raw: "raw" does not name a dataset
    hint: write "name@version" or "project/name@version"
orders/project.yaml:17:29: error: spec.workloads[1].reads.fx: "rates/fx@" does not name a dataset
    hint: write "name@version" or "project/name@version"
orders/project.yaml:17:43: error: spec.workloads[1].reads.x: "@1" does not name a dataset
    hint: write "name@version" or "project/name@version"`,
		},
		"UnknownVersion": {
			reason: "A version that is not there is told which are.",
			edits:  []edit{{orders, "raw: raw@1", "raw: raw@3"}, {orders, `{name: clean, version: "2"`, `{name: raw, version: "2", path: lake://orders/raw2/}` + "\n    - " + `{name: clean, version: "2"`}},
			want: `orders/project.yaml:18:20: error: spec.workloads[1].reads.raw: the dataset orders/raw has no version "3"
    hint: declared versions: 1, 2`,
		},
		"UnknownDatasets": {
			reason: "The nearest dataset is offered, of whichever project.",
			edits:  []edit{{orders, "raw: raw@1, fx: rates/fx@1", "raw: row@1, fx: rate/fx@1"}},
			want: `orders/project.yaml:17:20: error: spec.workloads[1].reads.raw: there is no dataset orders/row@1
    hint: did you mean "orders/raw@1"?
orders/project.yaml:17:31: error: spec.workloads[1].reads.fx: there is no dataset rate/fx@1
    hint: did you mean "rates/fx@1"?`,
		},
		"ForeignWrite": {
			reason: "Only its owner writes a dataset; that it may not be deployed there does not matter then.",
			edits:  []edit{{orders, "writes: {main: raw@1}", "writes: {main: raw@1, fx: rates/fx@1}"}, {rates, "{dev: {}, prod: {}}", "[prod]"}, {orders, ", fx: rates/fx@1}\n      writes: {main: clean", "}\n      writes: {main: clean"}},
			want: `orders/project.yaml:14:33: error: spec.workloads[0].writes.fx: the dataset rates/fx@1 belongs to the project "rates"; only its own workloads may write it
    hint: declare a dataset of your own for others to read`,
		},
		"UnknownAfter": {
			reason: "A workload runs after others of its project only.",
			edits:  []edit{{orders, "after: [land]", "after: [land, fetch]"}},
			want: `orders/project.yaml:19:21: error: spec.workloads[1].after[1]: the project "orders" has no workload "fetch"
    hint: want one of: clean, land`,
		},
		"FieldsNotTaken": {
			reason: "What a blueprint does not honour is refused at its key, so that nothing is ignored in silence.",
			edits:  []edit{{orders, "      params: {mode: fast}", "      schedule: 0 6 * * *\n      timeZone: Europe/Brussels"}},
			want: `orders/project.yaml:20:7: error: spec.workloads[1].schedule: the blueprint "job" does not accept the field "schedule"
    hint: its optional fields are: command, env, files, image, retries, size, timeout
orders/project.yaml:21:7: error: spec.workloads[1].timeZone: the blueprint "job" does not accept the field "timeZone"
    hint: its optional fields are: command, env, files, image, retries, size, timeout`,
		},
		"FieldsNotTakenByOverride": {
			reason: "An override is held to the same fields.",
			edits:  []edit{{rates, "prod: {}", "prod: {workloads: {fetch: {schedule: 0 6 * * *, size: mx.small}}}"}},
			want: `rates/project.yaml:6:54: error: spec.environments.prod.workloads.fetch.schedule: the blueprint "job" does not accept the field "schedule"
    hint: its optional fields are: command, env, files, image, retries, size, timeout`,
		},
		"Params": {
			reason: "A parameter is named at its own key, however deep.",
			edits:  []edit{{orders, "{mode: fast}", "\n        mode: fsat\n        replicas: 0\n        limits:\n          rows: many\n          row: 1\n        other: 1"}},
			want: `orders/project.yaml:21:9: error: spec.workloads[1].params.mode: the blueprint "job": "fsat" is not a valid value
    hint: did you mean "fast"?
orders/project.yaml:22:9: error: spec.workloads[1].params.replicas: the blueprint "job": must be at least 1, got 0
orders/project.yaml:24:11: error: spec.workloads[1].params.limits.rows: the blueprint "job": expected a whole number, got a text
orders/project.yaml:25:11: error: spec.workloads[1].params.limits.row: the blueprint "job": additional property "row" is not allowed
    hint: did you mean "rows"?
orders/project.yaml:26:9: error: spec.workloads[1].params.other: the blueprint "job": additional property "other" is not allowed
    hint: want one of: limits, mode, replicas`,
		},
		"ParamsOfOverride": {
			reason: "What an override adds is named there; what it takes over is named once, where it stands.",
			edits:  []edit{{orders, "[dev, prod]", "\n    dev: {}\n    prod:\n      workloads:\n        clean:\n          params: {replicas: x}"}, {orders, "{mode: fast}", "{mode: fsat}"}},
			want: `orders/project.yaml:11:20: error: spec.environments.prod.workloads.clean.params.replicas: the blueprint "job": expected a whole number, got a text
orders/project.yaml:25:16: error: spec.workloads[1].params.mode: the blueprint "job": "fsat" is not a valid value
    hint: did you mean "fast"?`,
		},
		"MissingParam": {
			reason: "A parameter that is required is missed at the workload that leaves it out.",
			edits:  []edit{{rates, "{name: fetch, blueprint: job,", "{name: fetch, blueprint: clock,"}},
			want:   `rates/project.yaml:10:7: error: spec.workloads[0].params: the blueprint "clock": missing "queue"`,
		},
		"MissingParamInOneEnvironment": {
			reason: "A required parameter may be given by each environment; it is missed where one does not.",
			edits: []edit{
				{rates, "{name: fetch, blueprint: job,", "{name: fetch, blueprint: clock,"},
				{rates, "{dev: {}, prod: {}}", "\n    dev: {workloads: {fetch: {params: {queue: a}}}}\n    prod: {workloads: {fetch: {params: {depth: 1}}}}"},
			},
			want: `rates/project.yaml:8:32: error: spec.environments.prod.workloads.fetch.params: the blueprint "clock": missing "queue"`,
		},
		"OverrideOfUnknownWorkload": {
			reason: "An override names a workload of the project, and is told at the key.",
			edits:  []edit{{rates, "prod: {}", "prod: {workloads: {fetsh: {image: x}}}"}},
			want: `rates/project.yaml:6:46: error: spec.environments.prod.workloads.fetsh: the project "rates" has no workload "fetsh"
    hint: did you mean "fetch"?`,
		},
		"Schedules": {
			reason: "A schedule is five fields without a zone, in an override too; the zone is a field of its own.",
			edits: []edit{
				{rates, "{name: fetch, blueprint: job,", `{name: fetch, blueprint: clock, params: {queue: a}, schedule: "0 6 * *", timeZone: Europe/Brussel,`},
				{rates, "{dev: {}, prod: {}}", "{dev: {workloads: {fetch: {schedule: 'TZ='}}}, prod: {workloads: {fetch: {schedule: 'CRON_TZ=UTC 0 6 * * *'}}}}"},
			},
			want: `rates/project.yaml:6:54: error: spec.environments.dev.workloads.fetch.schedule: the schedule "TZ=" names its zone, which a CronJob refuses; give the time zone in its own field
rates/project.yaml:6:101: error: spec.environments.prod.workloads.fetch.schedule: the schedule "CRON_TZ=UTC 0 6 * * *" names its zone, which a CronJob refuses; give the time zone in its own field
rates/project.yaml:10:69: error: spec.workloads[0].schedule: the schedule "0 6 * *" has 4 fields; want minute, hour, day of month, month and day of week, as in "0 6 * * *"
rates/project.yaml:10:90: error: spec.workloads[0].timeZone: "Europe/Brussel" is not a time zone of the IANA database, as in "Europe/Brussels"
    hint: did you mean "Europe/Brussels"?`,
		},
		"LocalTimeZone": {
			reason: "The zone of the daemon's machine is nobody's business.",
			edits:  []edit{{rates, "{name: fetch, blueprint: job,", `{name: fetch, blueprint: clock, params: {queue: a}, timeZone: Local,`}},
			want:   `rates/project.yaml:10:69: error: spec.workloads[0].timeZone: "Local" is not a time zone of the IANA database, as in "Europe/Brussels"`,
		},
		"Files": {
			reason: "Files are in the tree, and in the project's folder.",
			edits:  []edit{{orders, "      params:", "      files: [clean.json, missing.py, ../rates/project.yaml, /etc/passwd]\n      params:"}, {orders, "schema: clean.json", "schema: ../trunkline.yaml"}},
			want: `orders/project.yaml:10:71: error: spec.datasets[1].schema: the path "../trunkline.yaml" leads out of the project's folder
    hint: paths are relative to the file that declares the project
orders/project.yaml:20:27: error: spec.workloads[1].files[1]: there is no file "orders/missing.py"
    hint: paths are relative to the file that declares the project
orders/project.yaml:20:39: error: spec.workloads[1].files[2]: the path "../rates/project.yaml" leads out of the project's folder
    hint: paths are relative to the file that declares the project
orders/project.yaml:20:62: error: spec.workloads[1].files[3]: the path "/etc/passwd" leads out of the project's folder
    hint: paths are relative to the file that declares the project`,
		},
		"NotDeployedThere": {
			reason: "What is read in an environment is made there.",
			edits:  []edit{{rates, "{dev: {}, prod: {}}", "[prod]"}},
			want: `orders/project.yaml:17:31: error: spec.workloads[1].reads.fx: rates/fx@1 is read in environment "dev", but its project "rates" is not deployed there
    hint: add the environment to that project, or remove it from this one`,
		},
		"NamespaceTooLong": {
			reason: "A namespace that is no label is refused, with the file whose pattern makes it.",
			edits:  []edit{{"dev.yaml", "  clusters", "  namespace: a-very-very-very-very-long-prefix-for-every-namespace-of-this-one-<project>-<environment>\n  clusters"}},
			want: `orders/project.yaml:3:18: error: metadata.name: the namespace "a-very-very-very-very-long-prefix-for-every-namespace-of-this-one-orders-dev" of orders/dev@one is not a valid name: at most 63 characters, lower-case letters, digits and dashes
    hint: shorten the name, or change spec.namespace in dev.yaml
rates/project.yaml:3:18: error: metadata.name: the namespace "a-very-very-very-very-long-prefix-for-every-namespace-of-this-one-rates-dev" of rates/dev@one is not a valid name: at most 63 characters, lower-case letters, digits and dashes
    hint: shorten the name, or change spec.namespace in dev.yaml`,
		},
		"NamespacePatternWithATypo": {
			reason: "A placeholder that is none is no part of a namespace.",
			edits:  []edit{{"dev.yaml", "  clusters", "  namespace: <projct>\n  clusters"}},
			want: `dev.yaml:5:14: error: spec.namespace: there is no placeholder "<projct>"
    hint: want one of: <project>, <environment>, <cluster>`,
		},
		"NamespaceReserved": {
			reason: "A project never gets a namespace of the cluster's or of ours.",
			edits:  []edit{{rates, "name: rates", "name: kube"}, {"dev.yaml", "  clusters", "  namespace: <project>-system\n  clusters"}, {orders, "rates/fx@1", "kube/fx@1"}},
			want: `rates/project.yaml:3:18: error: metadata.name: the namespace "kube-prod" of kube/prod@one is reserved
rates/project.yaml:3:18: error: metadata.name: the namespace "kube-prod" of kube/prod@two is reserved
rates/project.yaml:3:18: error: metadata.name: the namespace "kube-system" of kube/dev@one is reserved`,
		},
		"NamespaceShared": {
			reason: "Two releases never share a namespace: one would prune what the other has.",
			edits:  []edit{{"prod.yaml", "  clusters", "  namespace: <project>-dev\n  clusters"}},
			want: `orders/project.yaml:3:18: error: metadata.name: the releases orders/dev@one and orders/prod@one would share the namespace "orders-dev"
    hint: rename one, or change spec.namespace of an environment
rates/project.yaml:3:18: error: metadata.name: the releases rates/dev@one and rates/prod@one would share the namespace "rates-dev"
    hint: rename one, or change spec.namespace of an environment`,
		},
	})
}
