// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// The size of a plot, in units of its picture, and what is left around it for its labels.
const (
	plotWidth, plotHeight = 760, 220
	plotLeft, plotRight   = 64, 8
	plotTop, plotBottom   = 10, 24
	// plotColours is how many colours there are: the last is for all that is left.
	plotColours = 7
)

// plot is a picture of numbers over time, as SVG of our own: without styles in it, which the policy of pages forbids. Class fill-N and
// line-N in console.css are the colours.
type plot struct {
	// Title says what is shown, for those who do not see it.
	Title string
	// Columns are what is below the plot, one for each value; most are empty, so that there is room.
	Columns []string
	// Names are what the values are of, for the tips.
	Names []string
	// Stacks are the values by series, which are put on one another.
	Stacks []series
	// Unit says a value in words.
	Unit func(float64) string
	// Limit is a line across; 0: none.
	Limit float64
	// Line draws lines and not bars.
	Line bool
}

// series are the values of one thing.
type series struct {
	Name   string
	Values []float64
	// Class is a number of a colour.
	Class int
}

// top returns a round number that no value is above, and how far the lines of the scale are apart.
func (p plot) top() (top, step float64) {
	most := p.Limit
	for i := range p.Columns {
		sum := 0.0
		for _, s := range p.Stacks {
			switch {
			case math.IsNaN(s.Values[i]):
			case p.Line:
				sum = max(sum, s.Values[i])
			default:
				sum += max(0, s.Values[i])
			}
		}
		most = max(most, sum)
	}
	if most <= 0 || math.IsNaN(most) || math.IsInf(most, 0) {
		return 1, 0.5
	}
	step = math.Pow(10, math.Floor(math.Log10(most/4)))
	for _, by := range []float64{1, 2, 2.5, 5, 10} {
		if most/(step*by) <= 4 {
			step *= by
			break
		}
	}
	return math.Ceil(most/step-1e-9) * step, step
}

// svg draws the plot. All texts are escaped.
func (p plot) svg() template.HTML {
	if len(p.Columns) == 0 {
		return ""
	}
	var b strings.Builder
	top, step := p.top()
	y := func(v float64) float64 {
		return plotTop + (plotHeight-plotTop-plotBottom)*(1-min(1, max(0, v)/top))
	}
	width := float64(plotWidth-plotLeft-plotRight) / float64(len(p.Columns))
	x := func(i int) float64 { return plotLeft + width*float64(i) }
	fmt.Fprintf(&b, `<svg class="plot" viewBox="0 0 %d %d" role="img" aria-label="%s">`, plotWidth, plotHeight, html.EscapeString(p.Title))
	for v := 0.0; v <= top+step/2; v += step {
		fmt.Fprintf(&b, `<line class="scale" x1="%d" x2="%d" y1="%s" y2="%s"/><text class="label" x="%d" y="%s" text-anchor="end">%s</text>`,
			plotLeft, plotWidth-plotRight, place(y(v)), place(y(v)), plotLeft-6, place(y(v)+4), html.EscapeString(p.Unit(v)))
	}
	if p.Line {
		p.lines(&b, x, y, width)
	} else {
		p.bars(&b, x, y, width)
	}
	if p.Limit > 0 {
		fmt.Fprintf(&b, `<line class="limit" x1="%d" x2="%d" y1="%s" y2="%s"/>`, plotLeft, plotWidth-plotRight, place(y(p.Limit)), place(y(p.Limit)))
	}
	for i, text := range p.Columns {
		if text != "" {
			fmt.Fprintf(&b, `<text class="label" x="%s" y="%d" text-anchor="middle">%s</text>`, place(x(i)+width/2), plotHeight-6, html.EscapeString(text))
		}
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // the SVG is drawn here, and escapes all texts
}

// bars draws a stack for each column.
func (p plot) bars(b *strings.Builder, x func(int) float64, y func(float64) float64, width float64) {
	gap := min(2, width/5)
	for i := range p.Columns {
		sum := 0.0
		for _, s := range p.Stacks {
			v := max(0, s.Values[i])
			if v == 0 {
				continue
			}
			height := y(sum) - y(sum+v)
			fmt.Fprintf(b, `<rect class="fill-%d" x="%s" y="%s" width="%s" height="%s"><title>%s</title></rect>`, s.Class, place(x(i)+gap/2), place(y(sum+v)), place(width-gap),
				place(max(height, 0.5)), html.EscapeString(p.Names[i]+", "+s.Name+": "+p.Unit(v)))
			sum += v
		}
	}
}

// lines draws a line for each series; a value that is not a number is a gap.
func (p plot) lines(b *strings.Builder, x func(int) float64, y func(float64) float64, width float64) {
	for _, s := range p.Stacks {
		var points []string
		flush := func() {
			if len(points) == 1 {
				points = append(points, points[0])
			}
			if len(points) > 0 {
				fmt.Fprintf(b, `<polyline class="line-%d" points="%s"><title>%s</title></polyline>`, s.Class, strings.Join(points, " "), html.EscapeString(s.Name))
			}
			points = nil
		}
		for i, v := range s.Values {
			if math.IsNaN(v) {
				flush()
				continue
			}
			points = append(points, place(x(i)+width/2)+","+place(y(v)))
		}
		flush()
	}
}

// place writes a place in a picture.
func place(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }
