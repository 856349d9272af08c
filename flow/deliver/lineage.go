// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"trunkline.dev/trunkline/api/location"
	"trunkline.dev/trunkline/flow/egress"
)

const (
	producer   = "https://trunkline.dev/trunkline"
	lineage    = "https://openlineage.io/spec/"
	ownSchemas = "https://trunkline.dev/schemas/openlineage/"
)

// runEvent is a RunEvent of OpenLineage.
type runEvent struct {
	EventType string        `json:"eventType"`
	EventTime time.Time     `json:"eventTime"`
	Producer  string        `json:"producer"`
	SchemaURL string        `json:"schemaURL"`
	Run       lineageRun    `json:"run"`
	Job       lineageJob    `json:"job"`
	Inputs    []lineageData `json:"inputs"`
	Outputs   []lineageData `json:"outputs"`
}

type lineageRun struct {
	RunID  uuid.UUID `json:"runId"`
	Facets runFacets `json:"facets"`
}

type lineageJob struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Facets    jobFacets `json:"facets"`
}

type lineageData struct {
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"`
	Facets    dataFacets `json:"facets"`
}

// facet is what every facet has.
type facet struct {
	Producer  string `json:"_producer"`
	SchemaURL string `json:"_schemaURL"`
}

// standard is a facet of OpenLineage's own, by its kind and version.
func standard(kind, version string) facet {
	return facet{producer, lineage + "facets/" + version + "/" + kind + ".json#/$defs/" + kind}
}

// own is a facet of Trunkline's own.
func own(kind string) facet {
	return facet{producer, ownSchemas + "1-0-0/" + kind + ".json#/$defs/" + kind}
}

type runFacets struct {
	NominalTime nominalTime   `json:"nominalTime"`
	Error       *errorMessage `json:"errorMessage,omitempty"`
	Lot         lotFacet      `json:"trunkline_lot"`
}

type nominalTime struct {
	facet

	Start time.Time `json:"nominalStartTime"`
	End   time.Time `json:"nominalEndTime"`
}

type errorMessage struct {
	facet

	Message  string `json:"message"`
	Language string `json:"programmingLanguage"`
}

type lotFacet struct {
	facet

	Environment string `json:"environment"`
	Lot         string `json:"lot"`
	Attempt     string `json:"attempt"`
}

type jobFacets struct {
	JobType jobType `json:"jobType"`
}

type jobType struct {
	facet

	Processing  string `json:"processingType"`
	Integration string `json:"integration"`
	JobType     string `json:"jobType"`
}

type dataFacets struct {
	Version dataVersion `json:"version"`
	Lots    lotsFacet   `json:"trunkline_lots"`
}

type dataVersion struct {
	facet

	Version string `json:"datasetVersion"`
}

type lotsFacet struct {
	facet

	Dataset string   `json:"dataset"`
	Lots    []string `json:"lots"`
}

// runIDs is the name space of the ids of runs.
var runIDs = uuid.MustParse("6f0a1c1e-5d0b-5e8c-9f55-0d8f6d2f7a31")

// lineageOf is the event of a fact about a run. The id of a run is made of what it is, so that all of its events have it.
func lineageOf(f egress.Fact) runEvent {
	e := runEvent{
		EventType: map[egress.Type]string{
			egress.RunStarted: "START", egress.RunMade: "COMPLETE", egress.RunFailed: "FAIL", egress.RunLost: "ABORT",
		}[f.Type],
		EventTime: f.At.UTC(), Producer: producer, SchemaURL: lineage + "2-0-2/OpenLineage.json#/$defs/RunEvent",
		Run: lineageRun{
			RunID: uuid.NewSHA1(runIDs, []byte(strings.Join([]string{f.Platform, f.Environment, f.Workload, f.Lot.ID(), f.Attempt}, "\x00"))),
			Facets: runFacets{
				NominalTime: nominalTime{standard("NominalTimeRunFacet", "1-0-1"), f.Lot.Start, f.Lot.End()},
				Lot:         lotFacet{own("LotRunFacet"), f.Environment, f.Lot.ID(), f.Attempt},
			},
		},
		Job: lineageJob{
			Namespace: "trunkline://" + f.Platform + "/" + f.Environment, Name: f.Workload,
			Facets: jobFacets{jobType{standard("JobTypeJobFacet", "2-0-4"), "BATCH", "TRUNKLINE", "JOB"}},
		},
		Inputs: datasetsOf(f.Reads), Outputs: datasetsOf(f.Writes),
	}
	if f.Reason != "" {
		e.Run.Facets.Error = &errorMessage{standard("ErrorMessageRunFacet", "1-0-1"), f.Reason, "none"}
	}
	return e
}

// datasetsOf are datasets by the names that OpenLineage has for what lies in object stores, so that they are the same ones that other
// tools tell of.
func datasetsOf(all []egress.Series) []lineageData {
	out := []lineageData{}
	for _, s := range all {
		_, _, version := parts(s.ID)
		d := lineageData{Namespace: "trunkline", Name: s.ID, Facets: dataFacets{
			dataVersion{standard("DatasetVersionDatasetFacet", "1-0-1"), version},
			lotsFacet{own("LotsDatasetFacet"), s.ID, append([]string{}, s.Lots...)},
		}}
		if l, err := location.Parse(s.Location); err == nil {
			d.Namespace, d.Name = l.Scheme+"://"+l.Bucket, strings.TrimSuffix(l.Folder, "/")
			if l.Scheme == "file" {
				d.Namespace, d.Name = "file", "/"+d.Name
			}
			if d.Name == "" {
				d.Name = "/"
			}
		}
		out = append(out, d)
	}
	return out
}
