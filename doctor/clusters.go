// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/reconciler/status"
)

// oldest and newest are the minor versions of Kubernetes 1 that are supported: server-side apply and what is read of objects are tried against them.
const (
	oldest = 34
	newest = 37
)

func clusterChecks() []Check {
	return []Check{
		{"cluster-daemon", Clusters, "the daemon reaches the cluster", reachedByDaemon},
		{"cluster-reachable", Clusters, "the cluster is reached from here", reached},
		{"cluster-version", Clusters, "its version of Kubernetes is supported, and the declared one", supported},
		{"cluster-apis", Clusters, "all its API groups answer", answering},
		{"cluster-rights", Clusters, "the account has the rights that the daemon needs", rights},
		{"cluster-kinds", Clusters, "it has all kinds that releases have", kinds},
		{"cluster-storage", Clusters, "it has the storage classes that claims of releases name", storage},
		{"cluster-machines", Clusters, "it has nodes with the labels that pods of releases select", machines},
		{"cluster-metrics", Clusters, "it serves metrics, if releases are scaled by them", metrics},
	}
}

// noCluster is said where none is known.
const noCluster = "no cluster is known: --cluster NAME=KUBECONFIG, or --config FILE"

func reachedByDaemon(f Facts) []Verdict {
	return running(f, func(r Running) []Verdict {
		return each(r.State.Clusters, "the daemon keeps no cluster", func(c status.Cluster) []Verdict {
			switch {
			case !c.Reachable && c.Message == "":
				return unchecked(c.Name, "the daemon has not asked it yet")
			case !c.Reachable:
				return []Verdict{{Fails, c.Name, c.Message, "see whether its API server runs, and whether the daemon's credentials for it are right; its releases are left as they are"}}
			case c.Warning != "":
				return []Verdict{{Warning, c.Name, c.Warning, "declare it as it is: trunkline cluster capabilities --write"}}
			}
			return ok(c.Name, "it answers the daemon")
		})
	})
}

// of has what is known of an API server that answers be judged.
func of(f Facts, by func(Cluster, Reached) []Verdict) []Verdict {
	return each(f.Clusters, noCluster, func(c Cluster) []Verdict {
		return judge(c.Reached, c.Name, func(r Reached) []Verdict {
			if r.Error != "" {
				return unchecked(c.Name, "it is not reached")
			}
			return by(c, r)
		})
	})
}

func reached(f Facts) []Verdict {
	return each(f.Clusters, noCluster, func(c Cluster) []Verdict {
		return must(c.Reached, c.Name, "see whether its API server runs, and what is between here and there: a VPN, a firewall, a proxy", func(r Reached) []Verdict {
			if r.Error != "" {
				return []Verdict{{Fails, c.Name, r.Error, cmp.Or(r.Hint, "see whether its API server runs, and whether the credentials are right")}}
			}
			return ok(c.Name, "it answers at %s", r.Address)
		})
	})
}

func supported(f Facts) []Verdict {
	return of(f, func(c Cluster, r Reached) []Verdict {
		is, err := semver.NewVersion(r.Version)
		if err != nil {
			return []Verdict{{Warning, c.Name, fmt.Sprintf("it says that its version is %q, which is none of Kubernetes", r.Version), "see what answers at " + r.Address}}
		}
		declared, wrong := semver.NewVersion(r.Declared)
		switch {
		case is.Major() == 1 && is.Minor() < oldest:
			return []Verdict{{Warning, c.Name, fmt.Sprintf("Kubernetes %s is older than 1.%d, the oldest that Trunkline is tried with", r.Version, oldest), "upgrade the cluster"}}
		case is.Major() != 1 || is.Minor() > newest:
			return []Verdict{{Warning, c.Name, fmt.Sprintf("Kubernetes %s is newer than 1.%d, the newest that this version of Trunkline is tried with", r.Version, newest), "upgrade Trunkline"}}
		case r.Declared != "" && wrong == nil && (declared.Major() != is.Major() || declared.Minor() != is.Minor()):
			return []Verdict{{
				Warning, c.Name, fmt.Sprintf("it is Kubernetes %s, and declared as %s: charts render for that", r.Version, r.Declared), "trunkline cluster capabilities --cluster " + c.Name + "=… --write, and commit it",
			}}
		}
		return ok(c.Name, "Kubernetes %s", r.Version)
	})
}

func answering(f Facts) []Verdict {
	return of(f, func(c Cluster, r Reached) []Verdict {
		if len(r.Silent) > 0 {
			return []Verdict{{
				Warning, c.Name, "these do not say what they serve: " + some(r.Silent, shown, ", "),
				`see the servers behind them: "kubectl get apiservices"; objects of these groups wait, and namespaces cannot be deleted`,
			}}
		}
		return ok(c.Name, "they do")
	})
}

func rights(f Facts) []Verdict {
	return of(f, func(c Cluster, _ Reached) []Verdict {
		return judge(c.Rights, c.Name, func(missing []Right) []Verdict {
			if len(missing) == 0 {
				return ok(c.Name, "it has the least that the daemon needs")
			}
			var names []string
			for _, r := range missing {
				names = append(names, r.String())
			}
			return []Verdict{{
				Fails, c.Name, fmt.Sprintf("%s of deploy/kustomize/rbac/daemon.yaml %s missing: %s", number.Count(len(missing), "right"), isAre(len(missing)), some(names, shown, "; ")),
				"kubectl apply --filename deploy/kustomize/rbac/daemon.yaml, and use the account trunkline of trunkline-system; docs/operations.md#rights has the reasons",
			}}
		})
	})
}

// String says a right as kubectl has it.
func (r Right) String() string {
	out := strings.Join(r.Verbs, ",") + " " + r.Resource
	if r.Name != "" {
		out += "/" + r.Name
	}
	if r.Namespace != "" {
		out += " in " + r.Namespace
	}
	return out
}

func kinds(f Facts) []Verdict {
	return of(f, func(c Cluster, _ Reached) []Verdict {
		return judge(c.Needs, c.Name, func(n Needs) []Verdict {
			if len(n.Missing) > 0 {
				var names []string
				for _, k := range n.Missing {
					names = append(names, fmt.Sprintf("%s %s (%s)", k.APIVersion, k.Kind, k.Release))
				}
				return []Verdict{{
					Fails, c.Name, "it does not serve " + some(names, shown, ", "),
					"install what defines them, such as the operator; or have a release define them",
				}}
			}
			if n.Unrendered > 0 {
				return unchecked(c.Name, "it serves %s; %s could not be rendered and may need others", number.Count(n.Count, "kind"), number.Count(n.Unrendered, "release"))
			}
			return ok(c.Name, "it serves %s", number.Count(n.Count, "kind"))
		})
	})
}
