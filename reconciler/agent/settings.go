// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/json"
	"fmt"
	"time"

	"trunkline.dev/trunkline/api/schedule"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/plan/terms"
)

// Settings are [release.Settings] in a form that can be sent: deploy windows go as they were declared.
type Settings struct{ release.Settings }

// sent is the form. Its fields are those of [terms.Terms]; TestSettings holds it to them.
type sent struct {
	Correct       bool                    `json:"correct,omitempty"`
	Ignore        []v1alpha1.DriftIgnore  `json:"ignore,omitempty"`
	Additions     plan.Additions          `json:"additions,omitempty"`
	HealthTimeout time.Duration           `json:"healthTimeout,omitempty"`
	Rollback      bool                    `json:"rollback,omitempty"`
	Windows       []v1alpha1.DeployWindow `json:"windows,omitempty"`
	Freezes       []v1alpha1.Freeze       `json:"freezes,omitempty"`
	Soak          time.Duration           `json:"soak,omitempty"`
	Sources       []catalog.ReleaseID     `json:"sources,omitempty"`
	Needs         []catalog.ReleaseID     `json:"needs,omitempty"`
	Moved         bool                    `json:"moved,omitempty"`
	Placed        string                  `json:"placed,omitempty"`
	Awaited       bool                    `json:"awaited,omitempty"`
	Protected     bool                    `json:"protected,omitempty"`
	Named         bool                    `json:"named,omitempty"`
	MaxRemovals   int                     `json:"maxRemovals,omitempty"`
	Preview       plan.Preview            `json:"preview,omitempty"`
	Reviewed      bool                    `json:"reviewed,omitempty"`
	Repository    string                  `json:"repository,omitempty"`
	Access        release.Access          `json:"access"`
}

// MarshalJSON implements [json.Marshaler].
func (s Settings) MarshalJSON() ([]byte, error) {
	t := s.Terms
	out := sent{
		Correct: t.Drift.Correct, Ignore: t.Drift.Ignore, Additions: t.Additions, HealthTimeout: t.HealthTimeout, Rollback: t.Rollback,
		Freezes: t.Schedule.Freezes, Soak: t.Soak, Sources: t.Sources, Needs: t.Needs, Moved: t.Moved, Placed: t.Placed, Awaited: t.Awaited, Protected: t.Protected, Named: t.Named,
		MaxRemovals: t.MaxRemovals, Preview: t.Preview, Reviewed: t.Reviewed, Repository: s.Repository, Access: s.Access,
	}
	for _, w := range t.Schedule.Windows {
		out.Windows = append(out.Windows, v1alpha1.DeployWindow{
			Schedule: w.Opens.Expression(), TimeZone: w.Opens.Zone(), Duration: v1alpha1.Duration(w.Duration),
		})
	}
	return json.Marshal(out)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (s *Settings) UnmarshalJSON(data []byte) error {
	var in sent
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	s.Settings = release.Settings{Access: in.Access, Repository: in.Repository, Terms: terms.Terms{
		Drift: plan.Drift{Correct: in.Correct, Ignore: in.Ignore}, Additions: in.Additions, HealthTimeout: in.HealthTimeout, Rollback: in.Rollback,
		Schedule: gate.Schedule{Freezes: in.Freezes}, Soak: in.Soak, Sources: in.Sources, Needs: in.Needs, Moved: in.Moved, Placed: in.Placed, Awaited: in.Awaited, Protected: in.Protected,
		Named: in.Named, MaxRemovals: in.MaxRemovals, Preview: in.Preview, Reviewed: in.Reviewed,
	}}
	for _, w := range in.Windows {
		opens, err := schedule.Parse(w.Schedule, w.TimeZone)
		if err != nil {
			return fmt.Errorf("reading a deploy window: %w", err)
		}
		s.Schedule.Windows = append(s.Schedule.Windows, gate.Window{Opens: opens, Duration: time.Duration(w.Duration)})
	}
	return nil
}
