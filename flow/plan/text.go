// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"strings"
	"time"
)

// String says it in a sentence, without the lot that it is about.
func (r Reason) String() string {
	what := r.what()
	switch {
	case r.There && r.Status != IsThere:
		return "there, and to be made again (" + r.why() + "): " + what
	case r.Status == IsThere && r.Later != "":
		return what + fmt.Sprintf("; %s was written after it", r.Later)
	}
	return what
}

// why is why a lot that is there is made again.
func (r Reason) why() string {
	if r.Replay != "" {
		return "replay " + r.Replay
	}
	return string(r.Cause)
}

func (r Reason) what() string {
	switch r.Status {
	case IsThere:
		return "there"
	case NotDeclared:
		return "nobody declares it"
	case NoProducer:
		return "no workload writes it"
	case IsExternal:
		return "it is written outside of the platform, and was not"
	case NotComputable:
		return "it needs what comes before the first lot: " + r.inputs()
	case NotKept:
		return "it is so old that it would not be kept"
	case TooMany:
		return fmt.Sprintf("%s has too many lots: only the newest %d are looked after", r.Arc, maxLots)
	case IsExcluded:
		return r.Arc + " is excluded"
	case IsSuspended:
		return r.Arc + " is suspended"
	case IsDisabled:
		return r.Arc + " is disabled by " + r.By
	case IsScheduled:
		return r.Arc + " runs by its schedule, and did not write it"
	case IsSteady:
		return r.Arc + " always runs, and did not write it"
	case IsAwaited:
		if !r.Until.IsZero() {
			return "waits" + r.until(" until ") + " for data that come late"
		}
		if r.Unlooked {
			return r.Arc + " has not looked at what arrived of it yet, which a daemon does: it would be there by now, or empty"
		}
		return "nothing of it is known to have arrived"
	case IsFailed:
		return fmt.Sprintf("%s failed (attempt %d)%s%s", r.Arc, r.Attempt, after(": ", r.Detail), r.until("; tried again at "))
	case IsHeld:
		return fmt.Sprintf("%s is held by %s%s", r.Arc, r.By, r.until(" until "))
	case Waits:
		return "waits for " + r.inputs() + r.until(", at most until ")
	case IsLimited:
		return fmt.Sprintf("waits for its turn: the limit of the %s is reached", r.By)
	case IsReady:
		return "starts next"
	case IsRunning:
		return fmt.Sprintf("running (attempt %d)", r.Attempt)
	case NotDue:
		return "not due" + r.until(" until ")
	}
	return string(r.Status)
}

func after(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func (r Reason) until(prefix string) string {
	if r.Until.IsZero() {
		return ""
	}
	return prefix + r.Until.UTC().Format(time.RFC3339)
}

// inputs names the first few inputs.
func (r Reason) inputs() string {
	const few = 3
	var out []string
	for _, in := range r.Inputs[:min(few, len(r.Inputs))] {
		text := in.Series + " " + in.Lot.ID()
		switch {
		case in.Again:
			text += " (to be made again)"
		case in.State.There():
			text += " (before it has ended)"
		case in.State != None:
			text += " (" + in.State.String() + ")"
		}
		out = append(out, text)
	}
	text := strings.Join(out, ", ")
	if more := r.Missing - len(out); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if r.Enough > 0 {
		text = fmt.Sprintf("%d of its inputs: ", r.Enough) + text
	}
	return text
}
