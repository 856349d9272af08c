// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline.dev/trunkline/api/schedule"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/release"
)

// TestSettings sends settings of which every field says something: a field that is added and not sent would have the agent keep a
// release in another way than the daemon would.
func TestSettings(t *testing.T) {
	var want release.Settings
	fill(t, reflect.ValueOf(&want).Elem())
	opens, err := schedule.Parse("0 8 * * 1-5", "Europe/Brussels")
	if err != nil {
		t.Fatal(err)
	}
	want.Schedule = gate.Schedule{
		Windows: []gate.Window{{Opens: opens, Duration: 8 * time.Hour}},
		Freezes: []v1alpha1.Freeze{{From: v1alpha1.Time{Time: moment}, Until: v1alpha1.Time{Time: moment.Add(time.Hour)}, Reason: "fair"}},
	}
	want.Drift.Damped = nil // it is what a release finds out, and no part of what is declared
	want.Preview, want.Additions = plan.Asleep, plan.CorrectAdditions
	data, err := json.Marshal(Settings{want})
	if err != nil {
		t.Fatal(err)
	}
	var got Settings
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(a, b schedule.Schedule) bool { return a.String() == b.String() })
	if diff := cmp.Diff(want, got.Settings, same, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("settings are not what was sent:\n%s", diff)
	}
}

var moment = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// fill gives every field a value that says something.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		if _, own := reflect.TypeAssert[gate.Schedule](v); own {
			return
		}
		for _, field := range v.Fields() {
			fill(t, field)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, key)
		fill(t, value)
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Interface:
	default:
		t.Fatalf("there is no value for a %s", v.Type())
	}
}
