// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// KindPackage is the kind of declaration of code that projects share.
const KindPackage Kind = "Package"

// Package is code that projects share: modules of Python, SQL, or whatever their programs read. A version of it, once released, never changes.
type Package struct {
	Metadata Metadata    `json:"metadata" required:"true"`
	Spec     PackageSpec `json:"spec" required:"true"`
}

// PackageSpec is the body of a [Package].
type PackageSpec struct {
	// Owner is the GitHub team or user that owns the package, such as "team-platform".
	Owner string `json:"owner" required:"true"`
	// Description says what the package is for, in a sentence; default: none.
	Description string `json:"description,omitempty"`
	// Versions are those that were released. What each holds is in the folder "versions/VERSION" beside the declaration.
	Versions []PackageVersion `json:"versions,omitempty"`
	// Trial lets one project use what is in the folder "src" beside the declaration, as the version "trial"; default: none may.
	Trial *PackageTrial `json:"trial,omitempty" bare:"refused"`
}

// PackageVersion is a version that was released.
type PackageVersion struct {
	// Version is a semantic version, such as "1.2.0".
	Version string `json:"version" required:"true"`
	// Digest identifies what the version holds, as "trunkline package release" writes it: "sha256:" and 64 digits.
	Digest string `json:"digest" required:"true"`
	// Withdrawn says why the version may not be used any more, such as "loses orders of leap days"; its folder may then be deleted. Default: it may be used.
	Withdrawn string `json:"withdrawn,omitempty"`
}

// PackageTrial is who tries what is not released yet.
type PackageTrial struct {
	// Project is the only one that may use the version "trial".
	Project string `json:"project" required:"true"`
}

// PackageUse is a version of a package that programs are given, below "packages/NAME" in their folder, which is read-only and on the path of Python.
type PackageUse struct {
	// Name is that of the package, such as "acme-utils".
	Name string `json:"name" required:"true"`
	// Version is one that was released, such as "1.2.0", or "trial".
	Version string `json:"version" required:"true"`
}
