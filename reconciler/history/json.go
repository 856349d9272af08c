// SPDX-License-Identifier: Apache-2.0

package history

import (
	"encoding/json"
	"time"

	"trunkline.dev/trunkline/catalog"
)

// wire is an event as other programs read it: flat, as a release is in the status, with a duration in seconds.
type wire struct {
	ID          int64     `json:"id"`
	Time        time.Time `json:"time"`
	Kind        Kind      `json:"kind"`
	Platform    string    `json:"platform,omitempty"`
	Project     string    `json:"project,omitempty"`
	Environment string    `json:"environment,omitempty"`
	Cluster     string    `json:"cluster,omitempty"`
	Commit      string    `json:"commit,omitempty"`
	By          string    `json:"by,omitempty"`
	SignOn      string    `json:"signOn,omitempty"`
	Why         string    `json:"why,omitempty"`
	Message     string    `json:"message,omitempty"`
	TookSeconds float64   `json:"tookSeconds,omitempty"`
	Applied     int       `json:"applied,omitempty"`
	Pruned      int       `json:"pruned,omitempty"`
	Object      string    `json:"object,omitempty"`
	Fields      []string  `json:"fields,omitempty"`
}

// MarshalJSON implements [json.Marshaler].
func (e Event) MarshalJSON() ([]byte, error) {
	return json.Marshal(wire{
		ID: e.ID, Time: e.Time, Kind: e.Kind, Platform: e.Platform,
		Project: e.Release.Project, Environment: e.Release.Environment, Cluster: e.Release.Cluster,
		Commit: e.Commit, By: e.By, SignOn: e.SignOn, Why: e.Why, Message: e.Message,
		TookSeconds: e.Took.Seconds(), Applied: e.Applied, Pruned: e.Pruned, Object: e.Object, Fields: e.Fields,
	})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (e *Event) UnmarshalJSON(data []byte) error {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*e = Event{
		ID: w.ID, Time: w.Time, Kind: w.Kind, Platform: w.Platform,
		Release: catalog.ReleaseID{Project: w.Project, Environment: w.Environment, Cluster: w.Cluster},
		Commit:  w.Commit, By: w.By, SignOn: w.SignOn, Why: w.Why, Message: w.Message,
		Took:    time.Duration(w.TookSeconds * float64(time.Second)).Round(time.Microsecond),
		Applied: w.Applied, Pruned: w.Pruned, Object: w.Object, Fields: w.Fields,
	}
	return nil
}
