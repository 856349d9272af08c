// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/cel/guard"
)

// placementCost bounds what one condition may cost on one cluster, in the units of CEL: about a thousandth of a second.
const placementCost = 10_000

// choices evaluates the conditions by which projects choose clusters. Each is compiled once for all projects that have it. It may be used by
// several goroutines.
type choices struct {
	clusters map[string]*v1alpha1.Cluster

	mu     sync.Mutex
	env    *cel.Env
	bounds []cel.ProgramOption
	wheres map[string]*where
}

// where is a condition, compiled.
type where struct {
	program cel.Program
	flaws   []guard.Flaw
	// verdicts are by cluster.
	verdicts map[string]verdict
}

type verdict struct {
	matches bool
	// wrong says why it is not known.
	wrong string
}

func newChoices(clusters map[string]*v1alpha1.Cluster) *choices {
	return &choices{clusters: clusters, wheres: map[string]*where{}}
}

// matches reports whether a cluster meets a condition, which without a text every one does. What is not known does not match; wrong says why.
func (p *choices) matches(text, cluster string) (is bool, wrong string) {
	if text == "" {
		return true, ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.compiled(text)
	if w.program == nil {
		return false, ""
	}
	v, asked := w.verdicts[cluster]
	if !asked {
		v = evaluate(w.program, cluster, &p.clusters[cluster].Spec)
		w.verdicts[cluster] = v
	}
	return v.matches, v.wrong
}

// flaws are what keeps a condition from being used.
func (p *choices) flaws(text string) []guard.Flaw {
	if text == "" {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.compiled(text).flaws
}

// compiled returns a condition. The caller holds the lock.
func (p *choices) compiled(text string) *where {
	w := p.wheres[text]
	if w != nil {
		return w
	}
	w = &where{verdicts: map[string]verdict{}}
	p.wheres[text] = w
	if err := p.prepare(); err != nil {
		w.flaws = []guard.Flaw{{Message: err.Error()}}
		return w
	}
	c, flaws := guard.Compile(p.env, p.bounds, text, cel.BoolType, placementCost)
	if w.flaws = flaws; len(flaws) == 0 {
		w.program = c.Program
	}
	return w
}

// prepare makes the environment of the expressions.
func (p *choices) prepare() error {
	if p.env != nil {
		return nil
	}
	text := cel.StringType
	set, err := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()).Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions: []cel.EnvOption{
			cel.Variable("name", text), cel.Variable("cloud", text), cel.Variable("region", text), cel.Variable("labels", cel.MapType(text, text)),
		},
	})
	if err != nil {
		return fmt.Errorf("preparing CEL for the choice of clusters: %w", err)
	}
	env := set.StoredExpressionsEnv()
	if p.bounds, err = guard.Program(env); err != nil {
		return fmt.Errorf("bounding CEL for the choice of clusters: %w", err)
	}
	p.env = env
	return nil
}

func evaluate(program cel.Program, name string, c *v1alpha1.ClusterSpec) verdict {
	labels := c.Labels
	if labels == nil {
		labels = map[string]string{}
	}
	out, _, err := program.Eval(map[string]any{"name": name, "cloud": c.Cloud, "region": c.Region, "labels": labels})
	if err != nil {
		return verdict{wrong: err.Error()}
	}
	return verdict{matches: out == types.True}
}

// PlacesOf lists the clusters that a project is on in an environment, in the order of the environment: all of them, unless the project says
// otherwise. One that is drained counts only for a project that is on all, or if every other that it may be on is drained, too.
func (c *Catalog) PlacesOf(p *Project, env string) []string {
	may := c.mayBeOn(p, env)
	placed := p.Spec.Environments[env].Cluster
	if placed == nil || len(may) == 0 {
		return may
	}
	switch placed.Spread {
	case v1alpha1.SpreadAll:
		return may
	case v1alpha1.SpreadWorkloads:
		var out []string
		for _, cluster := range may {
			if slices.ContainsFunc(p.Spec.Workloads, func(w v1alpha1.Workload) bool {
				return !p.Excludes(env, w.Name) && nearest(p.Name, w.Name, may) == cluster
			}) {
				out = append(out, cluster)
			}
		}
		if len(out) == 0 { // without workloads there is still a namespace, and what else the project has
			return may[:1]
		}
		return out
	case v1alpha1.SpreadOne:
	}
	return may[:1]
}

