// SPDX-License-Identifier: Apache-2.0

package draw

import "strings"

// inlineClass is that of pictures within pages.
const inlineClass = "flow"

// Stylesheet returns the style of pictures that are drawn inline, for the page that they are in, of which it touches nothing else.
func Stylesheet() string {
	return "svg." + inlineClass + "{" + stylesheet(true) + "}\n"
}

// stylesheet returns the colours: those for light pages, and what is different on dark ones. Elements have classes and no
// colours of their own, and those of changes are there only where there are some; variables are not used, since converters to other formats do not know them.
func stylesheet(changes bool) string {
	light := []string{
		`text{font-family:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","Liberation Sans",Arial,sans-serif;font-size:12px;fill:#1f2328}`,
		`.node text,.label text{text-anchor:middle}`,
		`.page{fill:#ffffff}`,
		`.title{font-size:15px;font-weight:600}`,
		`.caption,.note,.legend,.owner,.detail,.label text{font-size:10px;fill:#59636e}`,
		`.note{fill:#9a6700}`,
		`.frame rect{fill:#f6f8fa;stroke:#d1d9e0}`,
		`.frame .name{font-size:11px;font-weight:600}`,
		`.node rect{fill:#ffffff;stroke:#818b98;stroke-width:1.2}`,
		`.dataset rect{fill:#ddf4ff;stroke:#0969da}`,
		`.workload rect{fill:#fff8c5;stroke:#bf8700}`,
		`.dag rect{fill:#fbefff;stroke:#8250df}`,
		`.project rect,.owner rect{fill:#f6f8fa;stroke:#818b98}`,
		`.project text,.node.owner text{font-weight:600}.project .detail,.node.owner .detail{font-weight:400}`,
		`.label rect{fill:#ddf4ff;stroke:#54aeff;stroke-width:.8}`,
		`.off rect{stroke-dasharray:4 3;fill:#ffffff}.off text{fill:#818b98}`,
		`.external rect{stroke-dasharray:2 3}`,
		`.missing rect{stroke:#d1242f;stroke-dasharray:4 3;fill:#ffebe9}.missing text{fill:#d1242f}`,
		`.node.cycle rect{stroke:#d1242f;stroke-width:2.4}`,
		`.focus rect{stroke-width:3}.focus text{font-weight:600}`,
		`.edge path,path.edge{fill:none;stroke:#818b98;stroke-width:1.2}`,
		`.edge .head{fill:#818b98;stroke:none}`,
		`.after path{stroke-dasharray:5 3}`,
		`.edge.cycle path,path.edge.cycle{stroke:#d1242f;stroke-width:2}.edge.cycle .head{fill:#d1242f;stroke:none}`,
		`.label.cycle rect{stroke:#d1242f}`,
		`.edge:hover path{stroke:#0969da;stroke-width:2.4}.edge:hover .head{fill:#0969da;stroke:none}`,
	}
	dark := []string{
		`text{fill:#f0f6fc}`,
		`.page{fill:#0d1117}`,
		`.caption,.legend,.owner,.detail,.label text{fill:#9198a1}`,
		`.note{fill:#d29922}`,
		`.frame rect{fill:#151b23;stroke:#3d444d}`,
		`.node rect{fill:#0d1117;stroke:#656c76}`,
		`.dataset rect{fill:#0c2d57;stroke:#4493f8}`,
		`.workload rect{fill:#32270a;stroke:#9e6a03}`,
		`.dag rect{fill:#271052;stroke:#8957e5}`,
		`.project rect,.owner rect{fill:#212830;stroke:#656c76}`,
		`.label rect{fill:#0c2d57;stroke:#1f6feb}`,
		`.off rect{fill:#0d1117}.off text{fill:#656c76}`,
		`.missing rect{fill:#25171c;stroke:#f85149}.missing text{fill:#f85149}`,
		`.node.cycle rect,.label.cycle rect{stroke:#f85149}`,
		`.edge path,path.edge{stroke:#656c76}.edge .head{fill:#656c76}`,
		`.edge.cycle path,path.edge.cycle{stroke:#f85149}.edge.cycle .head{fill:#f85149}`,
		`.edge:hover path{stroke:#4493f8}.edge:hover .head{fill:#4493f8}`,
	}
	if changes {
		light = append(light,
			`.node.added rect{stroke:#1a7f37;stroke-width:2.4}.node.touched rect{stroke-width:2.4}`,
			`.node.removed rect{stroke:#818b98;stroke-dasharray:4 3;fill:#ffffff}.node.removed text{fill:#818b98;text-decoration:line-through}`,
			`.edge.added path{stroke:#1a7f37;stroke-width:2.4}.edge.added .head{fill:#1a7f37}`,
			`.edge.removed path{stroke-dasharray:1 4}`,
		)
		dark = append(dark,
			`.node.added rect{stroke:#3fb950}.edge.added path{stroke:#3fb950}.edge.added .head{fill:#3fb950}`,
			`.node.removed rect{fill:#0d1117;stroke:#656c76}.node.removed text{fill:#656c76}`,
		)
	}
	return "\n" + strings.Join(light, "\n") + "\n@media (prefers-color-scheme:dark){\n" + strings.Join(dark, "\n") + "\n}\n"
}
