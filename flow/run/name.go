// SPDX-License-Identifier: Apache-2.0

package run

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
)

const (
	// maxName is how long a label of DNS may be, as the name of a Job is one.
	maxName = 63
	// hashLength is longer than an attempt, so that no name that was cut is one that was not.
	hashLength = 20
)

// attemptForm is what an attempt may be called: a part of names, paths and variables that nothing has to be quoted in.
var attemptForm = regexp.MustCompile(`^[a-z0-9]{1,16}$`)

// CheckAttempt returns why something cannot be what an attempt is called.
func CheckAttempt(attempt string) error {
	if !attemptForm.MatchString(attempt) {
		return fmt.Errorf("%.40q is not an attempt: use lower-case letters and digits, at most 16", attempt)
	}
	return nil
}

// AttemptAt is what an attempt is called that nobody counts: the milliseconds since 1970, as Clusterless has it.
func AttemptAt(now time.Time) string { return strconv.FormatInt(now.UnixMilli(), 10) }

// JobName is the name of the Job of an attempt. It is the same whoever makes it, and another one for each workload of a project,
// lot and attempt. One that would be too long is cut and ends in a hash.
func JobName(workload string, l lot.Lot, attempt string) string {
	name := workload + "-" + l.Name() + "-" + attempt
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name)) // neither a lot nor an attempt has a dash, so that no two have the same text
	return strings.TrimRight(workload[:min(len(workload), maxName-hashLength-1)], "-") + "-" + hex.EncodeToString(sum[:])[:hashLength]
}

// ParseJobName reads from the name of a Job which attempt at which lot of a workload it is; false if it is none, or if its name was cut.
func ParseJobName(workload, name string) (l lot.Lot, attempt string, ok bool) {
	rest, ok := strings.CutPrefix(name, workload+"-")
	id, attempt, cut := strings.Cut(rest, "-")
	if !ok || !cut || CheckAttempt(attempt) != nil {
		return lot.Lot{}, "", false
	}
	l, err := lot.ParseName(id)
	return l, attempt, err == nil && JobName(workload, l, attempt) == name
}