// mayBeOn lists the clusters among which it is chosen where a project is, in the order of the environment.
func (c *Catalog) mayBeOn(p *Project, env string) (out []string) {
	out = c.matching(p, env)
	if p.Spec.Environments[env].Cluster == nil {
		return out
	}
	if open := slices.DeleteFunc(slices.Clone(out), func(cluster string) bool { return c.leaves(p, env, cluster) }); len(open) > 0 {
		return open
	}
	return out
}

// matching lists the clusters of an environment that meet the condition of a project, in the order of the environment.
func (c *Catalog) matching(p *Project, env string) (out []string) {
	e := c.Environments[env]
	if e == nil {
		return nil
	}
	placed := p.Spec.Environments[env].Cluster
	for i, cluster := range e.Spec.Clusters {
		if c.Clusters[cluster] == nil || slices.Contains(e.Spec.Clusters[:i], cluster) {
			continue
		}
		if placed == nil {
			out = append(out, cluster)
		} else if is, _ := c.choices.matches(placed.Where, cluster); is {
			out = append(out, cluster)
		}
	}
	return out
}

// leaves reports whether a project is to leave a cluster that is drained, if it may be on another one. Which ones do by a share of less than
// all follows from a hash of their names: with a larger share further ones do, and none come back.
func (c *Catalog) leaves(p *Project, env, cluster string) bool {
	d := c.Drained(cluster)
	return d != nil && (d.Share == nil || mixed(p.Name, env, cluster)%percent < uint64(max(*d.Share, 0)))
}

// percent is how many hundredths are all.
const percent = 100

// nearest chooses one of several clusters for a workload by rendezvous hashing: when one comes or goes, only those workloads move that go
// there or were there.
func nearest(project, workload string, clusters []string) (best string) {
	var most uint64
	for _, cluster := range clusters {
		sum := mixed(project, workload, cluster)
		if best == "" || sum > most {
			best, most = cluster, sum
		}
	}
	return best
}

// mixed is a hash of several texts.
func mixed(parts ...string) uint64 {
	h := fnv.New64a()
	for _, part := range parts {
		_, _ = h.Write([]byte(part + sep)) // it never fails
	}
	// FNV's high bits hardly differ for texts that differ in their last characters; the rest of the mixing is that of SplitMix64.
	sum := h.Sum64()
	sum = (sum ^ sum>>30) * 0xbf58476d1ce4e5b9
	sum = (sum ^ sum>>27) * 0x94d049bb133111eb
	return sum ^ sum>>31
}

// IsOn reports whether a workload is on a cluster that its project is on.
func (c *Catalog) IsOn(p *Project, workload string, id ReleaseID) bool {
	placed := p.Spec.Environments[id.Environment].Cluster
	return placed == nil || placed.Spread != v1alpha1.SpreadWorkloads || nearest(p.Name, workload, c.mayBeOn(p, id.Environment)) == id.Cluster
}

// PlacesOfWorkload lists the clusters that a workload of a project is on in an environment, in the order of the environment; none if it is not
// declared there.
func (c *Catalog) PlacesOfWorkload(p *Project, workload, env string) []string {
	if _, _, is := p.Workload(workload); !is || p.Excludes(env, workload) {
		return nil
	}
	if _, there := p.Spec.Environments[env]; !there {
		return nil
	}
	return slices.DeleteFunc(c.PlacesOf(p, env), func(cluster string) bool {
		return !c.IsOn(p, workload, ReleaseID{Project: p.Name, Environment: env, Cluster: cluster})
	})
}

// LotsOn names the cluster on which the lots of a workload are made as long as all answer; empty if there is none.
func (c *Catalog) LotsOn(p *Project, workload, env string) string {
	on := c.inOrderOfUse(c.PlacesOf(p, env))
	for _, cluster := range on {
		if c.IsOn(p, workload, ReleaseID{Project: p.Name, Environment: env, Cluster: cluster}) {
			return cluster
		}
	}
	return ""
}

