package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// What GitHub code scanning takes in one upload; it refuses more. Of the results it shows 5,000, errors first.
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

// The types of SARIF 2.1.0 are as much of it as the report uses. A library for all of it was tried: it spells out some 20
// empty defaults with every result, three times the bytes, and brings a second validator of JSON Schema with it.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool               sarifTool                `json:"tool"`
		AutomationDetails  sarifAutomation          `json:"automationDetails"`
		Invocations        []sarifInvocation        `json:"invocations"`
		OriginalURIBaseIDs map[string]sarifArtifact `json:"originalUriBaseIds"`
		ColumnKind         string                   `json:"columnKind"`
		Results            []sarifResult            `json:"results"`
	}
	sarifAutomation struct {
		ID string `json:"id"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri,omitempty"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string             `json:"id"`
		ShortDescription     sarifText          `json:"shortDescription"`
		FullDescription      sarifText          `json:"fullDescription"`
		Help                 sarifText          `json:"help"`
		HelpURI              string             `json:"helpUri,omitempty"`
		DefaultConfiguration sarifConfiguration `json:"defaultConfiguration"`
		Properties           map[string]string  `json:"properties"`
	}
	sarifConfiguration struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifInvocation struct {
		ExecutionSuccessful        bool                `json:"executionSuccessful"`
		ToolExecutionNotifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID              string            `json:"ruleId"`
		RuleIndex           int               `json:"ruleIndex"`
		Level               string            `json:"level"`
		Message             sarifText         `json:"message"`
		Locations           []sarifLocation   `json:"locations"`
		RelatedLocations    []sarifLocation   `json:"relatedLocations,omitempty"`
		PartialFingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		ID               int            `json:"id,omitempty"`
		PhysicalLocation sarifPhysical  `json:"physicalLocation"`
		LogicalLocations []sarifLogical `json:"logicalLocations,omitempty"`
		Message          *sarifText     `json:"message,omitempty"`
	}
	sarifPhysical struct {
		ArtifactLocation sarifArtifact `json:"artifactLocation"`
		Region           sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI         string     `json:"uri,omitempty"`
		URIBaseID   string     `json:"uriBaseId,omitempty"`
		Description *sarifText `json:"description,omitempty"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine"`
		EndColumn   int `json:"endColumn"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
)

func writeSARIF(out *bytes.Buffer, r Report) error {
	problems, invocation := r.upload()
	r.Problems = problems
	quotes := r.quote(problems)
	rules, index := r.sarifRules()
	prints := fingerprints{}
	results := make([]sarifResult, len(problems))
	for i, p := range problems {
		results[i] = sarifResult{
			RuleID: ruleID(p.Rule), RuleIndex: index[p.Rule], Level: word(p), Message: sarifMessage(p),
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

// upload gives the problems that fit into one upload, errors before warnings, and says if some do not.
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
			number(len(r.Problems)-maxResults), number(len(r.Problems)), number(maxResults))}}},
	}
}

func ruleID(id string) string {
	if id == "" {
		return noRule
	}
	return name(id)
}

// sarifRules gives the broken rules, and where each is among them.
func (r Report) sarifRules() ([]sarifRule, map[string]int) {
	rules, index := []sarifRule{}, map[string]int{}
	for _, id := range r.broken() {
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
		index[id] = len(rules)
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
