// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExplain(t *testing.T) {
	d := Database{name: "x", secrets: []string{"postgres://ann:s3cret@host", "s3cret", ""}, classify: func(error) fault { return rejected }}
	cause := fmt.Errorf("trying postgres://ann:s3cret@host:\n\tuser ann, password s3cret: %w", context.DeadlineExceeded)
	err := d.explain("writing", cause)
	if diff := cmp.Diff("writing the history in x: trying ***: user ann, password ***: context deadline exceeded", err.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !errors.Is(err, context.DeadlineExceeded) || faultOf(err) != rejected {
		t.Error("the cause is not known any more")
	}
	if errors.Unwrap(err) != nil {
		t.Error("the cause is given out, and its text holds the password")
	}
	if d.explain("writing", nil) != nil {
		t.Error("no error is explained")
	}
}
