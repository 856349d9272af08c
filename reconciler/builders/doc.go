// SPDX-License-Identifier: Apache-2.0

// Package builders runs Kustomize, and evaluates code of languages such as Jsonnet, in processes of its own, so that a build can be
// stopped, cannot take more than its share of memory, and takes nothing with it when it dies: not the daemon, and no other build.
//
// A [Pool] is the daemon's side. It starts the program that it is configured with, with nothing of the daemon's environment, and
// sends it one build at a time; [Work] is what that program does. They speak frames (package frame) over stdin and stdout: the files
// that the check of a kustomization has read go with it, and for others the process asks back, so that the daemon's tree is read, and
// what is read is recorded, by the daemon alone.
//
// It may import render/kustomize, render/code and nothing else of Trunkline but what is below it.
package builders
