// SPDX-License-Identifier: Apache-2.0

package draw

import "github.com/mattn/go-runewidth"

// textWidth is how many pixels a text takes at most, at a size in pixels. Which font a browser takes is not known here;
// these are the widths of a wide one (DejaVu Sans), in thousandths of the size.
func textWidth(s string, size int) int {
	const wide = 1050
	n := 0
	for _, r := range s {
		switch {
		case r > '~' && (&runewidth.Condition{}).RuneWidth(r) > 1:
			n += wide
		case r > '~':
			n += 850
		default:
			n += asciiWidth(r)
		}
	}
	return (n*size + 999) / 1000
}

func asciiWidth(r rune) int {
	switch r {
	case 'i', 'j', 'l', '\'', '|':
		return 340
	case ' ', '.', ',', ':', ';', '-', '/', '\\', 'f', '!', 'I', 'J', '(', ')', '[', ']', 't', 'r':
		return 420
	case 'm', '@', 'W', '%':
		return 1000
	case 'w', 'M', 'Q', 'O', 'G', 'D', 'H', 'N', 'U', '+', '=', '<', '>', '~', '#', '&', '^':
		return 860
	}
	if r >= 'A' && r <= 'Z' {
		return 720
	}
	return 640
}
