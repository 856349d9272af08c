// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"fmt"
	"slices"
	"strings"
)

// importStatement sets names to what is imported. Modules of the tree are run; of others nothing is read, and a name
// stands for its dotted path.
func (m *machine) importStatement(n *node, in *scope) flow {
	if n.kind == "future_import_statement" {
		return flow{}
	}
	var failed bool
	if module := n.child("module_name"); module != nil {
		failed = m.importFrom(n, module, in)
	} else {
		failed = m.importModules(n, in)
	}
	if failed && m.guarded > 0 {
		return flow{kind: raises, imports: true}
	}
	return flow{}
}

func (m *machine) importModules(n *node, in *scope) (failed bool) {
	for _, name := range n.all("name") {
		dotted, alias := m.importName(name)
		found, missing := m.find(n, dotted)
		if found == nil {
			failed = m.missing(n, dotted, missing) || failed
		}
		top, _, nested := strings.Cut(dotted, ".")
		switch {
		case alias != "" && found != nil:
			m.set(in, alias, found)
		case alias != "":
			m.set(in, alias, symbolOf(dotted))
		case found != nil:
			if nested {
				found, _ = m.find(n, top)
			}
			m.set(in, top, found)
		default:
			m.set(in, top, symbolOf(top))
		}
	}
	return failed
}

// importName is what a part of an import statement names, without blanks, and what it calls it; empty for its own name.
func (m *machine) importName(n *node) (dotted, alias string) {
	if n.kind == "aliased_import" {
		alias = m.text(n.child("alias"))
		n = n.child("name")
	}
	return strings.ReplaceAll(m.text(n), " ", ""), alias
}

// missing reports an import of a module that is not there: part is what a package of the tree does not have.
func (m *machine) missing(n *node, dotted, part string) (failed bool) {
	if part != "" {
		m.cannotLoad(n, fmt.Sprintf("there is no module %q to import", part), "correct the name, or add the file")
		return true
	}
	return m.gone(n, dotted)
}

func (m *machine) importFrom(n, module *node, in *scope) (failed bool) {
	from := strings.ReplaceAll(m.text(module), " ", "")
	var found *pyModule
	if module.kind == "relative_import" {
		var ok bool
		if from, found, ok = m.relative(n, from); !ok {
			failed = true
		}
	} else {
		var missing string
		if found, missing = m.find(n, from); found == nil && m.missing(n, from, missing) {
			failed = true
		}
	}
	if n.has("wildcard_import") {
		m.importAll(from, found, in)
		return failed
	}
	for _, name := range n.all("name") {
		dotted, alias := m.importName(name)
		if alias == "" {
			alias = dotted
		}
		if found == nil {
			failed = failed || m.gone(n, from+"."+dotted)
			m.set(in, alias, symbolOf(from+"."+dotted))
			continue
		}
		v, ok := m.member(n, found, dotted)
		failed = failed || !ok
		m.set(in, alias, v)
	}
	return failed
}

// relative finds the module that an import names from where its own file is. It reports whether Python finds one.
func (m *machine) relative(n *node, from string) (dotted string, found *pyModule, ok bool) {
	rest := strings.TrimLeft(from, ".")
	up := len(from) - len(rest)
	var here *pyModule
	for _, p := range m.modules {
		if p.file != nil && p.file.source == n.in {
			here = p
		}
	}
	if here == nil {
		m.cannotLoad(n, "a DAG file is in no package, so that Python finds nothing to import from "+strings.Repeat(".", up), "import by the path from the folder of the DAGs")
		return "." + rest, nil, false
	}
	name := here.name
	if here.dir == "" {
		up++
	}
	for range up - 1 {
		at := strings.LastIndexByte(name, '.')
		if at < 0 {
			m.cannotLoad(n, fmt.Sprintf("the import of %q leads out of its package", from), "")
			return "." + rest, nil, false
		}
		name = name[:at]
	}
	if rest != "" {
		name += "." + rest
	}
	found, missing := m.find(n, name)
	if found == nil && missing != "" {
		return name, nil, !m.missing(n, name, missing)
	}
	return name, found, true
}

