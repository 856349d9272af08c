// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "cmp"

// Build says how an image is made of files of a project: they are put on another image, as they are. Nothing is installed or compiled.
type Build struct {
	// Base is the image that the files are put on, by its digest, such as "docker.io/library/python:3.13-slim@sha256:0123…". What
	// programs need beside the files, such as packages of Python, is in it.
	Base string `json:"base" required:"true"`
	// Files are the files and folders beside the declaration that are put on it, such as "src", or patterns of them, such as "*.py".
	// They keep their paths, and whether they can be executed.
	Files []string `json:"files" required:"true"`
	// Exclude are patterns of what is left out of folders, as a .gitignore has them, such as "tests/". What a .gitignore names is left
	// out too; default: caches of Python and of tools.
	Exclude []string `json:"exclude,omitempty"`
	// To is the folder of the image that the files are put into, and that programs start in; default: "/app".
	To string `json:"to,omitempty"`
	// Repository is where the image is pushed to, such as "ghcr.io/acme/orders"; default: where the image is that is declared.
	Repository string `json:"repository,omitempty"`
	// Platforms are those that the image is made for, such as "linux/arm64"; default: linux/amd64 and linux/arm64, as far as the base has
	// them.
	Platforms []string `json:"platforms,omitempty"`
	// Env is added to the variables that the base sets, such as "PYTHONPATH: /app/src".
	Env map[string]string `json:"env,omitempty"`
	// Entrypoint is the program that is started where a workload has no command; default: the base's.
	Entrypoint []string `json:"entrypoint,omitempty"`
	// User is who programs run as, as a number or as two with a colon between, such as "1000"; default: the base's.
	User string `json:"user,omitempty"`
}

// defaultTo is the folder that files are put into.
const defaultTo = "/app"

// Folder is where the files are put.
func (b Build) Folder() string { return cmp.Or(b.To, defaultTo) }
