// SPDX-License-Identifier: Apache-2.0

package airflow

import "strings"

// importStatement returns names to what is imported. Nothing is read: a name stands for its dotted path.
func (m *machine) importStatement(n *node, in *scope) {
	from := ""
	if module := n.child("module_name"); module != nil {
		from = strings.ReplaceAll(m.text(module), " ", "")
		if module.kind == "relative_import" {
			from = "." + strings.TrimLeft(from, ".") // of the repository, and so nothing that is known
		}
	}
	if n.kind == "future_import_statement" {
		return
	}
	if n.has("wildcard_import") {
		m.wild = append(m.wild, from)
		return
	}
	for _, name := range n.all("name") {
		path, alias := name, ""
		if name.kind == "aliased_import" {
			path, alias = name.child("name"), m.text(name.child("alias"))
		}
		dotted := strings.ReplaceAll(m.text(path), " ", "")
		switch {
		case from != "":
			if alias == "" {
				alias = dotted
			}
			m.set(in, alias, imported(from+"."+dotted))
		case alias != "":
			m.set(in, alias, imported(dotted))
		default:
			top, _, _ := strings.Cut(dotted, ".")
			m.set(in, top, imported(top))
		}
	}
}

// imported is what a dotted path stands for.
func imported(path string) value {
	switch path {
	case "typing.TYPE_CHECKING", "typing_extensions.TYPE_CHECKING":
		return false
	}
	if at := strings.LastIndex(path, ".TriggerRule."); at >= 0 && strings.HasPrefix(path, "airflow.") {
		return text(strings.ToLower(path[at+len(".TriggerRule."):]))
	}
	return &symbol{path}
}

// neutral is true for modules that make no tasks: what Python comes with, and what everybody uses.
func neutral(path string) bool {
	top, _, _ := strings.Cut(path, ".")
	switch top {
	case "abc", "ast", "asyncio", "base64", "bisect", "calendar", "collections", "concurrent", "configparser", "contextlib", "copy", "csv", "ctypes",
		"dataclasses", "datetime", "decimal", "difflib", "email", "enum", "errno", "fnmatch", "fractions", "functools", "gc", "getpass", "glob", "gzip",
		"hashlib", "heapq", "hmac", "html", "http", "importlib", "inspect", "io", "itertools", "json", "locale", "logging", "math", "mimetypes",
		"multiprocessing", "numbers", "operator", "os", "pathlib", "pickle", "platform", "pprint", "queue", "random", "re", "secrets", "shlex", "shutil",
		"signal", "smtplib", "socket", "sqlite3", "ssl", "stat", "statistics", "string", "struct", "subprocess", "sys", "tempfile", "textwrap", "threading",
		"time", "timeit", "tomllib", "traceback", "types", "typing", "unicodedata", "unittest", "urllib", "uuid", "warnings", "weakref", "xml", "zipfile",
		"zlib", "zoneinfo", "typing_extensions", "builtins", "__future__",
		"airflow", "attr", "attrs", "azure", "boto3", "botocore", "croniter", "dateutil", "google", "jinja2", "kubernetes", "numpy", "pandas", "pendulum",
		"pydantic", "pytz", "requests", "sqlalchemy", "structlog", "yaml":
		return true
	}
	return false
}

// What things of Airflow are, as far as this package knows them.
const (
	isDAG            = "DAG"
	isDagDecorator   = "dag"
	isTaskDecorator  = "task"
	isSetup          = "setup"
	isTeardown       = "teardown"
	isGroup          = "TaskGroup"
	isGroupDecorator = "task_group"
	isLabel          = "Label"
	isChain          = "chain"
	isChainLinear    = "chain_linear"
	isCross          = "cross_downstream"
	isXCom           = "XComArg"
	isOperator       = "operator"
	isAsset          = "asset"
	isTimetable      = "timetable"
	isResult         = "result"
	isAssetDecorator = "@asset"
	isMultiDecorator = "@asset.multi"
)

// meaning says what an imported path is; empty for what is none of the above. Airflow has moved its things about:
// what counts is that the path begins at airflow, and how it ends.
func meaning(path string) string {
	if !strings.HasPrefix(path, "airflow.") {
		return ""
	}
	name := path[strings.LastIndexByte(path, '.')+1:]
	switch name {
	case "DAG":
		return isDAG
	case "TaskGroup":
		return isGroup
	case "Label", "EdgeModifier":
		return isLabel
	case "XComArg", "PlainXComArg":
		return isXCom
	case "chain", "chain_linear", "cross_downstream":
		return name
	case "dag":
		if path == "airflow.dag" || strings.HasSuffix(path, ".models.dag") {
			return ""
		}
		return isDagDecorator
	case "task", "setup", "teardown", "task_group", "result":
		if strings.HasPrefix(path, "airflow.sdk") || strings.HasPrefix(path, "airflow.decorators") {
			return name
		}
		return ""
	case "asset":
		if path == "airflow.sdk.asset" || path == "airflow.sdk.definitions.asset.decorators.asset" {
			return isAssetDecorator
		}
		return ""
	case "multi":
		if strings.HasSuffix(path, ".asset.multi") {
			return isMultiDecorator
		}
		return ""
	case "Asset", "Dataset", "AssetAlias", "DatasetAlias", "AssetAll", "DatasetAll", "AssetAny", "DatasetAny", "AssetRef", "Model", "AssetWatcher":
		return isAsset
	}
	switch {
	case strings.HasSuffix(name, "Timetable") || strings.HasSuffix(name, "Schedule"):
		return isTimetable
	case isOperatorName(name):
		return isOperator
	}
	return ""
}

// isOperatorName goes by how operators are named.
func isOperatorName(name string) bool {
	if name == "" || name[0] < 'A' || name[0] > 'Z' {
		return false
	}
	name = strings.TrimSuffix(name, "Async")
	return strings.HasSuffix(name, "Operator") || strings.HasSuffix(name, "Sensor") || name == "ExternalTaskMarker" || name == "GenericTransfer"
}
