// SPDX-License-Identifier: Apache-2.0

// Package workspace is what the params of the blueprints notebook and ide say: what a workspace is made from, when it is stopped and removed,
// and where its server listens in its pod.
//
// It is pure. Of Trunkline it imports api/param.
package workspace

import (
	"errors"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/param"
)

// The names of the embedded blueprints.
const (
	Notebook = "notebook"
	IDE      = "ide"
)

// Is reports whether a blueprint is one of those.
func Is(blueprint string) bool { return blueprint == Notebook || blueprint == IDE }

const (
	// The ports at which servers listen, each in its own pod and for itself alone.
	notebookPort, idePort = 8888, 8889
	// defaultIdle is after how long without activity a workspace is stopped.
	defaultIdle = time.Hour
	// leastIdle keeps it from being stopped before anybody has opened it.
	leastIdle = 5 * time.Second
)

// The variables that a workspace of a person has, beside those of its workload.
const (
	// PathVariable is the path at which its server is.
	PathVariable = "TRUNKLINE_WORKSPACE_PATH"
	// TokenVariable is what lets us in.
	TokenVariable = "TRUNKLINE_WORKSPACE_TOKEN"
	// RepositoryVariable is what is cloned at the first start.
	RepositoryVariable = "TRUNKLINE_GIT_REPOSITORY"
	// BranchVariable is the branch of it.
	BranchVariable = "TRUNKLINE_GIT_BRANCH"
	// FolderVariable is where to, below the home folder.
	FolderVariable = "TRUNKLINE_GIT_FOLDER"
	// GitFolder is where a person's own credentials for Git are, if they gave any.
	GitFolder = "/var/run/trunkline/git"
	// GitVolume is the volume that they are in.
	GitVolume = "git"
)

// Params are those of a workload that the daemon itself reads. The chart has the rest of them.
type Params struct {
	// Base is the name of a base; empty for the only one of the blueprint.
	Base string `json:"base"`
	// Idle is after how long without activity a workspace is stopped, such as "1h".
	Idle string `json:"idle"`
	// ExpireDays is after how many days that it is stopped it is removed; 0 for never.
	ExpireDays int64 `json:"expireDays"`
	// KeepVolume has volumes stay when their workspace is deleted.
	KeepVolume bool `json:"keepVolume"`
}

// Setup is what params mean.
type Setup struct {
	Idle time.Duration
	// Expires is after how long that it is stopped it is removed; 0 for never.
	Expires time.Duration
	// KeepVolume has volumes stay when their workspace is deleted.
	KeepVolume bool
}

// Parse reads params, and refuses by a [param.Error] what the schema of the blueprints cannot.
func Parse(values map[string]any) (Params, Setup, error) {
	var p Params
	if err := param.Read(values, &p); err != nil {
		return Params{}, Setup{}, err
	}
	s := Setup{Idle: defaultIdle, Expires: time.Duration(p.ExpireDays) * 24 * time.Hour, KeepVolume: p.KeepVolume}
	if p.Idle == "" {
		return p, s, nil
	}
	idle, err := time.ParseDuration(p.Idle)
	if err != nil || idle < leastIdle {
		return Params{}, Setup{}, param.Wrong(`write it like "30m" or "2h"`, errors.New("it is no time after which a workspace is stopped"), "idle")
	}
	s.Idle = idle
	return p, s, nil
}

// Port is where the server of a kind of workspace listens.
func Port(kind string) int {
	if kind == IDE {
		return idePort
	}
	return notebookPort
}

// Folder is where a repository is cloned to, below the home folder.
func Folder(repository string) string {
	name := strings.TrimSuffix(strings.TrimRight(repository, "/"), ".git")
	name = name[strings.LastIndexAny(name, "/:")+1:]
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, name)
	if name = strings.Trim(name, ".-"); name == "" {
		return "repository"
	}
	return name
}
