// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// The limits of one upload to GitHub code scanning, which refuses more. Of the results it shows 5,000, errors first.
// https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
const (
	// maxResults is how many results there may be.
	maxResults = 25_000
	// maxRelated is how many locations of a result are looked at.
	maxRelated = 100
	// maxDescription is how many characters the description of a rule may have.
	maxDescription = 1024
	// maxHelp bounds a rule's page, in characters: policies of the repository may bring pages of their own.
	maxHelp = 20_000
)

// srcRoot is the name of the folder that the tree is checked out to, whatever that is.
const srcRoot = "%SRCROOT%"

// noFile is where a problem of no file is shown: a result needs a place, and the platform is declared there.
const noFile = "trunkline.yaml"

// noRule is the id of the rule where a problem names none.
const noRule = "trunkline"

func writeSARIF(out *bytes.Buffer, r Report) error {
	problems, invocation := r.upload()
	r.Problems = problems
	quotes := r.quote(problems)
	rules, index := r.sarifRules()
	prints := fingerprints{}
	results := make([]sarifResult, len(problems))
	for i, p := range problems {
		results[i] = sarifResult{
			RuleID: ruleID(p.Rule), RuleIndex: index[ruleID(p.Rule)], Level: word(p), Message: sarifMessage(p),
			Locations:        []sarifLocation{quotes.location(p.Position)},
			RelatedLocations: quotes.related(p), PartialFingerprints: prints.of(p),
		}
		if p.Path != "" {
			results[i].Locations[0].LogicalLocations = []sarifLogical{{FullyQualifiedName: name(p.Path), Kind: "member"}}
		}
	}
	return encode(out, sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0",
		Runs: []sarifRun{{
			Tool: sarifTool{Driver: sarifDriver{
				Name: r.Tool.name(), Version: r.Tool.Version, InformationURI: r.Tool.URI, Rules: rules,
			}},
			AutomationDetails:  sarifAutomation{ID: "trunkline/validate/"},
			Invocations:        []sarifInvocation{invocation},
			OriginalURIBaseIDs: map[string]sarifArtifact{srcRoot: {Description: &sarifText{Text: "the root of the tree"}}},
			ColumnKind:         "unicodeCodePoints",
			Results:            results,
		}},
	})
}

// upload returns the problems that fit into one upload, errors before warnings; the invocation names what was left out.
func (r Report) upload() (v1alpha1.Problems, sarifInvocation) {
	if len(r.Problems) <= maxResults {
		return r.Problems, sarifInvocation{ExecutionSuccessful: true}
	}
	kept := slices.Clone(r.Problems)
	slices.SortStableFunc(kept, func(a, b v1alpha1.Problem) int { return strings.Compare(word(a), word(b)) })
	kept = kept[:maxResults]
	kept.Sort()
	return kept, sarifInvocation{
		ExecutionSuccessful: true,
		ToolExecutionNotifications: []sarifNotification{{Level: "warning", Message: sarifText{Text: fmt.Sprintf(
			"%s problems are left out of %s, warnings first: code scanning takes %s in one upload. -o json shows all.",
			number.Of(len(r.Problems)-maxResults), number.Of(len(r.Problems)), number.Of(maxResults))}}},
	}
}

func ruleID(id string) string {
	if id == "" {
		return noRule
	}
	return name(id)
}

// sarifRules returns the broken rules, and where each is among them by its id in the report.
func (r Report) sarifRules() ([]sarifRule, map[string]int) {
	rules, index := []sarifRule{}, map[string]int{}
	for _, id := range r.broken() {
		if _, ok := index[ruleID(id)]; ok {
			continue // ids that differ in what cannot be printed only
		}
		rule := r.Rules[id]
		title := clean(rule.Title, maxDescription)
		if title == "" {
			title = ruleID(id)
		}
		level := word(v1alpha1.Problem{Severity: rule.Severity})
		help := sarifText{Text: title}
		if rule.Help != "" {
			page := cut(paragraphs(rule.Help), maxHelp)
			help = sarifText{Text: page, Markdown: page}
		}
		index[ruleID(id)] = len(rules)
		rules = append(rules, sarifRule{
			ID: ruleID(id), ShortDescription: sarifText{Text: title}, FullDescription: sarifText{Text: title}, Help: help,
			HelpURI: rule.HelpURI, DefaultConfiguration: sarifConfiguration{Level: level},
			Properties: map[string]string{"problem.severity": level, "precision": "very-high"},
		})
	}
	return rules, index
}

// paragraphs is harmless for texts of several lines.
func paragraphs(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, l := range lines {
		lines[i] = harmless(strings.ReplaceAll(l, "\t", "    "))
	}
	return strings.Join(lines, "\n")
}
