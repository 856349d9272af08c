// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/number"
)

// row is one line of the table. All but what may be empty.
type row struct {
	what string
	// apps is how many apps the platform has; 0 if that does not matter.
	apps int
	// figure is what was measured, and beside what it is compared with, both with their units.
	figure, beside string
	// ratio of the two; 0 if there is none.
	ratio float64
}

// sheet collects the results.
type sheet struct {
	machine []string
	rows    []row
	notes   []string
}

func (s *sheet) add(r row) { s.rows = append(s.rows, r) }

func (s *sheet) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// markdown returns the whole for docs/performance.md; nothing if there is nothing.
func (s *sheet) markdown() string {
	if len(s.rows) == 0 {
		return ""
	}
	var b strings.Builder
	for _, line := range s.machine {
		fmt.Fprintln(&b, line)
	}
	b.WriteString("\n| | apps | Trunkline | beside it | ratio |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range s.rows {
		apps, ratio := "", ""
		if r.apps > 0 {
			apps = number.Of(r.apps)
		}
		if r.ratio > 0 && !math.IsInf(r.ratio, 0) {
			ratio = fmt.Sprintf("%.2f", r.ratio)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.what, apps, r.figure, r.beside, ratio)
	}
	for _, n := range s.notes {
		fmt.Fprintf(&b, "\n%s\n", n)
	}
	return b.String()
}

// quantile returns the value below or at which the share q of the values is (nearest rank); 0 of none.
func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

func median(values []time.Duration) time.Duration { return quantile(values, 0.5) }
func p95(values []time.Duration) time.Duration    { return quantile(values, 0.95) }

// mean of the values; 0 of none.
func mean(values []time.Duration) time.Duration {
	var sum time.Duration
	for _, v := range values {
		sum += v
	}
	return sum / time.Duration(max(len(values), 1))
}

// ratio of two times; 0 if there is nothing to compare with.
func ratio(a, b time.Duration) float64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// span writes a time with three digits at most, in the unit that suits it.
func span(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	default:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
}

// both writes median and 95th percentile.
func both(values []time.Duration) string {
	return fmt.Sprintf("%s, p95 %s", span(median(values)), span(p95(values)))
}
