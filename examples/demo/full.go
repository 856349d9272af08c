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
	}
}

// engine is the folder of an engine.
func (o options) engine(name string) string {
	return filepath.Join(o.engines, filepath.FromSlash(name))
}

// checkEngines finds which engine is missing before anything is started.
func (o options) checkEngines() error {
	var missing []error
	for _, file := range []string{"spark/home/bin/spark-submit"} {
		if _, err := os.Stat(o.engine(file)); err != nil {
			missing = append(missing, fmt.Errorf("%s is not there: \"make demo FULL=1\" in the repository's root installs it", o.engine(file)))
		}
	}
	return errors.Join(missing...)
}

// addProject writes the files of a project that only the whole demo has, and pushes them. It returns the commit, and when it was pushed.
func (d *demo) addProject(ctx context.Context, folder, project, subject string, places ...string) (commit string, begin time.Time, err error) {
	if err := d.pullMain(ctx); err != nil {
		return "", begin, err
	}
	from := path.Join("full", folder)
	replace := strings.NewReplacer(places...)
	err = fs.WalkDir(fullFiles, from, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fullFiles.ReadFile(name)
		if err != nil {
			return err
		}
		return d.repo.Write(path.Join("projects", project, strings.TrimPrefix(name, from+"/")), replace.Replace(string(data)))
	})
	if err != nil {
		return "", begin, fmt.Errorf("adding project %s: %w", project, err)
	}
	if commit, err = d.repo.Commit(ctx, subject); err != nil {
		return "", begin, err
	}
	begin, err = d.publish(ctx, commit, subject)
	return commit, begin, err
}
