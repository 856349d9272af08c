// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// fullFiles are the projects that only the whole demo has, with places between signs of "@".
//
//go:embed full
var fullFiles embed.FS

// fullLimit is how long a step with an engine of data platforms may take.
const fullLimit = 6 * time.Minute

// fullSteps are those with the engines of data platforms, which "make demo FULL=1" installs.
func (d *demo) fullSteps() []step {
	return []step{
		{"Merge a Spark job: executors are pods, and its lot is there", fullLimit, d.runSpark},
		{"Merge an Airflow and a DAG: lots start it, and what it makes are lots", fullLimit, d.runAirflow},
		{"Merge and open a notebook: JupyterLab, for one person", fullLimit, d.openNotebook},
	}
}

// engine is the folder of an engine.
func (o options) engine(name string) string {
	return filepath.Join(o.engines, filepath.FromSlash(name))
}

// checkEngines finds which engine is missing before anything is started.
func (o options) checkEngines() error {
	var missing []error
	for _, file := range []string{"spark/home/bin/spark-submit", "engines/airflow/bin/airflow", "engines/jupyter/bin/jupyter-lab"} {
		if _, err := os.Stat(o.engine(file)); err != nil { //nolint:gosec // the user says where they are
			missing = append(missing, fmt.Errorf("%s is not there: \"make demo FULL=1\" in the repository's root installs it", o.engine(file)))
		}
	}
	return errors.Join(missing...)
}

// addProjects writes the files of projects that only the whole demo has, and pushes them. It returns the commit, and when it was pushed.
func (d *demo) addProjects(ctx context.Context, projects []string, subject string, edits []edit, places ...string) (commit string, begin time.Time, err error) {
	if err := d.pullMain(ctx); err != nil {
		return "", begin, err
	}
	if err := d.repo.apply(edits); err != nil {
		return "", begin, err
	}
	replace := strings.NewReplacer(places...)
	for _, project := range projects {
		err = fs.WalkDir(fullFiles, path.Join("full", project), func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			data, err := fullFiles.ReadFile(name)
			if err != nil {
				return err
			}
			return d.repo.Write(path.Join("projects", strings.TrimPrefix(name, "full/")), replace.Replace(string(data)))
		})
		if err != nil {
			return "", begin, fmt.Errorf("adding project %s: %w", project, err)
		}
	}
	if commit, err = d.repo.Commit(ctx, subject); err != nil {
		return "", begin, err
	}
	begin, err = d.publish(ctx, commit, subject)
	return commit, begin, err
}