// importAll is an import of all names of a module.
func (m *machine) importAll(from string, found *pyModule, in *scope) {
	if found == nil || found.open {
		in.module.wild = append(in.module.wild, from)
	}
	if found == nil {
		return
	}
	names := slices.Clone(found.scope.order)
	if all, ok := found.scope.names["__all__"]; ok {
		names = nil
		items, known := m.items(all)
		for _, item := range items {
			if name, ok := item.(text); ok {
				names = append(names, string(name))
			}
		}
		if !known {
			in.module.wild = append(in.module.wild, from)
		}
	} else {
		names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "_") })
	}
	for _, name := range names {
		if v, ok := found.scope.names[name]; ok {
			m.set(in, name, v)
		}
	}
}

// member is a name that is imported from a module of the tree: one of its own, or a module below it.
func (m *machine) member(n *node, from *pyModule, name string) (v value, ok bool) {
	if v, ok := from.scope.names[name]; ok {
		return v, true
	}
	if from.dir != "" {
		if file, dir, ok := m.reader.module(from.dir, name, true); ok {
			found := m.load(n, from.name+"."+name, dir, file)
			from.scope.put(name, found)
			return found, true
		}
		// A namespace may go on in another folder.
		if found, _ := m.find(n, from.name+"."+name); found != nil {
			return found, true
		}
	}
	if !from.open && !from.running {
		m.cannotLoad(n, fmt.Sprintf("the module %q has no %q to import", from.name, name), "correct the name, or define it there")
		return &unknown{}, false
	}
	return &unknown{}, true
}

// symbolOf is what a dotted path stands for.
func symbolOf(path string) value {
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
	if strings.HasPrefix(path, helpers) || isDataset(path) {
		return true
	}
	top, _, _ := strings.Cut(path, ".")
	switch top {
	case "airflow", "attr", "attrs", "azure", "boto3", "botocore", "croniter", "dateutil", "google", "jinja2", "kubernetes", "numpy", "pandas", "pendulum",
		"pydantic", "pytz", "requests", "sqlalchemy", "structlog", ours, "typing_extensions", "yaml":
		return true
	}
	return standard(top)
}

// standard is true for modules that Python comes with.
func standard(top string) bool {
	switch top {
	case "abc", "ast", "asyncio", "base64", "bisect", "calendar", "collections", "concurrent", "configparser", "contextlib", "copy", "csv", "ctypes",
		"dataclasses", "datetime", "decimal", "difflib", "email", "enum", "errno", "fnmatch", "fractions", "functools", "gc", "getpass", "glob", "gzip",
		"hashlib", "heapq", "hmac", "html", "http", "importlib", "inspect", "io", "itertools", "json", "locale", "logging", "math", "mimetypes",
		"multiprocessing", "numbers", "operator", "os", "pathlib", "pickle", "platform", "pprint", "queue", "random", "re", "secrets", "shlex", "shutil",
		"signal", "smtplib", "socket", "sqlite3", "ssl", "stat", "statistics", "string", "struct", "subprocess", "sys", "tempfile", "textwrap", "threading",
		"time", "timeit", "tomllib", "traceback", "types", "typing", "unicodedata", "unittest", "urllib", "uuid", "warnings", "weakref", "xml", "zipfile",
		"zlib", "zoneinfo", "builtins", "__future__":
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
	if own := ownMeaning(path); own != "" {
		return own
	}
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
		if authoring(path) {
			return name
		}
		return ""
	case "asset":
		if path == "airflow.sdk.asset" || path == compatSDK+".asset" || path == "airflow.sdk.definitions.asset.decorators.asset" {
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
	case strings.HasSuffix(name, "_task") && strings.Contains(path, ".decorators"):
		return isTaskDecorator
	case strings.HasSuffix(name, "Timetable") || strings.HasSuffix(name, "Schedule"):
		return isTimetable
	case isOperatorName(name):
		return isOperator
	}
	return ""
}

// compatSDK has what airflow.sdk has, for providers that work with several versions of Airflow.
const compatSDK = "airflow.providers.common.compat.sdk"

// authoring reports whether a path lies in a module that decorators of tasks are imported from.
func authoring(path string) bool {
	return strings.HasPrefix(path, "airflow.sdk.") || strings.HasPrefix(path, compatSDK+".") || strings.Contains(path, ".decorators.")
}

// isOperatorName goes by how operators are named.
func isOperatorName(name string) bool {
	if name == "" || name[0] < 'A' || name[0] > 'Z' {
		return false
	}
	name = strings.TrimSuffix(name, "Async")
	return strings.HasSuffix(name, "Operator") || strings.HasSuffix(name, "Sensor") || name == "ExternalTaskMarker" || name == "GenericTransfer"
}
