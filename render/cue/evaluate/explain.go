// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"errors"
	"fmt"
	"strings"

	cueerrors "cuelang.org/go/cue/errors"
)

const (
	// maxTold is how many errors are told, and maxPlaces how many places of each: a conflict has two.
	maxTold   = 5
	maxPlaces = 3
)

// explain says what is wrong, where and at which path of the value, on one line.
func explain(dir string, err error) error {
	var told []string
	seen := map[string]bool{}
	all := cueerrors.Errors(err)
	for _, e := range all {
		text := strings.ReplaceAll(strings.Join(strings.Fields(e.Error()), " "), "/"+dir+"/", dir+"/") // the tree is the root of what CUE sees
		if before, _, local := strings.Cut(text, "cannot get absolute path for FS"); local {
			text = before + "packages in cue.mod/pkg, gen and usr are not read: give them a module, and name its folder by replaceWith in cue.mod/local-module.cue"
		}
		places := placesOf(e)
		if len(places) == 0 {
			text = dir + ": " + text
		} else {
			text = places[0] + ": " + text
			if len(places) > 1 {
				text += " (see " + strings.Join(places[1:], ", ") + ")"
			}
		}
		if !seen[text] {
			seen[text] = true
			told = append(told, text)
		}
	}
	if more := len(told) - maxTold; more > 0 {
		told = append(told[:maxTold], fmt.Sprintf("and %d more", more))
	}
	return errors.New(strings.Join(told, "; "))
}

// placesOf are the places of an error, without those in what was given, which has no files.
func placesOf(e cueerrors.Error) (out []string) {
	for _, pos := range cueerrors.Positions(e) {
		file := strings.TrimPrefix(pos.Filename(), "/")
		if !pos.IsValid() || !strings.HasSuffix(file, ".cue") || len(out) == maxPlaces {
			continue
		}
		at := fmt.Sprintf("%s:%d", file, pos.Line())
		if len(out) == 0 || out[len(out)-1] != at {
			out = append(out, at)
		}
	}
	return out
}
