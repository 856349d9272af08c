// SPDX-License-Identifier: Apache-2.0

// Package web is the console in the browser: pages of HTML, made by the daemon, that show what its read models know, and stay
// current while one looks at them.
//
// A page is
//
//   - a row in [pages]: its pattern, the name of its template, and its function;
//   - a template, templates/NAME.html, that defines "main" and gets what the page shows; shared.html has what several need;
//   - a function of the values that it shows, such as [platformView]: from a state, a query and a time to a struct of texts, without
//     HTTP, which is what tests of tables look at;
//   - a function of the shape func(*ask) (shown, error), which reads the sources and the query, and calls the former.
//
// A page shows what its caller may see: a.state and what a.recent returns are that already; what comes from elsewhere (the catalog, the
// lots) is asked about with a.sight.
//
// What changes while one looks at it stands in elements with data-part="NAME", each NAME once a page: when the platform changes,
// console.js fetches the page again, and puts the parts that differ in the place of the old ones. There is no other code for
// pages that stay current, and nothing is shown that a reload would not show. shown.Scope says which changes are the page's.
//
// Whatever others wrote (names, subjects of commits, messages, labels, links) goes through html/template, as text, and addresses
// through [external]. The policy of the pages allows styles and scripts of this package only: no style attributes, no handlers in
// HTML. A form that filters has data-filter. Keys are in console.js, and in the dialog of layout.html.
//
// Of Trunkline it may import access, api, catalog, catalog/draw, catalog/flowchart, console, cost/usage, docs/rules, flow/plan,
// flow/report, promotion, reconciler/history, reconciler/status and webhooks/report.
package web