// ClustersForLots lists the clusters of an environment in the order in which lots are made there: those that are drained come last.
func (c *Catalog) ClustersForLots(env string) []string {
	e := c.Environments[env]
	if e == nil {
		return nil
	}
	var out []string
	for _, cluster := range e.Spec.Clusters {
		if !slices.Contains(out, cluster) {
			out = append(out, cluster)
		}
	}
	return c.inOrderOfUse(out)
}

func (c *Catalog) inOrderOfUse(clusters []string) []string {
	return slices.SortedStableFunc(slices.Values(clusters), func(a, b string) int {
		x, y := c.Drained(a) != nil, c.Drained(b) != nil
		switch {
		case x == y:
			return 0
		case y:
			return -1
		}
		return 1
	})
}

// Drained returns how a cluster is drained; nil if it is not.
func (c *Catalog) Drained(cluster string) *v1alpha1.Drain {
	if declared := c.Clusters[cluster]; declared != nil {
		return declared.Spec.Drained
	}
	return nil
}

// MovedTo lists the releases to which one has moved that is not declared any more: those of its project in the same environment, if the
// project says on which clusters it is. None if it has not moved.
func (c *Catalog) MovedTo(id ReleaseID) (out []ReleaseID) {
	p, ok := c.Project(id.Project)
	if !ok || p.Spec.Environments[id.Environment].Cluster == nil {
		return nil
	}
	for _, cluster := range c.PlacesOf(p, id.Environment) {
		if cluster == id.Cluster {
			return nil
		}
		out = append(out, ReleaseID{Project: id.Project, Environment: id.Environment, Cluster: cluster})
	}
	slices.SortFunc(out, ReleaseID.Compare)
	return out
}

// placement checks what a project says of the clusters that it is on.
func (k *checker) placement(p *Project, env string) {
	placed := p.Spec.Environments[env].Cluster
	if placed == nil {
		return
	}
	at := []any{"spec", "environments", env, "cluster"}
	where := append(slices.Clone(at), "where")
	if flaws := k.c.choices.flaws(placed.Where); len(flaws) > 0 {
		for _, f := range flaws {
			rule := v1alpha1.RuleInvalidValue
			if f.Large {
				rule = v1alpha1.RuleLimit
			}
			hint := f.Hint
			if hint == "" {
				hint = `it is CEL over name, cloud, region and labels of a cluster, as in "region == 'eu'"`
			}
			k.at(rule, where, f.Message, hint)
		}
		return
	}
	spec := &k.c.Environments[env].Spec
	wrong := false
	for _, cluster := range spec.Clusters {
		if k.c.Clusters[cluster] == nil {
			return // reported with the environment
		}
		if _, why := k.c.choices.matches(placed.Where, cluster); why != "" {
			k.at(v1alpha1.RuleInvalidValue, where, fmt.Sprintf("on the cluster %q it cannot be evaluated: %s", cluster, why),
				`a label that not all clusters have is asked for like "labels.?tier.orValue('') == 'gold'"`)
			wrong = true
		}
	}
	may := k.c.mayBeOn(p, env)
	switch {
	case wrong:
	case len(may) == 0:
		k.at(RuleCluster, where, fmt.Sprintf("no cluster of the environment %q matches", env), fmt.Sprintf("its clusters are %s", strings.Join(spec.Clusters, ", ")))
	case k.c.leaves(p, env, may[0]):
		k.warn(RuleCluster, at, fmt.Sprintf("all clusters of %q that match are drained: %s stays on them", env, p.Name), "let another cluster match, or end the drain of one")
	}
	if spec.Resources != nil && spec.Resources.Via != v1alpha1.ViaAPI && len(p.Spec.Resources.Buckets)+len(p.Spec.Resources.Databases)+len(p.Spec.Resources.Tables) > 0 {
		k.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("the project has resources in the cloud, which objects on the first cluster of %q make: they cannot move", env),
			"declare the resources in a project of their own, or have the environment make them with via: api")
	}
	if spec.DataAccess != nil && spec.DataAccess.Via != "" {
		k.at(v1alpha1.RuleInvalidValue, at, fmt.Sprintf("the rights of the project on data are made by objects on the first cluster of %q: they cannot move", env),
			"leave dataAccess.via out, and give the rights as \"trunkline identity policy\" prints them")
	}
}
