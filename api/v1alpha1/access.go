// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// KindAccess is the kind of declaration that says who may do what.
const KindAccess Kind = "Access"

// Access says who may do what with the platform, its projects and its environments. Where none is declared, those whom the
// daemon's own configuration lets in may do everything; where one is, nobody may do what no binding gives them.
type Access struct {
	Metadata Metadata   `json:"metadata" required:"true"`
	Spec     AccessSpec `json:"spec" required:"true"`
}

// AccessSpec is the body of an [Access].
type AccessSpec struct {
	// Teams are groups of people with a name, for the bindings of this declaration.
	Teams []AccessTeam `json:"teams,omitempty"`
	// Bindings give roles.
	Bindings []AccessBinding `json:"bindings" required:"true"`
}

// AccessTeam is who belongs to a team: whoever is in any of its lists.
type AccessTeam struct {
	// Name is how bindings call it: a DNS label.
	Name string `json:"name" required:"true"`
	// Users are those of the sign-on by their names, and those of GitHub as "github:LOGIN".
	Users []string `json:"users,omitempty"`
	// Groups are those of the sign-on's issuer.
	Groups []string `json:"groups,omitempty"`
	// GitHub are teams of GitHub, such as "acme/data".
	GitHub []string `json:"github,omitempty"`
}

// AccessBinding gives a role to whoever is in any of its lists.
type AccessBinding struct {
	// Role is what they may do.
	Role AccessRole `json:"role" required:"true"`
	// Users are those of the sign-on by their names, and others with how they sign on before it: "github:LOGIN", "ISSUER:NAME" for
	// machines, "project:PROJECT/NAME" for tokens of projects.
	Users []string `json:"users,omitempty"`
	// Groups are those of the sign-on's issuer.
	Groups []string `json:"groups,omitempty"`
	// Teams are those of this declaration.
	Teams []string `json:"teams,omitempty"`
	// Projects are those that a role of projects is for; "*" stands for all of them.
	Projects []string `json:"projects,omitempty"`
	// Environments are those that a role of environments is for; "*" stands for all of them.
	Environments []string `json:"environments,omitempty"`
}

// AccessRole is a set of rights with a name.
type AccessRole string

// The roles.
const (
	// PlatformAdmin may do everything.
	PlatformAdmin AccessRole = "platform-admin"
	// PlatformViewer sees everything but logs and data, and does nothing.
	PlatformViewer AccessRole = "platform-viewer"
	// ProjectAdmin may do everything with a project, and makes tokens for it; what it does in an environment needs a role there.
	ProjectAdmin AccessRole = "project-admin"
	// ProjectContributor works on a project: it deploys, where a role in the environment lets it.
	ProjectContributor AccessRole = "project-contributor"
	// EnvironmentAdmin may do everything with an environment; what it does with a project needs a role there.
	EnvironmentAdmin AccessRole = "environment-admin"
	// EnvironmentContributor deploys to an environment, where a role in the project lets it.
	EnvironmentContributor AccessRole = "environment-contributor"
	// EnvironmentOperator sees an environment, reads logs, and has lots made again; it deploys nothing.
	EnvironmentOperator AccessRole = "environment-operator"
)

// AccessRoles lists all roles.
func AccessRoles() []AccessRole {
	return []AccessRole{
		PlatformAdmin, PlatformViewer, ProjectAdmin, ProjectContributor, EnvironmentAdmin, EnvironmentContributor, EnvironmentOperator,
	}
}

func (AccessRole) values() []string {
	return []string{
		string(PlatformAdmin), string(PlatformViewer), string(ProjectAdmin), string(ProjectContributor), string(EnvironmentAdmin),
		string(EnvironmentContributor), string(EnvironmentOperator),
	}
}

// OfProjects reports whether a role is for projects, which a binding of it names.
func (r AccessRole) OfProjects() bool { return r == ProjectAdmin || r == ProjectContributor }

// OfEnvironments reports whether a role is for environments, which a binding of it names.
func (r AccessRole) OfEnvironments() bool {
	return r == EnvironmentAdmin || r == EnvironmentContributor || r == EnvironmentOperator
}
