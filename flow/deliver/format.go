// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"trunkline.dev/trunkline/flow/egress"
)

// Format is how facts are written down for a target.
type Format string

// The formats.
const (
	// CloudEvents is the JSON of CloudEvents 1.0, the event as a whole in the body; all facts of lots are told.
	CloudEvents Format = "cloudevents"
	// CloudEventsBinary has the attributes of the same events in headers of HTTP, and their data in the body.
	CloudEventsBinary Format = "cloudevents-binary"
	// Clusterless is the notification of Clusterless' own arcs; it has one for lots that are available, and no other.
	Clusterless Format = "clusterless"
	// OpenLineage is the RunEvent of OpenLineage: runs are told, with the datasets that they read and write.
	OpenLineage Format = "openlineage"
	// Assets are events of the assets of an environment's own Apache Airflow: lots that are available. It is no format of messages, and no
	// target is configured for it.
	Assets Format = "assets"
)

// Formats are all formats.
func Formats() []Format { return []Format{CloudEvents, CloudEventsBinary, Clusterless, OpenLineage} }

// tells reports whether there is a message of a fact in the format.
func (f Format) tells(fact egress.Fact) bool {
	switch f {
	case OpenLineage:
		return fact.OfRun()
	case Clusterless, Assets:
		return fact.Type == egress.Available
	case CloudEvents, CloudEventsBinary:
		return !fact.OfRun()
	}
	return false
}

// request makes the request that tells a fact, and returns its body, too.
func (f Format) request(ctx context.Context, url string, fact egress.Fact) (*http.Request, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("the target's URL cannot be used")
	}
	switch f {
	case CloudEvents:
		err = writeEvent(binding.WithForceStructured(ctx), fact, r)
	case CloudEventsBinary:
		err = writeEvent(binding.WithForceBinary(ctx), fact, r)
	case Clusterless:
		err = writeJSON(r, notificationOf(fact))
	case OpenLineage:
		err = writeJSON(r, lineageOf(fact))
	default:
		err = fmt.Errorf("there is no format %q", f)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("writing the fact down: %w", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("writing the fact down: %w", err)
	}
	setBody(r, body)
	return r, body, nil
}

func setBody(r *http.Request, body []byte) {
	r.ContentLength = int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body = io.NopCloser(bytes.NewReader(body))
}

func writeJSON(r *http.Request, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	setBody(r, body)
	return nil
}

// lotData are the data of a CloudEvent.
type lotData struct {
	Environment string    `json:"environment"`
	Project     string    `json:"project"`
	Dataset     string    `json:"dataset"`
	Version     string    `json:"version"`
	Lot         string    `json:"lot"`
	Start       time.Time `json:"start"`
	End         time.Time `json:"end"`
	State       string    `json:"state,omitempty"`
	Manifest    string    `json:"manifest,omitempty"`
	Location    string    `json:"location,omitempty"`
	Workload    string    `json:"workload,omitempty"`
	Attempt     string    `json:"attempt,omitempty"`
	Reason      string    `json:"reason,omitempty"`
}

// typePrefix begins the types of CloudEvents, and typeVersion ends them: what a type means does not change, another version may.
const typePrefix, typeVersion = "dev.trunkline.lot.", ".v1"

// eventOf is the CloudEvent of a fact about a lot.
func eventOf(f egress.Fact) (event.Event, error) {
	e := event.New(event.CloudEventsVersionV1)
	e.SetID(f.ID())
	e.SetSource("/trunkline/" + f.Platform + "/" + f.Environment)
	e.SetType(typePrefix + string(f.Type) + typeVersion)
	e.SetSubject(f.Dataset + "/" + f.Lot.ID())
	e.SetTime(f.At)
	project, name, version := parts(f.Dataset)
	err := e.SetData(event.ApplicationJSON, lotData{
		Environment: f.Environment, Project: project, Dataset: name, Version: version, Lot: f.Lot.ID(), Start: f.Lot.Start, End: f.Lot.End(),
		State: f.State, Manifest: f.Manifest, Location: f.Location, Workload: f.Workload, Attempt: f.Attempt, Reason: f.Reason,
	})
	if err == nil {
		err = e.Validate()
	}
	return e, err
}

func writeEvent(ctx context.Context, f egress.Fact, r *http.Request) error {
	e, err := eventOf(f)
	if err != nil {
		return err
	}
	return cehttp.WriteRequest(ctx, binding.ToMessage(&e), r)
}

// parts takes the id of a dataset apart.
func parts(dataset string) (project, name, version string) {
	project, rest, _ := strings.Cut(dataset, "/")
	name, version, _ = strings.Cut(rest, "@")
	return project, name, version
}

// notification is what Clusterless puts on its bus, in the envelope of that bus.
type notification struct {
	Version    string     `json:"version"`
	ID         string     `json:"id"`
	DetailType string     `json:"detail-type"`
	Source     string     `json:"source"`
	Time       time.Time  `json:"time"`
	Resources  []string   `json:"resources"`
	Detail     lotArrived `json:"detail"`
}

type lotArrived struct {
	Dataset   named  `json:"dataset"`
	Lot       string `json:"lot"`
	Manifest  string `json:"manifest"`
	DatasetID string `json:"datasetId"`
}

type named struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	PathURI string `json:"pathURI"`
}

func notificationOf(f egress.Fact) notification {
	_, name, version := parts(f.Dataset)
	return notification{
		Version: "0", ID: f.ID(), DetailType: "Clusterless Arc Notification", Source: "clusterless.arc", Time: f.At.UTC().Truncate(time.Second), Resources: []string{},
		Detail: lotArrived{named{name, version, f.Location}, f.Lot.ID(), f.Manifest, name + "/" + version},
	}
}

// ParseFormat reads the name of a format; an empty one is CloudEvents.
func ParseFormat(name string) (Format, error) {
	if name == "" {
		return CloudEvents, nil
	}
	if f := Format(name); slices.Contains(Formats(), f) {
		return f, nil
	}
	return "", fmt.Errorf("%.40q is no format of events: use one of %s", name, strings.Trim(fmt.Sprint(Formats()), "[]"))
}
