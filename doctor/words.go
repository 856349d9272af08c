// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"strings"
	"time"
)

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// quoted is a text as a shell takes it for one word.
func quoted(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// some are the first of many, and how many others there are.
func some(all []string, most int, separator string) string {
	if len(all) <= most {
		return strings.Join(all, separator)
	}
	return strings.Join(all[:most], separator) + fmt.Sprintf("%sand %d more", separator, len(all)-most)
}

// short is the beginning of a commit's hash.
func short(hash string) string { return hash[:min(len(hash), 8)] }
