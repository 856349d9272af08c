// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Workspaces says what people's notebooks and editors are made from, and how many a person may have.
type Workspaces struct {
	// Bases maps the name of a base to what it is, as workloads of the blueprints "notebook" and "ide" call it; default: none.
	Bases map[string]WorkspaceBase `json:"bases,omitempty"`
	// PerPerson is how many workspaces a person may have on the platform, stopped ones included; default: 3.
	PerPerson int `json:"perPerson,omitempty" unit:"workspaces"`
	// OwnImages lets workloads have images of their own in place of those of bases; default: false.
	OwnImages bool `json:"ownImages,omitempty"`
}

// EnvironmentWorkspaces says what people's notebooks and editors are made from in an environment.
type EnvironmentWorkspaces struct {
	// Only names the bases of the platform that there are here, "[]" for none of them; default: all.
	Only []string `json:"only,omitempty"`
	// Bases maps the name of a base to what it is here, beside those of the platform, or in place of the one of its name; default: none.
	Bases map[string]WorkspaceBase `json:"bases,omitempty"`
}

// WorkspaceBase is an image that workspaces are made from.
type WorkspaceBase struct {
	// Image is the image, by its digest, such as "registry.acme.example/jupyter@sha256:0123…".
	Image string `json:"image" required:"true"`
	// Blueprint is the one that it is for; default: notebook.
	Blueprint WorkspaceBlueprint `json:"blueprint,omitempty"`
	// Size is the size class of workloads that name none; default: that of the environment or the platform.
	Size string `json:"size,omitempty"`
	// Description says what is in it; default: nothing is said.
	Description string `json:"description,omitempty"`
}

// WorkspaceBlueprint is a blueprint that workspaces are of.
type WorkspaceBlueprint string

// The blueprints of workspaces.
const (
	// NotebookBlueprint is JupyterLab.
	NotebookBlueprint WorkspaceBlueprint = "notebook"
	// IDEBlueprint is code-server, which is Visual Studio Code in a browser.
	IDEBlueprint WorkspaceBlueprint = "ide"
)

func (WorkspaceBlueprint) values() []string {
	return []string{string(NotebookBlueprint), string(IDEBlueprint)}
}
