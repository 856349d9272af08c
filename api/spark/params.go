// SPDX-License-Identifier: Apache-2.0

package spark

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/param"
)

// The names of the embedded blueprints.
const (
	Job     = "spark-job"
	Stream  = "spark-stream"
	History = "spark-history"
)

// Is reports whether a blueprint is one of those.
func Is(blueprint string) bool {
	return blueprint == Job || blueprint == Stream || blueprint == History
}

// Kubeflow is the operator that can start drivers.
const Kubeflow = "kubeflow"

// Params are those of a workload that the daemon itself reads. The chart has the rest of them.
type Params struct {
	Class          string         `json:"class"`
	Executors      Executors      `json:"executors"`
	OverheadFactor float64        `json:"overheadFactor"`
	Committer      string         `json:"committer"`
	Conf           map[string]any `json:"conf"`
	Operator       string         `json:"operator"`
	// Checkpoint and EventLogs are folders of stores, such as "lake://orders/checkpoint/"; EventLogs may be empty.
	Checkpoint string `json:"checkpoint"`
	EventLogs  string `json:"eventLogs"`
	// History is the address of the history server; empty if there is none.
	History string `json:"history"`
	// Days is after how long a history server removes event logs; 0 for never.
	Days int64 `json:"days"`
	// StartsOver says why a stream begins from nothing.
	StartsOver string `json:"startsOver"`
}

// Executors are what a driver has made.
type Executors struct {
	// Size is the name of a size class; empty for that of the workload.
	Size string `json:"size"`
	// Instances is how many there are, if Dynamic is nil.
	Instances *int64   `json:"instances"`
	Dynamic   *Dynamic `json:"dynamic"`
	// Tasks is how many an executor works on at a time; 0 for one for each core.
	Tasks int64 `json:"tasks"`
}

// Dynamic bounds how many executors there are, where Spark decides by what there is to do.
type Dynamic struct {
	Min int64 `json:"min"`
	Max int64 `json:"max"`
}

// defaultInstances is how many executors there are of a workload that does not say.
const defaultInstances = 2

// Parse reads params, and refuses by a [param.Error] what the schema of the blueprints cannot.
func Parse(values map[string]any) (Params, error) {
	var p Params
	if err := param.Read(values, &p); err != nil {
		return Params{}, err
	}
	if d := p.Executors.Dynamic; d != nil {
		if p.Executors.Instances != nil {
			return Params{}, param.Wrong("keep one of them", errors.New("there are as many executors as instances says, or as many as dynamic leaves"), "executors", "dynamic")
		}
		if d.Max < d.Min {
			return Params{}, param.Wrong("", fmt.Errorf("at most %d executors are fewer than %d at least", d.Max, d.Min), "executors", "dynamic", "max")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(p.Conf)) {
		if instead, own := ownKey(key); own {
			return Params{}, param.Wrong(instead, fmt.Errorf("the blueprint sets %s itself", key), "conf", key)
		}
	}
	return p, nil
}

// own are the keys of Spark's configuration that the blueprints set, each with what a workload says instead. One that ends in "." is all below it.
var own = map[string]string{
	"spark.master":                                       "",
	"spark.submit.":                                      "",
	"spark.app.id":                                       "",
	"spark.app.name":                                     "",
	"spark.driver.host":                                  "",
	"spark.driver.bindAddress":                           "",
	"spark.driver.memory":                                "say it by size",
	"spark.driver.memoryOverhead":                        "say it by overheadFactor",
	"spark.driver.memoryOverheadFactor":                  "say it by overheadFactor",
	"spark.driver.cores":                                 "say it by size",
	"spark.executor.instances":                           "say it by executors.instances",
	"spark.executor.cores":                               "say it by executors.tasks",
	"spark.executor.memory":                              "say it by executors.size",
	"spark.executor.memoryOverhead":                      "say it by overheadFactor",
	"spark.executor.memoryOverheadFactor":                "say it by overheadFactor",
	"spark.executor.pyspark.memory":                      "say it by overheadFactor",
	"spark.dynamicAllocation.enabled":                    "say it by executors.dynamic",
	"spark.dynamicAllocation.minExecutors":               "say it by executors.dynamic.min",
	"spark.dynamicAllocation.maxExecutors":               "say it by executors.dynamic.max",
	"spark.eventLog.enabled":                             "say it by eventLogs",
	"spark.eventLog.dir":                                 "say it by eventLogs",
	"spark.sql.streaming.checkpointLocation":             "say it by checkpoint",
	"spark.kubernetes.namespace":                         "",
	"spark.kubernetes.authenticate.":                     "",
	"spark.kubernetes.container.image":                   "say it by image",
	"spark.kubernetes.driver.":                           "",
	"spark.kubernetes.executor.label.":                   "",
	"spark.kubernetes.executor.podTemplateFile":          "",
	"spark.kubernetes.executor.podTemplateContainerName": "",
	"spark.kubernetes.executor.request.cores":            "say it by executors.size",
	"spark.kubernetes.executor.limit.cores":              "say it by executors.size",
	"spark.kubernetes.executor.container.image":          "say it by image",
	"spark.kubernetes.executor.disableConfigMap":         "",
	"spark.kubernetes.node.selector.":                    "say it by nodeSelector",
}

// ownKey reports whether a key is one that the blueprints set, and what to write instead.
func ownKey(key string) (instead string, is bool) {
	if instead, is = own[key]; is {
		return instead, true
	}
	for prefix, instead := range own {
		if strings.HasSuffix(prefix, ".") && strings.HasPrefix(key, prefix) {
			return instead, true
		}
	}
	return "", false
}
