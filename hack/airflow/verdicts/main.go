// SPDX-License-Identifier: Apache-2.0

// Command verdicts compares what package airflow says of DAG files with what Apache Airflow says.
//
//	verdicts VERSION LIST ANSWERS
//
// LIST has a path a line, and after tabs the folders that Python finds modules in; ANSWERS is what answers.py wrote for it.
// It prints a line of the table in docs/compatibility.md, and fails if a file that Airflow loads is denied, or one that
// Airflow refuses is called fine.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/airflow"
)

// answer is what Airflow says of a file.
type answer struct {
	Accepted bool
	Errors   []struct{ Kind, Message string }
}

// foreign reports whether Airflow refuses a file for a package that is not installed, which says nothing about the file.
func (a answer) foreign() bool {
	return slices.ContainsFunc(a.Errors, func(e struct{ Kind, Message string }) bool {
		of := strings.TrimPrefix(e.Message, "No module named '")
		return e.Kind == "ModuleNotFoundError" && (!strings.HasPrefix(of, "airflow.") || strings.HasPrefix(of, "airflow.providers.")) ||
			e.Kind == "Exit" || e.Kind == "ImportError" && !strings.Contains(e.Message, "airflow")
	})
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: verdicts VERSION LIST ANSWERS")
		os.Exit(2)
	}
	wrong, err := run(v1alpha1.AirflowVersion(os.Args[1]), os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if wrong > 0 {
		os.Exit(1)
	}
}

func run(version v1alpha1.AirflowVersion, list, answers string) (wrong int, err error) {
	lines, err := os.ReadFile(list) //nolint:gosec // what the caller names
	if err != nil {
		return 0, err
	}
	data, err := os.ReadFile(answers) //nolint:gosec // what the caller names
	if err != nil {
		return 0, err
	}
	var said struct{ Cases map[string]answer }
	if err := json.Unmarshal(data, &said); err != nil {
		return 0, err
	}
	var fine, denied, undecided, refused, unknown int
	for line := range strings.Lines(string(lines)) {
		file, rest, _ := strings.Cut(strings.TrimSpace(line), "\t")
		a, asked := said.Cases[file]
		problems, err := check(version, file, strings.Fields(rest))
		if err != nil {
			return wrong, err
		}
		open := slices.ContainsFunc(problems, func(p v1alpha1.Problem) bool { return p.Rule == airflow.RuleUndecided })
		switch {
		case problems.Denied():
			denied++
		case open:
			undecided++
		default:
			fine++
		}
		switch {
		case !asked || !a.Accepted && a.foreign():
			unknown++
		case !a.Accepted:
			refused++
			if !problems.Denied() && !open {
				wrong++
				fmt.Printf("CALLED FINE %s: Airflow says %v\n", file, a.Errors)
			}
		case problems.Denied():
			wrong++
			fmt.Printf("DENIED %s:\n%s\n", file, problems)
		}
	}
	fmt.Printf("| %s | %d | %d | %d | %d | %d | %d | %d |\n", version, fine+denied+undecided, fine, undecided, denied, refused, unknown, wrong)
	return wrong, nil
}

// check reads a file, and what it imports from the folders.
func check(version v1alpha1.AirflowVersion, file string, roots []string) (v1alpha1.Problems, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &airflow.Reader{Version: version, Tree: os.DirFS("/")}
	for _, root := range roots {
		r.Roots = append(r.Roots, strings.TrimPrefix(root, "/"))
	}
	return airflow.Check([]*airflow.Module{r.Parse(strings.TrimPrefix(file, "/"), data)}), nil
}
