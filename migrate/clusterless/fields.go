// SPDX-License-Identifier: Apache-2.0

package clusterless

import (
	"fmt"
	"strings"
)

// rule says what becomes of a field. The zero value is one that is carried over, or has no counterpart and needs none.
type rule struct{ why, do string }

var (
	carried = rule{}
	// notSet and notTagged are what is there of resources, and stays.
	notSet    = rule{"what is told of the bucket stays as it is; nothing here needs it", ""}
	notTagged = rule{"only buckets have tags here; those that it has stay", ""}
	managed   = rule{"there is no function beside the run whose memory, retries and time could be set", ""}
)

// fields maps the fields of a type of component, by their paths. One that ends in ".*" is for all below.
type fields map[string]rule

// common are the fields of all components.
var common = []string{"type", "name", "exclude"}

var filterFields = fields{"includes": carried, "excludes": carried, "ignoreCase": carried, "pathSeparator": carried}

// known are the types of components by kind. A type that is not here is an error, and a field a note.
var known = map[string]map[string]fields{
	"resource": {
		"aws:core:s3Bucket": {
			"bucketName": carried, "versioned": carried, "enableEventBridge": notSet, "removeOnDestroy": carried, "tags.*": carried,
		},
		"aws:core:glueDatabase": {"databaseName": carried, "removeOnDestroy": carried, "tags.*": notTagged},
		"aws:core:glueTable": {
			"databaseRef": carried, "tableName": carried, "description": carried, "pathURI": carried, "schema.*": carried,
			"removeOnDestroy": carried, "tags.*": notTagged,
		},
		"aws:core:computeEnvironment": {"computeEnvironmentName": carried},
		"aws:core:eventBus":           {"eventBusName": carried},
	},
	"activity": {
		"aws:core:cloudWatchExport": {
			"interval": carried, "logGroupName": carried, "logStreamPrefix": carried, "bucketRef": carried, "pathURI": carried, "runtimeProps.*": managed,
		},
	},
	"boundary": {
		"aws:core:s3PutListenerBoundary": with(fields{
			"dataset.name": carried, "dataset.version": carried, "dataset.pathURI": carried, "dataset.publish": carried, "lotUnit": carried, "eventArrival": carried,
			"infrequent.lotSource": carried, "infrequent.keyRegex": carried, "infrequent.keyTimestampRegex": carried,
			"infrequent.enableEventBridge": carried, "frequent.queueFetchWaitSec": carried, "runtimeProps.*": managed,
		}, "filter.", filterFields),
	},
	"arc": {
		"aws:core:batchExecArc": {
			"sources.*": carried, "sinks.*": carried,
			"workload.computeEnvironmentRef": carried, "workload.imagePath": carried, "workload.environment.*": carried, "workload.command": carried,
			"workload.batchRuntimeProps.memorySizeMB": carried, "workload.batchRuntimeProps.timeoutMin": carried,
			"workload.batchRuntimeProps.architecture": carried, "workload.batchRuntimeProps.retryAttempts": carried,
			"workload.lambdaRuntimeProps.*": managed, "workload.workloadProps.*": carried,
		},
		"aws:core:s3CopyArc": with(fields{
			"sources.*": carried, "sinks.*": carried, "workload.runtimeProps.*": managed, "workload.workloadProps.failArcOnPartialPercent": carried,
		}, "workload.workloadProps.filter.", filterFields),
		"aws:core:glueAddPartitionsArc": {
			"sources.*": carried, "sinks.*": carried, "workload.runtimeProps.*": managed, "workload.workloadProps.partitionType": carried,
			"workload.workloadProps.namedPartitionDelimiter": carried, "workload.workloadProps.partitionResults": carried,
		},
	},
}

func with(f fields, prefix string, more fields) fields {
	for path, r := range more {
		f[prefix+path] = r
	}
	return f
}

// check notes what of a component is not carried over by its table.
func (m *migration) check(c component) {
	table := known[c.kind][c.typ]
	if table == nil {
		return // a barrier, which is noted as a whole
	}
	for _, f := range c.node.fields {
		isCommon := false
		for _, name := range common {
			isCommon = isCommon || name == f.name
		}
		if !isCommon {
			m.checkField(c, table, f, f.name)
		}
	}
}

func (m *migration) checkField(c component, table fields, f field, path string) {
	if r, ok := table[path]; ok {
		m.tell(c, f.value, path, r)
		return
	}
	if r, ok := table[path+".*"]; ok {
		m.tell(c, f.value, path, r)
		return
	}
	inside := false
	for p := range table {
		inside = inside || strings.HasPrefix(p, path+".")
	}
	switch {
	case f.value.kind == null:
	case inside && f.value.kind == object:
		for _, below := range f.value.fields {
			m.checkField(c, table, below, path+"."+below.name)
		}
	default:
		m.note(c.deployable, f.value, fmt.Sprintf("%s: %s", c, path), "it is not known here, and not carried over", "see what it does in the manual of Clusterless")
	}
}

// tell notes a field that is not carried over, if it says anything.
func (m *migration) tell(c component, n *node, path string, r rule) {
	empty := n.kind == null || n.kind == boolean && !n.yes || n.kind == object && len(n.fields) == 0 || n.kind == list && len(n.items) == 0
	if r.why != "" && !empty {
		m.note(c.deployable, n, fmt.Sprintf("%s: %s", c, path), r.why, r.do)
	}
}
